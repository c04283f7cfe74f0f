"""The partners' doors: one call in, the recorded answer out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.types import Scope

from hub import intake
from hub.app import Hub
from hub.contract import OWN_HEADERS, Answer
from hub.contract import Request as DoorRequest
from hub.edge.http.bodies import Bodies
from hub.edge.http.identity import Gate
from hub.edge.http.outbox import is_outbox
from hub.edge.http.pressure import Pressure
from hub.edge.http.routes import Guarded, answered
from hub.edge.http.turned_away import BadCall, NotThere, WrongMethod
from hub.endpoint import Endpoint, InboundPolicy
from hub.errors import Fault
from hub.telemetry import DOOR_SECONDS

#: Never given to an adapter, which records and logs what it is given.
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "x-forwarded-client-cert", "client-cert"})
#: Headers whose meaning would depend on which of two was read.
_ONCE = ("content-type", "idempotency-key", "soapaction")


#: The address of a door, as descriptions and log lines have it.
DOOR = "/doors/{endpoint}"
_PREFIX = "/doors/"


def is_message(scope: Scope) -> bool:
    """Say whether a call brings a message to a door."""
    path = scope["path"]
    return scope["type"] == "http" and scope["method"] == "POST" and path.startswith(_PREFIX) and not is_outbox(path)


class Doors:
    """The routes of all doors."""

    def __init__(
        self, hub: Hub, gate: Gate, bodies: Bodies, pressure: Pressure, public_url: str, *, certificate_header: str = ""
    ) -> None:
        self._hub = hub
        self._gate = gate
        self._bodies = bodies
        self._pressure = pressure
        self._public_url = public_url.rstrip("/")
        self._credentials = _CREDENTIALS | {certificate_header.lower()}

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(route_class=Guarded, tags=["Cửa tiếp nhận"])
        for path, shown in ((DOOR, True), (f"{DOOR}/{{rest:path}}", False)):
            router.add_api_route(
                path,
                self.take,
                methods=["POST"],
                response_class=Response,
                include_in_schema=shown,
                summary="Gửi một thông điệp",
                operation_id="guiThongDiep" if shown else None,
            )
            router.add_api_route(path, self.contract, methods=["GET"], response_class=Response, include_in_schema=False)
        return router

    async def answer(self, request: Request) -> Response:
        """Take one message as its route would, or answer what turned it away; for who looks at the address himself."""
        endpoint, _, rest = request.scope["path"].removeprefix(_PREFIX).partition("/")
        request.scope["path_params"] = {"endpoint": endpoint, "rest": rest}
        try:
            return await self.take(request)
        except Exception as error:
            return answered(request, error)

    async def take(self, request: Request) -> Response:
        """Take one message: identify the caller, read the body, let intake record it, answer what was recorded."""
        partner = self._gate.endpoint(request, request.path_params["endpoint"])
        request.state.door = partner.name
        _check_call(request)
        self._pressure.check(partner.name)
        policy = partner.inbound or InboundPolicy()
        # From the body's first byte on, since a slow sender holds the door as well; the gate before it takes no time.
        with DOOR_SECONDS.labels(partner.name).time():
            async with self._bodies.read(request, partner.name, policy.max_bytes) as body:
                given = self._given(request, partner, body)
                answer = await self._pressure.record(partner.name, intake.receive, self._hub, given)
        return _verbatim(answer)

    def _given(self, request: Request, partner: Endpoint, body: bytes) -> DoorRequest:
        return DoorRequest(
            endpoint=partner.name,
            body=body,
            content_type=request.headers.get("content-type", ""),
            path=_rest(request),
            query=dict(request.query_params),
            headers=self._passed_on(request.headers),
            idempotency_key=request.headers.get("idempotency-key", ""),
        )

    def _passed_on(self, headers: Headers) -> dict[str, str]:
        """Give the headers that an adapter may see: no credential, and none that only the hub itself writes."""
        passed: dict[str, str] = {}
        for name, value in headers.items():
            if name not in self._credentials and not name.startswith(OWN_HEADERS):
                # RFC 9110 5.3: lines of the same name are one list.
                passed[name] = f"{passed[name]}, {value}" if name in passed else value
        return passed

    async def contract(self, request: Request) -> Response:
        """Serve a contract document of the door: ``?wsdl``, ``?xsd=name``."""
        partner = self._gate.endpoint(request, request.path_params["endpoint"])
        _check_call(request)
        wanted = _document_name(request)
        url = f"{self._public_url}/doors/{partner.name}{quote(_rest(request))}"
        documents = await run_in_threadpool(self._documents, partner, url)
        if not documents and not is_outbox(request.scope["path"]):
            raise WrongMethod("POST")
        if wanted not in documents:
            raise NotThere
        content_type, body = documents[wanted]
        return Response(body, headers={"Content-Type": content_type})

    def _documents(self, partner: Endpoint, url: str) -> Mapping[str, tuple[str, bytes]]:
        return self._hub.adapter(partner).contract_documents(partner, url)


def _rest(request: Request) -> str:
    """Give what follows the door's own path, with its slash."""
    rest = request.path_params.get("rest", "")
    return f"/{rest}" if rest else ""


def _document_name(request: Request) -> str:
    """Name the document: ``wsdl`` for ``?wsdl`` in any case, ``xsd=name`` for ``?xsd=name``."""
    if len(request.query_params) != 1:
        return ""
    name, value = next(iter(request.query_params.items()))
    return f"{name.lower()}={value}" if value else name.lower()


def _check_call(request: Request) -> None:
    """Refuse what two readers could read in two ways."""
    twice = [name for name in _ONCE if len(request.headers.getlist(name)) > 1]
    faults = [Fault(name, "repeated", "tiêu đề này xuất hiện nhiều lần", "this header stands more than once") for name in twice]
    if not all(part.isprintable() for part in (_rest(request), *itertools.chain(*request.query_params.multi_items()))):
        faults.append(Fault("path", "bad_value", "đường dẫn có ký tự điều khiển", "the address has control characters"))
    if faults:
        raise BadCall(tuple(faults))


def _verbatim(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {"content-type": answer.content_type, **answer.headers})
