"""Verbs that show the hub at work: demo (the main job on this machine), bench (how fast, against the machine's own limit)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hub.edge import bench as bench_module
from hub.edge import demo as demo_module
from hub.edge.cli import frame
from hub.edge.cli.frame import FAILED, Json, described


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.command(
        "demo",
        help=described(
            "Chạy trọn công việc chính trên máy này với các bản mô phỏng đối tác, rồi tự kết thúc (mất vài phút).",
            "Run the main job on this machine against partners' simulators; ends by itself after a few minutes.",
            "demo",
            "demo --folder /tmp/lienthong-demo",
        ),
    )(demo)
    app.command(
        "bench",
        help=described(
            "Đo số thông điệp mỗi giây, và tỷ lệ so với tốc độ RSA-2048 của chính máy này.",
            "Measure messages a second, and the ratio to this machine's own RSA-2048 rate.",
            "bench --messages 2000",
        ),
    )(bench)


def demo(
    folder: Annotated[Path, typer.Option(help="Thư mục làm việc, được làm mới mỗi lần chạy (made anew).")] = Path("var/demo"),
    as_json: Json = False,
) -> None:
    """Play the demo; fail where an expectation did not hold."""
    played = demo_module.run(folder.resolve(), Console(stderr=as_json))
    frame.show(played, as_json=as_json, people=lambda: None)
    if not played.all_held:
        raise typer.Exit(FAILED)


def bench(
    messages: Annotated[int, typer.Option(min=10, help="Số thông điệp (how many messages).")] = 2000,
    as_json: Json = False,
) -> None:
    """Measure and print the report."""
    report = bench_module.run(messages)
    frame.show(report, as_json=as_json, people=lambda: _print(report))


def _print(report: bench_module.Report) -> None:
    frame.line(f"Máy (machine): {report.machine}")
    frame.line("Phiên bản (versions): " + ", ".join(f"{name} {number}" for name, number in report.versions.items()))
    frame.line(f"Đầu cuối (end to end): {report.messages} thông điệp, {report.seconds} s: {report.messages_per_second}/s")
    frame.line(f"Tại cửa (accepted at the door): {report.accepted_per_second}/s")
    frame.line(f"RSA-2048 verify+sign, một lõi (one core): {report.rsa_verify_and_sign_per_second:.0f}/s")
    frame.line(f"Tỷ lệ, trung vị các lượt (ratio, median of rounds): {report.ratio}  {list(report.rounds)}")
