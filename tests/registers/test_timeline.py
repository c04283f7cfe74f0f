"""The timeline of a dossier: everything that happened, in order, page by page, without persons; one message and one delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from hub import operations
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import NotAllowed
from hub.ledger import journal, payloads
from hub.ledger.tables import messages
from hub.registers.showing import Shown
from hub.registers.timeline import Entry, TimelinePage
from hub.rules.people import Person, Role
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

LAN = Person(login="lan", roles=frozenset({Role.OPERATOR}))


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Shift]:
    with shift(tmp_path) as opened:
        yield opened


def page(night: Shift, name: str = "H01-1", person: Person = LAN, **asked: object) -> TimelinePage:
    found: TimelinePage = perform(night.hub, person, ACTS["timeline"], ACTS["timeline"].asked(name=name, **asked))
    return found


def show(night: Shift, name: str, person: Person = LAN) -> Shown:
    found: Shown = perform(night.hub, person, ACTS["show"], ACTS["show"].asked(name=name))
    return found


def events(found: TimelinePage) -> list[str]:
    return [each.event for each in found.entries]


def the(found: TimelinePage, event: str) -> Entry:
    return next(each for each in found.entries if each.event == event)


def test_a_dossiers_story_is_told_in_order_with_people_and_partners(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)
    night.mend()
    operations.rebuild(night.hub, night.ids()[0], actor="lan", why="đã bổ sung danh mục")
    night.carry()

    found = page(night)

    assert events(found) == [
        "message.received", "delivery.park", "message.received", "operator.rebuild", "delivery.sending", "delivery.delivered",
        "delivery.sending", "delivery.delivered",
    ]  # fmt: skip
    assert [each.at for each in found.entries] == sorted(each.at for each in found.entries)
    received, rebuilt = found.entries[0], the(found, "operator.rebuild")
    assert (received.kind, received.endpoint, received.actor, received.vi) == ("message", SENDER, SENDER, "Nhận thông điệp")
    assert received.deliveries == (night.ids()[0],)
    assert (rebuilt.kind, rebuilt.actor, rebuilt.why, rebuilt.endpoint) == ("operator", "lan", "đã bổ sung danh mục", PARTNER)
    assert the(found, "delivery.park").facts["error"] == "no_mapping"
    sending, delivered = the(found, "delivery.sending"), the(found, "delivery.delivered")
    assert (delivered.facts["outcome"], delivered.facts["attempt"]) == ("delivered", "1")
    assert {each.role for each in delivered.digests} == {"business", "sent", "reply"}
    assert sending.digests[0] in delivered.digests
    assert found.dossier is not None and found.dossier.codes == ("national:H01-1",)
    (chain,) = found.chains
    assert (chain.endpoint, chain.places, chain.done, chain.waiting, chain.head_id) == (PARTNER, 2, 2, 0, "")


def test_what_each_message_says_is_shown_with_what_differs_from_the_one_before(night: Shift) -> None:
    night.send(1)
    night.send(2, status="CHOBOSUNG")

    first, second = [each for each in page(night).entries if each.event == "message.received"]

    assert first.canonical["dossier"]["code"] == "H01-1" and first.changes == ()
    assert {"/dossier/status"} <= {each.path for each in second.changes}
    (status,) = [each for each in second.changes if each.path == "/dossier/status"]
    assert (status.before, status.after) == (first.canonical["dossier"]["status"], second.canonical["dossier"]["status"])


def test_persons_are_nowhere(one: Shift) -> None:
    one.send(1)
    one.send(2, status="CHOBOSUNG")
    (message, _), (delivery, _) = sorted(found_messages(one)), one.ids()

    told = repr((page(one), show(one, message), show(one, delivery)))

    assert "Nguyễn" not in told and "***" in told


def found_messages(night: Shift) -> list[str]:
    with night.hub.ledger.read() as conn:
        return [str(each) for each in conn.execute(select(messages.c.id)).scalars()]


@pytest.mark.parametrize("newest", [False, True])
def test_pages_give_everything_once_in_either_order(night: Shift, newest: bool) -> None:
    for number in range(1, 8):
        night.send(number, status="XULY" if number % 2 else "CHOBOSUNG")
    whole = page(night, limit=200)
    told, after, pages = [], "", 0
    while True:
        some = page(night, limit=4, after=after, newest=newest)
        told += [(each.subject, each.number, each.changes) for each in some.entries]
        pages += 1
        if not (after := some.next):
            break

    expected = [(each.subject, each.number, each.changes) for each in whole.entries]
    assert told == (expected[::-1] if newest else expected)
    assert pages == -(-whole.total // 4) and whole.total == len(expected)


def test_a_version_that_retention_deleted_is_left_out_and_the_next_compared_with_the_one_before(one: Shift) -> None:
    one.send(1)
    one.send(2, status="CHOBOSUNG")
    one.send(3, status="XULY")
    second = [each for each in page(one).entries if each.event == "message.received"][1]
    (digest,) = [each.digest for each in second.digests if each.role == "canonical"]
    with one.hub.ledger.apart() as conn:
        conn.execute(payloads.payloads.update().where(payloads.payloads.c.digest == digest).values(body=None, deleted_at=1.0))

    first, gone, last = [each for each in page(one).entries if each.event == "message.received"]

    assert (gone.canonical, gone.changes) == (None, ())
    assert first.canonical is not None and "/dossier/status" not in {each.path for each in last.changes}


def test_a_dossier_is_named_by_anything_that_belongs_to_it(one: Shift) -> None:
    one.send(1)
    names = ("H01-1", "national:H01-1", found_messages(one)[0], one.ids()[0][:8])

    assert {page(one, name).subject for name in names} == {"national:H01-1"}
    with pytest.raises(NotAllowed):
        page(one, "H99-9")


def test_doubts_and_inquiries_are_told_with_what_waits(one: Shift) -> None:
    one.faults["H01-1"] = "garble"
    one.send(1)
    one.send(2)

    found = page(one)

    assert the(found, "delivery.doubt").facts["outcome"] == "doubt"
    (chain,) = found.chains
    assert (chain.head_state, chain.head_id, chain.waiting, chain.done) == ("in_doubt", one.ids()[0], 1, 0)


def test_what_the_sender_was_told_stands_at_its_message(tmp_path: Path) -> None:
    with shift(tmp_path) as night:
        night.send(1)

        (told,) = page(night).entries[0].notices

        assert (told.endpoint, told.recipient, told.outcome, told.delivery_id) == (SENDER, PARTNER, "delivered", night.ids()[0])


def test_calls_that_tell_the_sender_stand_in_the_same_list_in_order(night: Shift) -> None:
    """They are deliveries of a chain of their own, with a chain of the journal of its own."""
    def append(at: float) -> None:
        row = partial(
            journal.append, subject="notices:national:H01-1", event="delivery.sending", at=at, actor="hub", entry={"attempt": 1}
        )
        night.hub.ledger.change(row, "notices:national:H01-1")

    night.send(1)
    append(night.hub.now())
    night.send(2)
    append(night.hub.now())

    kinds = [each.kind for each in page(night).entries]
    told, after = [], ""
    while True:
        some = page(night, limit=3, after=after)
        told += [each.kind for each in some.entries]
        if not (after := some.next):
            break

    assert kinds == told == ["message", "delivery", "delivery", "notice"] * 2
    assert page(night).total == len(kinds)


def test_a_person_sees_the_dossiers_they_work_on(one: Shift) -> None:
    one.send(1)
    message, delivery = found_messages(one)[0], one.ids()[0]
    for scope in ({SENDER}, {PARTNER}):
        person = replace(LAN, scope=frozenset(scope))
        assert page(one, person=person).entries and show(one, message, person).id == message
    for name in ("H01-1", message, delivery):
        nobody = replace(LAN, scope=frozenset({"elsewhere"}))
        with pytest.raises(NotAllowed, match="is called"):
            page(one, name, nobody)
        if name != "H01-1":
            with pytest.raises(NotAllowed, match="is called"):
                show(one, name, nobody)


# --- one message, one delivery ---------------------------------------------------------------------------------------


def test_a_delivery_is_shown_with_what_may_be_done_and_what_waits_behind_it(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)
    head, follower = night.ids()

    shown = show(night, head[:10])
    (delivery,) = shown.deliveries

    assert (shown.kind, shown.id, shown.subject) == ("delivery", head, "national:H01-1")
    assert delivery.verbs == ("release", "rebuild", "settle --arrived", "abandon", "abandon --followers")
    assert [(each.id, each.state) for each in delivery.behind] == [(follower, "held")]
    assert shown.canonical[0]["dossier"]["code"] == "H01-1"


def test_a_message_is_shown_with_its_deliveries_and_every_body_that_is_kept(night: Shift) -> None:
    night.send(1)
    shown = show(night, found_messages(night)[0])
    kept = {(each.role, each.of) for each in shown.bytes}
    delivery = shown.deliveries[0].detail.id

    assert (shown.kind, len(shown.deliveries), len(shown.notices)) == ("message", 1, 1)
    assert {("raw", shown.id), ("answer", shown.id), ("canonical", shown.id)} <= kept
    assert {("business", delivery), ("sent", f"{delivery}/1"), ("reply", f"{delivery}/1")} <= kept
    assert all(each.size and each.deleted_at is None for each in shown.bytes)
    assert shown.deliveries[0].detail.head == {}
