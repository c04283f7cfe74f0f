"""Never sent twice: every record is a compare-and-set by (id, epoch), and what may have arrived is never taken for unsent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from hub.canonical.receipt import Receipt
from hub.contract import Outgoing
from hub.errors import Damaged, InDoubt, NotAllowed, NotSent, Refused, Untrusted
from hub.ledger.delivery_verbs import FRUITLESS_LIMIT, ClaimLost
from hub.ledger.ledger import Ledger
from hub.ledger.tables import attempts, journal, payloads
from hub.ledger.values import Delivered, Delivery, Evidence
from hub.rules.lifecycle import State
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.looking import all_deliveries, broken_rows, check_chains, delivery, state

AT, LEASE = make.AT, make.LEASE_SECONDS
LATER = AT + 10_000
NOT_SENT = NotSent("cannot be reached", "không kết nối được")
DOUBT = InDoubt("no reply", "không có trả lời")
REFUSED = Refused("no", "không", partner_code="13")


@pytest.fixture
def first(ledger: Ledger) -> str:
    """A delivery whose turn it is, with one follower."""
    planned = (make.planned(), make.planned())
    ledger.record_received(make.acceptance(planned=planned))
    return planned[0].id


def resends(endpoint: str, service: str, variant: str) -> tuple[str, float]:
    """The partner declares that a repeat does no harm."""
    return "resend", 0.0


def fail(ledger: Ledger, held: Delivery, error: Exception, action: str, *, doubt: str = "", now: float = AT) -> None:
    ledger.record_failed(held, error, Decision(action=action, doubt=doubt), Evidence(), None, now)


def events(ledger: Ledger) -> list[str]:
    """Give what the journal says, in order."""
    with ledger.read() as conn:
        return list(conn.scalars(select(journal.c.event).order_by(journal.c.subject, journal.c.number)))


def send_again(ledger: Ledger, now: float) -> Delivery:
    """Claim what is due and record that the same bytes are being sent."""
    held = ledger.claim(make.queue_one(ledger, now=now), now, LEASE)
    assert held is not None and held.business is not None
    return ledger.record_sending(held, Outgoing(service=held.service, body=held.business), held.native_id, now, LEASE)


# --- the claim


def test_a_second_copy_of_a_bus_message_finds_nothing_to_claim(ledger: Ledger, first: str) -> None:
    due = make.queue_one(ledger)

    assert ledger.claim(due, AT, LEASE) is not None
    assert ledger.claim(due, AT, LEASE) is None


def test_an_old_bus_message_finds_nothing_to_claim(ledger: Ledger, first: str) -> None:
    old = make.queue_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)
    new = make.queue_one(ledger, now=LATER)

    assert new.epoch == old.epoch + 1
    assert ledger.claim(old, LATER, LEASE) is None
    assert ledger.claim(new, LATER, LEASE) is not None


@pytest.mark.parametrize("change", [{"canonical": b"other"}, {"endpoint": "cong"}])
def test_a_bus_message_that_says_something_else_changes_nothing(ledger: Ledger, first: str, change: dict[str, object]) -> None:
    due = make.queue_one(ledger)

    with pytest.raises(Untrusted):
        ledger.claim(dataclasses.replace(due, **change), AT, LEASE)

    assert state(ledger, first) is State.QUEUED
    assert ledger.claim(due, AT, LEASE) is not None


# --- the fence: an old worker's record never changes anything

RECORDS: dict[str, Callable[[Ledger, Delivery], None]] = {
    "sending": lambda ledger, held: ledger.record_sending(held, Outgoing(service="GuiHoSo", body=b"x"), "n", LATER, LEASE),
    "delivered": lambda ledger, held: ledger.record_delivered(
        held, Receipt(code="00"), Evidence(), make.DELIVERED, LATER, waits=False
    ),
    "not sent": lambda ledger, held: fail(ledger, held, NOT_SENT, "wait", now=LATER),
    "refused": lambda ledger, held: fail(ledger, held, REFUSED, "park", now=LATER),
    "in doubt": lambda ledger, held: fail(ledger, held, DOUBT, "doubt", doubt="resend", now=LATER),
    "rewrite": lambda ledger, held: fail(ledger, held, NOT_SENT, "rewrite", now=LATER),
    "unsent": lambda ledger, held: ledger.record_unsent(held, REFUSED, Decision(action="park"), None, LATER),
    "routed": lambda ledger, held: ledger.record_routed(held, (), LATER),
    "found": lambda ledger, held: ledger.record_finding(
        held, "found", {}, Evidence(), make.DELIVERED, LATER, waits=False
    ),
    "absent": lambda ledger, held: ledger.record_finding(
        held, "absent", {}, Evidence(), make.DELIVERED, LATER, waits=False
    ),
}


@pytest.mark.parametrize("record", RECORDS)
def test_a_worker_whose_claim_lapsed_can_record_nothing(ledger: Ledger, first: str, record: str) -> None:
    held = ledger.claim(make.queue_one(ledger), AT, LEASE)
    assert held is not None
    ledger.lapse(LATER, make.parks_doubt)
    new = ledger.claim(make.queue_one(ledger, now=LATER), LATER, LEASE)
    assert new is not None
    before = all_deliveries(ledger)

    with pytest.raises(ClaimLost):
        RECORDS[record](ledger, held)

    assert all_deliveries(ledger) == before
    assert broken_rows(ledger) == []


@pytest.mark.parametrize("record", RECORDS)
def test_a_worker_whose_claim_lapsed_can_record_nothing_even_before_it_is_queued_again(
    ledger: Ledger, first: str, record: str
) -> None:
    held = ledger.claim(make.queue_one(ledger), AT, LEASE)
    assert held is not None
    ledger.lapse(LATER, make.parks_doubt)
    before = all_deliveries(ledger)

    with pytest.raises(ClaimLost):
        RECORDS[record](ledger, held)

    assert all_deliveries(ledger) == before


@pytest.mark.parametrize("record", sorted(set(RECORDS) - {"delivered", "found", "absent"}))
def test_a_worker_that_lapsed_while_sending_can_record_no_failure(ledger: Ledger, first: str, record: str) -> None:
    """Only proof settles a doubt: a receipt, or what the partner says when it is asked."""
    held = make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)

    with pytest.raises(ClaimLost):
        RECORDS[record](ledger, held)

    assert state(ledger, first) is State.IN_DOUBT


@pytest.mark.parametrize("record", RECORDS)
def test_a_worker_whose_delivery_is_sent_by_another_can_record_nothing(ledger: Ledger, first: str, record: str) -> None:
    old = make.send_one(ledger)
    ledger.lapse(LATER, resends)
    send_again(ledger, LATER)
    before = all_deliveries(ledger)

    with pytest.raises(ClaimLost):
        RECORDS[record](ledger, old)

    assert all_deliveries(ledger) == before


@pytest.mark.parametrize("record", RECORDS)
def test_a_worker_whose_delivery_an_operator_settled_can_record_nothing(ledger: Ledger, first: str, record: str) -> None:
    old = make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)
    ledger.settle(
        first, arrived=False, evidence=b"", found={}, waits=False, notice=make.DELIVERED, actor="an", why="asked", now=LATER
    )
    before = all_deliveries(ledger)

    with pytest.raises(ClaimLost):
        RECORDS[record](ledger, old)

    assert all_deliveries(ledger) == before


def test_a_receipt_that_comes_after_the_lease_lapsed_settles_the_doubt(ledger: Ledger, first: str) -> None:
    held = make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)

    ledger.record_delivered(held, Receipt(code="00"), Evidence(reply=b"00"), make.DELIVERED, LATER, waits=False)

    assert state(ledger, first) is State.DELIVERED
    check_chains(ledger)


# --- a doubt stays a doubt until something proves


def give_again(ledger: Ledger, held: Delivery, now: float = LATER) -> None:
    """Give a receipt of which nobody knows whether it was recorded."""
    said = {"receipt": Receipt(code="00"), "evidence": Evidence(reply=b"00"), "notice": make.DELIVERED}
    given = Delivered(held=held, now=now, waits=True, again=True, **said)
    (recorded,) = ledger.record_all_delivered([given])
    recorded()


@pytest.mark.parametrize("answered", [False, True])
def test_a_receipt_that_is_given_again_changes_nothing_where_it_was_recorded(
    ledger: Ledger, first: str, answered: bool
) -> None:
    held = make.deliver_one(ledger, waits=True)
    if answered:
        ledger.record_received(make.acceptance(endpoint="bo", body=b"ack", correlation=first))
    before, noted = all_deliveries(ledger), events(ledger)

    give_again(ledger, held)

    assert (all_deliveries(ledger), events(ledger)) == (before, noted)


@pytest.mark.parametrize("lapsed", [False, True])
def test_a_receipt_that_is_given_again_is_recorded_where_it_was_not(ledger: Ledger, first: str, lapsed: bool) -> None:
    held = make.send_one(ledger)
    if lapsed:
        ledger.lapse(LATER, make.parks_doubt)

    give_again(ledger, held)
    give_again(ledger, held)

    assert state(ledger, first) is State.DELIVERED
    assert events(ledger).count("delivery.delivered") == 1


def test_a_receipt_that_is_given_again_is_lost_where_another_sends(ledger: Ledger, first: str) -> None:
    held = make.send_one(ledger)
    ledger.lapse(LATER, resends)
    send_again(ledger, LATER)

    with pytest.raises(ClaimLost):
        give_again(ledger, held)


def test_what_lapses_before_the_socket_opens_is_pending_and_what_lapses_after_is_in_doubt(ledger: Ledger, first: str) -> None:
    held = ledger.claim(make.queue_one(ledger), AT, LEASE)
    assert held is not None
    ledger.lapse(AT + LEASE + 1, make.parks_doubt)
    assert state(ledger, first) is State.PENDING
    make.send_one(ledger, now=LATER)

    ledger.lapse(LATER + LEASE + 1, make.parks_doubt)

    assert state(ledger, first) is State.IN_DOUBT


def test_a_doubt_that_cannot_be_asked_is_never_queued(ledger: Ledger, first: str) -> None:
    make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)

    assert ledger.queue(LATER * 2, make.budgets()) == []


def test_a_doubt_waits_its_time_before_anything_is_done(ledger: Ledger, first: str) -> None:
    waits = Decision(action="doubt", delay=120.0, doubt="ask")
    ledger.record_failed(make.send_one(ledger), DOUBT, waits, Evidence(), None, AT)

    assert ledger.queue(AT + 119, make.budgets()) == []
    assert [(each.id, each.purpose) for each in ledger.queue(AT + 120, make.budgets())] == [(first, "inquire")]
    assert state(ledger, first) is State.IN_DOUBT


@pytest.mark.parametrize("verb", ["release", "rebuild", "abandon"])
def test_an_operator_cannot_send_or_drop_what_may_have_arrived(ledger: Ledger, first: str, verb: str) -> None:
    make.send_one(ledger)
    ledger.lapse(LATER, make.parks_doubt)
    more = {"notice": make.DELIVERED} if verb == "abandon" else {}

    with pytest.raises(NotAllowed):
        getattr(ledger, verb)(first, actor="an", why="try", now=LATER, **more)

    assert state(ledger, first) is State.IN_DOUBT


def test_a_resend_after_a_doubt_knows_that_the_bytes_may_have_arrived(ledger: Ledger, first: str) -> None:
    assert not make.send_one(ledger).doubted
    ledger.lapse(LATER, resends)

    assert send_again(ledger, LATER).doubted


def test_a_resend_after_a_proof_of_absence_knows_that_they_did_not(ledger: Ledger, first: str) -> None:
    make.send_one(ledger)
    ledger.lapse(LATER, make.asks_in_doubt)
    held = ledger.doubtful(make.queue_one(ledger, now=LATER))
    assert held is not None
    ledger.record_finding(held, "absent", {}, Evidence(), make.DELIVERED, LATER, waits=False)

    assert not send_again(ledger, LATER).doubted


def test_a_resend_that_does_not_reach_the_partner_is_still_in_doubt_when_it_is_given_up(ledger: Ledger, first: str) -> None:
    """PARKED says that it surely did not arrive; here only the second attempt surely did not."""
    make.send_one(ledger)
    ledger.lapse(LATER, resends)

    fail(ledger, send_again(ledger, LATER), NOT_SENT, "park", now=LATER)

    assert state(ledger, first) is State.IN_DOUBT
    assert ledger.queue(LATER * 2, make.budgets()) == []


def test_a_refusal_of_the_same_bytes_settles_the_doubt_about_them(ledger: Ledger, first: str) -> None:
    """A repeat is declared to do no harm: a partner that had taken the first copy would not refuse the second."""
    make.send_one(ledger)
    ledger.lapse(LATER, resends)

    fail(ledger, send_again(ledger, LATER), REFUSED, "park", now=LATER)

    assert state(ledger, first) is State.PARKED
    ledger.rebuild(first, actor="an", why="mapping mended", now=LATER)


def test_one_that_was_parked_as_poison_during_a_resend_cannot_be_translated_anew(ledger: Ledger, first: str) -> None:
    """The partner may have the first copy under its identifier: another document would be a second one."""
    make.send_one(ledger)
    ledger.lapse(AT + LEASE + 1, resends)
    for turn in range(1, FRUITLESS_LIMIT):
        die_claimed(ledger, AT + turn * 1000)
    assert ledger.claim(make.queue_one(ledger, now=LATER), LATER, LEASE) is None
    assert state(ledger, first) is State.PARKED

    with pytest.raises(NotAllowed):
        ledger.rebuild(first, actor="an", why="mapping mended", now=LATER)

    ledger.release(first, actor="an", why="worker mended", now=LATER)
    assert send_again(ledger, LATER).doubted


def test_a_parked_delivery_is_rebuilt_with_new_bytes_and_released_with_the_old(ledger: Ledger, first: str) -> None:
    held = make.send_one(ledger)
    fail(ledger, held, REFUSED, "park")
    ledger.release(first, actor="an", why="partner mended", now=AT)
    again = send_again(ledger, AT)
    assert again.business == held.business
    fail(ledger, again, REFUSED, "park")

    ledger.rebuild(first, actor="an", why="mapping mended", now=AT)

    claimed = ledger.claim(make.queue_one(ledger), AT, LEASE)
    assert claimed is not None and claimed.business is None


def lose_bytes(ledger: Ledger, delivery_id: str) -> str:
    """Take away what may have been sent; give its digest."""
    lost = delivery(ledger, delivery_id).business_digest
    ledger._write(lambda conn: conn.execute(update(payloads).where(payloads.c.digest == lost).values(body=None)))
    return lost


def test_bytes_that_may_have_been_sent_and_are_lost_are_not_written_anew(ledger: Ledger, first: str) -> None:
    fail(ledger, make.send_one(ledger), NOT_SENT, "wait")
    lost = lose_bytes(ledger, first)
    for turn in range(FRUITLESS_LIMIT):
        now = LATER + turn * 1000
        with pytest.raises(Damaged) as refused:
            ledger.claim(make.queue_one(ledger, now=now), now, LEASE)
        ledger.lapse(now + LEASE + 1, resends)
    assert lost in refused.value.en and lost in refused.value.vi

    later = LATER + FRUITLESS_LIMIT * 1000
    assert ledger.claim(make.queue_one(ledger, now=later), later, LEASE) is None
    assert state(ledger, first) is State.PARKED


def test_nobody_is_asked_about_bytes_that_are_lost(ledger: Ledger, first: str) -> None:
    make.send_one(ledger)
    ledger.lapse(LATER, make.asks_in_doubt)
    lose_bytes(ledger, first)

    with pytest.raises(Damaged):
        ledger.doubtful(make.queue_one(ledger, now=LATER))


def change_content(ledger: Ledger, delivery_id: str, body: bytes | None) -> bytes:
    """Put something in the place of a delivery's content; give what was there."""
    here = payloads.c.digest == delivery(ledger, delivery_id).canonical_digest
    with ledger.read() as conn:
        before = conn.execute(select(payloads.c.body).where(here)).scalar_one()
    ledger._write(lambda conn: conn.execute(update(payloads).where(here).values(body=body)))
    return bytes(before or b"")


@pytest.mark.parametrize("tried", [False, True])
def test_what_has_lost_its_content_is_parked_once_and_goes_when_it_is_restored(ledger: Ledger, first: str, tried: bool) -> None:
    if tried:
        fail(ledger, make.send_one(ledger), NOT_SENT, "wait")
    body = change_content(ledger, first, None)

    for turn in range(3):
        assert ledger.queue(LATER + turn * 1000, make.budgets()) == []

    row = delivery(ledger, first)
    assert (row.state, row.error_code) == (State.PARKED, "damaged")
    assert row.canonical_digest in row.error_en and row.canonical_digest in row.error_vi
    assert events(ledger).count("delivery.park") == 1
    change_content(ledger, first, body)
    ledger.release(first, actor="an", why="restored", now=LATER)
    assert ledger.claim(make.queue_one(ledger, now=LATER), LATER, LEASE) is not None
    assert broken_rows(ledger) == []


def test_what_was_changed_in_the_ledger_is_parked_and_not_called_forged_for_ever(ledger: Ledger, first: str) -> None:
    body = change_content(ledger, first, b"something else")

    assert ledger.claim(make.queue_one(ledger, now=LATER), LATER, LEASE) is None

    row = delivery(ledger, first)
    assert (row.state, row.error_code) == (State.PARKED, "damaged")
    change_content(ledger, first, body)
    ledger.release(first, actor="an", why="restored", now=LATER)
    assert ledger.claim(make.queue_one(ledger, now=LATER), LATER, LEASE) is not None
    assert broken_rows(ledger) == []


@pytest.mark.parametrize("doubt", [make.asks_in_doubt, resends])
def test_a_doubt_about_lost_content_stays_a_doubt_and_is_left_to_a_person(
    ledger: Ledger, first: str, doubt: Callable[[str, str, str], tuple[str, float]]
) -> None:
    make.send_one(ledger)
    ledger.lapse(LATER, doubt)
    body = change_content(ledger, first, None)

    for turn in range(3):
        assert ledger.queue(LATER + turn * 1000, make.budgets()) == []

    row = delivery(ledger, first)
    assert (row.state, row.doubt, row.error_code) == (State.IN_DOUBT, "park", "damaged")
    assert events(ledger).count("inquiry.stopped") == 1
    change_content(ledger, first, body)
    ledger.ask(first, actor="an", why="restored", now=LATER)
    assert make.queue_one(ledger, now=LATER).purpose == "inquire"


def test_one_that_has_lost_its_content_holds_up_no_other(ledger: Ledger, first: str) -> None:
    other = make.planned(subject="national:2")
    ledger.record_received(make.acceptance(subject="national:2", planned=(other,)))
    change_content(ledger, first, None)

    assert [due.id for due in ledger.queue(AT, make.budgets())] == [other.id]


# --- poison


def die_claimed(ledger: Ledger, now: float) -> None:
    """Let a worker die after its claim."""
    assert ledger.claim(make.queue_one(ledger, now=now), now, LEASE) is not None
    ledger.lapse(now + LEASE + 1, resends)


def test_a_delivery_that_kills_its_workers_is_parked(ledger: Ledger, first: str) -> None:
    for turn in range(FRUITLESS_LIMIT):
        die_claimed(ledger, AT + turn * 1000)
        assert state(ledger, first) is State.PENDING

    due = make.queue_one(ledger, now=LATER)
    assert ledger.claim(due, LATER, LEASE) is None

    assert state(ledger, first) is State.PARKED
    assert delivery(ledger, first).error_code == "poison"
    check_chains(ledger)
    ledger.release(first, actor="an", why="worker mended", now=LATER)
    assert ledger.claim(make.queue_one(ledger, now=LATER), LATER, LEASE) is not None


def test_an_attempt_that_ends_with_a_result_is_not_fruitless(ledger: Ledger, first: str) -> None:
    for turn in range(FRUITLESS_LIMIT + 2):
        now = AT + turn * 1000
        held = make.send_one(ledger, now=now) if turn == 0 else send_again(ledger, now)
        fail(ledger, held, NOT_SENT, "wait", now=now)
        ledger.pause("bo", paused=False, actor="an", why="close the breaker", now=now)

    assert state(ledger, first) is State.WAITING


def test_one_that_kills_its_workers_while_sending_stays_in_doubt(ledger: Ledger, first: str) -> None:
    """However safe a resend is: it may have arrived each time, so PARKED would be a lie."""
    make.send_one(ledger)
    ledger.lapse(AT + LEASE + 1, resends)
    for turn in range(1, FRUITLESS_LIMIT):
        send_again(ledger, AT + turn * 1000)
        ledger.lapse(AT + turn * 1000 + LEASE + 1, resends)

    assert ledger.queue(LATER, make.budgets()) == []
    assert state(ledger, first) is State.IN_DOUBT
    assert delivery(ledger, first).error_code == "poison"


# --- evidence


def test_each_attempt_is_kept_with_what_came_of_it(ledger: Ledger, first: str) -> None:
    fail(ledger, make.send_one(ledger), NOT_SENT, "wait")
    held = send_again(ledger, AT)
    ledger.record_delivered(held, Receipt(code="00"), Evidence(reply=b"00"), make.DELIVERED, AT, waits=False)

    with ledger.read() as conn:
        rows = conn.execute(select(attempts).order_by(attempts.c.number)).fetchall()
    assert [(row.number, row.outcome, row.error_code, row.partner_code) for row in rows] == [
        (1, "wait", "not_sent", ""),
        (2, "delivered", "", "00"),
    ]
    assert rows[0].business_digest == rows[1].business_digest


def test_late_evidence_is_kept_where_the_partners_message_was_faster(ledger: Ledger, first: str) -> None:
    held = make.send_one(ledger)
    ledger.record_received(make.acceptance(endpoint="bo", body=b"ack", correlation=first))

    ledger.record_delivered(held, Receipt(code="00"), Evidence(reply=b"reply"), make.DELIVERED, AT, waits=True)

    with ledger.read() as conn:
        row = conn.execute(select(attempts)).one()
    assert (row.outcome, row.partner_code, bool(row.reply_digest)) == ("delivered", "00", True)
    assert state(ledger, first) is State.ACKNOWLEDGED

