"""The console as one application: the rooms' pages behind the guard, our own files, the API beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from hub.app import Hub
from hub.edge import bugs
from hub.edge.api import app as api
from hub.edge.console import language, pages_verbs, rendering
from hub.edge.console.every_room import ROOMS
from hub.edge.console.forms import WrongForm
from hub.edge.console.rooms import Declared, Desk
from hub.edge.web.guard import Forged, Guard, NotLoggedIn, TooMany
from hub.errors import Forbidden, HubError, NotAllowed, Unavailable
from hub.rules import people
from hub.settings import Settings

#: Fields and files of one form.
MAX_FIELDS, MAX_FILES = 500, 4
#: One year: the address of a file of ours changes with its content.
KEPT = "public, max-age=31536000, immutable"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What every page is made with."""

    hub: Hub
    settings: Settings
    guard: Guard


def make_console(hub: Hub, settings: Settings) -> FastAPI:
    """Make the console of a hub; log-in, security headers and sessions are the guard's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    guard = Guard(hub, settings, render=rendering.render)
    guard.add_to(app)
    parts = Parts(hub=hub, settings=settings, guard=guard)
    app.add_api_route("/static/{name}", _file, methods=["GET", "HEAD"], include_in_schema=False)
    for room in ROOMS:
        for declared in room.pages:
            _serve(app, parts, declared)
    app.include_router(api.router(hub, guard.bearer))
    app.add_exception_handler(HTTPException, _not_there)
    return app


def _serve(app: FastAPI, parts: Parts, declared: Declared) -> None:
    async def answered(request: Request) -> Response:
        posted = await _posted(request) if declared.method == "POST" else {}
        return await run_in_threadpool(_answered, parts, declared, request, posted)

    app.add_api_route(
        declared.path, answered, methods=[declared.method], include_in_schema=False, response_class=Response, name=declared.path
    )


async def _posted(request: Request) -> dict[str, list[str | bytes]]:
    found: dict[str, list[str | bytes]] = {}
    async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS) as form:
        for name, value in form.multi_items():
            content = await value.read() if isinstance(value, UploadFile) else value
            found.setdefault(name, []).append(content)
    return found


# --- one request -------------------------------------------------------------------------------------------------


def _answered(parts: Parts, declared: Declared, request: Request, posted: dict[str, list[str | bytes]]) -> Response:
    """Make one page; what goes wrong is a page, too."""
    try:
        desk = _desk(parts, request, posted)
        if declared.verb:
            people.check(desk.person, declared.verb)
        return _seen(request, _made(declared, desk))
    except (NotLoggedIn, Forged, TooMany):
        # The guard answers these.
        raise
    except WrongForm as wrong:
        return pages_verbs.again(request.state.desk, wrong)
    except Exception as error:
        return _failed(request, error)


def _made(declared: Declared, desk: Desk) -> Response:
    """Make the page; what lies outside of the person's scope is not there for them."""
    try:
        return declared.page(desk, **desk.request.path_params)
    except Forbidden:
        if declared.method == "GET" and declared.verb:
            raise _no_page() from None
        raise


def _no_page() -> NotAllowed:
    return NotAllowed("there is no such page", "không có trang này")


def _desk(parts: Parts, request: Request, posted: dict[str, list[str | bytes]]) -> Desk:
    visitor = parts.guard.visitor(request)
    if request.method == "POST":
        given: Mapping[str, Any] = {name: values[-1] for name, values in posted.items()}
        parts.guard.check_csrf(request, visitor, given)
    made = Desk(
        hub=parts.hub,
        settings=parts.settings,
        request=request,
        person=visitor.person,
        signed_in=visitor.how,
        language=language.of(request),
        csrf=visitor.csrf,
        posted=posted,
    )
    request.state.desk = made
    return made


def _seen(request: Request, answer: Response) -> Response:
    """Forget what was just done once a page has said so."""
    if request.method == "GET" and rendering.DONE in request.cookies and "hx-request" not in request.headers:
        answer.delete_cookie(rendering.DONE, samesite="lax", httponly=True)
    return answer


def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, ValidationError):
        # Only addresses are read into models outside of forms: one that cannot be is an address of nothing.
        return _told(request, _no_page(), 404)
    if isinstance(error, OperationalError):
        error = Unavailable("the ledger does not answer", "sổ cái không phản hồi")
    if isinstance(error, HubError):
        return _told(request, error, _status(request, error))
    bugs.note("console.bug", error, route=getattr(request.scope.get("route"), "path", ""))
    return _told(request, HubError("an error of the console; it is in the log", "lỗi của trang điều hành, đã ghi vào log"), 500)


def _status(request: Request, error: HubError) -> int:
    if isinstance(error, Forbidden):
        return 403
    if isinstance(error, NotAllowed):
        return 409 if request.method == "POST" else 404
    return 503 if isinstance(error, Unavailable) else 422


def _told(request: Request, error: HubError, status: int) -> Response:
    return rendering.render(request, "error.html", status, error=error)


# --- our own files -----------------------------------------------------------------------------------------------


async def _file(name: str) -> Response:
    path = rendering.STATIC / name
    if path.parent != rendering.STATIC or path.suffix not in KINDS or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type=KINDS[path.suffix], headers={"Cache-Control": KEPT})


async def _not_there(request: Request, error: Exception) -> Response:
    """Answer where no page is: unknown address, wrong method."""
    status = getattr(error, "status_code", 404)
    if request.url.path.startswith(api.PREFIX):
        return JSONResponse({"code": "not_there", "vi": "không có địa chỉ này", "en": "there is no such address"}, status)
    return _told(request, _no_page(), status)
