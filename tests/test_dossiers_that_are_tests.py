"""Test dossiers are accepted, answered and shown, and never sent on; whether a dossier is a test never changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub import intake
from hub.app import Hub
from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.endpoint import InboundPolicy
from hub.ledger.campaign_tables import test_dossiers as kept
from hub.ledger.tables import chains, deliveries, dossiers
from hub.registers import history, real_messages
from hub.registers.real_messages import Wanted
from hub.rules.test_dossiers import WARNING, belongs, is_of_unit
from hub.thought import think
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER, At
from tests.support.looking import broken_rows

MARKS = 'test_dossiers = ["*-TEST-*"]\n'
TEST, REAL = "H01-TEST-1", "H01-1"


@pytest.fixture(params=ENGINES)
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    with ledger_on(request.param) as ledger:
        opened = support.open_hub(support.configure(tmp_path, sender=MARKS, ledger=ledger), Clock())
        yield opened
        support.close(opened)


def row(hub: Hub, number: str) -> Any:
    with hub.ledger.read() as conn:
        return conn.execute(select(dossiers).where(dossiers.c.key == f"national:{number}")).one()


def told(hub: Hub, number: str) -> list[str]:
    """Name the endpoints to which something of a dossier was to go."""
    with hub.ledger.read() as conn:
        return list(conn.execute(select(deliveries.c.endpoint).where(deliveries.c.subject == f"national:{number}")).scalars())


def test_a_test_dossier_is_accepted_and_answered_and_goes_nowhere(hub: Hub) -> None:
    answers = [support.send(hub, number, TEST, status=status) for number, status in enumerate(("MOI", "XULY", "XONG"))]
    support.send(hub, 9, REAL)

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert (told(hub, TEST), told(hub, REAL)) == ([], [PARTNER])
    assert (bool(row(hub, TEST).test), row(hub, TEST).version) == (True, 3)
    assert not row(hub, REAL).test
    with hub.ledger.read() as conn:
        lines = history.timeline(conn, TEST)
        assert conn.execute(select(chains.c.subject)).scalars().all() == [f"national:{REAL}"]
        assert [(each.key, each.procedure, each.endpoint) for each in conn.execute(select(kept))] == [
            (f"national:{TEST}", "1.000001", SENDER)
        ]
    assert lines.dossier is not None and lines.dossier.test
    assert all(WARNING in message.row.warnings for message in lines.messages)
    assert broken_rows(hub.ledger) == []


def test_the_same_bytes_get_the_same_answer_and_one_row(hub: Hub) -> None:
    first, second = support.send(hub, 1, TEST), support.send(hub, 1, TEST)

    assert first.body == second.body
    with hub.ledger.read() as conn:
        assert len(conn.execute(select(kept)).all()) == 1


def test_a_dry_run_leaves_test_dossiers_out(hub: Hub) -> None:
    support.send(hub, 1, TEST)
    support.send(hub, 2, REAL)

    with hub.ledger.read() as conn:
        found = real_messages.window(conn, Wanted(), None).found
    assert [each.subject for each in found] == [f"national:{REAL}"]


def test_marks_that_are_added_or_taken_away_later_change_no_dossier(tmp_path: Path) -> None:
    clock = Clock()
    folder = support.configure(tmp_path, sender="")
    for number, marks in enumerate(("", MARKS, "")):
        path = folder / "endpoints" / f"{SENDER}.toml"
        path.write_text(f'adapter = "template"\ntitle = "Một cửa"\n[inbound]\n{marks}', encoding="utf-8")
        opened = support.open_hub(folder, clock)
        support.send(opened, number, TEST)
        support.send(opened, 10 + number, f"H01-TEST-{number + 2}")
        support.close(opened)

    opened = support.open_hub(folder, clock)
    try:
        # Real when it began, so it stays; of the others only the one that began while there were marks is a test.
        marked = {number: bool(row(opened, f"H01-TEST-{number}").test) for number in (1, 2, 3, 4)}
        assert marked == {1: False, 2: False, 3: True, 4: False}
        assert told(opened, TEST) == [PARTNER] * 3
        support.send(opened, 30, "H01-TEST-3")
        assert told(opened, "H01-TEST-3") == []
    finally:
        support.close(opened)


#: Sender, dossier: of the second sender, which has no marks, a number like a test's is a real one's.
_MESSAGES = st.lists(
    st.tuples(st.sampled_from((SENDER, "xa")), st.sampled_from((TEST, REAL, "H01-TEST-2", "H02-TEST-1")), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=_MESSAGES)
def test_no_mix_of_messages_ever_makes_a_delivery_of_a_test_dossier(tmp_path_factory: Any, sent: list[Any]) -> None:
    folder = support.configure(tmp_path_factory.mktemp("mix"), {PARTNER: At(), "so": At()}, sender=MARKS)
    (folder / "endpoints" / "xa.toml").write_text('adapter = "template"\ntitle = "Xã"\n[inbound]\n', encoding="utf-8")
    (folder / "routes.toml").write_text(
        f'[[route]]\nname = "all"\nfrom = ["{SENDER}", "xa"]\nto = ["{PARTNER}", "so"]\n', encoding="utf-8"
    )
    opened = support.open_hub(folder, Clock())
    first: dict[str, str] = {}
    try:
        for number, (sender, dossier, dispatched) in enumerate(sent):
            body = support.document(number, dossier, status=("MOI", "XULY", "TIEPNHAN")[number % 3])
            answer = intake.receive(opened, support.request(body, sender))
            if answer.status == 200:
                first.setdefault(dossier, sender)
            if dispatched:
                support.carry_all(opened)
        for dossier, sender in first.items():
            test = sender == SENDER and "-TEST-" in dossier
            assert bool(row(opened, dossier).test) == test
            assert bool(told(opened, dossier)) != test
        assert broken_rows(opened.ledger) == []
    finally:
        support.close(opened)


@pytest.mark.parametrize(("begun", "is_test"), [(TEST, True), (REAL, False)])
def test_by_whichever_number_a_dossier_is_named_it_stays_what_it_is(hub: Hub, begun: str, is_test: bool) -> None:
    support.send(hub, 1, begun)
    other = "000-TEST-9"
    dossier = Dossier(
        code=other, numbering="national_portal", other_codes={"national": begun}, procedure=ProcedureRef(code="1.000001")
    )
    message = DossierMessage(event=Event.STATUS, dossier=dossier)

    thought = think(hub, hub.endpoint(SENDER), message, [])

    assert thought.dossier is not None and thought.dossier.test is is_test
    assert (thought.planned == ()) is is_test


@pytest.mark.parametrize("pattern", ["*", "??*", "[0-9]*", "H0*", "a" * 201])
def test_a_pattern_that_most_numbers_match_is_no_setting(pattern: str) -> None:
    with pytest.raises(ValueError, match="test_dossiers"):
        InboundPolicy(test_dossiers=(pattern,))


@pytest.mark.parametrize(
    ("unit", "sender", "agency", "is_units"),
    [
        ("H55.12", "H55.12", "", True),
        ("H55.12", "H55.12.03", "", True),
        ("H55.12", "H55", "H55.12", True),
        ("H55.12", "H55", "000.00.12.H55", True),
        ("H55.12", "000.00.12.H55", "", True),
        ("H55.12", "H55", "", False),
        ("H55.12", "H55", "H55.13", False),
        ("H55.1", "H55.12", "H55.1", False),
        ("H55.12", "", "H55.12", False),
    ],
)
def test_whose_test_a_dossier_is(unit: str, sender: str, agency: str, is_units: bool) -> None:
    assert is_of_unit(unit, sender, agency) is is_units


def test_an_empty_code_is_nobodys() -> None:
    assert not belongs("", "") and not belongs("H55", "")
