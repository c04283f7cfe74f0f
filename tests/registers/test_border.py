"""The register of border documents as people see it: lists, pages, clocks, marks, decisions; on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from hub.canonical.border.message import AnswerResult, BorderEvent
from hub.canonical.codes import Event
from hub.errors import NotAllowed
from hub.ledger import border_verbs
from hub.ledger.tables import journal
from hub.registers import border, border_rows
from hub.registers.border import Asked
from hub.rules.border.marks import MARK_NAMES, Mark
from tests.support.border_world import (
    ASW,
    CUSTOMS,
    EPHYTO,
    MOIT,
    WINDOW,
    Border,
    about,
    answered,
    dossier,
    form_d,
    issued,
    opened,
    plants,
    tracked,
    used,
)
from tests.support.engines import ENGINES, ledger_on

R, E = AnswerResult, BorderEvent
COUNTRIES = ("ID", "TH", "LA")


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    """Twelve documents out, some answered, and three in."""
    with ledger_on(request.param) as ledger, opened(tmp_path_factory.mktemp("register") / "config", ledger) as made:
        for each in range(12):
            country = COUNTRIES[each % 3]
            given = issued(form_d(f"VN-{country} 26/{each:02}", importing=country))
            assert made.say(MOIT, given).body == b"taken"
            if each % 4 == 0:
                made.say(ASW, tracked(given, hop="AS1"))
                made.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "5")]))
        for each in range(3):
            made.say(EPHYTO, issued(plants(f"ID-{each}")))
        old = issued(form_d("VN-ID 25/OLD", issued_on=date(2025, 2, 28)))
        made.say(MOIT, old.model_copy(update={"event": E.COPIED}))
        yield made


def numbers(world: Border, asked: Asked) -> list[str]:
    """List all pages of a list."""
    found: list[str] = []
    while True:
        with world.hub.ledger.read() as conn:
            page = border.listed(conn, asked, world.hub.now())
        found += [row.number for row in page.rows]
        if not page.following:
            return found
        assert len(page.rows) == asked.rows
        asked = Asked(**{**{name: getattr(asked, name) for name in asked.__dataclass_fields__}, "after": page.following})


def test_the_newest_change_stands_first_on_pages_that_follow_each_other(world: Border) -> None:
    whole = numbers(world, Asked(rows=200))
    assert len(whole) == len(set(whole)) == 16
    assert whole[0] == "VN-ID 25/OLD" and whole[-1] == "VN-ID 26/00"
    assert numbers(world, Asked(rows=3)) == whole


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (Asked(state="given"), 3),
        (Asked(state="issued"), 12),
        (Asked(state="expired"), 1),
        (Asked(country="TH"), 4),
        (Asked(document="phyto"), 3),
        (Asked(document="origin", country="ID", state="issued"), 3),
        (Asked(number="vn id 26"), 4),
        (Asked(number="VN-ID 26/0", state="given"), 1),
        (Asked(number="id0"), 1),
        (Asked(document="declaration"), 0),
    ],
)
def test_lists_by_state_country_document_and_number(world: Border, asked: Asked, count: int) -> None:
    pages = numbers(world, Asked(**{**{name: getattr(asked, name) for name in asked.__dataclass_fields__}, "rows": 2}))
    assert len(pages) == len(set(pages)) == count


def test_a_clock_puts_first_what_ends_first(world: Border) -> None:
    listed = numbers(world, Asked(clock="expiry", rows=5))
    assert listed[0] == "VN-ID 25/OLD" and len(listed) == 13
    assert "VN-ID 26/00" not in numbers(world, Asked(clock="answer", rows=5))
    assert numbers(world, Asked(clock="hop", before=world.hub.now())) == []
    with world.hub.ledger.read() as conn:
        ending = border_rows.ending(conn, "expiry", world.hub.now())
    assert (ending.number, ending.keys) == (1, ("border:origin:VN:VN-ID 25/OLD",))


def test_a_cursor_of_another_list_is_turned_away(world: Border) -> None:
    with world.hub.ledger.read() as conn:
        page = border.listed(conn, Asked(rows=1), world.hub.now())
        for after in ("x", page.following + "A", "W10"):
            with pytest.raises(NotAllowed):
                border.listed(conn, Asked(after=after), world.hub.now())
        with pytest.raises(NotAllowed):
            border.listed(conn, Asked(number="1", after=page.following), world.hub.now())


def test_who_works_for_some_endpoints_sees_what_came_from_or_went_to_them(world: Border) -> None:
    with world.hub.ledger.read() as conn:
        seen = border.listed(conn, Asked(rows=200), world.hub.now(), scope=frozenset({"bo_nnmt"}))
        none = border.listed(conn, Asked(rows=200), world.hub.now(), scope=frozenset({CUSTOMS}))
    assert {row.document for row in seen.rows} == {"phyto"} and len(seen.rows) == 3
    assert none.rows == ()


def test_a_mark_is_listed_counted_and_closed_by_a_decision(world: Border) -> None:
    given = issued(form_d("VN-ID 26/MARK"))
    world.say(MOIT, given)
    world.say(ASW, about(given, E.COPY_ASKED))
    with world.hub.ledger.read() as conn:
        assert [row.key for row in border.listed(conn, Asked(mark="copy_asked"), world.hub.now()).rows] == [given.subject]
        assert border_rows.open_marks(conn)["copy_asked"][0] == 1
    assert world.shown(given).row.marks == ("copy_asked",)

    decide = partial(
        border_verbs.close_mark, key=given.subject, mark=Mark.COPY_ASKED, actor="an", why="đã gửi lại", at=world.hub.now()
    )
    world.hub.ledger.change(decide, given.subject)
    (mark,) = world.shown(given).marks
    assert (mark.closed_by, mark.why) == ("an", "đã gửi lại")
    assert world.shown(given).history[0].event == "decided"
    with pytest.raises(NotAllowed):
        world.hub.ledger.change(decide, given.subject)
    # The next cause opens it again.
    world.say(ASW, about(given, E.COPY_ASKED))
    assert world.marks(given.subject) == {"copy_asked": ""}


def test_a_late_presentation_is_accepted_once_by_an_officer(world: Border) -> None:
    key, fresh = "border:origin:VN:VN-ID 25/OLD", "border:origin:VN:VN-TH 26/01"
    assert world.shown(key).row.state == "expired"
    accept = partial(border_verbs.accept_late, actor="an", why="bất khả kháng", at=world.hub.now())
    with pytest.raises(NotAllowed):
        world.hub.ledger.change(partial(accept, key=fresh), fresh)
    world.hub.ledger.change(partial(accept, key=key), key)
    assert world.shown(key).row.state == "issued" and world.shown(key).late_accepted_at
    with pytest.raises(NotAllowed):
        world.hub.ledger.change(partial(accept, key=key), key)


def test_one_document_is_shown_with_its_way_items_uses_and_history(world: Border) -> None:
    found = world.shown("border:origin:VN:VN-ID 26/00")
    assert [hop.hop for hop in found.hops] == ["AS1", "AS2", "AS3", "AS4"]
    assert [hop.at is not None for hop in found.hops] == [True, False, False, False]
    assert [(use.declaration, use.item, use.result) for use in found.uses] == [("D1", 0, "given"), ("D1", 1, "given")]
    assert [event.event for event in found.history] == ["answered", "tracked", "issued"]
    with world.hub.ledger.read() as conn:
        told = border.content(conn, found.row.key)
        assert told is not None and told.origin is not None and told.origin.number == "VN-ID 26/00"
        assert border.shown(conn, "border:origin:VN:none", world.hub.now()) is None
        assert border.content(conn, "border:origin:VN:none") is None


def test_a_dossier_has_its_documents_and_what_was_said_of_them(world: Border) -> None:
    given = issued(plants("ID-JOINED"))
    world.say(WINDOW, dossier("BNNPTNT0426000001", "BNNPTNT0300004", Event.SUBMITTED, {"PhytoCerNo": "ID-JOINED"}))
    world.say(EPHYTO, given)
    with world.hub.ledger.read() as conn:
        rows = border_rows.of_dossier(conn, "vnsw:BNNPTNT0426000001", world.hub.now())
        told = border.history_of_dossier(conn, [row.key for row in rows])
        assert [row.key for row in rows] == [given.subject]
        assert [(key, event.event) for key, event in told] == [(given.subject, "issued")]
        assert border_rows.of_dossier(conn, "", world.hub.now()) == ()
        assert border.history_of_dossier(conn, []) == ()


def test_the_journal_tells_what_happened_without_what_the_document_contains(world: Border) -> None:
    given = issued(plants("ID-JOURNAL"))
    world.say(EPHYTO, given)
    with world.hub.ledger.read() as conn:
        rows = conn.execute(journal.select().where(journal.c.subject == given.subject)).all()
    assert [row.event for row in rows] == ["border.said", "message.received"]
    for row in rows:
        assert "Cong ty" not in row.entry and "dragon" not in row.entry and "Thu Nghiem" not in row.entry


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("state = 'given' ORDER BY updated_at DESC, key DESC", "border_by_state"),
        ("partner = 'ID' ORDER BY updated_at DESC, key DESC", "border_by_partner"),
        ("partner = 'ID' AND state = 'given' ORDER BY updated_at DESC, key DESC", "border_by_partner_state"),
        ("document = 'phyto' ORDER BY updated_at DESC, key DESC", "border_by_document"),
        ("number_key >= 'A' AND number_key < 'B' ORDER BY number_key, key", "border_by_number"),
        ("dossier = 'x' AND dossier <> ''", "border_by_dossier"),
        ("answer_due IS NOT NULL AND answer_due < 5", "border_answers_due"),
        ("hop_due IS NOT NULL AND hop_due < 5", "border_hops_due"),
        ("expires_at IS NOT NULL AND expires_at < 5", "border_expiries"),
    ],
)
def test_every_list_is_served_by_an_index(tmp_path: Path, statement: str, index: str) -> None:
    with opened(tmp_path / "config", "sqlite:///ledger.db") as world, world.hub.ledger.read() as conn:
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT * FROM border_documents WHERE {statement} LIMIT 50").fetchall()
    told = " ".join(str(row[-1]) for row in plan)
    assert index in told and "SCAN border_documents" not in told.replace(f"SCAN border_documents USING INDEX {index}", "")


def test_every_mark_has_a_name_in_both_languages() -> None:
    assert set(MARK_NAMES) == set(Mark)
    assert all(vi and en and vi != en for vi, en in MARK_NAMES.values())
