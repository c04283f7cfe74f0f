"""Message History: lists that can be narrowed, a whole story by any name, exact bytes by digest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import intake
from hub.errors import NotAllowed
from hub.registers import history, names
from hub.registers.records import Filters, Timeline
from tests.support.hub import PARTNER, SENDER, document, request
from tests.support.night_shift import Shift, shift


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    """Two dossiers delivered, a third parked, and a message refused at the door."""
    with shift(tmp_path) as opened:
        opened.send(1, "H01-1")
        opened.clock.advance(60)
        opened.send(2, "H01-2")
        opened.clock.advance(60)
        opened.unmapped(3, "H01-3")
        opened.clock.advance(60)
        intake.receive(opened.hub, request(b'{"maThongDiep": "M-9"}'))
        yield opened


def listed(night: Shift, **filters: Any) -> list[str]:
    with night.hub.ledger.read() as conn:
        return [row.subject if row.accepted else "refused" for row in history.listing(conn, Filters(**filters))]


def told(night: Shift, name: str) -> Timeline:
    with night.hub.ledger.read() as conn:
        return history.timeline(conn, name)


def test_messages_are_listed_newest_first_with_where_their_deliveries_stand(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        rows = history.listing(conn, Filters())

    assert [dict(row.deliveries) for row in rows] == [{}, {"parked": 1}, {"delivered": 1}, {"delivered": 1}]
    assert [row.error_code for row in rows] == ["invalid_message", "", "", ""]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["refused", "national:H01-3", "national:H01-2", "national:H01-1"]),
        ({"limit": 2}, ["refused", "national:H01-3"]),
        ({"endpoint": PARTNER}, []),
        ({"subject": "H01-2"}, ["national:H01-2"]),
        ({"procedure": "9.999999"}, ["national:H01-3"]),
        ({"accepted": False}, ["refused"]),
        ({"accepted": True, "endpoint": SENDER}, ["national:H01-3", "national:H01-2", "national:H01-1"]),
        ({"error": "invalid_message"}, ["refused"]),
        ({"error": "no_mapping"}, ["national:H01-3"]),
        ({"error": "refused"}, []),
    ],
)
def test_the_list_is_narrowed(night: Shift, filters: dict[str, Any], expected: list[str]) -> None:
    assert listed(night, **filters) == expected


def test_the_list_is_narrowed_by_time(night: Shift) -> None:
    assert listed(night, since=night.hub.now() - 90) == ["refused", "national:H01-3"]


def test_a_list_shows_no_personal_data(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        assert "Thử Nghiệm" not in repr(history.listing(conn, Filters()))


def test_a_dossiers_story_has_messages_deliveries_attempts_notices_and_journal(night: Shift) -> None:
    found = told(night, "H01-1")

    (message,), (delivery,) = found.messages, found.deliveries
    assert (found.dossier.key, found.dossier.origin) == ("national:H01-1", SENDER)
    assert message.verdict["indication"] == "NOT-SIGNED"
    assert (delivery.endpoint, delivery.state, len(delivery.attempts)) == (PARTNER, "delivered", 1)
    assert [each.outcome for each in found.notices] == ["delivered"]
    events = [row.event for row in found.journal]
    assert (events[0], events[-1]) == ("message.received", "delivery.delivered")


@pytest.mark.parametrize("name", ["message", "delivery"])
def test_a_message_and_a_delivery_tell_only_their_own_story(night: Shift, name: str) -> None:
    night.send(4, "H01-1")
    whole = told(night, "H01-1")
    first = whole.deliveries[0]

    found = told(night, first.message_id if name == "message" else first.id)

    assert [each.id for each in found.deliveries] == [first.id]
    assert [each.row.id for each in found.messages] == [first.message_id]
    assert {row.entry.get("message", row.entry.get("delivery")) for row in found.journal} == {first.message_id, first.id}
    assert len(found.journal) < len(whole.journal)


def test_a_refused_messages_story_names_every_fault(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        (row,) = history.listing(conn, Filters(accepted=False))

    (message,) = told(night, row.id).messages

    assert {fault["path"] for fault in message.faults} >= {"/suKien", "/hoSo"}
    assert message.answer_status == 422


def test_the_exact_bytes_come_by_digest(night: Shift) -> None:
    (message,) = told(night, "H01-1").messages

    with night.hub.ledger.read() as conn:
        assert history.body(conn, message.raw_digest) == document(1, "H01-1")
        assert history.body(conn, "sha256:" + "0" * 64) is None


def test_a_follower_knows_its_head_and_the_head_its_followers(night: Shift) -> None:
    night.send(4, "H01-3")
    night.send(5, "H01-3")

    found = night.deliveries("H01-3")

    assert [(each.place, each.head_place, each.followers) for each in found] == [(1, 1, 2), (2, 1, 1), (3, 1, 0)]


# --- names -----------------------------------------------------------------------------------------------------------


def test_the_beginning_of_an_identifier_names_it(night: Shift) -> None:
    (delivery,) = night.ids("H01-1")

    with night.hub.ledger.read() as conn:
        assert names.resolve(conn, delivery[:8]).name == delivery
        assert names.delivery_id(conn, delivery[:8]) == delivery


def test_an_identifier_that_is_too_short_names_nothing(night: Shift) -> None:
    (delivery,) = night.ids("H01-1")

    with night.hub.ledger.read() as conn, pytest.raises(NotAllowed):
        names.resolve(conn, delivery[:5])


def test_a_dossier_is_named_with_and_without_its_numbering(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        assert names.dossier_key(conn, "H01-1") == names.dossier_key(conn, "national:H01-1") == "national:H01-1"
        assert names.dossier_key(conn, "H01-99") == ""


def test_a_dossier_with_one_delivery_names_it_and_with_several_they_are_listed(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        assert names.delivery_id(conn, "H01-1") == night.ids("H01-1")[0]
    night.send(4, "H01-1")

    with night.hub.ledger.read() as conn, pytest.raises(NotAllowed) as refused:
        names.delivery_id(conn, "H01-1")

    assert all(each in refused.value.en for each in night.ids("H01-1"))


@pytest.mark.parametrize("given", ["", "nobody", "%", "' OR 1=1 --", "0" * 5000, "\x00"])
def test_what_names_nothing_is_refused(night: Shift, given: str) -> None:
    with night.hub.ledger.read() as conn, pytest.raises(NotAllowed):
        names.resolve(conn, given)


