"""What partners say of border documents, taken as it is meant: nothing counted twice, joined by mistake, or said by strangers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import select

from hub.canonical.border.message import AnswerResult as R
from hub.canonical.border.message import BorderEvent
from hub.canonical.codes import Event
from hub.errors import NotAllowed
from hub.ledger.tables import deliveries
from hub.operations import edits
from tests.support.border_world import (
    ASW,
    CUSTOMS,
    EPHYTO,
    MARD,
    MOIT,
    WINDOW,
    Border,
    about,
    answered,
    at,
    dossier,
    form_d,
    issued,
    opened,
    plants,
    tracked,
    used,
)
from tests.support.engines import ENGINES, ledger_on

IMPORT = "BNNPTNT0300004"
_numbers = count(1)


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    with ledger_on(request.param) as ledger, opened(tmp_path_factory.mktemp("meaning") / "config", ledger) as made:
        yield made


@pytest.fixture
def number() -> str:
    return f"MEANT-{next(_numbers)}"


def named_by_a_dossier(world: Border, number: str) -> str:
    ref = f"NSW-{number}"
    world.say(WINDOW, dossier(ref, IMPORT, Event.SUBMITTED, {"PhytoCerNo": number}))
    return f"vnsw:{ref}"


# --- numbers -----------------------------------------------------------------------------------------------------


def test_a_number_that_two_countries_have_joins_a_dossier_once(world: Border, number: str) -> None:
    key = named_by_a_dossier(world, number)
    first, second = issued(plants(number, "ID")), issued(plants(number, "TH"))
    world.say(EPHYTO, first)
    assert world.say(EPHYTO, second).body == b"taken"

    assert world.shown(first).row.dossier == key
    assert world.shown(second).row.dossier == ""
    assert world.marks(second.subject) == {"ambiguous": ""}
    # Said again it is no clearer, and no worse.
    world.say(EPHYTO, second)
    assert world.shown(second).row.dossier == ""


def test_a_certificate_of_ours_is_not_the_one_that_an_import_names(world: Border, number: str) -> None:
    ours = issued(plants(number, "VN", "JP"))
    world.say(MARD, ours)
    key = named_by_a_dossier(world, number)
    assert world.shown(ours).row.dossier == ""
    theirs = issued(plants(number, "ID"))
    world.say(EPHYTO, theirs)
    assert world.shown(theirs).row.dossier == key
    assert world.marks(theirs.subject) == {}


@pytest.mark.parametrize("write", [str.lower, lambda number: number.replace("-", " -")])
def test_a_number_written_in_two_ways_is_looked_at(world: Border, number: str, write: object) -> None:
    first, second = issued(form_d(number)), issued(form_d(write(number)))  # type: ignore[operator]
    world.say(MOIT, first)
    world.say(MOIT, second)
    assert world.marks(first.subject) == {}
    assert world.marks(second.subject) == {"ambiguous": ""}


# --- what is used ------------------------------------------------------------------------------------------------


def test_what_was_refused_later_is_used_no_more(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "15000")], at=at(3)))
    world.say(ASW, answered(given, R.NOT_GIVEN, declaration="D1", at=at(5)))
    assert world.shown(given).items[0].used == ()
    world.say(ASW, answered(given, R.GIVEN, declaration="D2", items=[used(1, "15000")], at=at(6)))
    assert world.marks(given.subject) == {}
    # A late word from before that refusal gives nothing back.
    world.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "16000")], at=at(4)))
    assert [str(each.value) for each in world.shown(given).items[0].used] == ["15000"]


def test_less_than_nothing_does_not_hide_what_others_use(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    for declaration, amount in (("D1", "20000"), ("D2", "-20000"), ("D3", "20000")):
        world.say(ASW, answered(given, R.GIVEN, declaration=declaration, items=[used(1, amount)]))
    assert world.marks(given.subject) == {"over_used": "1"}
    assert world.shown(given).items[0].over


def test_one_declaration_is_one_however_it_is_written(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    for declaration in ("d 1", " D1", "D1 "):
        world.say(ASW, answered(given, R.GIVEN, declaration=declaration, items=[used(1, "20000")]))
    assert world.marks(given.subject) == {}
    assert [each.declaration for each in world.shown(given).uses] == ["D1", "D1"]


def test_a_refusal_without_a_declaration_is_reconsidered_by_one_that_has_it(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, answered(given, R.GIVEN, declaration="D1", at=at(5)))
    world.say(ASW, answered(given, R.NOT_GIVEN, at=at(3)))
    assert world.shown(given).row.state == "given"
    # A refusal that comes after it stands beside it.
    world.say(ASW, answered(given, R.NOT_GIVEN, at=at(6)))
    assert world.shown(given).row.state == "partly_given"


# --- who says it -------------------------------------------------------------------------------------------------


def test_a_strangers_answer_before_the_document_never_counts(world: Border, number: str) -> None:
    given = issued(form_d(number, "ID", "VN"))
    world.say(MARD, answered(given, R.GIVEN, declaration="D1", at=at(3)))
    world.say(ASW, given)
    assert world.shown(given).row.state == "issued"
    assert world.told(given.subject, ASW) == []


def test_who_only_answers_does_not_say_what_is_certified(world: Border, number: str) -> None:
    given = issued(form_d(number))
    forged = answered(given, R.GIVEN, declaration="D1").model_copy(update={"origin": form_d(number, description="OTHER")})
    world.say(ASW, forged)
    world.say(MOIT, given)
    assert world.marks(given.subject) == {}
    assert (ASW, "issued", "pending") in world.sent(given.subject)


def test_who_brings_the_document_is_its_origin(world: Border, number: str) -> None:
    given = issued(form_d(number))
    # By mistake, and by somebody else.
    world.say(MARD, about(given, BorderEvent.CANCELLED, reason="typed wrongly"))
    world.say(MOIT, given)
    assert world.shown(given).row.origin == MOIT
    assert set(world.marks(given.subject)) == {"came_cancelled"}


def test_customs_answer_before_the_document_counts(world: Border, number: str) -> None:
    given = issued(form_d(number, "ID", "VN"))
    world.say(CUSTOMS, answered(given, R.NOT_GIVEN, declaration="D1", at=at(3)))
    world.say(ASW, given)
    assert world.shown(given).row.state == "not_given"
    assert [each.event.value for each in world.told(given.subject, ASW)] == ["answered"]


# --- what has not arrived ----------------------------------------------------------------------------------------


def test_what_the_other_side_has_not_received_is_awaited_on(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, tracked(given, hop="AS2"))
    assert _due(world, given.subject) is None
    # It came as far as AS2, and their customs never got it (RES-NOT): somebody has to send it again.
    world.say(ASW, answered(given, R.NOT_RECEIVED))
    due = _due(world, given.subject)
    assert due is not None and due > world.hub.now()
    world.say(ASW, answered(given, R.NOT_RECEIVED))
    assert _due(world, given.subject) == due
    world.say(ASW, answered(given, R.AVAILABLE))
    assert _due(world, given.subject) is None


def _due(world: Border, key: str) -> float | None:
    row = world.row(key)
    assert row is not None
    return row.hop_due  # type: ignore[no-any-return]


# --- corrections -------------------------------------------------------------------------------------------------


def test_a_certified_document_is_not_corrected_here(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(MOIT, issued(form_d(number, description="OTHER FRUIT")))
    with world.hub.ledger.read() as conn:
        here = select(deliveries.c.id).where(deliveries.c.subject == given.subject).order_by(deliveries.c.place.desc())
        held = conn.execute(here).scalars().first()
    assert held is not None
    with pytest.raises(NotAllowed, match="certified by its issuer"):
        edits.propose(world.hub, held, {"/origin/items/0/hs_code": "080450"}, actor="minh", why="typed wrongly")
    shown = edits.editable(world.hub, held)
    assert not shown.editable and shown.fields
    assert not any("FRUIT" in str(each) for each in shown.fields)
