"""The simulated Hub, a transport to it, and the certificates of the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import adapters.ephyto
from adapters.ephyto import ADAPTER
from adapters.ephyto.options import Options
from adapters.ephyto.simulator import PATH, simulator
from adapters.ephyto.transport import EphytoTransport
from hub.canonical.codes import CodeTables
from hub.canonical.message import from_json
from hub.conformance.samples import MESSAGE_ID, NOW
from hub.contract import Outgoing, Writing
from hub.endpoint import Endpoint, InboundPolicy, OutboundPolicy
from hub.simulation import SimulatorServer
from hub.wire import Wire

SAMPLES = Path(adapters.ephyto.__file__).parent / "samples"


@pytest.fixture(scope="module")
def post() -> Iterator[SimulatorServer]:
    with simulator() as server:
        yield server


@pytest.fixture
def connect(post: SimulatorServer) -> Iterator[Callable[..., EphytoTransport]]:
    """Open a transport to the simulated Hub, with options of one's own."""
    wires: list[Wire] = []

    def make(**options: Any) -> EphytoTransport:
        wires.append(Wire())
        return opened(post.url, wires[-1], **options)

    post.faults.clear()
    yield make
    for wire in wires:
        wire.close()


def opened(url: str, wire: Wire, deadline: float = 20.0, **options: Any) -> EphytoTransport:
    endpoint = Endpoint(
        name="ephyto",
        adapter="ephyto",
        title="Hub",
        inbound=InboundPolicy(),
        outbound=OutboundPolicy(deadline_seconds=deadline),
        options=Options(url=f"{url}{PATH}", **options),
    )
    return ADAPTER.open_transport(endpoint, wire)


@pytest.fixture
def written() -> Callable[..., Outgoing]:
    """Write the call of a sample message, with options of one's own."""

    def make(name: str = "issued", **options: Any) -> Outgoing:
        message = from_json((SAMPLES / "out" / f"{name}.message.json").read_bytes())
        chosen = Options(**options)
        (call,) = ADAPTER.plan(message, chosen)
        writing = Writing(options=chosen, codes=CodeTables({}), held={}, now=NOW, message_id=MESSAGE_ID)
        outgoing = ADAPTER.write_message(message, call, writing)
        assert outgoing is not None
        return outgoing

    return make


def let_go() -> None:
    """Let every call go."""
