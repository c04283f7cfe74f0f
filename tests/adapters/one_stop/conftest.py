"""A one-stop simulator on loopback, and the transport that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.one_stop import ADAPTER
from adapters.one_stop.simulator import simulator
from hub.contract import Transport
from hub.endpoint import Endpoint, OutboundPolicy
from hub.simulation import SimulatorServer
from hub.wire import Wire

TOKEN = "invented-token"


@pytest.fixture
def software() -> Iterator[SimulatorServer]:
    with simulator(accepts=TOKEN) as server:
        yield server


@pytest.fixture
def connect(software: SimulatorServer) -> Iterator[Callable[..., Transport]]:
    """Open a transport to the software; options may be changed."""
    wire = Wire()

    def open_with(deadline: float = 10.0, **changes: Any) -> Transport:
        options = ADAPTER.options(**{"base_url": software.url, "token": TOKEN, **changes})
        outbound = OutboundPolicy(deadline_seconds=deadline)
        endpoint = Endpoint(name="thai-nguyen", adapter="one_stop", title="Thái Nguyên", outbound=outbound, options=options)
        return ADAPTER.open_transport(endpoint, wire)

    yield open_with
    wire.close()
