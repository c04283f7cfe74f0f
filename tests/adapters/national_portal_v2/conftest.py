"""A dossier of an agency, what a writer may know, and the simulated portal with transports to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from adapters.national_portal_v2.options import Options
from adapters.national_portal_v2.samples.generator import way
from adapters.national_portal_v2.simulator import simulator
from adapters.national_portal_v2.transport import PortalTransport
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, CodeTables
from hub.canonical.dossier import DossierMessage
from hub.contract import Writing
from hub.endpoint import Endpoint, OutboundPolicy
from hub.simulation import SimulatorServer
from hub.wire import Wire


@pytest.fixture
def message() -> Callable[..., DossierMessage]:
    """Give the first message of a dossier; keywords change the dossier."""

    def make(**changes: Any) -> DossierMessage:
        first = way(1, 1)[0]
        return first.model_copy(update={"dossier": first.dossier.model_copy(update=changes)})

    return make


@pytest.fixture
def writing() -> Callable[..., Writing]:
    """Make what a writer may know; keywords are options, ``held`` and code rows apart."""

    def make(held: dict[str, str] | None = None, rows: dict[str, tuple[CodeRow, ...]] | None = None, **options: Any) -> Writing:
        return Writing(
            options=Options(**{"agency_code": "000.00.00.G99", **options}),
            codes=CodeTables(rows or {}),
            held=held or {},
            now=datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM),
            message_id="7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10",
        )

    return make


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Make connections, closed afterwards."""
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def portal() -> Iterator[SimulatorServer]:
    with simulator() as server:
        yield server


@pytest.fixture
def endpoint() -> Callable[..., Endpoint]:
    """Make an endpoint at this address; keywords are options."""

    def make(url: str, deadline: float = 20.0, **options: Any) -> Endpoint:
        given = {"base_url": f"{url}/api/", "client_id": "lienthong", "client_secret": "invented", "agency_code": "000.00.00.G99"}
        return Endpoint(
            name="dvcqg_v2",
            adapter="national_portal_v2",
            title="Cổng",
            outbound=OutboundPolicy(deadline_seconds=deadline),
            options=Options(**{**given, **options}),
        )

    return make


@pytest.fixture
def connect(wire: Wire, endpoint: Callable[..., Endpoint]) -> Callable[..., PortalTransport]:
    """Open a transport to a server."""

    def open_one(server: SimulatorServer, deadline: float = 20.0, **options: Any) -> PortalTransport:
        return PortalTransport(endpoint(server.url, deadline, **options), wire)

    return open_one
