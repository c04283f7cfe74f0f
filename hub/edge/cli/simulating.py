"""Verb ``simulate``: a partner's double that speaks its protocol, until told to stop."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described
from hub.edge.cli.running import ready_to_tell, told_to_stop
from hub.errors import NotAllowed
from hub.simulation import SimulatorServer

T = TypeVar("T")


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "simulate",
        help=described(
            "Chạy bản mô phỏng một hệ thống đối tác trên máy này, đến khi dừng.",
            "Run a partner's double on this machine, until stopped.",
            "simulate national_portal --port 9102 --set username=lienthong",
        ),
    )(simulate)


def simulate(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Hệ thống: one_stop, ministry, national_portal, …")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Cổng; 0 = cổng trống (0 = a free one).")] = 0,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="Thiết lập khóa=giá_trị, @tệp để đọc từ tệp; nhiều lần được (key=value or key=@file)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a simulator until stopped."""
    stop = told_to_stop()
    make = _simulator(system)
    server = listening(make, port, settings_of(make, system, frame.pairs(given or ())))
    with server:
        ready_to_tell(as_json, "simulating", system=system)(server.url)
        stop.wait()


def listening(make: Callable[..., T], port: int, given: Mapping[str, Any]) -> T:
    """Open what listens at a port; raises NotAllowed where that is taken."""
    try:
        return make(port=port, **given)
    except OSError as error:
        raise NotAllowed(
            f"cannot listen at 127.0.0.1:{port} ({error.strerror}); choose another --port",
            f"không mở được cổng 127.0.0.1:{port} ({error.strerror}); hãy chọn --port khác",
            where="--port",
        ) from error


def _simulator(system: str) -> Callable[..., SimulatorServer]:
    points = {point.name: point for point in entry_points(group="lienthong.simulators")}
    if system not in points:
        known = ", ".join(sorted(points))
        raise NotAllowed(
            f"no simulator {system!r}; there are: {known}", f"không có bản mô phỏng {system!r}; hiện có: {known}", where=system
        )
    make: Callable[..., SimulatorServer] = points[system].load()
    return make


def settings_of(make: Callable[..., Any], system: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Give each setting the type that the simulator declares for it."""
    known = {name: each for name, each in inspect.signature(make).parameters.items() if name != "port"}
    found = {}
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(known)
            raise NotAllowed(
                f"simulator {system!r} has no setting {name!r}; it has: {listed}",
                f"bản mô phỏng {system!r} không có thiết lập {name!r}; có: {listed}",
                where=name,
            )
        found[name] = _typed(name, _content(value), known[name].default)
    return found


def _content(value: str) -> str:
    return Path(value[1:]).read_text(encoding="utf-8").strip() if value.startswith("@") else value


def _typed(name: str, value: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if isinstance(default, int | float):
            return type(default)(value)
        if default is None:
            return json.loads(value)
    except (ValueError, KeyError):
        kind = "JSON" if default is None else type(default).__name__
        raise NotAllowed(
            f"{name}={value!r} is not of type {kind}", f"{name}={value!r} không đúng kiểu {kind}", where=name
        ) from None
    return value.split(",") if isinstance(default, list | tuple | frozenset | set) else value
