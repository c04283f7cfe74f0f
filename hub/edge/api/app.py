"""Routes of the API: one for each act, made from the table of acts, so that it can do exactly what the console can."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, perform
from hub.edge.acts.everything import ACTS
from hub.edge.api.answers import REFUSALS, answered
from hub.edge.api.description import document, extra
from hub.edge.plain import plain
from hub.rules.people import Person

log = structlog.get_logger()

PREFIX = "/api/v1"


class Identified(Protocol):
    """Whoever calls, as the guard knows it."""

    @property
    def person(self) -> Person: ...


#: Finds who calls by the token; raises NotLoggedIn, or TooMany.
Bearer = Callable[[Request], Identified]


def router(hub: Hub, bearer: Bearer) -> APIRouter:
    """Make the routes; ``bearer`` is the guard's way to know a token."""
    made = APIRouter(prefix=PREFIX)
    for act in ACTS.values():
        made.add_api_route(
            address(act.verb),
            _route(hub, bearer, act),
            methods=[act.method],
            response_class=Response,
            openapi_extra=extra(act),
            **REFUSALS,
        )
    made.add_api_route("/openapi.json", _description(made), methods=["GET"], include_in_schema=False, response_class=Response)
    return made


def address(verb: str) -> str:
    """Give a verb's address below the prefix: ``replay plan`` is ``/replay/plan``."""
    return "/" + verb.replace(" ", "/")


def _route(hub: Hub, bearer: Bearer, act: Act[Any]) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        body = await request.body() if act.method == "POST" else b""
        return await run_in_threadpool(_carried_out, hub, bearer, act, request, body)

    call.__name__ = act.verb.replace(" ", "_").replace("-", "_")
    return call


def _carried_out(hub: Hub, bearer: Bearer, act: Act[Any], request: Request, body: bytes) -> Response:
    try:
        person = bearer(request).person
        asked = _read(act, request, body)
        result = perform(hub, person, act, asked)
    except Exception as error:
        return answered(error, act.verb)
    log.info("api.call", verb=act.verb, actor=person.login)
    return JSONResponse(plain(result))


def _read(act: Act[Any], request: Request, body: bytes) -> Asked:
    """Read what is asked, from the body of a POST, else from the address; raise ValidationError."""
    asked: type[Asked] = act.asked
    if act.method == "POST":
        return asked.model_validate_json(body or b"{}")
    return asked.model_validate(_from_query(asked, request))


def _from_query(asked: type[Asked], request: Request) -> Mapping[str, Any]:
    """Give the words of the address, those of a list as lists."""
    fields = asked.model_json_schema().get("properties", {})
    given = request.query_params
    return {name: given.getlist(name) if _is_list(fields.get(name, {})) else given[name] for name in given}


def _is_list(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(each.get("type") == "array" for each in schema.get("anyOf", ()))


def _description(made: APIRouter) -> Callable[[], Awaitable[Response]]:
    async def description() -> Response:
        text = await run_in_threadpool(lambda: json.dumps(document(made), ensure_ascii=False))
        return Response(text, media_type="application/json")

    return description

