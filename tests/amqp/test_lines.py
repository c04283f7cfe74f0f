"""Lines to a broker: kept for a while, closed when nobody comes back, and no descriptor is left behind."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal

import pika
import pytest

from hub.amqp import publishing
from hub.amqp.connecting import Broken, Broker, Properties, unmarshalled
from hub.endpoint import AmqpPolicy
from tests.amqp.conftest import Make, lines_at
from tests.amqp.test_transport import OUTGOING, no_fence
from tests.support import rabbit
from tests.support.amqp_partner import Partner


def test_an_idle_line_is_closed_when_nobody_comes_back(
    partner: Partner, connect: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the broker would miss its heartbeats, and complain."""
    transport = connect(publish_routing_key=partner.queue("in"))
    transport.send(OUTGOING, no_fence)
    assert lines_at(partner, transport) == 1

    monkeypatch.setattr(publishing, "IDLE_SECONDS", 0.0)
    transport._lines._sweep()

    rabbit.wait_until(lambda: lines_at(partner, transport) == 0)


def test_close_ends_what_is_idle_and_what_is_given_back_later(partner: Partner, connect: Make) -> None:
    transport = connect(publish_routing_key=partner.queue("in"))
    transport.send(OUTGOING, transport.close)

    rabbit.wait_until(lambda: lines_at(partner, transport) == 0)


def test_lines_that_fail_or_end_leave_no_descriptor(partner: Partner) -> None:
    right = Broker(AmqpPolicy(url=partner.node.url, password=rabbit.PASSWORD), "here")
    wrong = Broker(AmqpPolicy(url=partner.node.url, password="wrong"), "here")
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(10):
        right.line("test", 10).close()
        right.line("test", 10).drop()
        with pytest.raises(Broken):
            wrong.line("test", 10)

    assert len(os.listdir("/proc/self/fd")) <= before


def test_properties_become_printable_text() -> None:
    """Adapters and the ledger are never given a NUL, a line end or a value of another type."""
    headers = {
        "X-JWS-Signature": "a..b",
        "Twice": "1",
        "twice": "2",
        b"\xff": b"\xfe",
        "number": 17,
        "moment": datetime(2026, 3, 2, tzinfo=UTC),
        "amount": Decimal("1.50"),
        "list": ["a"],
        "table": {"a": "b"},
        "nothing": None,
    }
    given = pika.BasicProperties(message_id="a\x00b", type="a\r\nb", content_type="text/xml", headers=headers)

    assert unmarshalled(given) == Properties(
        content_type="text/xml",
        message_id="a\\x00b",
        type="a\\r\\nb",
        headers={
            "x-jws-signature": "a..b",
            "twice": "1, 2",
            "\\xff": "\\xfe",
            "number": "17",
            "moment": "2026-03-02 00:00:00+00:00",
            "amount": "1.50",
            "list": "",
            "table": "",
            "nothing": "",
        },
    )
