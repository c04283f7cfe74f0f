"""Nothing lost, nothing sent twice, in order: though the process is killed at every point where others can see it.

Pass 1 counts the touches of ledger, bus, wire and sender; then, for each touch, a child kills itself there (SIGKILL), and
another goes on from what was written. The partner lives here, and its account and the ledger are what is looked at. On
PostgreSQL a child dies only at commits: what the ledger holds at any other touch is what it held after the commit before.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from hub.ledger.ledger import Ledger
from hub.rules.lifecycle import ENDED, State
from hub.simulation import Call, Said, SimulatorServer
from tests.support import hub as support
from tests.support import journey, postgres
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains
from tests.support.partner import Partner, said, served

LANES = 2
PATIENCE_SECONDS = 60.0
#: What the script's messages are answered with.
STATUSES = [200, 200, 200, 422, 200, 200]

VERBS = (
    "record_all_received", "record_refused", "recall_all", "queue", "claim_all", "record_all_sending", "record_all_delivered",
    "record_failed", "record_finding",
)  # fmt: skip


class Quiet:
    """Knows when no connection to a server is open or waits to be taken."""

    def __init__(self, server: SimulatorServer) -> None:
        self._url = server.url
        self._open = 0
        self._changed = threading.Condition()
        inner = server._server
        # A connection that breaks is what this test is about.
        inner.handle_error = lambda *given: None  # type: ignore[method-assign]
        self._begin, self._work = inner.process_request, inner.process_request_thread
        inner.process_request, inner.process_request_thread = self._began, self._worked  # type: ignore[method-assign]

    def _began(self, *given: Any) -> None:
        with self._changed:
            self._open += 1
        self._begin(*given)

    def _worked(self, *given: Any) -> None:
        try:
            self._work(*given)
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all that a dead process sent was worked on: connections are taken in their order, ours last."""
        urllib.request.urlopen(f"{self._url}/_account").read()
        with self._changed:
            assert self._changed.wait_for(lambda: self._open == 0, PATIENCE_SECONDS)


class Lane:
    """A folder, a ledger, a partner and a nursery: one journey at a time."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder = folder
        self._engine = engine
        #: The ledger of the present journey.
        self._ledger = ExitStack()
        self._address = ""
        self.partner = Partner()
        self._said: set[str] = set()
        self.server = served(self.partner, self._answer)
        self.server.account = lambda: [each.identity for each in self.partner.arrivals]
        self.quiet = Quiet(self.server)
        command = [sys.executable, "-m", "tests.support.journey", engine]
        self.nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _answer(self, call: Call, usual: Callable[[], Said]) -> Said:
        """Once, take a message and say nothing; once, be busy."""
        text = call.body.decode()
        if call.path == "/GuiHoSo" and f'"{journey.BUSY}"' in text and self._first(journey.BUSY):
            return said("90", status=503)
        answer = usual()
        if call.path == "/GuiHoSo" and f'"{journey.SILENT}"' in text and self._first(journey.SILENT):
            return Said(hang=0.0)
        return answer

    def _first(self, name: str) -> bool:
        return name not in self._said and not self._said.add(name)  # type: ignore[func-returns-value]

    def start_over(self) -> Path:
        """Begin with an empty ledger and a partner who holds nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._said.clear()
        self.partner.arrivals.clear()
        self.partner.holds.clear()
        self._ledger.close()
        self._address = self._ledger.enter_context(ledger_on(self._engine))
        return support.configure(self._folder, {support.PARTNER: support.At(url=self.server.url)}, ledger=self._address)

    def run(self, *, last: int | None = None, finish: bool = False) -> int:
        """Let a child go the journey; give how it ended."""
        assert self.nursery.stdin is not None and self.nursery.stdout is not None
        print(json.dumps({"folder": str(self._folder), "last": last, "finish": finish}), file=self.nursery.stdin, flush=True)
        ended = int(self.nursery.stdout.readline())
        self.quiet.wait()
        return ended

    def answers(self) -> list[dict[str, Any]]:
        lines = (self._folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def check(self) -> None:
        """Look at the ledger, the partner's account and what the sender was answered."""
        ledger = Ledger(self._address.replace(support.SQLITE, f"sqlite:///{self._folder / 'ledger.db'}"))
        try:
            self._check_ledger(ledger)
            self._check_partner(ledger)
        finally:
            ledger.close()
        answers = self.answers()
        assert [each["status"] for each in answers] == STATUSES
        assert answers[1] == answers[2], "a repeated message got another answer"

    def _check_ledger(self, ledger: Ledger) -> None:
        kept = Counter(row.identity for row in all_messages(ledger) if row.accepted)
        assert kept == {f"M-{number:06}": 1 for number in (1, 2, 4, 5)}, f"lost or taken twice: {kept}"
        assert not [row.state for row in all_deliveries(ledger) if State(row.state) not in ENDED]
        check_chains(ledger)
        assert broken_rows(ledger) == []

    def _check_partner(self, ledger: Ledger) -> None:
        resend_safe = {row.native_id for row in all_deliveries(ledger) if row.variant == "update"}
        twice = [each for each, count in self.partner.taken().items() if count > 1 and each not in resend_safe]
        assert not twice, "sent twice, though the partner does not declare that safe"
        for dossier, expected in journey.EXPECTED.items():
            taken = [mark for mark, _ in groupby(self.partner.marks(dossier))]
            assert taken == expected, f"{dossier}: {taken}"

    def close(self) -> None:
        assert self.nursery.stdin is not None
        self.nursery.stdin.close()
        self.nursery.wait(PATIENCE_SECONDS)
        self.server.stop()
        self._ledger.close()


@contextmanager
def lanes(folder: Path, engine: str, count: int) -> Iterator[list[Lane]]:
    opened = [Lane(folder / str(number), engine) for number in range(count)]
    for lane in opened:
        lane.server.start()
    try:
        yield opened
    finally:
        for lane in opened:
            lane.close()


def count_touches(lane: Lane) -> list[str]:
    """Pass 1: go the whole journey, and list its touches."""
    folder = lane.start_over()
    assert lane.run() == 0
    names: list[str] = json.loads((folder / "touches.json").read_text(encoding="utf-8"))
    lane.check()
    return names


def stop_at(lane: Lane, last: int) -> str:
    """Kill a child at one touch, let another go on, and look; give what is wrong."""
    lane.start_over()
    ended = lane.run(last=last)
    if ended != -signal.SIGKILL:
        return f"the child was not killed but ended with {ended}"
    if lane.run(finish=True) != 0:
        return "the journey could not be finished"
    try:
        lane.check()
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_process_that_is_killed_anywhere_loses_nothing_and_sends_nothing_twice(tmp_path: Path, engine: str) -> None:
    if engine == "postgresql":
        # Here, since the kernel ends the server with the thread that started it.
        postgres.shared()
    with lanes(tmp_path, engine, LANES) as running:
        names = count_touches(running[0])
        left = iter([number for number, name in enumerate(names, start=1) if engine == "sqlite" or "its commit" in name])
        lock = threading.Lock()
        wrong: dict[str, str] = {}

        def work(lane: Lane) -> None:
            while True:
                with lock:
                    last = next(left, None)
                if last is None:
                    return
                if problem := stop_at(lane, last):
                    wrong[f"touch {last} of {len(names)}, {names[last - 1]}"] = problem

        with ThreadPoolExecutor(LANES) as threads:
            list(threads.map(work, running))

    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
    # What the journey must have touched for this test to mean something.
    touched = set(names)
    assert {f"{verb}: {when} its commit" for verb in VERBS for when in ("before", "after")} <= touched
    assert {"bus message: published", "bus message: got", "bus message: acknowledged", "answer: given"} <= touched
    assert {"send: right before the first byte", "socket: written", "socket: arrived, unread", "send: reply read"} <= touched
