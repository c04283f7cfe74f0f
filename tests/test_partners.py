"""Test messages, onboarding, trial: what an operator does about a partner before and while it is at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub import operations, partner_tests
from hub.app import Hub
from hub.bootstrap import find_adapters
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.partner_keeper import PartnerKeeper
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import Forbidden, NotAllowed
from hub.ledger import partner_verbs
from hub.operations import partners, successions
from hub.registers import history
from hub.registers.partners import PartnerTest
from hub.rules.lifecycle import State
from hub.rules.people import Person, Role
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire
from tests.support import hub as support
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, At
from tests.support.looking import broken_rows
from tests.support.night_shift import Shift, shift

WHO = {"actor": "lan", "why": "thử"}
TESTS = 'test_dossiers = ["TEST-*"]\n'


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as ledger, shift(tmp_path, more=TESTS, ledger=ledger) as opened:
        yield opened


def try_out(hub: Hub, name: str = PARTNER) -> PartnerTest:
    """Have a partner tested, as a worker does it."""
    asked = partners.ask_for_test(hub, name, **WHO)
    assert asked.state == "asked"
    assert partner_tests.carry_out(hub)
    return partners.test_of(hub, asked.id)


def outcome(test: PartnerTest) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in test.steps]


WELL = [("named", True), ("connected", True), ("authenticated", True), ("answered", True)]

# --- test messages -----------------------------------------------------------------------------------------------


@pytest.fixture
def answering() -> Any:
    """Serve what a partner answers to each path; gives the server's address."""
    opened: list[SimulatorServer] = []

    def open_at(answers: dict[str, Said], seen: list[Call] | None = None) -> str:
        def handle(call: Call) -> Said:
            if seen is not None:
                seen.append(call)
            return answers.get(call.path, Said(status=404))

        opened.append(SimulatorServer("answering", handle).start())
        return opened[-1].url

    yield open_at
    for server in opened:
        server.stop()


def hub_at(folder: Path, url: str, deadline_seconds: float = 60.0) -> Hub:
    return support.open_hub(support.configure(folder, {PARTNER: At(url=url, deadline_seconds=deadline_seconds)}))


def test_a_partner_that_is_well_passes_every_step_and_gets_no_dossier(tmp_path: Path, answering: Any) -> None:
    seen: list[Call] = []
    hub = hub_at(tmp_path, answering({"/KiemTra": Said(b"{}"), "/TraCuu": Said(b"{}")}, seen))
    try:
        done = try_out(hub)

        assert (done.state, done.ok, outcome(done)) == ("done", True, WELL)
        assert [call.method for call in seen] == ["GET", "GET"]
        with hub.ledger.read() as conn:
            told = [(row.event, row.actor) for row in history.journal_of(conn, f"endpoint:{PARTNER}")]
        assert told == [("operator.test", "lan"), ("partner.tested", "hub")]
        assert broken_rows(hub.ledger) == []
    finally:
        support.close(hub)


@pytest.mark.parametrize(
    ("answers", "last"),
    [
        ({"/KiemTra": Said(status=401)}, ("authenticated", False)),
        ({"/KiemTra": Said(b"{}"), "/TraCuu": Said(status=500)}, ("answered", False)),
        ({"/KiemTra": Said(hang=30.0)}, ("authenticated", False)),
    ],
    ids=["token refused", "broken", "hangs past the deadline"],
)
def test_the_step_that_fails_is_named(tmp_path: Path, answering: Any, answers: dict[str, Said], last: tuple[str, bool]) -> None:
    hub = hub_at(tmp_path, answering(answers), deadline_seconds=2.0)
    try:
        done = try_out(hub)

        assert (done.ok, outcome(done)[-1]) == (False, last)
    finally:
        support.close(hub)


def test_a_partner_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, "http://127.0.0.1:9")
    try:
        assert outcome(try_out(hub)) == [("named", True), ("connected", False)]
    finally:
        support.close(hub)


def test_only_one_test_of_a_partner_is_under_way(night: Shift) -> None:
    first = partners.ask_for_test(night.hub, PARTNER, **WHO)

    with pytest.raises(NotAllowed) as refused:
        partners.ask_for_test(night.hub, PARTNER, actor="minh", why="thử")

    assert refused.value.where == first.id


def test_a_test_whose_worker_died_is_done_by_another_and_the_first_records_nothing(night: Shift) -> None:
    asked = partners.ask_for_test(night.hub, PARTNER, **WHO)

    def claim() -> Any:
        verb = partial(partner_verbs.claim_test, lease_seconds=night.hub.lease_seconds, now=night.hub.now())
        return night.hub.ledger.change(verb)

    _, _, until = claim()
    assert claim() is None
    night.clock.advance(1000)
    assert partner_tests.carry_out(night.hub)
    before = partners.test_of(night.hub, asked.id)
    late = partial(partner_verbs.record_test, test_id=asked.id, until=until, ok=True, steps=(), certificate_days=None)
    night.hub.ledger.change(partial(late, now=night.hub.now()))

    assert before.state == "done"
    assert partners.test_of(night.hub, asked.id) == before


def test_the_keeper_carries_out_what_is_asked_for(night: Shift) -> None:
    recorded = threading.Event()
    change = night.hub.ledger.change

    def seen(verb: Any, key: str = "") -> Any:
        result = change(verb, key)
        if verb.func is partner_verbs.record_test:
            recorded.set()
        return result

    night.hub.ledger.change = seen  # type: ignore[method-assign]
    keeper = PartnerKeeper(night.hub)
    keeper.start()
    asked = partners.ask_for_test(night.hub, PARTNER, **WHO)

    assert recorded.wait(60)
    assert keeper.alive()
    keeper.stop()
    assert partners.test_of(night.hub, asked.id).state == "done"


SIMULATORS: dict[str, tuple[dict[str, Any], str]] = {
    "one_stop": ({}, "base_url"),
    "ministry": ({}, "base_url"),
    "national_portal": ({"username": "H99", "password": "invented", "madonvi": "000.00.01.H55"}, "base_url"),
}


def stored(server: SimulatorServer) -> dict[str, Any]:
    """Give what a simulator has stored, without its count of calls."""
    return {name: value for name, value in server.account().items() if name not in ("calls", "logins")}


@pytest.mark.parametrize("system", SIMULATORS)
def test_each_adapter_that_has_a_look_up_asks_its_simulator_something_harmless(system: str) -> None:
    from importlib import import_module

    given, address = SIMULATORS[system]
    adapter = find_adapters()[system]
    with import_module(f"adapters.{system}.simulator").SIMULATOR() as server:
        before = stored(server)
        options = adapter.options.model_validate({address: server.url, **given})
        endpoint = Endpoint(name="x", adapter=system, title="x", outbound=OutboundPolicy(), options=options)
        wire = Wire()
        steps = [name for name, _, _ in adapter.open_transport(endpoint, wire).ping()]  # type: ignore[attr-defined]
        wire.close()

        assert steps == ["authenticated", "answered"]
        assert stored(server) == before


# --- onboarding and trial ----------------------------------------------------------------------------------------


def state_of(hub: Hub, step: str) -> str:
    return next(each.state for each in partners.show(hub, PARTNER).checklist if each.name == step)


def test_on_trial_only_test_dossiers_go_and_the_others_can_be_released_once_it_is_live(night: Shift) -> None:
    partners.onboard(night.hub, PARTNER, "trial", **WHO)
    night.send(1, "H01-1")
    night.send(2, "H01-1")
    night.send(3, "TEST-1")

    parked, follower = night.deliveries("H01-1")
    assert (parked.state, parked.error_code, follower.state) == (State.PARKED, "trial", State.HELD)
    assert night.partner.marks("TEST-1") == ["#3"]

    operations.release(night.hub, parked.id, **WHO)
    night.carry()
    assert night.states("H01-1") == [State.PARKED, State.HELD], "it is still on trial"

    partners.onboard(night.hub, PARTNER, "live", anyway=True, **WHO)
    operations.release(night.hub, parked.id, **WHO)
    night.carry()
    assert night.partner.marks("H01-1") == ["#1", "#2"]
    assert broken_rows(night.hub.ledger) == []


def test_go_live_names_the_steps_that_are_open(night: Shift) -> None:
    partners.onboard(night.hub, PARTNER, "trial", **WHO)

    with pytest.raises(NotAllowed, match="contact"):
        partners.onboard(night.hub, PARTNER, "live", **WHO)

    assert partners.show(night.hub, PARTNER).overview.health.stand.standing == "trial"


def test_facts_and_ticks_together_open_the_way(night: Shift) -> None:
    partners.onboard(night.hub, PARTNER, "trial", **WHO)
    night.send(1, "TEST-1")
    for step in ("contact", "simulator", "hours"):
        assert state_of(night.hub, step) == "open"
        partners.onboard(night.hub, PARTNER, step, evidence="biên bản 12/BB", **WHO)
    assert [state_of(night.hub, step) for step in ("contact", "delivered", "codes", "door")] == [
        "done", "done", "done", "not_needed",
    ]  # fmt: skip
    assert state_of(night.hub, "reached") == "open"


def test_evidence_stands_in_the_list_and_not_in_the_journal(night: Shift) -> None:
    partners.onboard(night.hub, PARTNER, "contact", evidence="bà Nguyễn Thử Nghiệm, 0000000000", **WHO)

    (tick,) = [each.tick for each in partners.show(night.hub, PARTNER).checklist if each.name == "contact"]
    with night.hub.ledger.read() as conn:
        (row,) = history.journal_of(conn, f"endpoint:{PARTNER}")
    assert tick is not None
    assert "Thử Nghiệm" in tick.evidence
    assert "Thử Nghiệm" not in row.text
    assert (row.event, row.entry["step"], row.entry["done"]) == ("operator.onboard", "contact", True)


def test_a_tick_can_be_taken_back(night: Shift) -> None:
    partners.onboard(night.hub, PARTNER, "hours", **WHO)
    partners.onboard(night.hub, PARTNER, "hours", done=False, **WHO)

    assert state_of(night.hub, "hours") == "open"
    with pytest.raises(NotAllowed):
        partners.onboard(night.hub, PARTNER, "hours", done=False, **WHO)


@pytest.mark.parametrize(("step", "evidence"), [("reached", "x"), ("nonsense", "x"), ("contact", " ")])
def test_what_a_person_cannot_say_is_refused(night: Shift, step: str, evidence: str) -> None:
    with pytest.raises(NotAllowed):
        partners.onboard(night.hub, PARTNER, step, evidence=evidence, **WHO)


def test_a_code_that_is_missing_speaks_against_go_live(night: Shift) -> None:
    night.unmapped(1)

    assert state_of(night.hub, "codes") == "failing"


# --- as acts -----------------------------------------------------------------------------------------------------


def person(*roles: Role, scope: frozenset[str] | None = None) -> Person:
    return Person(login="lan", roles=frozenset(roles), scope=scope)


def test_a_person_sees_and_tests_only_the_partners_in_scope(night: Shift) -> None:
    mine = person(Role.OPERATOR, scope=frozenset({PARTNER}))
    show, test = ACTS["partner show"], ACTS["partner test"]

    listed = perform(night.hub, mine, show, show.asked())
    assert [each.name for each in listed.partners] == [PARTNER]
    with pytest.raises(Forbidden):
        perform(night.hub, mine, show, show.asked(endpoint=support.SENDER))
    done = perform(night.hub, mine, test, test.asked(endpoint=PARTNER, why="thử"))
    with pytest.raises(Forbidden):
        perform(night.hub, person(Role.OPERATOR, scope=frozenset()), show, show.asked(test=done.id))


def test_a_succession_is_an_administrators(night: Shift) -> None:
    act = ACTS["partner succeed"]
    asked = act.asked(endpoint=PARTNER, successor=support.SENDER, why="sáp nhập")

    with pytest.raises(Forbidden):
        perform(night.hub, person(Role.OPERATOR), act, asked)


@pytest.mark.parametrize(
    "verb", [partners.ask_for_test, partial(partners.onboard, step="hours"), partial(successions.succeed, new="x")]
)
@pytest.mark.parametrize(("actor", "why"), [("lan", " "), ("", "vì thế")])
def test_every_verb_requires_who_and_why(night: Shift, verb: Any, actor: str, why: str) -> None:
    with pytest.raises(NotAllowed):
        verb(night.hub, PARTNER, actor=actor, why=why)
