"""A test bench for partners' vendors: scripted scenarios against their system, and which clauses it kept or broke.

The simulator of a partner plays that partner; a scenario calls the vendor's system or waits for its calls, and says what it saw.
Nothing here judges by itself: each finding names a clause, and shows the bytes it was drawn from.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from hub.errors import HubError, NotAllowed, NotSent
from hub.simulation import Call, Said, SimulatorServer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One rule that a partner's system must keep."""

    id: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Bytes that went either way, as text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a scenario saw of one clause."""

    clause: str
    #: kept, broken, or not seen: the system gave no occasion for it.
    result: Literal["kept", "broken", "not_seen"]
    vi: str = ""
    en: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One call of the vendor's system, and what the simulator answered."""

    call: Call
    said: Said


class Stage:
    """What a scenario plays on: the simulator, the vendor's address, and every call that came, in order."""

    def __init__(self, server: SimulatorServer, address: str, *, patience_seconds: float) -> None:
        self.server, self.address, self._patience = server, address, patience_seconds
        self._came = threading.Condition()
        self._taken: list[Taken] = []
        self._stopped = False
        server.listeners.append(self._heard)

    def _heard(self, call: Call, said: Said) -> None:
        if call.method != "POST":
            return
        with self._came:
            self._taken.append(Taken(call=call, said=said))
            self._came.notify_all()

    @property
    def calls(self) -> tuple[Taken, ...]:
        """Every call so far."""
        with self._came:
            return tuple(self._taken)

    def next_call(self, after: int, *, seconds: float | None = None) -> Taken | None:
        """Wait for the call after the first ``after`` ones; None where none came in time, or the bench is stopped."""
        with self._came:
            self._came.wait_for(lambda: len(self._taken) > after or self._stopped, self._patience if seconds is None else seconds)
            return self._taken[after] if len(self._taken) > after else None

    def stop(self) -> None:
        """End every wait."""
        with self._came:
            self._stopped = True
            self._came.notify_all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that is tried."""

    name: str
    vi: str
    en: str
    #: The bench calls the vendor's system; or it waits until that calls the bench.
    moves: Literal["calls", "waits"]
    clauses: tuple[str, ...]
    run: Callable[[Stage], Iterable[Finding]]
    #: What the vendor must do when the scenario waits.
    asks_vi: str = ""
    asks_en: str = ""


@dataclass(frozen=True, kw_only=True)
class Play:
    """A bench's parts for one partner system: what an adapter gives."""

    title: str
    server: SimulatorServer
    #: Where the vendor's system is called; empty: only what waits is played.
    address: str
    clauses: Mapping[str, Clause]
    scenarios: Sequence[Scenario]
    #: What the tests were made with, for the report.
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What came of one scenario."""

    #: ``unreached``: the system was not there, which says nothing of any clause; ``failed``: the bench itself.
    state: Literal["not_run", "running", "done", "unreached", "failed"] = "not_run"
    findings: tuple[Finding, ...] = ()
    vi: str = ""
    en: str = ""


class Bench:
    """Plays scenarios one at a time, and keeps what each found last."""

    def __init__(self, play: Play, *, patience_seconds: float = 120.0) -> None:
        self.play = play
        self.stage = Stage(play.server, play.address, patience_seconds=patience_seconds)
        self._outcomes = {each.name: Outcome() for each in play.scenarios}
        self._known = {each.name: each for each in play.scenarios}
        self._one_at_a_time = threading.Lock()
        self._lock = threading.Lock()

    def start(self, names: Sequence[str] = ()) -> threading.Thread:
        """Play some scenarios, or all, in a thread of their own. Raises NotAllowed for an unknown one, or while one plays."""
        wanted = [self._find(name) for name in names] or [each for each in self.play.scenarios if self._can(each)]
        if not self._one_at_a_time.acquire(blocking=False):
            raise NotAllowed("a scenario is being played; wait for its end", "đang chạy một kịch bản, hãy đợi kết thúc")
        thread = threading.Thread(target=self._run, args=(wanted,), name="partner-bench", daemon=True)
        thread.start()
        return thread

    def _find(self, name: str) -> Scenario:
        if name not in self._known:
            known = ", ".join(self._known)
            raise NotAllowed(f"no scenario {name!r}; there are: {known}", f"không có kịch bản {name!r}; hiện có: {known}")
        if not self._can(self._known[name]):
            raise NotAllowed(
                f"{name} calls your system: give its address (--set url=...)",
                f"{name} gọi tới hệ thống của đơn vị: hãy cho địa chỉ (--set url=...)",
            )
        return self._known[name]

    def _can(self, scenario: Scenario) -> bool:
        return scenario.moves == "waits" or bool(self.play.address)

    def _run(self, scenarios: Sequence[Scenario]) -> None:
        try:
            for scenario in scenarios:
                self._tell(scenario, Outcome(state="running"))
                self._tell(scenario, self._played(scenario))
        finally:
            self._one_at_a_time.release()

    def _played(self, scenario: Scenario) -> Outcome:
        findings: list[Finding] = []
        try:
            # What was found before the system went away stays found.
            findings.extend(scenario.run(self.stage))
            return Outcome(state="done", findings=tuple(findings))
        except NotSent as error:
            return Outcome(state="unreached", findings=tuple(findings), vi=error.vi, en=error.en)
        except HubError as error:
            return Outcome(state="failed", vi=error.vi, en=error.en)
        except Exception as error:
            # A bug of the bench is told as one; the other scenarios still say what they see.
            log.exception("partner_bench.bug", scenario=scenario.name)
            name = type(error).__name__
            return Outcome(state="failed", vi=f"lỗi của bộ kiểm thử ({name})", en=f"an error of the bench ({name})")
        finally:
            self.play.server.faults.clear()

    def _tell(self, scenario: Scenario, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes[scenario.name] = outcome

    def outcomes(self) -> dict[str, Outcome]:
        """Give what each scenario found last."""
        with self._lock:
            return dict(self._outcomes)

    def by_clause(self) -> dict[str, str]:
        """Say of each clause: broken by any scenario, else kept by any, else not seen."""
        found: dict[str, set[str]] = {clause: set() for clause in self.play.clauses}
        for outcome in self.outcomes().values():
            for finding in outcome.findings:
                found[finding.clause].add(finding.result)
        order = ("broken", "kept")
        return {clause: next((one for one in order if one in seen), "not_seen") for clause, seen in found.items()}

    def passed(self) -> bool:
        """Say whether no clause is broken, no scenario was cut off, and something was seen."""
        results = self.by_clause().values()
        cut_off = any(outcome.state in ("unreached", "failed") for outcome in self.outcomes().values())
        return not cut_off and "broken" not in results and "kept" in results

    def report(self) -> dict[str, Any]:
        """Give everything as plain values, for machines and for the page."""
        outcomes = self.outcomes()
        return {
            "title": self.play.title,
            "settings": dict(self.play.settings),
            "passed": self.passed(),
            "clauses": [
                {"id": one.id, "vi": one.vi, "en": one.en, "result": result}
                for one, result in ((self.play.clauses[name], result) for name, result in self.by_clause().items())
            ],
            "scenarios": [_scenario(each, outcomes[each.name], self._can(each)) for each in self.play.scenarios],
        }

    def stop(self) -> None:
        """End what waits."""
        self.stage.stop()


def _scenario(scenario: Scenario, outcome: Outcome, possible: bool) -> dict[str, Any]:
    told = {name: getattr(scenario, name) for name in ("name", "vi", "en", "moves", "asks_vi", "asks_en")}
    findings = [
        {"clause": one.clause, "result": one.result, "vi": one.vi, "en": one.en}
        | {"evidence": [{"title": each.title, "text": each.text} for each in one.evidence]}
        for one in outcome.findings
    ]
    wrong = {"wrong_vi": outcome.vi, "wrong_en": outcome.en}
    return told | {"possible": possible, "state": outcome.state, "clauses": list(scenario.clauses), "findings": findings} | wrong
