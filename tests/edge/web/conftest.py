"""Consoles behind the guard, as many processes' worth as a test wants, on one ledger of either engine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from hub import bootstrap
from hub.app import Hub
from hub.edge.http.server import HttpServer
from hub.edge.web.guard import Guard, Visitor
from hub.ledger.tables import journal
from hub.operations import passwords, people
from tests.support import hub as support
from tests.support.browser import Browser, Page
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import At

PASSWORD = "mật khẩu đủ dài 2026"
BY = {"actor": "quan_tri", "why": "thử"}
PARTNERS = {"bo_a": At(), "bo_b": At()}


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Show what a template would be given."""
    error = values.get("error")
    shown = {**values, "template": template, "error": [error.code, error.vi, error.en] if error else None}
    return HTMLResponse(json.dumps(shown, ensure_ascii=False), status)


def told(visitor: Visitor) -> dict[str, Any]:
    person = visitor.person
    scope = None if person.scope is None else sorted(person.scope)
    verbs = None if person.verbs is None else sorted(person.verbs)
    return {
        "login": person.login,
        "roles": sorted(person.roles),
        "scope": scope,
        "verbs": verbs,
        "csrf": visitor.csrf,
        "how": visitor.how,
    }


@dataclass
class Console:
    """One process that serves the console."""

    hub: Hub
    guard: Guard
    url: str


@dataclass
class Site:
    """A configuration, its clock, and the processes that serve it."""

    folder: Path
    clock: Clock
    stack: ExitStack
    #: What the limits of this process count by.
    seconds: list[float] = field(default_factory=lambda: [0.0])
    consoles: list[Console] = field(default_factory=list)

    @property
    def hub(self) -> Hub:
        return self.consoles[0].hub

    def open(self) -> Console:
        """Start one more process' worth of console: its own hub, guard and server."""
        settings = bootstrap.load_settings(self.folder)
        opened = bootstrap.open_hub(settings, clock=self.clock)
        self.stack.callback(opened.ledger.close)
        guard = Guard(opened, settings, render=render, clock=lambda: self.seconds[0])
        self.stack.callback(guard.close)
        listening = socket.create_server(("127.0.0.1", 0))
        server = self.stack.enter_context(HttpServer(_app(guard), listening, None, lambda url: None))  # type: ignore[arg-type]
        self.consoles.append(Console(opened, guard, server.url))
        return self.consoles[-1]

    def browser(self, place: int = 0, typed: str = "") -> Browser:
        """Open a browser at one of the processes."""
        return Browser(self.consoles[place].url, typed)

    def person(self, login: str = "lan", *, roles: tuple[str, ...] = ("operator",), scope: str = "*", **more: Any) -> None:
        """Make a person known, with a password of its own."""
        given = {"password": PASSWORD, "temporary": False, **more}
        if more.get("sign_in", "password") != "password":
            given["password"] = ""
        people.add(self.hub, login, roles=roles, scope=scope.split(), **given, **BY)

    def journal(self, event: str = "") -> list[Any]:
        """Give what stands in the journal of people."""
        query = select(journal).where(journal.c.event.like(f"{event or 'person.'}%")).order_by(journal.c.seq)
        with self.hub.ledger.read() as conn:
            return conn.execute(query).fetchall()


def _app(guard: Guard) -> Starlette:
    def page(request: Request) -> Response:
        return JSONResponse(told(guard.visitor(request)))

    async def form(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        await request.body()
        visitor = await run_in_threadpool(guard.visitor, request)
        guard.check_csrf(request, visitor, await request.form())
        return JSONResponse({"done": True})

    def called(request: Request) -> Response:
        return JSONResponse(told(guard.bearer(request)))

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/page", page),
            Route("/form", form, methods=["POST"]),
            Route("/api/v1/who", called, methods=["GET", "POST"]),
        ]
    )
    guard.add_to(app)
    return app


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash in a moment: some tests log in dozens of times. The real parameters are tested in tests/test_people.py."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def configure(folder: Path, ledger: str, console: str = "") -> None:
    """Write the configuration: two partners, one of them an agency of H55."""
    support.configure(folder, PARTNERS, ledger=ledger)
    path = folder / "endpoints" / "bo_b.toml"
    path.write_text(f'agency_code = "000.00.01.H55"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(console)


@pytest.fixture
def site(tmp_path: Path, engine: str) -> Iterator[Site]:
    with ledger_on(engine) as ledger, ExitStack() as stack:
        configure(tmp_path, ledger)
        made = Site(tmp_path, Clock(), stack)
        made.open()
        yield made


def log_in(browser: Browser, login: str = "lan", password: str = PASSWORD, next: str = "/", **headers: str) -> Page:
    """Open the login form and send it."""
    form = browser.get("/login").json
    fields: Mapping[str, str] = {"login": login, "password": password, "next": next, "csrf": form["csrf"]}
    return browser.post("/login", dict(fields), **headers)
