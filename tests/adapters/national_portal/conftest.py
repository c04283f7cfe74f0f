"""A dossier as the one-stop software gives it, what a writer may know, and the simulated portal with transports to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.national_portal.options import Options
from adapters.national_portal.outbound import write_message
from adapters.national_portal.simulator import simulator
from adapters.national_portal.transport import PortalTransport
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, CodeTables, Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.party import Agency, Party
from hub.contract import Call, Outgoing, Writing
from hub.endpoint import Endpoint, OutboundPolicy
from hub.simulation import SimulatorServer
from hub.wire import Wire

RECEIVED = datetime(2026, 1, 5, 8, 15, tzinfo=VIETNAM)
NUMBER = "H99.07-260105-0012"


@pytest.fixture
def dossier() -> Callable[..., Dossier]:
    """Make a dossier that was received; keywords change it."""

    def make(**changes: Any) -> Dossier:
        fields: dict[str, Any] = {
            "code": NUMBER,
            "procedure": ProcedureRef(code="1.009999", name="Thủ tục A", field_code="G99-TN01", field_name="Lĩnh vực"),
            "status": Status.PROCESSING,
            "applicant": Party(name="Nguyễn Thử Nghiệm"),
            "agency": Agency(code="H99.07", name="Sở Thử nghiệm"),
            "return_method": "1",
            "received_at": RECEIVED,
        }
        return Dossier(**{**fields, **changes})

    return make


@pytest.fixture
def message(dossier: Callable[..., Dossier]) -> Callable[..., DossierMessage]:
    """Make a message about such a dossier; ``statuses`` are its progress rows, one a minute."""

    def make(event: Event = Event.STATUS, statuses: str = "", **changes: Any) -> DossierMessage:
        steps = tuple(
            Step(status=Status(status), actor="Trần Kiểm Thử", note=f"Bước {index}", at=RECEIVED + timedelta(minutes=index))
            for index, status in enumerate(statuses.split())
        )
        return DossierMessage(event=event, dossier=dossier(**changes), steps=steps)

    return make


@pytest.fixture
def writing() -> Callable[..., Writing]:
    """Make what a writer may know; keywords are options, ``held`` and code rows apart."""

    def make(held: dict[str, str] | None = None, rows: dict[str, tuple[CodeRow, ...]] | None = None, **options: Any) -> Writing:
        return Writing(
            options=Options(madonvi="H99", **options),
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
    """Start a portal that also takes procedures."""
    with simulator(write_procedure_service="DongBoTTHC") as server:
        yield server


@pytest.fixture
def endpoint() -> Callable[..., Endpoint]:
    """Make an endpoint at this address; keywords are options."""

    def make(url: str, deadline: float = 20.0, **options: Any) -> Endpoint:
        given = {
            "base_url": f"{url}/XrdAdapter/RestService/forward",
            "username": "H99",
            "password": "invented",
            "madonvi": "H99",
            "write_procedure_service": "DongBoTTHC",
        }
        return Endpoint(
            name="dvcqg",
            adapter="national_portal",
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


@pytest.fixture
def record(message: Callable[..., DossierMessage], writing: Callable[..., Writing]) -> Callable[..., Outgoing]:
    """Write the record call of a dossier with this number."""

    def write(number: str = NUMBER, held: dict[str, str] | None = None) -> Outgoing:
        return write_message(message(code=number), Call(service="DongBoHoSoMC"), writing(held))

    return write
