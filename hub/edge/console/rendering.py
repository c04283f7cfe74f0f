"""Templates: one environment for each language, everything escaped, nothing undefined; and the answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from hub.edge.console import filters, language
from hub.edge.console.forms import Field, fields, form_address
from hub.edge.console.shown import visible
from hub.edge.console.words import CHOICES, PLACES
from hub.rules.verbs import VERBS

HERE = Path(__file__).parent
STATIC = HERE / "static"


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Make a page in the language of its request; ``values`` are what the template shows."""
    chosen = language.of(request)
    page = environment(chosen).get_template(template)
    given = {"language": chosen, "other_language": _other(chosen), "here": here(request), **_chrome(request), **values}
    answer = Response(page.render(given), status, media_type="text/html; charset=utf-8")
    if asked := language.asked_for(request):
        answer.set_cookie(language.COOKIE, asked, language.COOKIE_SECONDS, samesite="lax", httponly=True)
    return answer


def file(content: bytes, content_type: str, name: str) -> Response:
    """Answer with a file to be kept; it is never shown in the console's own place, since others wrote what stands in it."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=content_type, headers=headers)


def _other(chosen: str) -> str:
    return next(each for each in language.LANGUAGES if each != chosen)


def _chrome(request: Request) -> dict[str, Any]:
    """Give what stands around a page: who looks at it, where one can go, what was just done."""
    desk = getattr(request.state, "desk", None)
    done = request.cookies.get(DONE, "")
    return {"desk": desk, "flash": VERBS.get(done) if request.method == "GET" else None}


#: Cookie that says which verb was just done, for one page.
DONE = "done"


def here(request: Request) -> str:
    """Give the address of this page, without the language that it was asked for in."""
    asked = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    return quote(request.url.path, safe="/:@") + (f"?{urlencode(asked)}" if asked else "")


def url(*parts: str, **query: Any) -> str:
    """Write a local address: quoted parts, and a query without what is empty."""
    path = "/" + "/".join(quote(str(part), safe="") for part in parts)
    asked = {key: value for key, value in query.items() if value not in ("", None)}
    return path + (f"?{urlencode(asked)}" if asked else "")


def with_query(address: str, **query: Any) -> str:
    """Add to an address's query."""
    asked = urlencode({key: value for key, value in query.items() if value not in ("", None)})
    return address + (("&" if "?" in address else "?") + asked if asked else "")


@cache
def asset(name: str) -> str:
    """Give the address of a file of ours, which changes with its content, so that it may be kept for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def environment(chosen: str) -> Environment:
    """Make the templates of one language."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    gettext = partial(_gettext, chosen)
    made.install_gettext_callables(gettext, lambda one, many, n: gettext(one if n == 1 else many), newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(filters.of_language(chosen))
    made.filters["ident"] = ident
    made.globals["form_address"] = form_address
    made.globals.update(url=url, with_query=with_query, asset=asset, verb_fields=verb_fields)
    made.globals.update(choices=_choices(chosen), PLACES=PLACES)
    return made


def _gettext(chosen: str, text: str) -> str:
    return language.translate(text, chosen)


def _choices(chosen: str) -> Mapping[str, str]:
    return {name: filters.said(chosen, pair) for name, pair in CHOICES.items()}


def harmless(value: Any) -> Any:
    """Write out what turns the text of a page around or has no form of its own, also within what is marked up already."""
    if isinstance(value, Markup):
        return Markup(visible(value))  # noqa: S704  # signs are written out in it, none is added that means anything in HTML
    return visible(value) if isinstance(value, str) else value


def ident(text: str) -> str:
    """Make a text an identifier of HTML."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)


def verb_fields(verb: str, ask: list[str]) -> tuple[Field, ...]:
    """Give the fields of a form that stands in a page: those that are asked for, and why."""
    return fields(verb, ask=ask)
