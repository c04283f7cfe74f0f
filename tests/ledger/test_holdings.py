"""What a holder of procedures will never get is given again by the next catalogue; what a later message gives is not."""

from __future__ import annotations

from sqlalchemy import select

from hub.canonical.message import to_json
from hub.canonical.procedure import CatalogueMessage, Procedure, ProcedureMessage
from hub.errors import Refused
from hub.ledger.ledger import Ledger
from hub.ledger.tables import holdings
from hub.ledger.values import Evidence
from hub.registers import procedures
from hub.rules.lifecycle import State
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.looking import check_chains, state

SUBJECT = "catalogue:G10"


def told(ledger: Ledger, *codes: str, name: str = "A", calls: int = 1) -> list[str]:
    """Record a catalogue with its deliveries; give their identifiers."""
    message = CatalogueMessage(owner="G10", procedures=tuple(Procedure(code=code, name=name) for code in codes))
    body = to_json(message)
    planned = tuple(make.planned(SUBJECT, kind="catalogue", canonical=body) for _ in range(calls))
    given = tuple(("bo", each.code, procedures.fingerprint(each)) for each in message.procedures)
    ledger.record_received(make.acceptance(SUBJECT, body, kind="catalogue", planned=planned, holdings=given))
    return [each.id for each in planned]


def park(ledger: Ledger) -> None:
    """Have the partner refuse what is due."""
    sending = make.send_one(ledger)
    ledger.record_failed(sending, Refused("no", "không"), Decision(action="park"), Evidence(), None, make.AT)


def abandon(ledger: Ledger, delivery_id: str) -> None:
    ledger.abandon(delivery_id, notice=make.DELIVERED, actor="an", why="never", now=make.AT)


def held(ledger: Ledger) -> set[str]:
    with ledger.read() as conn:
        return set(conn.execute(select(holdings.c.code).where(holdings.c.holder == "bo")).scalars())


def test_what_was_abandoned_is_not_held(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1", "1.2")
    assert held(ledger) == {"1.1", "1.2"}
    park(ledger)
    assert held(ledger) == {"1.1", "1.2"}, "it may still be released"

    abandon(ledger, first)

    assert held(ledger) == set()


def test_what_other_deliveries_gave_stays_held(ledger: Ledger) -> None:
    told(ledger, "1.1")
    make.deliver_one(ledger)
    (second,) = told(ledger, "1.2")
    park(ledger)

    abandon(ledger, second)

    assert held(ledger) == {"1.1"}


def test_what_a_later_catalogue_gives_stays_held_even_where_it_is_the_same(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1", "1.2", "1.3")
    told(ledger, "1.1", name="B")
    told(ledger, "1.2")
    park(ledger)

    abandon(ledger, first)

    assert held(ledger) == {"1.1", "1.2"}


def test_a_later_catalogue_that_was_abandoned_gives_nothing(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1")
    (second,) = told(ledger, "1.1", name="B")
    park(ledger)

    abandon(ledger, second)
    assert held(ledger) == set()
    abandon(ledger, first)

    assert held(ledger) == set()
    check_chains(ledger)


def test_another_call_of_the_same_message_gives_nothing_of_this_one(ledger: Ledger) -> None:
    first, _ = told(ledger, "1.1", "1.2", calls=2)
    park(ledger)

    abandon(ledger, first)

    assert held(ledger) == set()


def test_what_was_abandoned_with_its_head_is_not_held(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1")
    (second,) = told(ledger, "1.2")
    park(ledger)

    given = [(first, make.DELIVERED), (second, make.DELIVERED)]
    ledger.abandon_all(given, actor="an", why="never", now=make.AT)

    assert held(ledger) == set()


def test_settled_as_not_arrived_it_goes_again_and_so_stays_held(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1")
    make.send_one(ledger)
    later = make.AT + 10_000
    ledger.lapse(later, make.parks_doubt)

    given = {"evidence": b"", "found": {}, "waits": False, "notice": make.DELIVERED, "actor": "an", "why": "looked"}
    ledger.settle(first, arrived=False, now=later, **given)

    assert state(ledger, first) is State.PENDING
    assert held(ledger) == {"1.1"}


def test_a_procedure_that_was_given_up_is_given_again(ledger: Ledger) -> None:
    told(ledger, "1.1", "1.2")
    make.deliver_one(ledger)
    body = to_json(ProcedureMessage(owner="G10", procedure=Procedure(code="1.1", name="A")))
    planned = make.planned("procedure:1.1", kind="procedure", canonical=body)
    ledger.record_received(make.acceptance("procedure:1.1", body, kind="procedure", planned=(planned,)))
    park(ledger)

    abandon(ledger, planned.id)

    assert held(ledger) == {"1.2"}


def refused_later(ledger: Ledger, native_id: str) -> None:
    """Have the partner refuse, by a message of its own, what it was given."""
    ledger.record_received(make.acceptance(endpoint="bo", correlation=native_id, correlation_refused=True))


def test_what_the_partner_refused_later_is_not_held(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1")
    delivered = make.deliver_one(ledger)
    told(ledger, "1.2")

    refused_later(ledger, delivered.native_id)

    assert state(ledger, first) is State.REFUSED_LATE
    assert held(ledger) == {"1.2"}


def test_what_an_operator_heard_to_be_refused_is_not_held(ledger: Ledger) -> None:
    (first,) = told(ledger, "1.1")
    make.deliver_one(ledger, waits=True)

    given = {"evidence": b"", "notice": make.DELIVERED, "actor": "an", "why": "called", "now": make.AT}
    ledger.settle_answer(first, acknowledged=False, **given)

    assert state(ledger, first) is State.REFUSED_LATE
    assert held(ledger) == set()


def test_what_is_acknowledged_stays_held(ledger: Ledger) -> None:
    told(ledger, "1.1")
    delivered = make.deliver_one(ledger)

    ledger.record_received(make.acceptance(endpoint="bo", correlation=delivered.native_id))

    assert held(ledger) == {"1.1"}


def test_dossiers_have_nothing_to_do_with_it(ledger: Ledger) -> None:
    told(ledger, "1.1")
    make.deliver_one(ledger)
    planned = make.planned()
    ledger.record_received(make.acceptance(planned=(planned,)))
    park(ledger)

    abandon(ledger, planned.id)

    assert held(ledger) == {"1.1"}
