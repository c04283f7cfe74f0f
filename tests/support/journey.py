"""The journey of the stop test, as a child process goes it: every touch of ledger, bus and wire can be its last.

``python -m tests.support.journey ENGINE`` is a nursery: it has everything imported, and forks a child for each line that it
reads, so that a hundred children cost no more than their own work.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

import hub.wire
from hub import intake, operations
from hub.app import Hub
from hub.contract import Reply
from hub.rules.lifecycle import ENDED, State
from tests.support import hub as support
from tests.support import postgres
from tests.support.clock import START, Clock
from tests.support.engines import ledger_on
from tests.support.looking import all_deliveries

#: A dossier in two states with progress, one of them sent twice; another that the partner answers with silence and later
#: with "busy"; one that is refused at the door.
SCRIPT: tuple[tuple[str, Any], ...] = (
    ("send", support.document(1, "H01-1", status="MOI")),
    ("carry", None),
    ("send", support.document(2, "H01-1", status="TIEPNHAN", steps=1)),
    ("send", support.document(2, "H01-1", status="TIEPNHAN", steps=1)),
    ("send", support.document(3, "H01-9", hoSo={"soHoSo": "H01-9"})),
    ("send", support.document(4, "H01-2", status="MOI")),
    ("carry", None),
    ("advance", 200),
    ("send", support.document(5, "H01-2", status="XULY", steps=1)),
    ("carry", None),
    ("advance", 200),
    ("carry", None),
)
#: What the partner must have taken in the end, in this order.
EXPECTED = {"H01-1": ["#1", "#2", "#2/0"], "H01-2": ["#4", "#5", "#5/0"]}
#: The partner takes this one and says nothing; this one it is too busy for, the first time.
SILENT, BUSY = "#4", "#5"
ROUNDS = 40


@dataclass
class Touches:
    """Counts the touches, and ends the process at one of them.

    Two moments between which nothing happens that outlives the process are one touch: what a verb does before its
    commit leaves no trace.
    """

    last: int | None
    names: list[str]
    #: The verb whose commit comes next.
    verb: str = ""

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


class Wrapped:
    """A part of the hub whose calls are seen by the test."""

    def __init__(self, part: Any, touch: Touches) -> None:
        self._part, self._touch = part, touch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)


def wrapped(hub: Hub, touch: Touches) -> Hub:
    """Wrap everything that the hub's flows use and that another process can see."""
    _wrap_commits(hub, touch)
    return replace(
        hub,
        ledger=_WrappedLedger(hub.ledger, touch),
        bus=_WrappedBus(hub.bus, touch),
        transports=lambda endpoint: _WrappedTransport(hub.transports(endpoint), touch),
    )


def _wrap_commits(hub: Hub, touch: Touches) -> None:
    dialect = hub.ledger._engine.dialect
    commit = dialect.do_commit

    def touched(connection: Any) -> None:
        touch(f"{touch.verb}: before its commit")
        commit(connection)
        touch(f"{touch.verb}: after its commit")

    dialect.do_commit = touched  # type: ignore[method-assign]


class _WrappedLedger(Wrapped):
    def __getattr__(self, name: str) -> Any:
        self._touch.verb = name
        return getattr(self._part, name)


class _WrappedBus(Wrapped):
    def publish(self, due: Any) -> Any:
        refused = self._part.publish(due)
        self._touch("bus message: published")
        return refused

    def consume(self, on_due: Callable[..., None], stop: Any) -> None:
        def touched(due: Any, acknowledge: Callable[[], None]) -> None:
            def touched_acknowledge(*, done: bool = True) -> None:
                acknowledge(done=done)
                self._touch("bus message: acknowledged")

            self._touch("bus message: got")
            on_due(due, touched_acknowledge)

        self._part.consume(touched, stop)


class _WrappedTransport(Wrapped):
    def send(self, outgoing: Any, fence: Callable[[], None]) -> Reply:
        def touched_fence() -> None:
            fence()
            self._touch("send: right before the first byte")

        reply: Reply = self._part.send(outgoing, touched_fence)
        self._touch("send: reply read")
        return reply


def wrap_wire(touch: Touches) -> None:
    """Touch the socket: bytes written, and bytes that arrived but were not looked at."""
    line: Any = hub.wire._Line
    send, receive = line.send, line.receive

    def touched_send(self: Any, data: bytes) -> None:
        send(self, data)
        touch("socket: written")

    def touched_receive(self: Any) -> bytes:
        received: bytes = receive(self)
        touch("socket: arrived, unread")
        return received

    line.send, line.receive = touched_send, touched_receive


class Sender:
    """Remembers which of its messages were answered, on disk: it repeats the others, as they were."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "answers.jsonl"
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self._answered = len(lines)
        self._number = 0

    def send(self, hub: Hub, body: bytes, touch: Touches) -> None:
        self._number += 1
        if self._number <= self._answered:
            return
        answer = intake.receive(hub, support.request(body))
        touch("answer: given")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"status": answer.status, "body": answer.body.decode()}) + "\n")


def go(folder: Path, touch: Touches, *, days: int = 0) -> tuple[Hub, Clock]:
    """Go the journey, or what is left of it after an earlier process died."""
    clock = Clock(START + timedelta(days=days))
    wrap_wire(touch)
    opened = wrapped(support.open_hub(folder, clock), touch)
    opened.ledger.recall_all(opened.now(), opened.doubt_policy)
    sender = Sender(folder)
    for step, given in SCRIPT:
        if step == "send":
            sender.send(opened, given, touch)
        elif step == "advance":
            clock.advance(given)
        else:
            support.carry_all(opened)
    return opened, clock


def finish(folder: Path) -> None:
    """Go on after a process died: time passes, doubts are asked, and a person settles what cannot be asked."""
    hub, clock = go(folder, Touches(None, []), days=1)
    for _ in range(ROUNDS):
        support.carry_all(hub)
        _settle(hub)
        if all(State(row.state) in ENDED for row in all_deliveries(hub.ledger)):
            return
        clock.advance(3600)
    raise AssertionError(f"not ended: {[(row.place, row.state, row.error_en) for row in all_deliveries(hub.ledger)]}")


def _settle(hub: Hub) -> None:
    """Look at the partner's account, as an operator would, for what may only be settled by a person."""
    for row in all_deliveries(hub.ledger):
        if row.state == State.IN_DOUBT and row.doubt == "park":
            url = hub.endpoints[row.endpoint].options.url
            with urllib.request.urlopen(f"{url}/_account") as reply:
                arrived = row.native_id in json.loads(reply.read())
            held = {"dossier": row.subject.partition(":")[2]} if arrived else {}
            operations.settle(hub, row.id, arrived=arrived, held=held, actor="an", why="looked at the partner's account")


def child(given: dict[str, Any]) -> None:
    """Be one process of the hub."""
    folder = Path(given["folder"])
    if given["finish"]:
        finish(folder)
        return
    touch = Touches(given["last"], [])
    go(folder, touch)
    (folder / "touches.json").write_text(json.dumps(touch.names), encoding="utf-8")


def _warm_up(engine: str) -> None:
    """Import and compile what every child needs; no thread is left, so that forking is safe."""
    with tempfile.TemporaryDirectory() as folder, ledger_on(engine) as ledger:
        hub = support.open_hub(support.configure(Path(folder), ledger=ledger), Clock())
        hub.ledger.recall_all(hub.now(), hub.doubt_policy)
        support.send(hub, 1)
        support.carry_all(hub)
        support.close(hub)
    # A child that ends must not take the server's files with it, nor is there a need for one any more.
    postgres.end_shared()


def nursery() -> None:
    """Fork a child for each line; tell how it ended."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    _warm_up(sys.argv[1])
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            try:
                child(json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    nursery()
