"""Verb ``dry-run``: a change of the configuration, tried on the last real messages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from hub.edge.acts.on_dry_runs import Trying, candidate_of
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described, moment, table
from hub.edge.cli.texts import choose, text
from hub.edge.plain import short
from hub.errors import NotAllowed
from hub.operations import dry_runs
from hub.operations.dry_runs import CallDifference, Candidate, DryRun, Sample


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "dry-run",
        help=described(
            "Chạy thử một thay đổi (danh mục mã, định tuyến, cấu hình điểm kết nối, lược đồ) trên các thông điệp gần nhất; "
            "không gửi, không ghi gì.",
            "Try a change (code lists, routes, an endpoint's options, schemas) on the last messages; "
            "nothing is sent or recorded.",
            'dry-run --code "procedures;1.012345;1.000999;Cấp đổi giấy phép" --count 500',
            "dry-run --candidate thay-doi/ --endpoint dvcqg",
        ),
    )(dry_run)


def dry_run(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--candidate",
            exists=True,
            file_okay=False,
            help="Thư mục chỉ chứa các tệp thay đổi, bố trí như thư mục cấu hình (folder with only the changed files).",
        ),
    ] = None,
    rows: Annotated[
        list[str] | None, typer.Option("--code", help="Dòng danh mục list;code;value[;name[;from[;to]]], nhiều lần được.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=dry_runs.MOST, help="Số thông điệp gần nhất (last messages).")] = 500,
    endpoint: Annotated[str, typer.Option(help="Chỉ thông điệp từ hoặc tới điểm kết nối này (from or to it).")] = "",
    procedure: Annotated[str, typer.Option(help="Chỉ thủ tục này (only this procedure).")] = "",
    group: Annotated[str, typer.Option(help="Chỉ các lượt của nhóm lỗi này (only this failure group).")] = "",
    seconds: Annotated[float, typer.Option(min=1, help="Dừng sau số giây này (stop after so long).")] = 60.0,
    as_json: Json = False,
) -> None:
    """Try a change."""
    candidate = _candidate(folder, rows or [])
    with frame.opened_hub(ctx) as hub, Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(text("running"), total=count)
        done = dry_runs.run(
            hub,
            candidate,
            count=count,
            endpoint=endpoint,
            procedure=procedure,
            group=group,
            seconds=seconds,
            progress=lambda looked_at: bar.update(task, completed=looked_at),
        )
    frame.show(done, as_json=as_json, people=lambda: _print(done))


def _candidate(folder: Path | None, rows: list[str]) -> Candidate:
    files = {}
    if folder is not None:
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    try:
        asked = Trying.model_validate({"codes": rows})
    except ValidationError as error:
        raise NotAllowed(
            f"--code is list;code;value;name;valid_from;valid_to: {error.error_count()} wrong",
            f"--code có dạng list;code;value;name;valid_from;valid_to: {error.error_count()} chỗ sai",
            where="code",
        ) from None
    return Candidate(files=files, rows=candidate_of(asked).rows)


def _print(done: DryRun) -> None:
    columns: Mapping[str, Callable[[tuple[Sample, CallDifference | None]], object]] = {
        "message": lambda pair: short(pair[0].message_id),
        "received": lambda pair: moment(pair[0].received_at),
        "subject": lambda pair: pair[0].subject,
        "result": lambda pair: text(f"outcome_{(pair[1] or pair[0]).outcome}"),
        "now_goes_to": lambda pair: ", ".join(pair[0].recipients_before) if pair[1] is None else "",
        "would_go_to": lambda pair: ", ".join(pair[0].recipients_after) if pair[1] is None else "",
        "endpoint": lambda pair: f"{pair[1].endpoint} {pair[1].service}" if pair[1] else "",
        "before": lambda pair: choose(pair[1].before_vi, pair[1].before_en) if pair[1] else "",
        "after": lambda pair: _after(pair[1]) if pair[1] else "",
    }
    table(text("t_dry_run"), columns, [row for sample in done.samples for row in _rows(sample)])
    frame.line(text("dry_run_counts", looked_at=done.looked_at, **done.counts))
    if done.stopped == "time":
        frame.line(text("dry_run_time"))
    frame.line(text("dry_run_nothing"))


def _rows(sample: Sample) -> list[tuple[Sample, CallDifference | None]]:
    rows: list[tuple[Sample, CallDifference | None]] = [(sample, call) for call in sample.calls]
    return [(sample, None), *rows] if sample.recipients_before != sample.recipients_after or not rows else rows


def _after(call: CallDifference) -> str:
    if call.after_vi:
        return choose(call.after_vi, call.after_en)
    return "; ".join(f"{each.path}: {each.before} → {each.after}" for each in call.changes)
