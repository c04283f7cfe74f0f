"""Numbers that partners give dossiers: joined in the commit of the receipt, never to two dossiers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.canonical.receipt import Receipt
from hub.ledger.ledger import Ledger
from hub.ledger.number_verbs import NumberTaken
from hub.ledger.tables import dossier_codes
from hub.ledger.values import Delivery, Evidence
from hub.registers import dossiers, history
from hub.rules.lifecycle import State
from tests.support import acceptances as make
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import SQLITE
from tests.support.looking import broken_rows, check_chains, state

NUMBER = "G99.20-20260302-0000001"
AT = make.AT


@pytest.fixture(params=ENGINES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with ledger_on(request.param) as address:
        opened = Ledger(address.replace(SQLITE, f"sqlite:///{tmp_path / 'ledger.db'}"))
        opened.create()
        yield opened
        opened.close()


def sending(ledger: Ledger, subject: str, **given: str) -> Delivery:
    """Let a dossier's one delivery stand where its receipt is awaited."""
    change = make.change(subject)
    planned = (make.planned(subject, **given),)
    ledger.record_received(make.acceptance(subject, body=subject.encode(), dossiers=(change,), planned=planned))
    return make.send_one(ledger)


def deliver(ledger: Ledger, held: Delivery, **numbers: str) -> None:
    ledger.record_delivered(held, Receipt(code="00", numbers=numbers), Evidence(reply=b"00"), make.DELIVERED, AT, waits=False)


def codes(ledger: Ledger) -> dict[str, str]:
    with ledger.read() as conn:
        return {row.code: row.key for row in conn.execute(select(dossier_codes))}


def test_a_number_is_joined_with_its_receipt_and_stands_in_the_journal(ledger: Ledger) -> None:
    deliver(ledger, sending(ledger, "national:1"), national_portal=NUMBER)

    assert codes(ledger) == {"national:1": "national:1", f"national_portal:{NUMBER}": "national:1"}
    with ledger.read() as conn:
        found = dossiers.find(conn, [f"national_portal:{NUMBER}"])
        last = history.timeline(conn, NUMBER).journal[-1]
    assert found is not None and found.key == "national:1"
    assert (last.event, last.entry["numbers"]) == ("delivery.delivered", {"national_portal": NUMBER})
    assert broken_rows(ledger) == []


def test_a_number_that_is_joined_already_is_joined_again_without_harm(ledger: Ledger) -> None:
    deliver(ledger, sending(ledger, "national:1"), national_portal=NUMBER)
    again = make.acceptance("national:1", body=b"2", planned=(make.planned("national:1"),))
    ledger.record_received(again)
    deliver(ledger, make.send_one(ledger), national_portal=NUMBER)

    assert len(codes(ledger)) == 2


def test_a_number_that_another_dossier_has_is_refused_and_nothing_of_the_receipt_is_recorded(ledger: Ledger) -> None:
    deliver(ledger, sending(ledger, "national:1"), national_portal=NUMBER)
    held = sending(ledger, "national:2")

    with pytest.raises(NumberTaken) as caught:
        deliver(ledger, held, national_portal=NUMBER, other="X-1")

    assert NUMBER in caught.value.vi and NUMBER in caught.value.en
    assert state(ledger, held.id) is State.SENDING
    assert set(codes(ledger)) == {"national:1", "national:2", f"national_portal:{NUMBER}"}
    check_chains(ledger)


def test_an_empty_number_is_none(ledger: Ledger) -> None:
    deliver(ledger, sending(ledger, "national:1"), national_portal="")

    assert set(codes(ledger)) == {"national:1"}


def test_what_is_no_dossier_has_no_numbers(ledger: Ledger) -> None:
    deliver(ledger, sending(ledger, "national:1", kind="catalogue"), national_portal=NUMBER)

    assert set(codes(ledger)) == {"national:1"}


def test_of_two_receipts_at_once_with_one_number_one_is_refused(ledger: Ledger) -> None:
    helds = [sending(ledger, f"national:{number}") for number in range(6)]

    def one(held: Delivery) -> bool:
        try:
            deliver(ledger, held, national_portal=NUMBER)
        except NumberTaken:
            return False
        return True

    with ThreadPoolExecutor(len(helds)) as pool:
        taken = list(pool.map(one, helds))

    assert taken.count(True) == 1
    owner = helds[taken.index(True)].subject
    assert codes(ledger)[f"national_portal:{NUMBER}"] == owner
    assert [state(ledger, held.id) for held in helds].count(State.DELIVERED) == 1
    assert broken_rows(ledger) == []


def test_a_delivery_that_is_not_needed_is_done_and_its_chain_moves_on(ledger: Ledger) -> None:
    planned = (make.planned("national:1"), make.planned("national:1"))
    ledger.record_received(make.acceptance("national:1", dossiers=(make.change(),), planned=planned))
    held = ledger.claim(make.queue_one(ledger), AT, make.LEASE_SECONDS)
    assert held is not None

    ledger.record_unneeded(held, make.DELIVERED, AT)

    assert [state(ledger, each.id) for each in planned] == [State.DELIVERED, State.PENDING]
    check_chains(ledger)
    with ledger.read() as conn:
        assert history.timeline(conn, planned[0].id).journal[-1].event == "delivery.unneeded"
