"""A partner with a broker of its own, and an endpoint that publishes to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.amqp.transport import AmqpTransport
from hub.endpoint import AmqpPolicy, Endpoint, OutboundPolicy
from tests.support import rabbit
from tests.support.amqp_partner import Cuttable, Partner

#: Makes a transport; keywords are keys of ``[amqp]``, and ``deadline_seconds``.
Make = Callable[..., AmqpTransport]


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner(rabbit.shared())
    yield made
    made.close()


@pytest.fixture
def wire(partner: Partner) -> Iterator[Cuttable]:
    """A wire to the partner's broker that can be cut."""
    made = Cuttable(partner.node.port)
    yield made
    made.close()


def endpoint(url: str, *, deadline_seconds: float = 60.0, **keys: Any) -> Endpoint:
    """Make an endpoint with an ``[amqp]`` table, and a name of its own, by which its lines are known at the broker."""
    amqp = AmqpPolicy(url=url, **{"password": rabbit.PASSWORD, **keys})
    outbound = OutboundPolicy(deadline_seconds=deadline_seconds)
    return Endpoint(name=f"bo-{secrets.token_hex(6)}", adapter="template", title="Bộ", outbound=outbound, amqp=amqp)


def lines_at(partner: Partner, transport: AmqpTransport) -> int:
    """Count a transport's lines as the broker sees them."""
    return len([name for name in partner.node.connections() if transport._endpoint.name in name])


@pytest.fixture
def connect(partner: Partner) -> Iterator[Make]:
    made: list[AmqpTransport] = []

    def make(url: str = "", **keys: Any) -> AmqpTransport:
        made.append(AmqpTransport(endpoint(url or partner.node.url, **keys)))
        return made[-1]

    yield make
    for each in made:
        each.close()
