"""An office: a hub with its partner, accounts of each role, and pages as a browser without JavaScript gets them."""

from __future__ import annotations

import html
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from hub import bootstrap
from hub.app import Hub
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from hub.operations import logins
from hub.registers import history
from hub.rules.people import Person, Role
from tests.support.browser import Browser, Page
from tests.support.night_shift import Shift, shift

FIRST_PASSWORD, PASSWORD = "mat-khau-tam-thoi-2026", "mat-khau-thu-nghiem-2026"
EVERYBODY = Person(login="thiet_lap", roles=frozenset(Role))
#: An endpoint of another province, which has nothing to do with what happens here.
ELSEWHERE = "mot_cua_khac"
#: Login -> roles and scope.
PEOPLE: dict[str, tuple[Sequence[Role], Sequence[str]]] = {
    "an": ([Role.OPERATOR], ["*"]),
    "duyet": ([Role.APPROVER], ["*"]),
    "danh_muc": ([Role.OFFICER], ["*"]),
    "xem": ([Role.VIEWER], ["*"]),
    "thanh_tra": ([Role.AUDITOR], ["*"]),
    "quan_tri": ([Role.ADMINISTRATOR], ["*"]),
    #: Works on another province than the one whose dossiers are there.
    "noi_khac": ([Role.OPERATOR, Role.APPROVER, Role.AUDITOR], [ELSEWHERE]),
}


@dataclass
class Seat:
    """One person's browser."""

    browser: Browser
    csrf: str = ""

    def get(self, path: str, **query: Any) -> Page:
        """Open a page."""
        return self.browser.get(path + (f"?{urlencode(query)}" if query else ""))

    def page(self, path: str, **query: Any) -> str:
        """Open a page that must be there."""
        answer = self.get(path, **query)
        assert answer.status == 200, f"{path}: {answer.status}\n{words(text(answer))}"
        return text(answer)

    def post(self, path: str, fields: Mapping[str, Any] | Sequence[tuple[str, Any]] = (), *, csrf: bool = True) -> Page:
        """Send a form, as the page's own form would."""
        given = [*(fields.items() if isinstance(fields, Mapping) else fields)]
        if csrf:
            given.append(("csrf", self.token()))
        named = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.browser.origin}
        return self.browser.call("POST", path, urlencode(given).encode(), named)

    def token(self) -> str:
        """Give what stands in each form of this person."""
        if not self.csrf:
            self.csrf = found(self.page("/find"), r'name="csrf" value="([^"]+)"')
        return self.csrf


@dataclass
class Office:
    """The hub, and who sits there."""

    night: Shift
    url: str
    seats: dict[tuple[str, str], Seat] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    #: Who has an account here: roles and scope.
    people: Mapping[str, tuple[Sequence[Role], Sequence[str]]] = field(default_factory=lambda: PEOPLE)

    @property
    def hub(self) -> Hub:
        return self.night.hub

    def seat(self, login: str, language: str = "vi") -> Seat:
        """Give a person's browser, logged in."""
        if (login, language) not in self.seats:
            self.seats[login, language] = self._log_in(login, language)
        return self.seats[login, language]

    def bytes_of(self, digest: str) -> bytes:
        """Give bytes that the ledger keeps."""
        with self.hub.ledger.read() as conn:
            return history.body(conn, digest) or b""

    def _log_in(self, login: str, language: str) -> Seat:
        if login not in self.known:
            self.known.add(login)
            self._register(login)
        browser = Browser(self.url, cookies={"lang": language})
        token = found(text(browser.get("/login")), r'name="csrf" value="([^"]+)"')
        answer = browser.post("/login", {"login": login, "password": PASSWORD, "next": "/find", "csrf": token})
        assert (answer.status, answer.location) == (303, "/find"), words(text(answer))
        return Seat(browser)

    def _register(self, login: str) -> None:
        """Make a person's account, with a password of their own."""
        roles, scope = self.people[login]
        self.act("person add", login=login, name=login, roles=roles, scope=scope, password=FIRST_PASSWORD)
        logins.change_password(self.hub, login, FIRST_PASSWORD, PASSWORD, lasts_seconds=3600.0)

    def act(self, verb: str, by: str = "", **asked: Any) -> Any:
        """Carry a verb out without a page."""
        act = ACTS[verb]
        person = EVERYBODY if not by else Person(login=by, roles=frozenset(Role))
        return perform(self.hub, person, act, act.asked.model_validate({**({"why": "chuẩn bị"} if act.changes else {}), **asked}))


@contextmanager
def office(folder: Path, **more: Any) -> Iterator[Office]:
    """Open an office on a folder; a person gets an account when they first sit down."""
    (folder / "endpoints").mkdir(parents=True, exist_ok=True)
    (folder / "endpoints" / f"{ELSEWHERE}.toml").write_text('adapter = "template"\ntitle = "Một cửa nơi khác"\n[inbound]\n')
    with shift(folder, **more) as night:
        app = make_console(night.hub, bootstrap.load_settings(folder))
        with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
            yield Office(night, server.url)


def text(page: Page) -> str:
    """Give a page's HTML."""
    return page.body.decode()


def found(page: str, pattern: str) -> str:
    """Give what a pattern's first group finds."""
    match = re.search(pattern, page)
    assert match, f"{pattern} is not in\n{words(page)}"
    return match[1]


def words(page: str) -> str:
    """Give what a person reads on a page."""
    match = re.search(r"<main.*</main>", page, re.S)
    return html.unescape(re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]+>", " ", match[0] if match else page)))
