"""Verb ``test-partner``: plays a partner to a vendor's system, and says which clauses that system keeps or breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from hub.edge.benching import page
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described, table
from hub.edge.cli.running import ready_to_tell, told_to_stop
from hub.edge.cli.simulating import listening, settings_of
from hub.edge.cli.texts import choose, text
from hub.errors import NotAllowed
from hub.partner_bench import Bench, Play

GROUP = "lienthong.partner_benches"


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "test-partner",
        help=described(
            "Đóng vai đối tác để kiểm thử hệ thống của đơn vị phát triển: kịch bản, trang web, biên bản nêu điều không đạt.",
            "Play a partner to test a vendor's system: scenarios, a web page, and a report that names the clauses broken.",
            "test-partner single_window --port 9105 --set url=http://127.0.0.1:8080/MardService.asmx",
            "test-partner single_window --set url=http://127.0.0.1:8080/MardService.asmx --run --report bien-ban.html",
        ),
    )(test_partner)


def test_partner(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Đối tác được đóng vai: single_window (the partner played).")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Cổng; 0 = cổng trống (0 = a free one).")] = 0,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="Thiết lập khóa=giá_trị: url, role, document_type, …; nhiều lần được (key=value)."),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Chạy ngay rồi kết thúc; mã thoát 1 nếu có điều không đạt (run at once, then end).")
    ] = False,
    scenario: Annotated[list[str] | None, typer.Option(help="Chỉ kịch bản này; nhiều lần được (only this scenario).")] = None,
    report: Annotated[Path | None, typer.Option(help="Ghi biên bản HTML vào tệp này (write the HTML report here).")] = None,
    patience: Annotated[float, typer.Option(min=1, help="Số giây chờ hệ thống gọi tới (seconds to wait for its calls).")] = 120.0,
    as_json: Json = False,
) -> None:
    """Play a partner to a vendor's system."""
    make = _bench(system)
    play = listening(make, port, settings_of(make, system, frame.pairs(given or ())))
    bench = Bench(play, patience_seconds=patience)
    page.put_on(bench)
    with play.server:
        if run:
            _run(bench, scenario or [], report, as_json)
        else:
            _serve(bench, system, as_json)
            _write(bench, report)


def _serve(bench: Bench, system: str, as_json: bool) -> None:
    stop = told_to_stop()
    ready_to_tell(as_json, "benching", system=system)(f"{bench.play.server.url}{page.ADDRESS}")
    stop.wait()
    bench.stop()


def _run(bench: Bench, names: list[str], report: Path | None, as_json: bool) -> None:
    wanted = names or [each.name for each in bench.play.scenarios if each.moves == "calls"]
    with Progress(console=Console(stderr=True), disable=as_json, transient=True) as bar:
        task = bar.add_task(text("running"), total=len(wanted))
        for name in wanted:
            bench.start([name]).join()
            bar.advance(task)
    _write(bench, report)
    frame.show(bench.report(), as_json=as_json, people=lambda: _print(bench))
    if not bench.passed():
        raise typer.Exit(1)


def _write(bench: Bench, report: Path | None) -> None:
    if report is not None:
        report.write_text(page.render(bench.report()), encoding="utf-8")


def _print(bench: Bench) -> None:
    told = bench.report()
    columns: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
        "clause": lambda row: row["id"],
        "result": lambda row: choose(*page.RESULTS[row["result"]]),
        "rule": lambda row: choose(row["vi"], row["en"]),
    }
    table(text("t_bench"), columns, told["clauses"])
    for each in told["scenarios"]:
        for one in each["findings"]:
            if one["result"] == "broken":
                frame.line(f"{one['clause']} ({each['name']}): {choose(one['vi'], one['en'])}")
    for wrong in dict.fromkeys(choose(each["wrong_vi"], each["wrong_en"]) for each in told["scenarios"] if each["wrong_en"]):
        frame.line(wrong)
    frame.line(text(_verdict(told)))


def _verdict(told: Mapping[str, Any]) -> str:
    """Choose the last line: a system that was not there is no system that broke something."""
    if told["passed"]:
        return "bench_passed"
    broken = any(each["result"] == "broken" for each in told["clauses"])
    unreached = any(each["state"] == "unreached" for each in told["scenarios"])
    return "bench_unreached" if unreached and not broken else "bench_not_passed"


def _bench(system: str) -> Callable[..., Play]:
    points = {point.name: point for point in entry_points(group=GROUP)}
    if system not in points:
        known = ", ".join(sorted(points))
        raise NotAllowed(
            f"no test bench for {system!r}; there are: {known}",
            f"không có bộ kiểm thử cho {system!r}; hiện có: {known}",
            where=system,
        )
    make: Callable[..., Play] = points[system].load()
    return make
