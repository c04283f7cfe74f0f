"""The test bench: our own adapter keeps every clause, systems with known faults break the clauses that name them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.bench import CLAUSES, play
from adapters.single_window.options import MINISTRY_SERVICE, Options
from adapters.single_window.soap import CONTENT_TYPE, response
from adapters.single_window.transport import open_transport
from hub.contract import Outgoing
from hub.endpoint import Endpoint
from hub.errors import NotAllowed
from hub.partner_bench import Bench
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire
from tests.adapters.single_window.test_transport import PATH, no_fence, outgoing

QUIET_SECONDS = 0.5


@pytest.fixture
def bench_of() -> Iterator[Callable[..., Bench]]:
    """Open a bench for a system at an address."""
    opened: list[Bench] = []

    def make(url: str = "", **settings: Any) -> Bench:
        bench = Bench(play(url=url, quiet_seconds=QUIET_SECONDS, **settings), patience_seconds=30)
        bench.play.server.start()
        opened.append(bench)
        return bench

    yield make
    for bench in opened:
        bench.stop()
        bench.play.server.stop()


def calls(bench: Bench) -> list[str]:
    return [each.name for each in bench.play.scenarios if each.moves == "calls"]


def broken(bench: Bench) -> set[str]:
    return {clause for clause, result in bench.by_clause().items() if result == "broken"}


def called_clauses(bench: Bench) -> set[str]:
    return {clause for each in bench.play.scenarios if each.moves == "calls" for clause in each.clauses}


def test_every_clause_is_looked_at_and_every_scenario_names_known_ones(bench_of: Any) -> None:
    named = {clause for each in bench_of().play.scenarios for clause in each.clauses}

    assert named == set(CLAUSES)


@pytest.mark.parametrize(
    ("role", "document_type"),
    [("gateway", "BNNPTNT0600009"), ("gateway", "BNN&PTNT0300002"), ("gateway", "BTNMT0600001"), ("ministry", "BNNPTNT0600009")],
)
def test_our_own_door_keeps_every_clause(open_door: Any, bench_of: Any, role: str, document_type: str) -> None:
    door = open_door(Options(role=role))
    bench = bench_of(f"{door.url}/doors/single_window", role=role, document_type=document_type)
    bench.start(calls(bench)).join()

    wrong = [
        (each["name"], one["clause"], one["en"], each["wrong_en"])
        for each in bench.report()["scenarios"]
        for one in (*each["findings"], {"result": "broken" if each["wrong_en"] else "", "clause": "", "en": ""})
        if one["result"] == "broken"
    ]
    assert not wrong
    assert bench.passed()
    assert {clause for clause, result in bench.by_clause().items() if result == "kept"} == called_clauses(bench)


# --- systems with known faults ---------------------------------------------------------------------------------------


def always(text: str) -> Callable[[Call], Said]:
    """A system that gives the same answer to everything."""

    def handle(call: Call) -> Said:
        return Said(response("1.1", MINISTRY_SERVICE, text), content_type=CONTENT_TYPE["1.1"])

    return handle


def received_whatever_comes(call: Call) -> Said:
    """A system as seen in the field: it looks at nothing, and answers everything as received, about itself."""
    body = call.body.decode("utf-8", "replace")
    values = {name: _value(body, name) for name in ("documentType", "type", "reference")}
    subject = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    text = (
        f"<Envelope><Header><Subject>{subject}<function>99</function></Subject></Header>"
        "<Body><Content><ReceiveDate>02/03/2026</ReceiveDate></Content></Body></Envelope>"
    )
    return always(text)(call)


def _value(body: str, name: str) -> str:
    found = re.search(rf"(?:<|&lt;){name}(?:>|&gt;)([^<&]*)", body)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("handle", "scenarios", "named"),
    [
        (received_whatever_comes, ["valid"], {"ANS-5"}),
        (received_whatever_comes, ["changed", "faults", "unknown", "nothing", "elsewhere", "entities"],
         {"IDE-2", "ERR-1", "ERR-3", "ERR-4", "ADR-1", "SEC-1"}),
        (always("Can not parse xml"), ["valid"], {"ANS-2"}),
        (always(""), ["valid"], {"ANS-2"}),
        (lambda call: Said(b"<html>Proxy Error</html>", content_type="text/html"), ["valid"], {"ANS-1"}),
        (lambda call: Said(b"", status=500), ["valid", "nothing"], {"ANS-1", "ERR-4"}),
        (always("<Envelope><Header><Subject><function>00</function></Subject></Header><Body/></Envelope>"), ["valid", "faults"],
         {"ANS-3", "ANS-4", "ANS-5", "ANS-6"}),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_clause(
    bench_of: Any, handle: Callable[[Call], Said], scenarios: list[str], named: set[str]
) -> None:
    with SimulatorServer("vendor", handle) as vendor:
        bench = bench_of(f"{vendor.url}/MardService.asmx")
        bench.start(scenarios).join()

    assert broken(bench) == named
    assert not bench.passed()


def test_a_system_that_is_not_there_breaks_nothing_and_is_told(bench_of: Any) -> None:
    bench = bench_of("http://127.0.0.1:9/")
    bench.start(calls(bench)).join()

    outcomes = [bench.outcomes()[name] for name in calls(bench)]
    assert {each.state for each in outcomes} == {"unreached"}
    assert all("127.0.0.1:9" in each.vi and "cannot be reached" in each.en for each in outcomes)
    assert set(bench.by_clause().values()) == {"not_seen"}
    assert not bench.passed()


def test_a_system_that_a_deep_message_took_down_breaks_the_clause_about_it(bench_of: Any) -> None:
    def fall(call: Call) -> Said:
        vendor.stop()
        return Said(hang=0.0)

    vendor = SimulatorServer("vendor", fall).start()
    bench = bench_of(f"{vendor.url}/MardService.asmx")
    bench.start(["deep"]).join()

    assert broken(bench) == {"SEC-2"}


# --- a system that calls the bench -----------------------------------------------------------------------------------


@pytest.fixture
def vendor(wire: Wire, endpoint_for: Callable[..., Endpoint]) -> Callable[..., Callable[[Outgoing], None]]:
    """A vendor's system, made of our transport: it sends bytes, and takes what comes as it comes."""

    def make(bench: Bench) -> Callable[[Outgoing], None]:
        transport = open_transport(endpoint_for(outbound={"url": bench.play.server.url + PATH}), wire)

        def send(given: Outgoing) -> None:
            try:
                ADAPTER.read_receipt(transport.send(given, no_fence), given)
            except Exception:  # what became of it is not this test's business
                return

        return send

    return make


def played(bench: Bench, name: str, *, meets: Callable[[int], None]) -> dict[str, str]:
    """Play a scenario that waits; ``meets`` is the vendor, called once the bench waits."""
    waiting = threading.Event()
    next_call = bench.stage.next_call

    def announced(after: int, **words: Any) -> Any:
        waiting.set()
        return next_call(after, **words)

    bench.stage.next_call = announced  # type: ignore[method-assign]
    thread = bench.start([name])
    assert waiting.wait(30)
    meets(0)
    thread.join()
    outcome = bench.outcomes()[name]
    assert outcome.state == "done", outcome
    return {one.clause: one.result for one in outcome.findings}


def test_what_our_adapter_sends_keeps_every_clause(bench_of: Any, vendor: Any) -> None:
    bench = bench_of()
    found = played(bench, "sent", meets=lambda _: vendor(bench)(outgoing(seed=1)))

    assert found == dict.fromkeys(("SND-1", "SND-2", "SND-3", "SND-4", "SND-5", "SND-6"), "kept")


SPOILT = {
    "SND-1": (rb"<EvaluationResult>.*</EvaluationResult>", b"<EvaluationResult/>"),
    "SND-3": (rb"<sendDate>[^<]*<", b"<sendDate>2026-03-02T09:15:04<"),
    "SND-4": (rb"<messageId>[^<]*<", b"<messageId>17<"),
    "SND-5": (rb"<identity>NSW<", b"<identity>KHAC<"),
}


@pytest.mark.parametrize("clause", SPOILT)
def test_what_is_wrong_in_what_is_sent_is_named(bench_of: Any, vendor: Any, clause: str) -> None:
    bench = bench_of()
    given = outgoing(seed=1)
    pattern, other = SPOILT[clause]
    spoilt = Outgoing(service=given.service, body=re.sub(pattern, other, given.body, flags=re.DOTALL), head=given.head)
    found = played(bench, "sent", meets=lambda _: vendor(bench)(spoilt))

    assert found[clause] == "broken"


def _with_new_id(given: Outgoing) -> Outgoing:
    body = re.sub(rb"<messageId>[^<]*<", b"<messageId>00000000-0000-4000-8000-000000000099<", given.body)
    return Outgoing(service=given.service, body=body, head=given.head)


@pytest.mark.parametrize(
    ("scenario", "clause", "second", "result"),
    [
        ("refusal", "RES-2", None, "kept"),
        ("refusal", "RES-2", "same", "broken"),
        ("lost", "RES-1", None, "kept"),
        ("lost", "RES-1", "same", "kept"),
        ("lost", "RES-1", "new id", "broken"),
        ("unreadable", "RES-1", "new id", "broken"),
        ("empty", "RES-1", "same", "kept"),
        ("busy", "RES-3", "same", "kept"),
        ("busy", "RES-3", "new id", "broken"),
        ("busy", "RES-3", None, "not_seen"),
        ("parties", "RES-4", None, "kept"),
        ("parties", "RES-4", "same", "broken"),
        ("no_id", "RES-4", "same", "broken"),
        ("order", "ORD-1", "same", "kept"),
        ("order", "ORD-1", "overtaking", "broken"),
    ],
)
def test_what_is_done_with_a_bad_answer_is_judged(
    bench_of: Any, vendor: Any, scenario: str, clause: str, second: str | None, result: str
) -> None:
    bench = bench_of()
    first = outgoing(seed=1)
    others = {"same": first, "new id": _with_new_id(first), "overtaking": outgoing(seed=1, service="17/14")}

    def meets(_: int) -> None:
        send = vendor(bench)
        send(first)
        if second:
            send(others[second])

    assert played(bench, scenario, meets=meets) == {clause: result}


def test_one_scenario_at_a_time_and_only_known_ones(bench_of: Any) -> None:
    bench = bench_of()
    thread = bench.start(["sent"])
    with pytest.raises(NotAllowed, match="is being played"):
        bench.start(["sent"])
    bench.stop()
    thread.join()
    assert {one.result for one in bench.outcomes()["sent"].findings} == {"not_seen"}
    with pytest.raises(NotAllowed, match="no scenario"):
        bench.start(["khac"])
    with pytest.raises(NotAllowed, match="address"):
        bench.start(["valid"])
