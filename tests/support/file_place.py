"""A hub whose doors are open, with a portal that fetches the files it is told of, and a province that keeps its own."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select

from hub import bootstrap
from hub.app import Hub
from hub.edge.http.server import HttpServer, serve_http
from hub.fetching import Fetching
from hub.ledger.tables import deliveries, journal
from hub.operations import links
from hub.registers.links import Link
from hub.simulation import SimulatorServer
from hub.trust import keys
from tests.support.commits import Commits
from tests.support.file_server import FileServer
from tests.support.hub import carry_all

PDF = b"%PDF-1.7 don de nghi " * 4000
NUMBER = "H99.07-260302-0012"
PATIENCE_SECONDS = 20.0


@dataclass
class Place:
    """A hub whose doors are open, a portal that fetches what it is told of, and the place where a province keeps its files."""

    folder: Path
    portal: SimulatorServer
    elsewhere: FileServer
    clock: Any
    ledger: str = "sqlite:///ledger.db"
    outbound: dict[str, Any] = field(default_factory=dict)
    networks: tuple[str, ...] = ("127.0.0.0/8",)
    hub: Hub = None  # type: ignore[assignment]
    server: HttpServer = None  # type: ignore[assignment]
    commits: Commits = None  # type: ignore[assignment]

    def open(self, **outbound: Any) -> Place:
        """Write the folder and open the hub with its doors."""
        self.outbound |= outbound
        self._write()
        settings = bootstrap.load_settings(self.folder)
        self.hub = bootstrap.open_hub(settings, clock=self.clock)
        self.server = serve_http(self.hub, "127.0.0.1", 0, settings=settings).start()
        self.hub = replace(self.hub, public_url=self.server.url, fetching=Fetching(allowed=self.hub.fetching.allowed))
        self.hub.bus.open()
        self.commits = Commits(self.hub.ledger)
        return self

    def close(self) -> None:
        """Close what was opened."""
        self.server.stop()
        self.hub.bus.close()
        self.hub.ledger.close()

    def _write(self) -> None:
        for name in ("endpoints", "codes", "keys"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not (self.folder / "keys" / "seal.pem").exists():
            (self.folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
        networks = json.dumps(list(self.networks))
        toml = f'[ledger]\nurl = "{self.ledger}"\n[links]\nprivate_networks = {networks}\n'
        (self.folder / "hub.toml").write_text(toml, encoding="utf-8")
        for name in ("mot_cua", "mot_cua_2"):
            token = hashlib.sha256(f"token-of-{name}".encode()).hexdigest()
            text = f'adapter = "one_stop"\ntitle = "Một cửa"\n[inbound]\ntoken_sha256 = ["{token}"]\n'
            (self.folder / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.outbound.items())
        text = (
            'adapter = "national_portal"\ntitle = "Cổng"\n'
            f'[options]\nbase_url = "{self.portal.url}/adapter"\nusername = "H99"\npassword = "invented"\nmadonvi = "H99"\n'
            f"map_procedures = false\nmap_fields = false\n[outbound]\n{lines}"
        )
        (self.folder / "endpoints" / "dvcqg.toml").write_text(text, encoding="utf-8")
        route = '[[route]]\nname = "all"\nfrom = ["mot_cua", "mot_cua_2"]\nto = ["dvcqg"]\n'
        (self.folder / "routes.toml").write_text(route, encoding="utf-8")

    # --- what partners do

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Make one call at the hub's doors."""
        connection = http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def give(self, file: bytes = PDF, name: str = "mot_cua") -> str:
        """Give the hub a file; give its address."""
        answer = self.call("POST", "/attachments", file, {"Authorization": f"Bearer token-of-{name}"})
        assert answer.status == 201, answer.body
        return str(json.loads(answer.body)["url"])

    def send(self, *urls: str, key: str = "k1", number: str = NUMBER, by: str = "mot_cua", **record: Any) -> int:
        """Send a dossier that names these files; give the status of the answer."""
        tree = {"HoSo": {**dossier(number), "TaiLieuNop": [submitted(place, url) for place, url in enumerate(urls)], **record}}
        headers = {"Authorization": f"Bearer token-of-{by}", "Idempotency-Key": key, "Content-Type": "application/json"}
        return self.call("POST", f"/doors/{by}", json.dumps(tree).encode(), headers).status

    def carry(self) -> int:
        """Deliver what is due."""
        return carry_all(self.hub)

    # --- what is there

    def told(self, number: str = NUMBER) -> list[str]:
        """Give the addresses of files that the portal was told of a dossier."""
        record = self.portal.account()["dossiers"][number]["record"]
        return [each["DuongDanTaiTepTin"] for each in record["TaiLieuNop"]]

    def fetched(self) -> list[str]:
        return [each["digest"] for each in self.portal.account()["files"]]

    def links(self, **asked: Any) -> list[Link]:
        return list(links.show(self.hub, **asked).links)

    def delivery(self) -> Any:
        with self.hub.ledger.read() as conn:
            return conn.execute(select(deliveries).order_by(deliveries.c.created_at, deliveries.c.place)).first()

    def wait_until_fetched(self, times: int = 1) -> None:
        """Wait until the hub has recorded so many whole fetches: it does so when the last byte has left."""
        self.commits.wait_until(lambda: sum(link.whole for link in self.links(endpoint="dvcqg")) == times)

    def count(self, table: Any) -> int:
        with self.hub.ledger.read() as conn:
            return int(conn.execute(select(func.count()).select_from(table)).scalar_one())

    def events(self, *names: str) -> list[str]:
        with self.hub.ledger.read() as conn:
            found = conn.execute(select(journal.c.event).where(journal.c.event.in_(names)).order_by(journal.c.seq))
            return list(found.scalars())


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def dossier(number: str) -> dict[str, Any]:
    return {
        "MaHoSo": number,
        "MaTTHC": "1.900009",
        "TenTTHC": "Cấp giấy phép",
        "MaLinhVuc": "G99-TN10",
        "TenLinhVuc": "Đất đai",
        "LoaiDoiTuong": "1",
        "HinhThuc": "1",
        "DonViXuLy": "Sở Thử nghiệm",
        "ChuHoSo": "Nguyễn Thử Nghiệm",
        "TrangThaiHoSo": "2",
        "NgayNopHoSo": "20260302074500",
        "NgayTiepNhan": "20260302081500",
    }


def submitted(place: int, url: str) -> dict[str, str]:
    return {
        "TepDinhKemId": str(place + 1),
        "TenTepDinhKem": "CCCD Nguyen Thu Nghiem.pdf",
        "IsDeleted": "False",
        "DuongDanTaiTepTin": url,
    }


def digest_of(file: bytes) -> str:
    return f"sha256:{hashlib.sha256(file).hexdigest()}"


def name_of(address: str) -> str:
    return address.rpartition("/")[2]


def path_of(address: str) -> str:
    return urlsplit(address).path
