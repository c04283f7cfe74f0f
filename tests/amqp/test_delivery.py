"""Deliveries to a partner's broker, through the hub: what the ledger says of each way it can go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.ledger import payloads
from hub.ledger.tables import attempts
from hub.rules.lifecycle import State
from tests.support import hub as support
from tests.support import rabbit
from tests.support.amqp_partner import Cuttable, Partner, table
from tests.support.clock import Clock
from tests.support.looking import all_deliveries

ACKNOWLEDGED = '[outbound.services.GuiHoSo]\non_doubt = "resend"\nadvance_on = "acknowledged"\n'
Make = Callable[..., Hub]


@pytest.fixture
def make(tmp_path: Path, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make a hub whose recipient has a broker; keywords are keys of its ``[amqp]``."""
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, rabbit.PASSWORD)
    opened: list[Hub] = []

    def made(*, url: str = "", services: str = support.RESENDS, clock: Clock | None = None, **keys: Any) -> Hub:
        at = support.At(services=services + table(url or partner.node.url, **keys))
        opened.append(support.open_hub(support.configure(tmp_path, {support.PARTNER: at}), clock))
        return opened[-1]

    yield made
    for each in opened:
        support.close(each)


def evidence(hub: Hub) -> list[tuple[str, bytes, bytes]]:
    """Give outcome, bytes sent and reply of every attempt."""
    with hub.ledger.read() as conn:
        rows = conn.execute(select(attempts).order_by(attempts.c.delivery_id, attempts.c.number)).all()
        return [(row.outcome, _body(conn, row.sent_digest), _body(conn, row.reply_digest)) for row in rows]


def _body(conn: Any, digest: str) -> bytes:
    return (payloads.get(conn, digest) or b"") if digest else b""


def test_a_confirm_delivers_and_is_kept_as_evidence(partner: Partner, make: Make) -> None:
    queue = partner.queue("in")
    hub = make(publish_routing_key=queue)
    support.send(hub, 1)
    support.carry_all(hub)

    (row,) = all_deliveries(hub.ledger)
    ((_, sent, reply),) = evidence(hub)
    (message,) = partner.take(queue)
    assert row.state == State.DELIVERED
    assert reply == b"basic.ack"
    assert sent.endswith(bytes(message.body))
    assert message.properties["message_id"] == row.native_id


def test_a_service_may_still_wait_for_the_partners_later_word(partner: Partner, make: Make) -> None:
    queue = partner.queue("in")
    hub = make(publish_routing_key=queue, services=ACKNOWLEDGED)
    support.send(hub, 1)
    support.send(hub, 2)
    support.carry_all(hub)

    assert [row.state for row in all_deliveries(hub.ledger)] == [State.DELIVERED, State.HELD]
    assert len(partner.take(queue)) == 1


def test_what_no_queue_took_goes_again_with_the_same_bytes(partner: Partner, make: Make) -> None:
    queue = partner.queue("in")
    partner.delete(queue)
    clock = Clock()
    hub = make(publish_routing_key=queue, clock=clock)
    support.send(hub, 1)
    support.carry_all(hub)
    (row,) = all_deliveries(hub.ledger)
    assert row.state == State.WAITING and row.error_code == "not_sent"

    partner.queue("in")
    clock.advance(60)
    support.carry_all(hub)

    (row,) = all_deliveries(hub.ledger)
    (message,) = partner.take(queue)
    (_, first, returned), (_, second, confirmed) = evidence(hub)
    assert row.state == State.DELIVERED
    assert first == second and first.endswith(bytes(message.body))
    assert (returned, confirmed) == (b"basic.return 312 NO_ROUTE", b"basic.ack")


def test_a_doubt_is_sent_again_under_the_same_identifier_where_that_is_declared_safe(partner: Partner, make: Make) -> None:
    queue, clock, wire = partner.queue("in"), Clock(), Cuttable(partner.node.port)
    hub = make(url=wire.url, publish_routing_key=queue, clock=clock)
    support.send(hub, 1)
    wire.at(b"maThongDiep", wire.cut)
    support.carry_all(hub)
    (row,) = all_deliveries(hub.ledger)
    assert row.state == State.IN_DOUBT

    clock.advance(1000)
    support.carry_all(hub)
    wire.close()

    (row,) = all_deliveries(hub.ledger)
    first, second = partner.take(queue)
    assert row.state == State.DELIVERED
    assert first.properties["message_id"] == second.properties["message_id"] == row.native_id
    assert bytes(first.body) == bytes(second.body)
