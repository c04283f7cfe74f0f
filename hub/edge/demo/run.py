"""Runs the demo and shows what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hub import bootstrap
from hub.edge.demo import story, trouble
from hub.edge.demo.watch import Expectations, PartnerRow, Watch
from hub.edge.demo.world import World, opened
from hub.ledger import journal

TITLES = {
    "province": "Hồ sơ và mọi trạng thái: một cửa Thái Nguyên → Cổng DVCQG",
    "catalogue": "Danh mục 82 thủ tục: Bộ → tỉnh và Cổng DVCQG",
    "single_window": "Cổng một cửa quốc gia ↔ Bộ; hồ sơ phát sinh trên Cổng DVCQG",
    "place": "Thủ tục thí điểm: định tuyến theo địa bàn và ngày",
    "trouble": "Sự cố: 503, hết phiên, mất trả lời, trùng, sai chữ ký, mười một lỗi",
    "operator": "Ca trực: nhóm lỗi, sửa danh mục, gửi lại, kết luận, bỏ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the demo came to."""

    all_held: bool
    seconds: float
    ledger: Path
    #: (expectation, held, what was found instead).
    expectations: tuple[tuple[str, bool, str], ...]
    partners: tuple[PartnerRow, ...]


def run(folder: Path, console: Console) -> Played:
    """Play the story in a folder, and say what came of it."""
    expect = Expectations()
    started = time.monotonic()
    with opened(folder) as world:
        watch = Watch(bootstrap.open_ledger(bootstrap.load_settings(folder)))
        try:
            _play(world, watch, expect, console)
            with watch.ledger.read() as conn:
                broken = list(journal.verify(conn))
            expect.that("the journal's hash chains hold", not broken, broken[:1])
            partners = watch.partners(_stored_twice(world))
            expect.that("every chain was delivered in order", all(row.in_order for row in partners), partners)
            expect.that("no partner stored anything twice", not any(row.duplicates for row in partners), partners)
        finally:
            watch.ledger.close()
    played = Played(
        all_held=not expect.failed,
        seconds=round(time.monotonic() - started, 1),
        ledger=folder / "ledger.db",
        expectations=tuple(expect.seen),
        partners=partners,
    )
    _show(played, folder, console)
    return played


def _play(world: World, watch: Watch, expect: Expectations, console: Console) -> None:
    waiting: dict[str, str] = {}

    chapters: dict[str, Callable[[], object]] = {
        "province": lambda: story.province(world, watch, expect),
        "catalogue": lambda: story.catalogue(world, watch, expect),
        "single_window": lambda: story.single_window(world, watch, expect),
        "place": lambda: story.place(world, watch, expect),
        "trouble": lambda: waiting.update(trouble.things_go_wrong(world, watch, expect)),
        "operator": lambda: trouble.operator(world, watch, expect, waiting),
    }
    for name, chapter in chapters.items():
        before, begun = len(expect.seen), time.monotonic()
        with console.status(TITLES[name]):
            chapter()
        told = expect.seen[before:]
        held = sum(holds for _, holds, _ in told)
        mark = "[green]✓[/]" if held == len(told) else "[red]✗[/]"
        console.print(f"{mark} {TITLES[name]}: {held}/{len(told)} ({time.monotonic() - begun:.1f} s)")
        for text, holds, found in told:
            if not holds:
                console.print(f"   [red]✗ {text}[/] {found[:600]}", markup=True, highlight=False)


def _stored_twice(world: World) -> dict[str, int]:
    """Read from the partners' own accounts what they stored twice."""
    portal = sum(kept["duplicate_rows"] for kept in world.account("dvcqg")["dossiers"].values())
    return {"dvcqg": portal - world.said_twice, "vnsw": len(world.account("vnsw")["duplicates"])}


def _show(played: Played, folder: Path, console: Console) -> None:
    table = Table(title="Theo đối tác (per partner)")
    for title in ("Đối tác", "Nhận", "Đã chuyển", "Đúng thứ tự", "Lưu trùng", "Đang giữ", "Gửi lại, kết luận"):
        table.add_column(title, justify="left" if title == "Đối tác" else "right")
    for row in played.partners:
        order = "có" if row.in_order else "KHÔNG"
        numbers = (row.duplicates, row.parked, row.replayed)
        table.add_row(row.name, str(row.received), str(row.delivered), order, *map(str, numbers))
    console.print(table)
    held = sum(holds for _, holds, _ in played.expectations)
    console.print(f"Kỳ vọng đạt (expectations held): {held}/{len(played.expectations)}, {played.seconds:.0f} s")
    console.print(f"Sổ cái (ledger): {played.ledger}", soft_wrap=True)
    console.print(f"Xem tiếp (look further): lienthong --config {folder} messages | failures | verify-ledger", soft_wrap=True)
