"""A whole configuration folder, a hub opened from it, and its HTTP server on loopback."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from adapters.one_stop.simulator import SIMULATOR as one_stop_software
from hub import bootstrap
from hub.app import Hub
from hub.edge.http.server import HttpServer, serve_http
from hub.ledger.tables import messages
from hub.settings import Settings
from hub.simulation import SimulatorServer
from hub.trust import keys

#: A caller that is not answered in this time has found a bug; never waited for when all is well.
PATIENCE_SECONDS = 20.0


@dataclass
class HubFolder:
    """A configuration folder that can be written table by table before it is read."""

    path: Path
    #: Endpoint to the bearer token of its door.
    tokens: dict[str, str] = field(default_factory=dict)

    def hub(self, **tables: Mapping[str, Any]) -> None:
        """Write hub.toml."""
        (self.path / "hub.toml").write_text(_toml(tables), encoding="utf-8")

    def endpoint(
        self,
        name: str,
        adapter: str = "one_stop",
        *,
        title: str = "",
        token: bool = True,
        inbound: Mapping[str, Any] | None = None,
        outbound: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an endpoint's file, with a door that its own token opens."""
        door = dict(inbound or {})
        if token:
            self.tokens[name] = f"token-of-{name}"
            door["token_sha256"] = [hashlib.sha256(self.tokens[name].encode()).hexdigest()]
        head = f"adapter = {json.dumps(adapter)}\ntitle = {json.dumps(title or name, ensure_ascii=False)}\n"
        tables = {"inbound": door, "outbound": outbound, "options": options}
        text = head + _toml({key: table for key, table in tables.items() if table is not None})
        (self.path / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")

    def route(self, name: str, **given: Any) -> None:
        """Add a routing rule."""
        with (self.path / "routes.toml").open("a", encoding="utf-8") as file:
            file.write("[[route]]\n" + _lines({"name": name, **given}))

    def settings(self) -> Settings:
        """Read the folder."""
        return bootstrap.load_settings(self.path)

    def authorized(self, name: str, **headers: str) -> dict[str, str]:
        """Give the headers of a call by this endpoint's partner."""
        return {"Authorization": f"Bearer {self.tokens[name]}", "Content-Type": "application/json", **headers}


def _toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    return "".join(f"[{name}]\n{_lines(table)}" for name, table in tables.items())


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture
def hub_folder(tmp_path: Path, software: SimulatorServer) -> HubFolder:
    """A folder with two provinces that send, one commune that receives, and a rule between them."""
    folder = HubFolder(tmp_path / "config")
    for name in ("endpoints", "codes", "keys"):
        (folder.path / name).mkdir(parents=True)
    (folder.path / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    folder.hub(hub={"name": "test"})
    folder.endpoint("province_a", title="Một cửa tỉnh A")
    folder.endpoint("province_b", title="Một cửa tỉnh B")
    folder.endpoint("commune", title="Một cửa xã Thử Nghiệm", outbound={}, options={"base_url": software.url})
    folder.route("from provinces", **{"from": ["province_a", "province_b"], "to": ["commune"]})
    return folder


@pytest.fixture
def software() -> Iterator[SimulatorServer]:
    """The commune's software."""
    with one_stop_software() as server:
        yield server


@dataclass(frozen=True)
class Said:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A hub with its server."""

    folder: HubFolder
    hub: Hub
    url: str

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Said:
        """Make one call on a connection of its own."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return Said(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def send(self, name: str, tree: Any, key: str) -> Said:
        """Send a JSON message as this endpoint's partner."""
        body = tree if isinstance(tree, bytes) else json.dumps(tree, ensure_ascii=False).encode()
        return self.call("POST", f"/doors/{name}", body, self.folder.authorized(name, **{"Idempotency-Key": key}))

    def read(self, name: str, path: str) -> Said:
        """Read from the sender's view as this endpoint's partner."""
        return self.call("GET", path, headers=self.folder.authorized(name))

    def connect(self) -> socket.socket:
        """Open a bare connection, for what no HTTP client would send."""
        parts = urlsplit(self.url)
        return socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=PATIENCE_SECONDS)

    def recorded(self) -> int:
        """Count the messages in the ledger."""
        with self.hub.ledger.read() as conn:
            return int(conn.execute(select(func.count()).select_from(messages)).scalar_one())


Serve = Callable[..., Served]


@pytest.fixture
def serve(hub_folder: HubFolder) -> Iterator[Serve]:
    """Open the hub of the folder as it is written now, and serve it; ``change`` may give another hub with changed parts."""
    opened: list[tuple[HttpServer, Hub]] = []

    def start(change: Callable[[Hub], Hub] = lambda hub: hub) -> Served:
        settings = hub_folder.settings()
        hub = change(bootstrap.open_hub(settings))
        server = serve_http(hub, "127.0.0.1", 0, settings=settings).start()
        opened.append((server, hub))
        return Served(hub_folder, hub, server.url)

    yield start
    for server, hub in opened:
        server.stop()
        hub.ledger.close()


@pytest.fixture
def served(serve: Serve) -> Served:
    """The hub of the folder, served."""
    return serve()


def dossier(code: str = "H55.23-260302-0012", **fields: Any) -> dict[str, Any]:
    """A dossier as one-stop software sends it."""
    record = {
        "MaHoSo": code,
        "MaTTHC": "1.900009",
        "TenTTHC": "Cấp giấy phép lĩnh vực đất đai",
        "MaLinhVuc": "G99-TN10",
        "TenLinhVuc": "Đất đai",
        "LoaiDoiTuong": "1",
        "HinhThuc": "1",
        "DonViXuLy": "UBND xã Thử Nghiệm",
        "ChuHoSo": "Nguyễn Thử Nghiệm",
        "TrangThaiHoSo": "1",
        "NgayNopHoSo": "20260302074500",
        **fields,
    }
    return {"HoSo": record}
