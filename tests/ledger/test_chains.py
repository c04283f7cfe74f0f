"""In order: a place is taken until the commit, followers are held, and the commit that ends the head wakes the next."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.errors import Busy, Refused
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal
from hub.ledger.values import Evidence
from hub.rules.lifecycle import State
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.looking import all_deliveries, broken_rows, check_chains, delivery, head_place, state

WAITING = frozenset({"GuiHoSo"})


def receive(ledger: Ledger, *planned: make.Planned, **given: object) -> list[str]:
    """Record one message with its deliveries; give their ids."""
    ledger.record_received(make.acceptance(body=make.new_id().encode(), planned=planned, **given))
    return [each.id for each in planned]


def acknowledge(ledger: Ledger, delivery_id: str, *, refused: bool = False) -> None:
    """Let the partner's later message close a delivery."""
    body = make.new_id().encode()
    ledger.record_received(
        make.acceptance(endpoint="bo", body=body, correlation=delivery_id, correlation_refused=refused)
    )


def test_the_first_of_a_chain_is_pending_and_the_others_are_held(ledger: Ledger) -> None:
    first, second = receive(ledger, make.planned(), make.planned())
    (other,) = receive(ledger, make.planned(subject="national:2"))

    states = [state(ledger, each) for each in (first, second, other)]
    assert states == [State.PENDING, State.HELD, State.PENDING]
    check_chains(ledger)


def test_the_commit_that_ends_the_head_wakes_the_next(ledger: Ledger) -> None:
    first, second, third = receive(ledger, make.planned(), make.planned(), make.planned())

    assert make.deliver_one(ledger).id == first
    assert [state(ledger, each) for each in (first, second, third)] == [State.DELIVERED, State.PENDING, State.HELD]
    check_chains(ledger)
    assert [make.deliver_one(ledger).id, make.deliver_one(ledger).id] == [second, third]
    assert head_place(ledger) == 4
    check_chains(ledger)


def test_a_delivery_that_comes_when_all_are_done_has_its_turn_at_once(ledger: Ledger) -> None:
    receive(ledger, make.planned())
    make.deliver_one(ledger)

    (next_one,) = receive(ledger, make.planned())

    assert state(ledger, next_one) is State.PENDING
    check_chains(ledger)


def test_one_that_is_to_be_parked_is_parked_when_its_turn_comes(ledger: Ledger) -> None:
    first, second, third = receive(ledger, make.planned(), make.planned(park=make.PARK), make.planned())
    assert state(ledger, second) is State.HELD

    make.deliver_one(ledger)

    assert [state(ledger, each) for each in (first, second, third)] == [State.DELIVERED, State.PARKED, State.HELD]
    assert delivery(ledger, second).error_code == "out_of_step"
    check_chains(ledger)


def test_the_turn_of_a_delivery_stands_in_the_journal(ledger: Ledger) -> None:
    _, second = receive(ledger, make.planned(), make.planned())

    make.deliver_one(ledger)

    with ledger.read() as conn:
        entries = conn.execute(select(journal.c.entry).where(journal.c.entry.contains(second))).scalars().all()
    assert any("pending" in entry for entry in entries)
    assert broken_rows(ledger) == []


# --- services whose chain moves on only when acknowledged


def test_followers_wait_for_the_acknowledgement_where_the_service_says_so(ledger: Ledger) -> None:
    first, second = receive(ledger, make.planned(), make.planned())
    make.deliver_one(ledger, waits=True)

    assert [state(ledger, first), state(ledger, second)] == [State.DELIVERED, State.HELD]
    assert head_place(ledger) == 1
    acknowledge(ledger, first)

    assert [state(ledger, first), state(ledger, second)] == [State.ACKNOWLEDGED, State.PENDING]
    check_chains(ledger, waiting=WAITING)


def test_a_head_that_waits_is_not_passed_by_one_that_was_delivered_before(ledger: Ledger) -> None:
    first, second, third = receive(ledger, make.planned(service="GuiTienTrinh"), make.planned(), make.planned())
    make.deliver_one(ledger)
    make.deliver_one(ledger, waits=True)

    assert head_place(ledger) == 2
    assert [state(ledger, each) for each in (first, second, third)] == [State.DELIVERED, State.DELIVERED, State.HELD]
    acknowledge(ledger, second)

    assert state(ledger, third) is State.PENDING
    check_chains(ledger, waiting=WAITING)


def test_an_acknowledgement_of_one_that_is_behind_moves_nothing(ledger: Ledger) -> None:
    first, second, third = receive(ledger, make.planned(service="GuiTienTrinh"), make.planned(), make.planned())
    make.deliver_one(ledger)
    make.deliver_one(ledger, waits=True)

    acknowledge(ledger, first)

    assert [state(ledger, each) for each in (first, second, third)] == [State.ACKNOWLEDGED, State.DELIVERED, State.HELD]
    assert head_place(ledger) == 2


def test_giving_up_a_follower_does_not_pass_a_head_that_waits(ledger: Ledger) -> None:
    first, second, third = receive(ledger, make.planned(), make.planned(), make.planned())
    make.deliver_one(ledger, waits=True)

    ledger.abandon(second, notice=make.DELIVERED, actor="an", why="not needed", now=make.AT)

    assert [state(ledger, each) for each in (first, second, third)] == [State.DELIVERED, State.ABANDONED, State.HELD]
    acknowledge(ledger, first)
    assert state(ledger, third) is State.PENDING
    check_chains(ledger, waiting=WAITING)


def test_a_refusal_that_comes_later_ends_the_delivery_and_wakes_the_next(ledger: Ledger) -> None:
    first, second = receive(ledger, make.planned(), make.planned())
    make.deliver_one(ledger, waits=True)

    acknowledge(ledger, first, refused=True)

    assert [state(ledger, first), state(ledger, second)] == [State.REFUSED_LATE, State.PENDING]


def test_an_acknowledgement_that_overtakes_the_receipt_is_not_lost(ledger: Ledger) -> None:
    """The partner's message comes through the door while our worker still waits for the reply to its call."""
    first, second = receive(ledger, make.planned(), make.planned())
    held = make.send_one(ledger)

    acknowledge(ledger, first)
    ledger.record_delivered(
        held, make.Receipt(code="00"), make.Evidence(reply=b"00"), make.DELIVERED, make.AT, waits=True
    )

    assert [state(ledger, first), state(ledger, second)] == [State.ACKNOWLEDGED, State.PENDING]
    check_chains(ledger, waiting=WAITING)


def test_an_acknowledgement_settles_a_doubt(ledger: Ledger) -> None:
    first, second = receive(ledger, make.planned(), make.planned())
    make.send_one(ledger)
    ledger.lapse(make.AT + 1000, make.parks_doubt)
    assert state(ledger, first) is State.IN_DOUBT

    acknowledge(ledger, first)

    assert [state(ledger, first), state(ledger, second)] == [State.ACKNOWLEDGED, State.PENDING]
    check_chains(ledger, waiting=WAITING)


def test_an_acknowledgement_during_a_resend_is_kept_for_when_it_is_delivered(ledger: Ledger) -> None:
    """In doubt, declared safe, in a worker's hands again; then the first copy's acknowledgement comes."""
    first, second = receive(ledger, make.planned(), make.planned())
    make.send_one(ledger)
    ledger.lapse(make.AT + 1000, lambda endpoint, service, variant: ("resend", 0.0))
    due = make.queue_one(ledger, now=make.AT + 1001)
    held = ledger.claim(due, make.AT + 1001, make.LEASE_SECONDS)
    assert held is not None

    acknowledge(ledger, first)
    outgoing = make.Outgoing(service="GuiHoSo", body=held.business or b"")
    sending = ledger.record_sending(held, outgoing, held.id, make.AT + 1001, make.LEASE_SECONDS)
    ledger.record_delivered(
        sending, make.Receipt(code="01"), make.Evidence(reply=b"01"), make.DELIVERED, make.AT + 1001, waits=True
    )

    assert [state(ledger, first), state(ledger, second)] == [State.ACKNOWLEDGED, State.PENDING]
    check_chains(ledger, waiting=WAITING)


def believed_not_sent(ledger: Ledger, into: State) -> str:
    """Send a delivery that the hub then believes not to have arrived, and bring it into a state before its next sending."""
    (first,) = receive(ledger, make.planned())
    sending = make.send_one(ledger)
    ledger.record_failed(sending, Busy("503", "503"), Decision(action="wait", delay=60), Evidence(), None, make.AT)
    if into is not State.WAITING:
        make.queue_one(ledger, now=make.AT + 1000)
    if into is State.PENDING:
        ledger.lapse(make.AT + 2000, make.parks_doubt)
    assert state(ledger, first) is into
    return first


@pytest.mark.parametrize("refused", [False, True], ids=["acknowledged", "refused"])
@pytest.mark.parametrize("into", [State.WAITING, State.QUEUED, State.PENDING])
def test_what_the_partner_says_it_has_is_not_sent_again(ledger: Ledger, into: State, refused: bool) -> None:
    """A proxy said 503 though the partner took it; its own word tells, before the same bytes go a second time."""
    first = believed_not_sent(ledger, into)

    acknowledge(ledger, first, refused=refused)

    assert state(ledger, first) is (State.REFUSED_LATE if refused else State.ACKNOWLEDGED)
    assert ledger.queue(make.AT + 10_000, make.budgets()) == []
    check_chains(ledger, waiting=WAITING)


def test_a_word_on_what_is_written_anew_does_not_speak_of_the_new_document(ledger: Ledger) -> None:
    (first,) = receive(ledger, make.planned())
    sending = make.send_one(ledger)
    ledger.record_failed(sending, Refused("no", "không"), Decision(action="park"), Evidence(), None, make.AT)
    ledger.rebuild(first, actor="an", why="mended", now=make.AT)

    acknowledge(ledger, first)

    assert state(ledger, first) is State.PENDING


def test_an_acknowledgement_by_another_endpoint_closes_nothing(ledger: Ledger) -> None:
    (first,) = receive(ledger, make.planned())
    make.deliver_one(ledger, waits=True)

    receive(ledger, endpoint="cong", correlation=first)

    assert state(ledger, first) is State.DELIVERED


def test_every_delivery_has_its_canonical_bytes(ledger: Ledger) -> None:
    """Also the callback that tells a sender, and what a late routing makes."""
    receive(ledger, make.planned())
    held = make.send_one(ledger)
    told = make.planned(subject="notices:national:1", endpoint="mot_cua", kind="notice", canonical=b"told")
    notice = make.Notice(outcome="delivered", code="", vi="", en="", callback=told)
    ledger.record_delivered(held, make.Receipt(), make.Evidence(), notice, make.AT, waits=False)

    (unrouted,) = receive(ledger, make.planned(endpoint="unrouted", subject="national:5", park=make.PARK))
    ledger.release(unrouted, actor="an", why="a rule was added", now=make.AT)
    claimed = ledger.claim(make.queue_one(ledger, "unrouted"), make.AT, make.LEASE_SECONDS)
    assert claimed is not None
    ledger.record_routed(claimed, (make.planned(subject="national:5", canonical=b"routed"),), make.AT)

    with ledger.read() as conn:
        kept = set(conn.exec_driver_sql("SELECT digest FROM payloads WHERE body IS NOT NULL").scalars())
    rows = all_deliveries(ledger)
    assert {"notices:national:1", "national:1", "national:5"} == {row.subject for row in rows}
    assert {row.canonical_digest for row in rows} <= kept
    assert broken_rows(ledger) == []
