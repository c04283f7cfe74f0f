"""A hub with two partners at which something stands still, its console's server, and callers with tokens."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import func, select

from hub import bootstrap, intake, operations
from hub.app import Hub
from hub.edge.acts.everything import ACTS
from hub.edge.api.app import PREFIX, address
from hub.edge.console.server import serve_console
from hub.edge.http.server import HttpServer
from hub.ledger.tables import deliveries, journal
from hub.operations import people
from hub.registers import failures
from hub.registers.plan_choice import Choice
from hub.rules.people import Role
from hub.rules.verbs import VERBS
from hub.trust import keys
from tests.support import hub as world

HERE, ELSEWHERE = "bo", "so"
PATIENCE_SECONDS = 20.0
UNKNOWN_PROCEDURE = {"ma": "1.999999", "ten": "Thủ tục chưa có mã"}


@dataclass(frozen=True)
class Said:
    """An answer of the API."""

    status: int
    headers: Mapping[str, str]
    tree: Any


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The hub, its server, and what stands still: by the endpoint's name."""

    hub: Hub
    server: HttpServer
    #: Endpoint -> its parked delivery, a plan over it, the group of its failure.
    delivery: Mapping[str, str]
    plan: Mapping[str, str]
    group: Mapping[str, str]

    def token(self, login: str, roles: Iterable[Role], scope: Iterable[str] = ("*",), verbs: Iterable[str] = ()) -> str:
        """Make a person with these roles, and a token of all their verbs, or of these."""
        named = frozenset(role.value for role in roles)
        people.add(
            self.hub, login, roles=tuple(roles), scope=tuple(scope), sign_in="none", actor="test", why="kiểm thử"
        )
        allowed = tuple(verbs) or tuple(name for name, verb in VERBS.items() if verb.roles & named)
        made = people.make_token(self.hub, login, title="kiểm thử", verbs=allowed, actor="test", why="kiểm thử")
        return made.secret

    def call(self, token: str, verb: str, asked: Mapping[str, Any]) -> Said:
        """Ask a verb of the API."""
        path = PREFIX + address(verb)
        if ACTS[verb].method == "POST":
            return self.send(token, "POST", path, json.dumps(asked).encode())
        return self.send(token, "GET", f"{path}?{urlencode(asked, doseq=True)}")

    def send(self, token: str, method: str, path: str, body: bytes = b"") -> Said:
        parts = urlsplit(self.server.url)
        line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE_SECONDS)
        # Programs say no Origin, so they need none.
        headers = {"Host": "127.0.0.1", "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        line.request(method, path, body, headers)
        answer = line.getresponse()
        text = answer.read()
        line.close()
        return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(text))

    def written(self) -> int:
        """Count the journal: what was refused has left no line."""
        with self.hub.ledger.read() as conn:
            return conn.execute(select(func.count()).select_from(journal)).scalar_one()


def opened(folder: Path) -> Desk:
    """Open everything; see ``closed``."""
    world.configure(folder, {HERE: world.At(), ELSEWHERE: world.At()})
    _give_a_signer(folder)
    settings = bootstrap.load_settings(folder)
    hub = world.open_hub(folder)
    delivery = _parked(hub)
    with hub.ledger.read() as conn:
        found = failures.failures(conn, now=hub.now()).parked
    plans = {
        name: operations.plan(hub, Choice(ids=(each,)), "rebuild", actor="test", why="kiểm thử").id
        for name, each in delivery.items()
    }
    server = serve_console(hub, settings, port=0).start()
    groups = {group.cause.endpoint: group.cause.group for group in found}
    return Desk(hub=hub, server=server, delivery=delivery, plan=plans, group=groups)


def _give_a_signer(folder: Path) -> None:
    """Give the hub a key, by which it seals evidence."""
    now = datetime.now(UTC)
    made = keys.make_development_key(keys.make_development_authority(now), "Trục thử nghiệm", now)
    (folder / "keys" / "signing.pem").write_bytes(made.key_pem)
    (folder / "keys" / "signing.crt").write_bytes(made.certificate_pem)
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.write('[signers.default]\nkey = "file:keys/signing.pem"\ncertificate = "file:keys/signing.crt"\n')


def closed(desk: Desk) -> None:
    """Close what ``opened`` opened."""
    desk.server.stop()
    world.close(desk.hub)


def _parked(hub: Hub) -> dict[str, str]:
    """Let one dossier stand still at each partner, for a code that its list lacks."""
    message = json.loads(world.document(1))
    message["hoSo"]["thuTuc"] = UNKNOWN_PROCEDURE
    intake.receive(hub, world.request(json.dumps(message).encode()))
    world.carry_all(hub)
    with hub.ledger.read() as conn:
        rows = conn.execute(select(deliveries.c.endpoint, deliveries.c.id, deliveries.c.state)).fetchall()
    assert {row.state for row in rows} == {"parked"}
    return {row.endpoint: row.id for row in rows}
