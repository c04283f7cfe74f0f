"""Runs the demo and shows what came of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub import bootstrap
from hub.edge.cli.setup import program
from hub.edge.cli.texts import choose
from hub.edge.demo import border, story, trouble
from hub.edge.demo.watch import Expectations, PartnerRow, Watch
from hub.edge.demo.world import World, opened
from hub.ledger import journal

#: Chapter -> its title, Vietnamese and English. A title, its count and its seconds stay below 80 characters.
TITLES = {
    "province": (
        "Hồ sơ và mọi trạng thái: một cửa Thái Nguyên → Cổng DVCQG",
        "Dossiers, every status: Thái Nguyên's one-stop → the portal",
    ),
    "catalogue": ("Danh mục 82 thủ tục: Bộ → tỉnh và Cổng DVCQG", "82 procedures: ministry → province and portal"),
    "single_window": (
        "Cổng một cửa quốc gia ↔ Bộ; hồ sơ phát sinh trên Cổng DVCQG",
        "Single Window ↔ ministry; a dossier born on the portal",
    ),
    "place": ("Thủ tục thí điểm: định tuyến theo địa bàn và ngày", "A piloted procedure: routed by place and day"),
    "border": (
        "Qua biên giới: giấy kiểm dịch, Form D sang và từ Indonesia",
        "Across borders: phytosanitary certificate and Form D, ID",
    ),
    "trouble": (
        "Sự cố: 503, hết phiên, mất trả lời, trùng, sai chữ ký, 11 lỗi",
        "Trouble: 503, lost sessions and answers, repeats, 11 faults",
    ),
    "operator": (
        "Ca trực: nhóm lỗi, sửa danh mục, gửi lại, kết luận, bỏ",
        "The operator: groups, a code mended, replay, settle, abandon",
    ),
    "end": ("Sau cùng: nhật ký nguyên vẹn, đúng thứ tự, không lưu trùng", "In the end: journal whole, in order, nothing twice"),
}
#: What one may run next, on the ledger that stays.
NEXT = ("failures", "messages --refused", "verify-ledger")


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
    partners: list[PartnerRow] = []
    started = time.monotonic()
    with opened(folder) as world:
        watch = Watch(bootstrap.open_ledger(bootstrap.load_settings(folder)))
        try:
            _play(world, watch, expect, partners, console)
        finally:
            watch.ledger.close()
    played = Played(
        all_held=not expect.failed,
        seconds=round(time.monotonic() - started, 1),
        ledger=folder / "ledger.db",
        expectations=tuple(expect.seen),
        partners=tuple(partners),
    )
    _show(played, folder, console)
    return played


def _play(world: World, watch: Watch, expect: Expectations, partners: list[PartnerRow], console: Console) -> None:
    waiting: dict[str, str] = {}

    chapters: dict[str, Callable[[], object]] = {
        "province": lambda: story.province(world, watch, expect),
        "catalogue": lambda: story.catalogue(world, watch, expect),
        "single_window": lambda: story.single_window(world, watch, expect),
        "place": lambda: story.place(world, watch, expect),
        "border": lambda: border.border(world, watch, expect),
        "trouble": lambda: waiting.update(trouble.things_go_wrong(world, watch, expect)),
        "operator": lambda: trouble.operator(world, watch, expect, waiting),
        "end": lambda: partners.extend(_in_the_end(world, watch, expect)),
    }
    for name, chapter in chapters.items():
        before, begun = len(expect.seen), time.monotonic()
        with console.status(choose(*TITLES[name])):
            chapter()
        _tell(choose(*TITLES[name]), expect.seen[before:], time.monotonic() - begun, console)


def _tell(title: str, told: list[tuple[str, bool, str]], seconds: float, console: Console) -> None:
    held = sum(holds for _, holds, _ in told)
    mark = "[green]✓[/]" if held == len(told) else "[red]✗[/]"
    console.print(f"{mark} {title}: {held}/{len(told)} ({seconds:.1f} s)", soft_wrap=True, highlight=False)
    for text, holds, found in told:
        if not holds:
            console.print(Text.assemble((f"   ✗ {text} ", "red"), found[:600]))


def _in_the_end(world: World, watch: Watch, expect: Expectations) -> tuple[PartnerRow, ...]:
    with watch.ledger.read() as conn:
        broken = list(journal.verify(conn))
    expect.that("the journal's hash chains hold", not broken, broken[:1])
    partners = watch.partners(_stored_twice(world))
    expect.that("every chain was delivered in order", all(row.in_order for row in partners), partners)
    expect.that("no partner stored anything twice", not any(row.duplicates for row in partners), partners)
    return partners


def _stored_twice(world: World) -> dict[str, int]:
    """Read from the partners' own accounts what they stored twice."""
    portal = sum(kept["duplicate_rows"] for kept in world.account("dvcqg")["dossiers"].values())
    given = world.account("asw")["given"].values()
    certificates = [(row["certificate"], row["status"]) for row in world.account("ephyto")["envelopes"]]
    return {
        "dvcqg": portal - world.said_twice,
        "vnsw": len(world.account("vnsw")["duplicates"]),
        "asw": sum(given) - len(given),
        "ephyto": len(certificates) - len(set(certificates)),
    }


def _show(played: Played, folder: Path, console: Console) -> None:
    console.print(_table(played))
    held = sum(holds for _, holds, _ in played.expectations)
    given = {"held": held, "told": len(played.expectations), "seconds": f"{played.seconds:.0f}"}
    for line in (
        choose("Kỳ vọng đạt: {held}/{told} ({seconds} s)", "Expectations that held: {held}/{told} ({seconds} s)").format(**given),
        choose("Sổ cái: {ledger}", "Ledger: {ledger}").format(ledger=_near(played.ledger)),
        choose("Xem tiếp:", "Look around in it:"),
        *(f"  {program()} --config {shlex.quote(_near(folder))} {verb}" for verb in NEXT),
    ):
        console.print(Text(line), soft_wrap=True)


def _table(played: Played) -> Table:
    """Lay out one line for each partner; it fits a terminal of 80 columns."""
    table = Table(title=choose("Theo đối tác", "By partner"), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.add_column(choose("Đối tác", "Partner"), overflow="fold")
    columns = (
        ("Nhận", "Received"),
        ("Đã chuyển", "Delivered"),
        ("Thứ tự", "In order"),
        ("Lưu trùng", "Twice"),
        ("Đang dừng", "Stopped"),
        ("Xử lý tay", "By hand"),
    )
    for title in columns:
        table.add_column(choose(*title), justify="right")
    for row in played.partners:
        order = choose("đúng", "yes") if row.in_order else choose("SAI", "NO")
        table.add_row(row.name, *map(str, (row.received, row.delivered, order, row.duplicates, row.parked, row.replayed)))
    return table


def _near(path: Path) -> str:
    """Write a path as seen from where the command was given."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
