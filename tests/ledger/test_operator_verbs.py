"""What an operator states ends a delivery once, in order, or changes nothing; its sender is told what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hub.contract import Outgoing
from hub.errors import NotAllowed, Refused
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal, notices
from hub.ledger.values import Evidence, Notice
from hub.rules.lifecycle import State
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.looking import all_deliveries, broken_rows, check_chains, head_place, state

AT = make.AT
LATER = AT + 10_000
SAID: dict[str, Any] = {"actor": "an", "why": "called", "now": AT}
WAITING = frozenset({"GuiHoSo"})


def receive(ledger: Ledger, count: int, **given: Any) -> list[str]:
    """Record a message with so many deliveries in one chain; give their identifiers."""
    planned = tuple(make.planned(**given) for _ in range(count))
    ledger.record_received(make.acceptance(planned=planned))
    return [each.id for each in planned]


def park(ledger: Ledger) -> None:
    """Have the partner refuse what is due."""
    sending = make.send_one(ledger)
    ledger.record_failed(sending, Refused("no", "không"), Decision(action="park"), Evidence(), None, AT)


def arrived(ledger: Ledger, delivery_id: str, *, waits: bool = False, now: float = AT) -> None:
    ledger.settle(
        delivery_id, arrived=True, evidence=b"letter", found={}, waits=waits, notice=make.DELIVERED, **(SAID | {"now": now})
    )


def answered(ledger: Ledger, delivery_id: str, *, acknowledged: bool = True) -> None:
    notice = Notice(outcome="acknowledged" if acknowledged else "refused_late", code="", vi="", en="")
    ledger.settle_answer(delivery_id, acknowledged=acknowledged, evidence=b"letter", notice=notice, **SAID)


def abandon_all(ledger: Ledger, *ids: str) -> None:
    ledger.abandon_all([(each, Notice(outcome="abandoned", code="", vi="", en="")) for each in ids], **SAID)


def told(ledger: Ledger) -> list[tuple[str, str]]:
    """Give what senders were told: (delivery, outcome)."""
    with ledger.read() as conn:
        return [(row.delivery_id, row.outcome) for row in conn.execute(select(notices).order_by(notices.c.seq))]


def events(ledger: Ledger, event: str) -> list[str]:
    with ledger.read() as conn:
        return list(conn.execute(select(journal.c.entry).where(journal.c.event == event).order_by(journal.c.seq)).scalars())


def nothing_changes(ledger: Ledger, verb: Callable[[], None]) -> NotAllowed:
    """Try a verb that is not possible."""
    before = all_deliveries(ledger)
    with pytest.raises(NotAllowed) as refused:
        verb()
    assert all_deliveries(ledger) == before
    assert broken_rows(ledger) == []
    return refused.value


# --- an acknowledgement that never came


@pytest.mark.parametrize(
    ("acknowledged", "then"), [(True, State.ACKNOWLEDGED), (False, State.REFUSED_LATE)], ids=["acknowledged", "refused"]
)
def test_the_partners_answer_as_an_operator_heard_it_lets_the_chain_go_on(
    ledger: Ledger, acknowledged: bool, then: State
) -> None:
    first, second = receive(ledger, 2)
    make.deliver_one(ledger, waits=True)
    assert [state(ledger, each) for each in (first, second)] == [State.DELIVERED, State.HELD]

    answered(ledger, first, acknowledged=acknowledged)

    assert [state(ledger, each) for each in (first, second)] == [then, State.PENDING]
    assert told(ledger)[-1] == (first, then.value)
    check_chains(ledger, waiting=WAITING)
    (entry,) = events(ledger, f"operator.settle_{'acknowledged' if acknowledged else 'refused'}")
    assert '"evidence":"sha256:' in entry
    assert '"why":"called"' in entry


def test_of_a_delivery_that_nothing_waits_for_there_is_nothing_to_state(ledger: Ledger) -> None:
    first, _ = receive(ledger, 2)
    make.deliver_one(ledger)

    refused = nothing_changes(ledger, lambda: answered(ledger, first))

    assert "its chain has moved on" in refused.en


def test_an_answer_is_stated_once(ledger: Ledger) -> None:
    first, _ = receive(ledger, 2)
    make.deliver_one(ledger, waits=True)
    answered(ledger, first)

    nothing_changes(ledger, lambda: answered(ledger, first, acknowledged=False))


@pytest.mark.parametrize("acknowledged", [True, False])
def test_what_is_in_doubt_must_have_arrived_before_it_can_be_acknowledged(ledger: Ledger, acknowledged: bool) -> None:
    first, second = receive(ledger, 2)
    make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)
    refused = nothing_changes(ledger, lambda: answered(ledger, first, acknowledged=acknowledged))
    assert "settle --arrived, settle --not-arrived" in refused.en

    arrived(ledger, first, waits=True, now=LATER)
    assert state(ledger, second) is State.HELD
    answered(ledger, first, acknowledged=acknowledged)

    assert state(ledger, second) is State.PENDING


def test_to_have_arrived_is_not_to_be_acknowledged(ledger: Ledger) -> None:
    """Who looked while it was in doubt must not, a moment later, move on the chain of one that is delivered by now."""
    first, _ = receive(ledger, 2)
    make.deliver_one(ledger, waits=True)

    nothing_changes(ledger, lambda: arrived(ledger, first))


def test_an_acknowledgement_that_comes_after_all_changes_nothing_more(ledger: Ledger) -> None:
    first, second = receive(ledger, 2)
    delivered = make.deliver_one(ledger, waits=True)
    answered(ledger, first)

    ledger.record_received(make.acceptance(endpoint="bo", correlation=delivered.native_id))

    assert [state(ledger, each) for each in (first, second)] == [State.ACKNOWLEDGED, State.PENDING]
    check_chains(ledger, waiting=WAITING)


# --- what is not sent yet


def test_what_was_brought_by_hand_is_not_sent_and_its_followers_go(ledger: Ledger) -> None:
    first, second = receive(ledger, 2)

    arrived(ledger, first)

    assert make.queue_one(ledger).id == second
    assert state(ledger, first) is State.DELIVERED
    assert told(ledger) == [(first, "delivered")]


def test_what_waits_after_a_failed_attempt_can_be_brought_by_hand(ledger: Ledger) -> None:
    first, second = receive(ledger, 2)
    sending = make.send_one(ledger)
    ledger.record_failed(sending, Refused("down", "mất kết nối"), Decision(action="wait", delay=60), Evidence(), None, AT)
    assert state(ledger, first) is State.WAITING

    arrived(ledger, first)

    assert make.queue_one(ledger, now=LATER).id == second


@pytest.mark.parametrize("stage", ["queued", "claimed", "sending"])
def test_what_is_on_its_way_cannot_be_settled(ledger: Ledger, stage: str) -> None:
    """Of the dispatcher and the operator one is first; the other finds another state."""
    (first,) = receive(ledger, 1)
    due = make.queue_one(ledger)
    if stage != "queued":
        held = ledger.claim(due, AT, make.LEASE_SECONDS)
        assert held is not None
        if stage == "sending":
            ledger.lapse(LATER, make.parks_doubt)
            make.send_one(ledger, now=LATER)

    nothing_changes(ledger, lambda: arrived(ledger, first, now=LATER))


def test_a_bus_message_from_before_it_was_settled_finds_nothing(ledger: Ledger) -> None:
    (first,) = receive(ledger, 1)
    due = make.queue_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)

    arrived(ledger, first, now=LATER)

    assert ledger.claim(due, LATER, make.LEASE_SECONDS) is None
    assert state(ledger, first) is State.DELIVERED


def test_a_follower_cannot_be_settled_before_its_head(ledger: Ledger) -> None:
    _, second = receive(ledger, 2)

    nothing_changes(ledger, lambda: arrived(ledger, second))


# --- a word of the partner's that came before the receipt


def keep_refusal(ledger: Ledger) -> str:
    """Have the partner refuse by a message of its own what it has refused before, and what a person is to look at."""
    (first,) = receive(ledger, 1)
    sending = make.send_one(ledger)
    ledger.record_failed(sending, Refused("no", "không"), Decision(action="park"), Evidence(), None, AT)
    refusal = make.acceptance(endpoint="bo", correlation=sending.native_id, correlation_refused=True)
    ledger.record_received(refusal)
    assert state(ledger, first) is State.PARKED
    return first


def test_a_refusal_that_came_first_is_what_the_sender_is_told_when_it_is_settled(ledger: Ledger) -> None:
    first = keep_refusal(ledger)

    arrived(ledger, first)

    assert state(ledger, first) is State.REFUSED_LATE
    assert told(ledger) == [(first, "refused_late")]


def test_a_refusal_that_came_first_is_what_the_sender_is_told_when_it_is_found(ledger: Ledger) -> None:
    first = keep_refusal(ledger)
    ledger.release(first, actor="an", why="again", now=LATER)
    sending = ledger.claim(make.queue_one(ledger, now=LATER), LATER, make.LEASE_SECONDS)
    assert sending is not None
    outgoing = Outgoing(service=sending.service, body=sending.business or b"")
    ledger.record_sending(sending, outgoing, sending.native_id, LATER, make.LEASE_SECONDS)
    ledger.lapse(LATER + 10_000, make.asks_in_doubt)
    held = ledger.doubtful(make.queue_one(ledger, now=LATER + 10_000))
    assert held is not None

    ledger.record_finding(held, "found", {}, Evidence(), make.DELIVERED, LATER + 10_000, waits=False)

    assert state(ledger, first) is State.REFUSED_LATE
    assert told(ledger) == [(first, "refused_late")]


# --- findings


@pytest.mark.parametrize(("outcome", "tells"), [("found", 1), ("absent", 0), ("unknown", 0)])
def test_only_what_was_found_tells_the_sender(ledger: Ledger, outcome: str, tells: int) -> None:
    receive(ledger, 1)
    make.send_one(ledger)
    ledger.lapse(LATER, make.asks_in_doubt)
    held = ledger.doubtful(make.queue_one(ledger, now=LATER))
    assert held is not None
    callback = make.planned("notices:national:1", "mot_cua", kind="notice")
    notice = Notice(outcome="delivered", code="", vi="", en="", callback=callback)

    ledger.record_finding(held, outcome, {}, Evidence(), notice, LATER, waits=False)

    assert len(told(ledger)) == tells
    assert [row.id for row in all_deliveries(ledger) if row.kind == "notice"] == [callback.id] * tells


# --- abandoning a chain


def test_a_head_and_what_waits_behind_it_are_given_up_in_order(ledger: Ledger) -> None:
    receive(ledger, 1)
    make.deliver_one(ledger)
    ids = receive(ledger, 3)
    park(ledger)

    abandon_all(ledger, *ids)

    assert [row.state for row in all_deliveries(ledger)] == [State.DELIVERED, *[State.ABANDONED] * 3]
    assert told(ledger)[1:] == [(each, "abandoned") for each in ids]
    entries = events(ledger, "operator.abandon")
    assert [each.split('"delivery":"')[1][:36] for each in entries] == ids
    assert head_place(ledger) == 5
    assert ledger.queue(LATER, make.budgets()) == []
    assert broken_rows(ledger) == []


def test_a_follower_that_came_after_the_list_was_seen_goes_on(ledger: Ledger) -> None:
    seen = receive(ledger, 2)
    park(ledger)
    (since,) = receive(ledger, 1)

    abandon_all(ledger, *seen)

    assert make.queue_one(ledger).id == since
    check_chains(ledger)


def test_of_a_follower_and_those_behind_it_the_head_is_left_where_it_is(ledger: Ledger) -> None:
    first, *rest = receive(ledger, 3)
    park(ledger)

    abandon_all(ledger, *rest)

    assert [row.state for row in all_deliveries(ledger)] == [State.PARKED, State.ABANDONED, State.ABANDONED]
    check_chains(ledger)
    ledger.release(first, **SAID)
    assert make.queue_one(ledger).id == first


def test_where_one_of_them_got_its_turn_meanwhile_none_is_given_up(ledger: Ledger) -> None:
    ids = receive(ledger, 3)
    park(ledger)
    ledger.abandon(ids[0], notice=make.DELIVERED, **SAID)

    refused = nothing_changes(ledger, lambda: abandon_all(ledger, *ids))
    also = nothing_changes(ledger, lambda: abandon_all(ledger, ids[2], ids[1]))

    assert "nothing was abandoned" in refused.en
    assert "does not wait behind" in also.en


def test_what_may_have_arrived_is_not_given_up_with_its_followers(ledger: Ledger) -> None:
    ids = receive(ledger, 2)
    make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)

    nothing_changes(ledger, lambda: abandon_all(ledger, *ids))


def test_a_delivery_of_another_chain_is_not_given_up_with_it(ledger: Ledger) -> None:
    (first,) = receive(ledger, 1)
    park(ledger)
    other = receive(ledger, 2, subject="national:2")[1]

    nothing_changes(ledger, lambda: abandon_all(ledger, first, other))
