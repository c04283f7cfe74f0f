"""Isolated, over all processes: rate, one probe at a time, urgency, and questions that are not asked for ever.

Two ledgers on one database are two processes; whichever dispatches, what the endpoint is given is the same.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from hub.canonical.receipt import Receipt
from hub.contract import Outgoing
from hub.errors import BadSettings, InDoubt, NotSent, Refused
from hub.ledger.breakers import BREAKER_SECONDS
from hub.ledger.dispatch_verbs import BREAKER_FAILURES, FRUITLESS_LIMIT
from hub.ledger.ledger import Ledger
from hub.ledger.tables import endpoint_states, journal
from hub.ledger.values import URGENT, Budget, Delivery, Evidence
from hub.rules.lifecycle import State
from hub.rules.queued import Due
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.looking import check_chains, delivery, state

AT, LEASE = make.AT, make.LEASE_SECONDS
FAR = AT + 100_000
NOT_SENT = NotSent("cannot be reached", "không kết nối được")
DOUBT = InDoubt("no reply", "không có trả lời")


@pytest.fixture
def another(ledger: Ledger, url: str) -> Iterator[Ledger]:
    """The same ledger, as another process has it."""
    made = Ledger(url)
    yield made
    made.close()


def backlog(ledger: Ledger, count: int, endpoint: str = "bo", *, since: float = AT, **given: object) -> list[str]:
    """Give an endpoint so many dossiers, each a chain of its own; give the deliveries."""
    made = []
    for number in range(count):
        subject = f"national:{make.new_id()}"
        planned = make.planned(subject, endpoint, **given)
        message = make.acceptance(subject, body=subject.encode(), planned=(planned,), at=since + number / 1000)
        ledger.record_received(message)
        made.append(planned.id)
    return made


def at_rate(per_minute: int, *endpoints: str) -> list[Budget]:
    return [
        Budget(endpoint=name, concurrency=50, lease_seconds=LEASE, rate_per_minute=per_minute) for name in endpoints or ("bo",)
    ]


def sending(ledger: Ledger, due: Due, now: float) -> Delivery:
    held = ledger.claim(due, now, LEASE)
    assert held is not None
    return ledger.record_sending(held, Outgoing(service=held.service, body=b"x"), held.id, now, LEASE)


def fail(ledger: Ledger, due: Due, error: Exception = NOT_SENT, now: float = AT, action: str = "") -> None:
    action = action or ("doubt" if isinstance(error, InDoubt) else "wait")
    ledger.record_failed(sending(ledger, due, now), error, Decision(action=action, doubt="ask"), Evidence(), None, now)


def queued(ledger: Ledger, now: float = FAR, **given: object) -> list[Due]:
    return ledger.queue(now, [dataclasses.replace(each, **given) for each in make.budgets()])


# --- rate


def test_two_dispatchers_share_one_rate(ledger: Ledger, another: Ledger) -> None:
    backlog(ledger, 100)
    moments = []
    for look, one in zip(range(150), itertools.cycle((ledger, another, another))):
        now = AT + 1 + look / 2
        moments += [now] * len(one.queue(now, at_rate(60)))

    fullest = max(sum(first <= each < first + 60 for each in moments) for first in moments)
    assert 56 <= fullest <= 60
    assert 70 <= len(moments) <= 75


def test_a_rate_is_not_forgotten_by_a_restart(ledger: Ledger, url: str) -> None:
    backlog(ledger, 10)
    first = len(ledger.queue(AT + 1, at_rate(1)))
    ledger.close()

    again = Ledger(url)
    try:
        assert (first, len(again.queue(AT + 60.9, at_rate(1))), len(again.queue(AT + 61, at_rate(1)))) == (1, 0, 1)
    finally:
        again.close()


def test_a_rate_is_one_endpoints_own(ledger: Ledger) -> None:
    backlog(ledger, 5)
    backlog(ledger, 5, "cong")
    ledger.queue(AT + 1, at_rate(1, "bo"))

    due = ledger.queue(AT + 1, [*at_rate(1, "bo"), *at_rate(0, "cong")])
    assert [each.endpoint for each in due] == ["cong"] * 5


def test_a_question_is_a_call_like_another(ledger: Ledger) -> None:
    backlog(ledger, 2)
    for due in queued(ledger, AT + 1):
        fail(ledger, due, DOUBT)

    assert [each.purpose for each in ledger.queue(FAR, at_rate(1))] == ["inquire"]
    assert ledger.queue(FAR, at_rate(1)) == []
    assert [each.purpose for each in ledger.queue(FAR + 60, at_rate(1))] == ["inquire"]


def test_a_rate_stands_beside_pause_and_breaker(ledger: Ledger) -> None:
    """They are kept in one row, and none of them loses what another wrote."""
    backlog(ledger, 10)
    for due in ledger.queue(AT + 1, at_rate(120)):
        fail(ledger, due)
    ledger.pause("bo", paused=True, actor="an", why="maintenance", now=AT)
    assert ledger.queue(FAR, at_rate(120)) == []
    ledger.pause("bo", paused=False, actor="an", why="over", now=AT)

    assert len(ledger.queue(AT + 1, at_rate(120))) == 0
    assert len(ledger.queue(AT + 2, at_rate(120))) == 1


# --- urgency


def test_the_urgent_goes_first_and_of_equals_what_waits_longest(ledger: Ledger) -> None:
    usual = backlog(ledger, 6)
    urgent = backlog(ledger, 2, since=AT + 5, priority=URGENT)

    due = [each.id for each in queued(ledger, concurrency=1)]

    assert due == [*urgent, *usual[:2]]
    assert [each.id for each in queued(ledger, concurrency=2)] == usual[2:]


def test_what_is_to_be_sent_again_or_asked_about_does_not_stand_behind_all_that_is_new(ledger: Ledger) -> None:
    waiting, doubtful = backlog(ledger, 2)
    first, second = queued(ledger, AT + 1)
    fail(ledger, first)
    fail(ledger, second, DOUBT)
    new = backlog(ledger, 20, since=AT + 2)

    due = [(each.id, each.purpose) for each in queued(ledger, concurrency=1)]

    assert due == [(waiting, "deliver"), (doubtful, "inquire"), (new[0], "deliver"), (new[1], "deliver")]


def test_an_urgent_delivery_takes_those_before_it_along_and_overtakes_none_of_its_chain(ledger: Ledger) -> None:
    backlog(ledger, 4)
    one, two, last = (make.planned("national:1") for _ in range(3))
    urgent = make.planned("national:1", priority=URGENT)
    for number, each in enumerate((one, two, urgent, last)):
        ledger.record_received(make.acceptance("national:1", body=b"%d" % number, planned=(each,), at=AT + 10))

    went = []
    for _ in range(4):
        (due, *others) = queued(ledger)
        ledger.unqueue(others, AT + 20)
        ledger.record_delivered(sending(ledger, due, FAR), Receipt(), Evidence(), make.DELIVERED, AT + 20, waits=False)
        went.append(due.id)

    assert went[:3] == [one.id, two.id, urgent.id]
    assert went[3] != last.id
    check_chains(ledger)


def test_what_is_at_work_is_left_alone_by_an_urgent_follower(ledger: Ledger) -> None:
    ledger.record_received(make.acceptance(planned=(make.planned(),)))
    held = make.send_one(ledger)
    ledger.record_received(make.acceptance(body=b"2", planned=(make.planned(priority=URGENT),)))

    ledger.record_delivered(held, Receipt(), Evidence(), make.DELIVERED, AT, waits=False)

    assert (state(ledger, held.id), len(queued(ledger))) == (State.DELIVERED, 1)


# --- breaker


def half_open(ledger: Ledger) -> float:
    """Open the breaker; give the moment from which one probe at a time goes through."""
    for _ in range(BREAKER_FAILURES):
        (due, *others) = ledger.queue(AT + 1, make.budgets())
        ledger.unqueue(others, AT + 1)
        fail(ledger, due, now=AT + 1)
    return AT + 1 + BREAKER_SECONDS


def test_half_open_lets_one_probe_through_over_all_processes(ledger: Ledger, another: Ledger) -> None:
    backlog(ledger, 10)
    until = half_open(ledger)

    probes = [each for one in (another, ledger, another) for each in one.queue(until, make.budgets())]
    assert len(probes) == 1

    fail(another, probes[0], now=until)
    assert ledger.queue(until + 2 * BREAKER_SECONDS - 0.001, make.budgets()) == []
    assert sum(len(one.queue(until + 2 * BREAKER_SECONDS, make.budgets())) for one in (ledger, another)) == 1


def doubtful_probe(ledger: Ledger) -> tuple[Delivery, float]:
    """Let a question be the probe of a half-open breaker."""
    backlog(ledger, BREAKER_FAILURES)
    for due in ledger.queue(AT + 1, make.budgets()):
        fail(ledger, due, DOUBT, now=AT + 1)
    until = AT + 1 + BREAKER_SECONDS
    held = ledger.doubtful(make.queue_one(ledger, now=until))
    assert held is not None
    return held, until


def test_a_question_that_does_not_reach_the_partner_opens_it_for_longer(ledger: Ledger) -> None:
    held, until = doubtful_probe(ledger)

    ledger.record_finding(held, "unknown", {}, Evidence(), None, until, waits=False, again_in=900, answered=False)

    assert ledger.queue(until + 2 * BREAKER_SECONDS - 0.001, make.budgets()) == []
    assert len(ledger.queue(until + 2 * BREAKER_SECONDS, make.budgets())) == 1


def test_a_question_that_is_answered_closes_it_whatever_the_answer(ledger: Ledger) -> None:
    held, until = doubtful_probe(ledger)

    ledger.record_finding(held, "unknown", {}, Evidence(reply=b"?"), None, until, waits=False, again_in=900, answered=True)

    assert len(ledger.queue(until, make.budgets())) == BREAKER_FAILURES - 1


@pytest.mark.parametrize("error", [BadSettings("no url", "thiếu địa chỉ"), None])
def test_what_never_came_to_the_partner_is_no_success(ledger: Ledger, error: Exception | None) -> None:
    """A setting that is missing, or a question that our own bug ended, says nothing about the partner."""
    if error is None:
        held, until = doubtful_probe(ledger)
        ledger.record_finding(held, "unknown", {}, Evidence(), None, until, waits=False, again_in=900)
    else:
        backlog(ledger, 10)
        until = half_open(ledger)
        fail(ledger, make.queue_one(ledger, now=until), error, now=until, action="park")

    with ledger.read() as conn:
        assert conn.execute(select(endpoint_states.c.failures)).scalar_one() == BREAKER_FAILURES
    assert len(ledger.queue(until, make.budgets())) == 1, "still one probe at a time"


def test_a_failed_retry_is_not_a_success(ledger: Ledger) -> None:
    """Also the last one, after which the delivery is parked."""
    (only,) = backlog(ledger, 1)
    for number in range(BREAKER_FAILURES):
        action = "park" if number == BREAKER_FAILURES - 1 else "wait"
        fail(ledger, make.queue_one(ledger, now=AT + 1), now=AT + 1, action=action)

    assert state(ledger, only) is State.PARKED
    backlog(ledger, 2)
    assert ledger.queue(AT + BREAKER_SECONDS, make.budgets()) == []


def test_a_refusal_is_an_answer(ledger: Ledger) -> None:
    backlog(ledger, 10)
    until = half_open(ledger)

    fail(ledger, make.queue_one(ledger, now=until), Refused("no", "không"), now=until, action="park")

    assert len(ledger.queue(until, make.budgets())) == 9


# --- questions


def ask(ledger: Ledger, now: float) -> None:
    """Ask about the one doubt; the answer tells nothing."""
    (due,) = queued(ledger, now, max_inquiries=3)
    assert due.purpose == "inquire"
    held = ledger.doubtful(due)
    assert held is not None
    ledger.record_finding(held, "unknown", {}, Evidence(reply=b"?"), None, now, waits=False, again_in=600, answered=True)


def test_a_doubt_is_asked_about_so_often_and_then_left_to_an_operator(ledger: Ledger) -> None:
    (only,) = backlog(ledger, 1)
    fail(ledger, make.queue_one(ledger, now=AT + 1), DOUBT, now=AT + 1)
    for number in range(3):
        now = FAR + 600 * number
        ask(ledger, now)
        assert queued(ledger, now + 599, max_inquiries=3) == []

    assert queued(ledger, FAR + 1800, max_inquiries=3) == []
    row = delivery(ledger, only)
    assert (row.state, row.doubt, row.inquiries) == (State.IN_DOUBT, "park", 3)
    assert "3 times" in row.error_en and "3 lần" in row.error_vi
    with ledger.read() as conn:
        events = list(conn.execute(select(journal.c.event).where(journal.c.event.like("inquiry.%"))).scalars())
    assert sorted(events) == ["inquiry.stopped"] + 3 * ["inquiry.unknown"]

    assert queued(ledger, 2 * FAR, max_inquiries=3) == []
    ledger.ask(only, actor="an", why="look again", now=2 * FAR)
    ask(ledger, 2 * FAR)


def test_a_worker_that_dies_of_asking_does_not_ask_for_ever(ledger: Ledger) -> None:
    (only,) = backlog(ledger, 1)
    fail(ledger, make.queue_one(ledger, now=AT + 1), DOUBT, now=AT + 1)

    asked = sum(len(queued(ledger, FAR + number * 2 * LEASE, max_inquiries=3)) for number in range(10))

    assert asked == 3
    assert delivery(ledger, only).doubt == "park"


def test_a_new_doubt_is_asked_about_anew(ledger: Ledger) -> None:
    (only,) = backlog(ledger, 1)
    fail(ledger, make.queue_one(ledger, now=AT + 1), DOUBT, now=AT + 1)
    ask(ledger, FAR)
    held = ledger.doubtful(queued(ledger, FAR + 600, max_inquiries=3)[0])
    assert held is not None and held.inquiries == 2
    ledger.record_finding(held, "absent", {}, Evidence(), None, FAR + 600, waits=False, answered=True)

    fail(ledger, make.queue_one(ledger, now=FAR + 600), DOUBT, now=FAR + 600)

    assert delivery(ledger, only).inquiries == 0


def test_a_delivery_that_kills_its_worker_while_sending_is_not_sent_for_ever_though_it_is_always_absent(ledger: Ledger) -> None:
    (only,) = backlog(ledger, 1)
    now = AT
    for _ in range(FRUITLESS_LIMIT):
        now += 10 * LEASE
        sending(ledger, make.queue_one(ledger, now=now), now)
        now += 2 * LEASE
        ledger.lapse(now, make.asks_in_doubt)
        held = ledger.doubtful(make.queue_one(ledger, now=now))
        assert held is not None
        ledger.record_finding(held, "absent", {}, Evidence(), None, now, waits=False, answered=True)

    assert ledger.claim(make.queue_one(ledger, now=now), now, LEASE) is None
    assert (state(ledger, only), delivery(ledger, only).error_code) == (State.PARKED, "poison")
