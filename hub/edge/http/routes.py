"""The one mapping of what may happen in a route to an answer: no error leaves without one, no detail leaves with a bug."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from hub.edge import bugs
from hub.edge.http.identity import UNKNOWN
from hub.edge.http.turned_away import BadCall, Broken, NotReady, NotThere, TurnedAway, WrongMethod, answer
from hub.errors import Fault, Unavailable
from hub.rules.wrong_values import WRONG_VALUES, in_vietnamese
from hub.telemetry import TURNED_AWAY

log = structlog.get_logger()


class Guarded(APIRoute):
    """A route whose every error is answered in both languages, and in SOAP where the caller spoke SOAP."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await inner(request)
            except Exception as error:
                return answered(request, error)

        return guarded


def answer_errors(app: FastAPI) -> None:
    """Answer in the same manner where no route is reached: unknown address, wrong method."""

    async def said(request: Request, error: Exception) -> Response:
        return answered(request, error)

    app.add_exception_handler(HTTPException, said)


def answered(request: Request, error: Exception) -> Response:
    """Answer a call that failed, and count it."""
    told = _turned_away(request, error)
    # Only a caller that proved who it is stands by name; what strangers ask for must not become label values.
    TURNED_AWAY.labels(getattr(request.state, "door", UNKNOWN), told.code).inc()
    return answer(told, request.headers.get("content-type", ""))


def _turned_away(request: Request, error: Exception) -> TurnedAway:
    if isinstance(error, TurnedAway):
        return error
    if isinstance(error, RequestValidationError):
        return BadCall(tuple(_fault(each) for each in error.errors()))
    if isinstance(error, HTTPException):
        return _of_status(error)
    if isinstance(error, Unavailable | OperationalError):
        log.error("ledger.unavailable", cause=type(error).__name__)
        return NotReady()
    bugs.note("http.bug", error, route=_route(request))
    return Broken()


def _of_status(error: HTTPException) -> TurnedAway:
    if error.status_code == 405:
        return WrongMethod((error.headers or {}).get("Allow", ""))
    return NotThere() if error.status_code == 404 else BadCall((_unreadable(),), status=error.status_code)


def _unreadable() -> Fault:
    return Fault("", "bad_value", "lời gọi không đọc được", "the call cannot be read")


def _fault(found: dict[str, Any]) -> Fault:
    where = "/".join(str(part) for part in found["loc"])
    return Fault(where, "bad_value", _in_vietnamese(found), str(found["msg"]))


def _in_vietnamese(found: dict[str, Any]) -> str:
    # What is missing from a call is no key of a configuration; what nobody translated is not said in pydantic's English.
    if found["type"] == "missing":
        return "thiếu giá trị bắt buộc"
    return in_vietnamese(found) if found["type"] in WRONG_VALUES else "giá trị không hợp lệ"


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", ""))

