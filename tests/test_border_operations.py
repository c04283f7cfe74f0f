"""Verbs of border documents, their purpose limit, their alerts and how long they are kept, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub import alerting, retention
from hub.app import Hub
from hub.canonical.border.message import AnswerResult, BorderDocument, BorderEvent, TechnicalState
from hub.delivery import deliver
from hub.errors import BadSettings, NotAllowed
from hub.ledger.border_tables import border_documents
from hub.ledger.tables import deliveries, journal, payloads
from hub.operations import border
from hub.registers import border_alerts, finding, people
from hub.registers.border import Asked
from hub.registers.finding import Sought
from hub.rules.lifecycle import State
from hub.rules.retention import DAY_SECONDS
from hub.rules.routing import Route
from hub.settings import read_routes
from tests.support.border_world import (
    ASW,
    CUSTOMS,
    MARD,
    MOIT,
    Border,
    about,
    answered,
    form_d,
    issued,
    opened,
    tracked,
    used,
)
from tests.support.engines import ENGINES, ledger_on

R, T = AnswerResult, TechnicalState


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    """One hub on each engine; each test has documents of its own."""
    with ledger_on(request.param) as ledger, opened(tmp_path_factory.mktemp("verbs") / "config", ledger) as made:
        yield made


_numbers = iter(range(1, 1_000_000))


@pytest.fixture
def number() -> str:
    return f"VN-ID 26/07/{next(_numbers):05}"


def journal_of(hub: Hub, subject: str, event: str) -> list[str]:
    """Give who did something to a document."""
    here = (journal.c.subject == subject) & (journal.c.event == event)
    with hub.ledger.read() as conn:
        return list(conn.execute(select(journal.c.actor).where(here)).scalars())


# --- who and why -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["", "  "])
def test_every_verb_that_changes_needs_who_and_why(world: Border, number: str, why: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)

    for verb in (
        lambda: border.printed(world.hub, given.subject, "vi", actor="an", why=why),
        lambda: border.copy(world.hub, given.subject, actor="an", why=why),
        lambda: border.decide(world.hub, given.subject, "differs", actor="an", why=why),
    ):
        with pytest.raises(NotAllowed):
            verb()
    assert world.sent(given.subject) == [(ASW, "issued", "pending")]


def test_a_print_is_in_the_documents_journal_and_opens_its_content_for_a_while(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)

    made = border.printed(world.hub, f"origin:VN:{number}", "en", actor="lan", why="hải quan hỏi")

    assert made.printed.consignor[0] == "CONG TY MAU" and made.printed.items[0].quantities == ("20010.5 kg",)
    assert journal_of(world.hub, given.subject, "border.printed") == ["lan"]
    with world.hub.ledger.read() as conn:
        assert people.may_see(conn, "lan", given.subject, made.until_at - 1)
        assert not people.may_see(conn, "lan", given.subject, made.until_at + 1)
        assert not people.may_see(conn, "minh", given.subject, made.until_at - 1)


def test_nothing_is_shown_nor_written_where_the_document_is_not_here(world: Border, number: str) -> None:
    """An answer about it came before the document did."""
    given = issued(form_d(number))
    world.say(ASW, answered(given, R.AVAILABLE))

    with pytest.raises(NotAllowed):
        border.printed(world.hub, given.subject, "vi", actor="an", why="x")
    assert journal_of(world.hub, given.subject, "border.printed") == []


# --- once more, and decisions ------------------------------------------------------------------------------------


def test_a_copy_is_the_same_document_under_the_same_number_and_closes_the_request(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, about(given, BorderEvent.COPY_ASKED))
    assert "copy_asked" in world.marks(given.subject)

    done = border.copy(world.hub, given.subject, actor="an", why="Indonesia đề nghị truyền lại")

    first, again = world.told(given.subject, ASW)
    assert (again.event, again.origin, again.number) == (BorderEvent.COPIED, first.origin, first.number)
    assert list(done.deliveries) == [ASW]
    assert world.marks(given.subject) == {}
    assert world.events(given.subject)[-1][0] == "copied"


@pytest.mark.parametrize("event", [BorderEvent.CANCELLED])
def test_what_does_not_count_any_more_is_not_sent_again(world: Border, number: str, event: BorderEvent) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(MOIT, about(given, event, reason="sai"))
    before = world.sent(given.subject)

    with pytest.raises(NotAllowed):
        border.copy(world.hub, given.subject, actor="an", why="x")
    assert world.sent(given.subject) == before


def test_a_document_whose_time_is_over_is_accepted_late_once(world: Border, number: str) -> None:
    given = issued(form_d(number, "TH", "VN"))
    world.say(ASW, given)
    with pytest.raises(NotAllowed):
        border.decide(world.hub, given.subject, "late_accepted", actor="an", why="quá sớm")
    here = border_documents.c.key == given.subject
    with world.hub.ledger.apart() as conn:
        conn.execute(update(border_documents).where(here).values(expires_at=world.hub.now() - 1))
    assert world.shown(given).row.state == "expired"

    done = border.decide(world.hub, given.subject, "late_accepted", actor="an", why="hàng đến trong hạn")

    assert (done.shown.row.state, done.shown.history[0].event) == ("issued", "decided")
    with pytest.raises(NotAllowed):
        border.decide(world.hub, given.subject, "late_accepted", actor="an", why="lần nữa")


def test_an_unknown_decision_and_one_without_cause_change_nothing(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)

    for decision in ("everything_is_fine", "over_used", "'; drop table"):
        with pytest.raises(NotAllowed):
            border.decide(world.hub, given.subject, decision, actor="an", why="x")
    assert journal_of(world.hub, given.subject, "border.decided") == []


# --- purpose limit -----------------------------------------------------------------------------------------------


def with_route(world: Border, *routes: Route) -> Border:
    return replace(world, hub=replace(world.hub, routes=routes))


def test_a_rule_that_gives_a_form_d_to_a_partner_without_the_purpose_is_refused_at_load(world: Border, tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    for documents, lacks in (('documents = ["origin"]', '"origin"'), ("", '"origin", "declaration"')):
        path.write_text(f'[[route]]\nname = "r"\nkind = "border"\n{documents}\nto = ["{MARD}"]\n', encoding="utf-8")

        with pytest.raises(BadSettings) as caught:
            read_routes(path, world.hub.endpoints)
        assert lacks in caught.value.en and f"endpoints/{MARD}.toml" in caught.value.en

    path.write_text(f'[[route]]\nname = "r"\nkind = "border"\ndocuments = ["phyto"]\nto = ["{MARD}"]\n', encoding="utf-8")
    assert len(read_routes(path, world.hub.endpoints)) == 1


def test_what_would_go_to_a_partner_without_the_purpose_is_parked_and_stays_so_when_released(world: Border, number: str) -> None:
    given = issued(form_d(number))
    wide = with_route(world, Route(name="too wide", kind="border", to=(ASW, MARD)))

    assert wide.say(MOIT, given, identity=number).status == 200

    states = {(endpoint, state) for endpoint, _, state in world.sent(given.subject)}
    assert states == {(ASW, "pending"), (MARD, "parked")}
    here = (deliveries.c.subject == given.subject) & (deliveries.c.endpoint == MARD)
    with world.hub.ledger.read() as conn:
        row = conn.execute(select(deliveries).where(here)).one()
    assert row.error_code == "purpose"
    world.hub.ledger.release(row.id, actor="an", why="nhầm", now=world.hub.now())
    budgets = [each for each in world.hub.budgets() if each.endpoint == MARD]
    for due in world.hub.ledger.queue(world.hub.now(), budgets):
        deliver(world.hub, due)
    with world.hub.ledger.read() as conn:
        after = conn.execute(select(deliveries).where(deliveries.c.id == row.id)).one()
    # Nothing was written for it, either.
    assert (after.state, after.error_code, after.business_digest) == (State.PARKED.value, "purpose", "")


def test_an_answer_goes_back_only_to_an_origin_that_may_have_it(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    moit = replace(world.hub.endpoints[MOIT], purposes=(BorderDocument.PHYTO,))
    narrowed = replace(world, hub=replace(world.hub, endpoints={**world.hub.endpoints, MOIT: moit}))

    narrowed.say(ASW, answered(given, R.AVAILABLE), identity=number)

    assert (MOIT, "parked") in {(endpoint, state) for endpoint, _, state in world.sent(given.subject)}


def test_a_trader_is_found_by_nobody(world: Border, number: str) -> None:
    world.say(MOIT, issued(form_d(number)))
    with world.hub.ledger.read() as conn:
        for words in ("CONG TY MAU", "PT CONTOH", "THU NGHIEM", "FRESH DRAGON FRUIT"):
            sought = Sought(text=words, scope=None, places={}, key=None, now=world.hub.now())
            assert finding.find(conn, sought).sections == ()


def test_a_person_sees_what_came_from_or_went_to_what_they_work_on(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    wanted = Asked(number=number)

    for names, sees in (({MOIT}, True), ({ASW}, True), ({CUSTOMS, MARD}, False), (set(), False)):
        scope = frozenset(names)
        assert bool(border.listed(world.hub, wanted, scope=scope).rows) is sees
        if not sees:
            with pytest.raises(NotAllowed):
                border.show(world.hub, given.subject, scope=scope)


# --- alerts ------------------------------------------------------------------------------------------------------


def test_clocks_and_marks_are_alerts_before_they_pass(world: Border, number: str) -> None:
    quiet, over, late = (issued(form_d(f"{number}/{each}")) for each in "abc")
    for each in (quiet, over, late):
        world.say(MOIT, each)
        world.say(ASW, tracked(each, T.DELIVERED, "AS4"))
    world.say(ASW, answered(over, R.GIVEN, declaration="1", items=[used(1, "99999")]))
    now = world.hub.now()
    with world.hub.ledger.apart() as conn:
        table = border_documents
        conn.execute(update(table).where(table.c.key == quiet.subject).values(answer_due=now + 20 * DAY_SECONDS))
        conn.execute(update(table).where(table.c.key == late.subject).values(answer_due=now + 2 * DAY_SECONDS, hop_due=now - 60))

    found = alerting.look(world.hub, now)

    answers = [each for each in found.border_endings if (each.clock, each.endpoint) == ("answer", MOIT)]
    assert [(each.country, each.count, each.ends) for each in answers] == [("ID", 1, now + 2 * DAY_SECONDS)]
    assert [each.count for each in found.border_endings if each.clock == "hop"] == [1]
    assert ("over_used", MOIT) in {(each.mark, each.endpoint) for each in found.border_marks}


def test_what_is_long_late_is_no_alert_any_more(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    with world.hub.ledger.read() as conn:
        due = world.shown(given).row.answer_due or 0.0
        late = border_alerts.endings(conn, due + 29 * DAY_SECONDS, DAY_SECONDS)
        gone = border_alerts.endings(conn, due + 31 * DAY_SECONDS, DAY_SECONDS)

    def counted(found: tuple[object, ...]) -> int:
        return sum(getattr(each, "count", 0) for each in found if getattr(each, "clock", "") == "answer")

    assert counted(late) > counted(gone)


# --- kept --------------------------------------------------------------------------------------------------------


def test_a_document_is_still_there_after_a_run_that_deletes_everything_else(world: Border, number: str) -> None:
    """One day of work and of proof; the content is laid out for print three years later."""
    given = issued(form_d(number))
    world.say(MOIT, given)
    hub = replace(world.hub, clock=lambda: world.hub.clock() + timedelta(days=1096))

    retention.run(hub, days=1, proof_days=1, actor="an", why="thử")

    shown = border.show(hub, given.subject).shown
    assert border.lay_out(hub, shown, "vi").printed.number == number
    with hub.ledger.read() as conn:
        assert conn.execute(select(payloads.c.body).where(payloads.c.digest == shown.canonical_digest)).scalar_one() is not None
