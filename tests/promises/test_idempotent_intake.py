"""Idempotent intake: the same again gets the same answer, other content is refused, and only what was accepted holds."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hub import intake
from hub.app import Hub
from hub.contract import Answer, Incoming, Opened, Request
from hub.rounds import OwnRounds
from hub.rules.routing import Route
from hub.simulation import SimulatorServer
from tests.promises.conftest import MakeHub
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.engines import ledger_on
from tests.support.gate import Gate
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains
from tests.support.partner import Partner

PATIENCE_SECONDS = 60.0


def without_identity(hub: Hub) -> Hub:
    """A hub whose sender's protocol knows no identity of a message."""
    adapter = hub.adapters["template"]

    def read(document: bytes, opened: Opened, options: Any) -> Incoming:
        return dataclasses.replace(adapter.read_message(document, opened, options), identity="")

    return dataclasses.replace(hub, adapters={**hub.adapters, "template": dataclasses.replace(adapter, read_message=read)})


def code(answer: Answer) -> str:
    return str(json.loads(answer.body)["ma"])


def accepted(hub: Hub) -> int:
    return sum(bool(row.accepted) for row in all_messages(hub.ledger))


def test_the_same_message_again_gets_the_same_bytes(hub: Hub) -> None:
    first = support.send(hub, 1)

    assert [support.send(hub, 1) for _ in range(3)] == [first] * 3
    assert len(all_messages(hub.ledger)) == 1
    assert len(all_deliveries(hub.ledger)) == 1


def test_it_gets_them_also_after_everything_was_delivered_and_the_hub_was_started_anew(
    make_hub: MakeHub, server: SimulatorServer, partner: Partner
) -> None:
    at = {support.PARTNER: support.At(url=server.url)}
    hub = make_hub(at)
    first = support.send(hub, 1)
    support.send(hub, 2)
    support.carry_all(hub)

    hub = make_hub(at)
    assert support.send(hub, 1) == first
    support.carry_all(hub)

    assert partner.marks("H01-1") == ["#1", "#2"]


def test_other_content_under_the_same_identity_is_refused_and_recorded(hub: Hub) -> None:
    support.send(hub, 1, identity="M-1")

    answer = support.send(hub, 2, identity="M-1")

    assert (answer.status, code(answer)) == (409, "11")
    refused = [row for row in all_messages(hub.ledger) if not row.accepted]
    assert [row.error_code for row in refused] == ["conflict"]
    assert len(all_deliveries(hub.ledger)) == 1
    assert broken_rows(hub.ledger) == []


def test_a_refused_message_may_come_again_corrected_under_the_same_identity(hub: Hub) -> None:
    wrong = support.send(hub, 1, identity="M-1", hoSo={"soHoSo": "H01-1"})
    assert wrong.status == 422

    right = support.send(hub, 1, identity="M-1")

    assert right.status == 200
    assert support.send(hub, 1, identity="M-1") == right
    assert len(all_deliveries(hub.ledger)) == 1


def test_received_supplements_received_is_three_messages_with_identities_and_without(hub: Hub, partner: Partner) -> None:
    for status in ("XULY", "CHOBOSUNG", "XULY"):
        support.send(hub, 0, status=status, identity=f"M-{accepted(hub)}")
    nameless = without_identity(hub)
    for status in ("XULY", "CHOBOSUNG", "XULY"):
        support.send(nameless, 0, "H01-2", status=status)

    support.carry_all(hub)

    assert accepted(hub) == 6
    assert len(partner.arrivals) == 6


def test_at_once_from_eight_threads_is_one_message(hub: Hub, partner: Partner) -> None:
    for hubs, dossier in ((hub, "H01-1"), (without_identity(hub), "H01-2")):
        start = threading.Barrier(8)

        def send(_: int, hubs: Hub = hubs, dossier: str = dossier, start: threading.Barrier = start) -> bytes:
            start.wait(PATIENCE_SECONDS)
            return support.send(hubs, 1, dossier, identity=f"M-{dossier}").body

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(send, range(8)))) == 1

    assert [row.repeats for row in all_messages(hub.ledger)] == [7, 7]
    support.carry_all(hub)
    assert len(partner.arrivals) == 2


def test_at_once_with_two_contents_one_is_accepted_and_the_other_refused(hub: Hub) -> None:
    start = threading.Barrier(8)

    def send(number: int) -> int:
        start.wait(PATIENCE_SECONDS)
        return support.send(hub, number, identity="M-1").status

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(send, range(8)))

    assert statuses == [200] + [409] * 7
    assert accepted(hub) == 1


# --- catalogues: what holders are given is compared with what they were given


def catalogue(name: str, *, key: str) -> Request:
    """A ministry's catalogue with one procedure of this name."""
    sample = Path("adapters/ministry/samples/in/catalogue_of_changes.json")
    tree = json.loads((Path(__file__).parents[2] / sample).read_bytes())
    tree["DanhSachTTHC"][0]["TENTTHC"] = name
    body = json.dumps(tree).encode()
    return Request(endpoint=support.SENDER, body=body, content_type="application/json", idempotency_key=key)


@pytest.fixture
def ministry(make_hub: MakeHub) -> Hub:
    """A hub whose sender gives catalogues to a one-stop software."""
    hub = make_hub({}, sender_adapter="ministry")
    owner, options = hub.endpoints[support.SENDER], hub.adapters["one_stop"].options()
    holder = dataclasses.replace(owner, name="so", adapter="one_stop", options=options)
    routes = (Route(name="catalogue", kind="catalogue", to=("so",)),)
    return dataclasses.replace(hub, endpoints={owner.name: owner, "so": holder}, routes=routes)


def given_names(hub: Hub) -> list[str]:
    """List the procedure's name in each delivery, in the chain's order."""
    with hub.ledger.read() as conn:
        query = "SELECT p.body FROM deliveries d JOIN payloads p ON p.digest = d.canonical_digest ORDER BY d.place"
        return [json.loads(row.body)["procedures"][0]["name"] for row in conn.exec_driver_sql(query)]


def test_a_catalogue_that_came_again_gives_holders_nothing(ministry: Hub) -> None:
    for key in ("1", "2"):
        assert intake.receive(ministry, catalogue("Một", key=key)).status == 202

    assert given_names(ministry) == ["Một"]


def test_of_two_catalogues_at_once_holders_end_with_the_one_that_was_recorded_last(ministry: Hub) -> None:
    """One, two, one again; the third looked before the second was recorded, when the holder had its content already."""
    intake.receive(ministry, catalogue("Một", key="1"))
    gate = Gate(ministry.codes)
    slow = dataclasses.replace(ministry, codes=gate, rounds=OwnRounds())
    with ThreadPoolExecutor(1) as door:
        looking = door.submit(intake.receive, slow, catalogue("Một", key="3"))
        assert gate.reached.wait(PATIENCE_SECONDS)
        intake.receive(ministry, catalogue("Hai", key="2"))
        gate.open.set()
        assert looking.result(PATIENCE_SECONDS).status == 202

    assert given_names(ministry) == ["Một", "Hai", "Một"]


# --- any mix, against a model


class IntakeMachine(RuleBasedStateMachine):
    """Sends messages in any order and compares every answer with what a list in memory says it must be."""

    engine = "sqlite"
    names = st.sampled_from(["M-1", "M-2", "M-3"])
    numbers = st.integers(1, 3)
    dossiers = st.sampled_from(["H01-1", "H01-2"])

    @initialize()
    def start(self) -> None:
        self.opened = ExitStack()
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        ledger = self.opened.enter_context(ledger_on(self.engine))
        self.hub = support.open_hub(support.configure(folder, ledger=ledger), Clock())
        self.opened.callback(support.close, self.hub)
        self.nameless = without_identity(self.hub)
        #: identity -> (content, answer)
        self.held: dict[str, tuple[bytes, Answer]] = {}
        #: dossier -> (content, answer) of the last accepted message
        self.last: dict[str, tuple[bytes, Answer]] = {}
        self.accepted = self.refused = 0

    @rule(name=names, number=numbers, dossier=dossiers)
    def send_with_identity(self, name: str, number: int, dossier: str) -> None:
        body = support.document(number, dossier, identity=name)
        answer = intake.receive(self.hub, support.request(body))
        if name not in self.held:
            self.was_accepted(body, dossier, answer)
            self.held[name] = (body, answer)
        elif self.held[name][0] == body:
            assert answer == self.held[name][1]
        else:
            assert answer.status == 409
            self.refused += 1

    @rule(number=numbers, dossier=dossiers)
    def send_without_identity(self, number: int, dossier: str) -> None:
        body = support.document(number, dossier)
        answer = intake.receive(self.nameless, support.request(body))
        if dossier in self.last and self.last[dossier][0] == body:
            assert answer == self.last[dossier][1]
        else:
            self.was_accepted(body, dossier, answer)

    @rule(name=names)
    def send_what_cannot_be_read(self, name: str) -> None:
        answer = intake.receive(self.hub, support.request(support.document(1, identity=name, hoSo={})))
        assert answer.status == 422
        self.refused += 1

    def was_accepted(self, body: bytes, dossier: str, answer: Answer) -> None:
        assert answer.status == 200
        self.accepted += 1
        self.last[dossier] = (body, answer)

    @invariant()
    def nothing_else_was_recorded(self) -> None:
        if hasattr(self, "hub"):
            rows = all_messages(self.hub.ledger)
            assert sum(bool(row.accepted) for row in rows) == self.accepted == len(all_deliveries(self.hub.ledger))
            assert len(rows) == self.accepted + self.refused

    def teardown(self) -> None:
        if hasattr(self, "hub"):
            with self.opened:
                check_chains(self.hub.ledger)
                assert broken_rows(self.hub.ledger) == []


class IntakeMachineOnPostgresql(IntakeMachine):
    """The same on PostgreSQL."""

    engine = "postgresql"


TestAnyMix = pytest.mark.slow(IntakeMachine.TestCase)
TestAnyMix.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)

TestAnyMixOnPostgresql = pytest.mark.slow(IntakeMachineOnPostgresql.TestCase)
TestAnyMixOnPostgresql.settings = settings(TestAnyMix.settings, max_examples=8)
