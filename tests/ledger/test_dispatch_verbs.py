"""Isolated: what may be on the bus for an endpoint is ledger state — budget, breaker, pause — and the backlog stays here."""

from __future__ import annotations

import pytest

from hub.canonical.receipt import Receipt
from hub.contract import Outgoing
from hub.errors import Busy, InDoubt, NotSent, Refused
from hub.ledger.breakers import BREAKER_CEILING_SECONDS, BREAKER_SECONDS
from hub.ledger.dispatch_verbs import BREAKER_FAILURES
from hub.ledger.ledger import Ledger
from hub.ledger.values import Delivery, Evidence
from hub.rules.lifecycle import State
from hub.rules.queued import Due
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.looking import all_deliveries, state

AT, LEASE = make.AT, make.LEASE_SECONDS
FAR = AT + 10 * BREAKER_CEILING_SECONDS
NOT_SENT = NotSent("cannot be reached", "không kết nối được")


def backlog(ledger: Ledger, count: int, endpoint: str = "bo") -> None:
    """Give an endpoint so many dossiers, each a chain of its own."""
    for number in range(count):
        subject = f"national:{endpoint}-{number}"
        planned = (make.planned(subject=subject, endpoint=endpoint),)
        ledger.record_received(make.acceptance(subject, body=subject.encode(), planned=planned))


def start(ledger: Ledger, due: Due, now: float = AT) -> Delivery:
    """Bring a queued delivery to SENDING."""
    held = ledger.claim(due, now, LEASE)
    assert held is not None
    return ledger.record_sending(held, Outgoing(service=held.service, body=b"x"), held.id, now, LEASE)


def fail(ledger: Ledger, due: Due, error: Exception = NOT_SENT, now: float = AT) -> None:
    """Let an attempt fail; it is due again at once."""
    action = "doubt" if isinstance(error, InDoubt) else "park" if isinstance(error, Refused) else "wait"
    ledger.record_failed(start(ledger, due, now), error, Decision(action=action, doubt="ask"), Evidence(), None, now)


def succeed(ledger: Ledger, due: Due, now: float = AT) -> None:
    ledger.record_delivered(start(ledger, due, now), Receipt(), Evidence(), make.DELIVERED, now, waits=False)


def in_work(ledger: Ledger, endpoint: str = "bo") -> int:
    working = (State.QUEUED, State.CLAIMED, State.SENDING)
    return sum(row.endpoint == endpoint and row.state in working for row in all_deliveries(ledger))


# --- budget


def test_at_most_four_times_the_concurrency_is_in_work(ledger: Ledger) -> None:
    backlog(ledger, 20)

    due = ledger.queue(AT, make.budgets(concurrency=2))
    assert len(due) == 8
    assert ledger.queue(AT, make.budgets(concurrency=2)) == []
    start(ledger, due[0])
    ledger.claim(due[1], AT, LEASE)
    assert ledger.queue(AT, make.budgets(concurrency=2)) == []

    succeed(ledger, due[2])
    assert len(ledger.queue(AT, make.budgets(concurrency=2))) == 1
    assert in_work(ledger) == 8


def test_a_full_endpoint_leaves_the_others_their_room(ledger: Ledger) -> None:
    backlog(ledger, 20)
    ledger.queue(AT, make.budgets("bo", "cong"))
    backlog(ledger, 3, "cong")

    assert {due.endpoint for due in ledger.queue(AT, make.budgets("bo", "cong"))} == {"cong"}


def test_questions_count_as_work(ledger: Ledger) -> None:
    """A partner that is slow to answer questions does not fill the bus with them."""
    backlog(ledger, 12)
    for _ in range(3):
        for due in ledger.queue(AT, make.budgets(concurrency=1)):
            fail(ledger, due, InDoubt("no reply", "không có trả lời"))
        ledger.pause("bo", paused=False, actor="an", why="close the breaker", now=AT)

    asked = ledger.queue(AT, make.budgets(concurrency=1))
    assert [due.purpose for due in asked] == ["inquire"] * 4
    assert ledger.queue(AT, make.budgets(concurrency=1)) == []

    held = ledger.doubtful(asked[0])
    assert held is not None
    ledger.record_finding(held, "unknown", {}, Evidence(), make.DELIVERED, AT, waits=False)
    assert len(ledger.queue(AT, make.budgets(concurrency=1))) == 1


def test_what_the_bus_did_not_take_is_pending_again(ledger: Ledger) -> None:
    backlog(ledger, 3)
    due = ledger.queue(AT, make.budgets())

    ledger.unqueue(due[:2], AT)

    assert [row.state for row in all_deliveries(ledger)].count(State.PENDING) == 2
    assert [each.epoch for each in ledger.queue(AT, make.budgets())] == [2, 2]


def test_what_no_worker_takes_is_due_since_it_was(ledger: Ledger) -> None:
    """So the alarm rings that tells of a hub without workers; what one has held goes behind the others."""
    backlog(ledger, 2)
    before = {row.id: row.due_at for row in all_deliveries(ledger)}
    taken, refused = ledger.queue(AT, make.budgets())
    ledger.claim(taken, AT, make.LEASE_SECONDS)
    ledger.unqueue([refused], AT + 10)
    ledger.queue(AT + 10, make.budgets())
    ledger.lapse(FAR, make.parks_doubt)

    assert {row.id: row.due_at for row in all_deliveries(ledger)} == {taken.id: FAR, refused.id: before[refused.id]}


def test_an_old_nack_does_not_take_back_what_was_queued_again(ledger: Ledger) -> None:
    backlog(ledger, 1)
    old = make.queue_one(ledger)
    ledger.lapse(FAR, make.parks_doubt)
    new = make.queue_one(ledger, now=FAR)

    ledger.unqueue([old], FAR)

    assert state(ledger, new.id) is State.QUEUED


# --- lease


def test_a_lease_that_is_not_over_is_left_alone(ledger: Ledger) -> None:
    backlog(ledger, 3)
    queued, claimed, sending = ledger.queue(AT, make.budgets())
    ledger.claim(claimed, AT, LEASE)
    start(ledger, sending)

    assert ledger.lapse(AT + LEASE, make.parks_doubt) == []
    assert len(ledger.lapse(AT + LEASE + 0.001, make.parks_doubt)) == 3
    states = [state(ledger, each.id) for each in (queued, claimed, sending)]
    assert states == [State.PENDING, State.PENDING, State.IN_DOUBT]


def test_what_lapsed_while_sending_is_not_asked_about_before_its_time(ledger: Ledger) -> None:
    backlog(ledger, 1)
    due = make.queue_one(ledger)
    start(ledger, due)
    lapsed = AT + LEASE + 1

    ledger.lapse(lapsed, lambda endpoint, service, variant: ("ask", 120.0))

    assert ledger.queue(lapsed + 119, make.budgets()) == []
    assert [each.purpose for each in ledger.queue(lapsed + 120, make.budgets())] == ["inquire"]


def test_a_new_process_takes_back_everything_at_once(ledger: Ledger) -> None:
    backlog(ledger, 3)
    queued, claimed, sending = ledger.queue(AT, make.budgets())
    ledger.claim(claimed, AT, LEASE)
    start(ledger, sending)

    assert len(ledger.recall_all(AT, make.parks_doubt)) == 3

    states = [state(ledger, each.id) for each in (queued, claimed, sending)]
    assert states == [State.PENDING, State.PENDING, State.IN_DOUBT]


# --- pause


def test_a_paused_endpoint_gets_nothing_until_it_is_resumed(ledger: Ledger) -> None:
    backlog(ledger, 2)
    backlog(ledger, 1, "cong")
    ledger.pause("bo", paused=True, actor="an", why="maintenance", now=AT)

    assert [due.endpoint for due in ledger.queue(FAR, make.budgets("bo", "cong"))] == ["cong"]

    ledger.pause("bo", paused=False, actor="an", why="over", now=FAR)
    assert len(ledger.queue(FAR, make.budgets("bo", "cong"))) == 2


def test_a_pause_also_holds_questions_and_resends(ledger: Ledger) -> None:
    backlog(ledger, 1)
    fail(ledger, make.queue_one(ledger), InDoubt("no reply", "không có trả lời"))
    ledger.pause("bo", paused=True, actor="an", why="maintenance", now=AT)

    assert ledger.queue(FAR, make.budgets()) == []


# --- breaker


def open_breaker(ledger: Ledger, now: float = AT) -> float:
    """Fail until the breaker opens; give until when."""
    for _ in range(BREAKER_FAILURES):
        (due, *others) = ledger.queue(now, make.budgets())
        ledger.unqueue(others, now)
        fail(ledger, due, now=now)
    return now + BREAKER_SECONDS


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through(ledger: Ledger) -> None:
    backlog(ledger, 10)
    until = open_breaker(ledger)

    assert ledger.queue(until - 0.001, make.budgets()) == []
    assert len(ledger.queue(until, make.budgets())) == 1
    assert ledger.queue(until, make.budgets()) == []


def test_a_probe_that_fails_opens_it_for_longer(ledger: Ledger) -> None:
    backlog(ledger, 10)
    until = open_breaker(ledger)

    fail(ledger, make.queue_one(ledger, now=until), now=until)

    assert ledger.queue(until + 2 * BREAKER_SECONDS - 0.001, make.budgets()) == []
    assert len(ledger.queue(until + 2 * BREAKER_SECONDS, make.budgets())) == 1


def test_a_probe_that_arrives_closes_it(ledger: Ledger) -> None:
    backlog(ledger, 10)
    until = open_breaker(ledger)

    succeed(ledger, make.queue_one(ledger, now=until), now=until)

    assert len(ledger.queue(until, make.budgets())) == 9


@pytest.mark.parametrize("error", [Refused("no", "không"), None])
def test_a_partner_that_answers_is_there(ledger: Ledger, error: Exception | None) -> None:
    """A refusal between failures is an answer: failures are counted in a row."""
    backlog(ledger, 20)
    for number in range(2 * BREAKER_FAILURES):
        (due, *others) = ledger.queue(AT, make.budgets())
        ledger.unqueue(others, AT)
        answers = number % (BREAKER_FAILURES - 1) == BREAKER_FAILURES - 2
        if not answers:
            fail(ledger, due)
        elif error:
            fail(ledger, due, error)
        else:
            succeed(ledger, due)

    assert ledger.queue(AT, make.budgets())


@pytest.mark.parametrize("error", [NOT_SENT, Busy("busy", "bận"), InDoubt("no reply", "không có trả lời")])
def test_every_way_of_not_reaching_a_partner_counts(ledger: Ledger, error: Exception) -> None:
    backlog(ledger, BREAKER_FAILURES + 1)
    for _ in range(BREAKER_FAILURES):
        (due, *others) = [each for each in ledger.queue(AT, make.budgets()) if each.purpose == "deliver"]
        ledger.unqueue(others, AT)
        fail(ledger, due, error)

    assert ledger.queue(AT, make.budgets()) == []


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_it(ledger: Ledger) -> None:
    """One short outage with sixteen calls under way is one outage, not eleven."""
    backlog(ledger, 16)
    for due in ledger.queue(AT, make.budgets()):
        fail(ledger, due)

    assert ledger.queue(AT + BREAKER_SECONDS - 0.001, make.budgets()) == []
    assert len(ledger.queue(AT + BREAKER_SECONDS, make.budgets())) == 1


def test_an_answered_question_closes_the_breaker(ledger: Ledger) -> None:
    """Where all that is left is in doubt, the answered question is the probe."""
    backlog(ledger, BREAKER_FAILURES)
    for due in ledger.queue(AT, make.budgets()):
        fail(ledger, due, InDoubt("no reply", "không có trả lời"))
    until = AT + BREAKER_SECONDS
    held = ledger.doubtful(make.queue_one(ledger, now=until))
    assert held is not None

    ledger.record_finding(held, "found", {}, Evidence(reply=b"00"), make.DELIVERED, until, waits=False)

    assert len(ledger.queue(until, make.budgets())) == BREAKER_FAILURES - 1
