"""A room of pages, and the desk at which one page is made: who looks, in which language, and the hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.app import Hub
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.console import forms, rendering
from hub.edge.console.language import translate
from hub.rules.people import Person
from hub.rules.verbs import VERBS
from hub.settings import Settings

#: What a page is made by: it is given the desk, and what stands in its address.
Page = Callable[..., Response]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where one request is worked on."""

    hub: Hub
    settings: Settings
    request: Request
    person: Person
    #: password or oidc.
    signed_in: str
    language: str
    #: Stands in every form; what is posted without it is refused.
    csrf: str
    #: What was posted: a field may come more than once, a file comes as its bytes.
    posted: Mapping[str, list[str | bytes]] = field(default_factory=dict)

    @property
    def query(self) -> Mapping[str, str]:
        """Give what stands behind the question mark of the address."""
        return dict(self.request.query_params)

    def may(self, verb: str) -> bool:
        """Say whether a verb belongs to one of the person's roles."""
        return self.person.may(verb)

    def say(self, text: str) -> str:
        """Give a Vietnamese text of ours in the page's language."""
        return translate(text, self.language)

    def look(self, verb: str, /, **asked: Any) -> Any:
        """Carry out a verb that only reads; what is empty is left to its default. Raises what the verb raises."""
        act = ACTS[verb]
        given = {name: value for name, value in asked.items() if value not in ("", None)}
        return perform(self.hub, self.person, act, forms.checked(act, given))

    def carry_out(self, verb: str, /, **fixed: Any) -> Any:
        """Carry out a verb with what was posted, and with what the address fixes; raise WrongForm where that cannot be."""
        return forms.carry_out(self.hub, self.person, verb, {**self.posted, **{name: [value] for name, value in fixed.items()}})

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """Make the page."""
        return rendering.render(self.request, template, status, **values)

    def go(self, address: str, done: str = "") -> Response:
        """Send the browser to one of our pages, which says what was done."""
        answer = RedirectResponse(local(address), 303)
        if done in VERBS:
            answer.set_cookie(rendering.DONE, done, 60, samesite="lax", httponly=True)
        return answer


def local(address: str) -> str:
    """Give an address of ours; the front page where it leads elsewhere."""
    plain = address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"


@dataclass(frozen=True)
class Declared:
    """One page as its room declares it."""

    method: str
    path: str
    #: Its name in VERBS; empty: everybody who is logged in.
    verb: str
    page: Page


@dataclass(frozen=True)
class Room:
    """Pages that belong together."""

    pages: list[Declared] = field(default_factory=list)

    def page(self, path: str, *, verb: str) -> Callable[[Page], Page]:
        """Declare a page that is looked at."""
        return self._declare("GET", path, verb)

    def form(self, path: str, *, verb: str) -> Callable[[Page], Page]:
        """Declare where a form is posted to."""
        return self._declare("POST", path, verb)

    def _declare(self, method: str, path: str, verb: str) -> Callable[[Page], Page]:
        def declared(page: Page) -> Page:
            self.pages.append(Declared(method, path, verb, page))
            return page

        return declared


#: Verb -> the page that shows what it made; of other verbs one goes back to where the form stood.
_AFTER: dict[str, Callable[[Any], str]] = {}


def after(verb: str, shown_at: Callable[[Any], str]) -> None:
    """Say where one goes when a verb was done: to what it made."""
    _AFTER[verb] = shown_at


def landing(verb: str, done: Any, back: str) -> str:
    """Give the page on which a verb's result is seen."""
    return _AFTER[verb](done) if verb in _AFTER else local(back)
