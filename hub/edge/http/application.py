"""The application: doors, the sender's view, health, and their description, in one FastAPI value."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from hub.app import Hub
from hub.edge.http import description, page
from hub.edge.http.attachments import AttachmentApi
from hub.edge.http.bodies import Bodies
from hub.edge.http.doors import DOOR, Doors, is_message
from hub.edge.http.files import FileDoor
from hub.edge.http.health import Health
from hub.edge.http.identity import Gate
from hub.edge.http.outbox import OutboxDoor
from hub.edge.http.pressure import Pressure
from hub.edge.http.routes import Guarded, answer_errors
from hub.edge.http.sender import SenderApi
from hub.sections import HubFile

log = structlog.get_logger()


class _Application(FastAPI):
    """FastAPI, with the doors in front of its layers, which cost a fifth of a message's time there (measured)."""

    #: Answers a message at a door.
    in_front: Callable[[Request], Awaitable[Response]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.in_front is None or not is_message(scope):
            await super().__call__(scope, receive, send)
            return
        response = await self.in_front(Request(scope, receive, send))
        await response(scope, receive, send)


def make_app(
    hub: Hub, file: HubFile | None = None, *, public_url: str = "", doors: bool = True, uses_bus: bool = False
) -> FastAPI:
    """Make the application; raises BadSettings where a door's proofs of identity cannot be right.

    ``public_url``: the address that stands in WSDLs; empty takes the one of ``[hub]``. ``doors``: False leaves health alone.
    ``uses_bus``: this process is ready only where its connections to the broker stand.
    """
    given = file or HubFile()
    url = public_url or given.hub.public_url
    # What messages name our files by is what callers are told at this address.
    hub = dataclasses.replace(hub, public_url=url)
    gate = Gate(hub.endpoints, given.doors)
    bodies = Bodies(given.doors.body_seconds)
    app = _Application(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    answer_errors(app)
    stamps = bool(given.timestamps.authority)
    health = Health(hub, gate, given.doors.metrics_token_sha256, uses_bus=uses_bus, stamps=stamps)
    app.include_router(health.router())
    if doors:
        pressure = Pressure(given.doors.max_waiting, sum(each.inbound is not None for each in hub.endpoints.values()))
        header = given.doors.client_certificate_header
        at_doors = Doors(hub, gate, bodies, pressure, url, certificate_header=header)
        app.include_router(OutboxDoor(hub, gate, bodies, pressure).router())
        app.include_router(at_doors.router())
        app.in_front = at_doors.answer if not given.doors.access_log else partial(_logged, following=at_doors.answer)
        app.include_router(AttachmentApi(hub, gate, given.payloads, idle_seconds=given.doors.body_seconds).router())
        app.include_router(FileDoor(hub, gate, given.payloads).router())
        app.include_router(SenderApi(hub, gate, bodies).router())
        app.include_router(_description_router(app, hub, url))
    if given.doors.access_log:
        app.middleware("http")(_logged)
    return app


def _description_router(app: FastAPI, hub: Hub, url: str) -> APIRouter:
    router = APIRouter(route_class=Guarded, include_in_schema=False)

    @lru_cache(maxsize=1)
    def document() -> dict[str, Any]:
        return description.document(app, hub, url)

    @lru_cache(maxsize=1)
    def html() -> str:
        return page.render(document())

    async def as_json() -> Response:
        return JSONResponse(await run_in_threadpool(document))

    async def as_page() -> Response:
        headers = {"Content-Security-Policy": page.CONTENT_POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(await run_in_threadpool(html), media_type="text/html; charset=utf-8", headers=headers)

    router.add_api_route("/openapi.json", as_json, methods=["GET"], response_class=Response)
    router.add_api_route("/docs", as_page, methods=["GET"], response_class=Response)
    return router


async def _logged(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
    """Log one line for a call: no address, no query, no identifiers, since those may name persons."""
    began = time.perf_counter()
    response = await following(request)
    route = DOOR if is_message(request.scope) else getattr(request.scope.get("route"), "path", "")
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    log.info("http.call", method=request.method, route=route, status=response.status_code, milliseconds=milliseconds)
    return response
