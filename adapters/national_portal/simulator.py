"""The portal's double: log-in, the generic endpoint, faults on demand, an account, and dossiers pushed to the hub."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from adapters.national_portal.fetched_files import FetchedFiles
from adapters.national_portal.portal_books import SESSION_EXPIRED, PortalBooks, refused
from adapters.national_portal.portal_shelf import Shelf
from adapters.national_portal.samples.generator import (
    asked_question,
    categories,
    invented_file,
    portal_born_dossier,
    procedure_record,
    shared_dossier,
)
from hub.simulation import Call, Said, SimulatorServer

DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
#: The part of a path that a province's relay puts before a service.
RELAY = "/KetNoiMotCuaQuocGia/"
#: Other names that services have behind a relay.
RELAY_NAMES = {"DongBoTrangThaiHoSoKM": "DongBoTrangThaiHoSo"}
#: How long the portal waits for the hub's answer to a pushed dossier.
PUSH_SECONDS = 30.0


class Portal:
    """Behaviour of the portal and of the security-server adapter before it."""

    def __init__(self, books: PortalBooks, *, dstcode: str, relay_token: str, hub_url: str, token: str, seed: int) -> None:
        self.books = books
        self.server: SimulatorServer
        self._dstcode = dstcode
        self._relay_token = relay_token
        self._listed = self._asked = 0
        self._hub_url = hub_url
        self._token = token
        self._seed = seed
        self._pushed = 0
        #: Fetches the files that calls name; None: it believes that they are there.
        self.files: FetchedFiles | None = None

    def handle(self, call: Call) -> Said:
        """Answer one HTTP call as the adapter and the portal behind it would."""
        text = f"{call.path} {call.body.decode('utf-8', 'replace')}"
        if busy := self.server.faults.take("busy", text):
            return Said(b"", status=503, headers={"Retry-After": str(busy["value"])})
        if RELAY in call.path or "MaDinhDanhDV" in call.query:
            return self._relay(call, text)
        if self._dstcode not in (call.headers.get("dstcode"), call.query.get("dstcode")):
            return Said(b'{"message":"unknown destination"}', status=404)
        body = _read(call)
        return _said(refused("Dữ liệu không phải JSON")) if body is None else self._at(call, body, text)

    def _at(self, call: Call, body: dict[str, Any], text: str) -> Said:
        """Answer what was asked at one of the portal's paths."""
        if call.path.endswith("/mapi/login"):
            return _said(self.books.log_in(body))
        if call.path.endswith("/mapi/g"):
            return _said(self._generic(body, text))
        if call.path.endswith(("/kho/tim", "/kho/tep")):
            return _said(self.books.store(body, file=call.path.endswith("/kho/tep")))
        return Said(b'{"message":"not found"}', status=404)

    def _relay(self, call: Call, text: str) -> Said:
        """Answer as a province's relay before the portal: Bearer token, bare lists, and the portal's answer inside of a text."""
        if call.headers.get("authorization") != f"Bearer {self._relay_token}":
            return Said(b'{"status":0,"message":"Unauthorized"}', status=401)
        name = call.path.rsplit("/", 1)[1]
        service = RELAY_NAMES.get(name, name)
        asked = {key: value for key, value in call.query.items() if key != "MaDinhDanhDV"}
        fields: dict[str, Any] = {"madonvi": call.query.get("MaDinhDanhDV", ""), **asked}
        if call.method == "POST":
            try:
                rows = json.loads(call.body)
            except (ValueError, RecursionError):
                rows = None
            if not isinstance(rows, list):
                return Said(b'{"status":0,"message":"not a list"}', status=400)
            fields["data"] = rows
        answer = self._answered(fields, text, service, relayed=True)
        if isinstance(answer, str) or RELAY not in call.path:
            return _said(answer)
        return _said({"status": 1, "message": json.dumps(answer, ensure_ascii=False)})

    def _generic(self, body: dict[str, Any], text: str) -> Any:
        return self._answered(body, text, str(body.get("service")), relayed=False)

    def _answered(self, body: dict[str, Any], text: str, service: str, *, relayed: bool) -> Any:
        faults = self.server.faults
        if faults.take("expire_session", text):
            self.books.expire_sessions()
            return SESSION_EXPIRED
        if service == "DongBoHoSoMC" and faults.take("exists", text):
            for record in body["data"]:
                self.books.insert(record["MaHoSo"])
        if refusal := faults.take("refuse", text):
            return refused(str(refusal["value"] or "Dữ liệu không hợp lệ"))
        if self.files is not None and (fault := self.files.fetch(body.get("data"))):
            return refused(fault)
        return self.books.serve(body, service=service, relayed=relayed)

    def list_dossier(self, given: dict[str, Any]) -> dict[str, Any]:
        """Put a dossier of a shared procedure on the list: the next invented one, with its files; ``row`` changes it.

        ``spoilt``: what the row says wrong; ``files``: more of them, by path and size.
        """
        self._listed += 1
        at, row, files = shared_dossier(self._seed, self._listed)
        files |= {path: b"\0" * size for path, size in given.get("files", {}).items()}
        at, row = given.get("at", at), {**row, **given.get("row", {})}
        self.books.give(row["MaHoSo"])
        with self.books.shelf.lock:
            self.books.shelf.files.update(files)
            self.books.shelf.shared.append((at, {**row, **given.get("spoilt", {})}))
        return {"number": row["MaHoSo"], "at": at, "files": sorted(files)}

    def ask(self, given: dict[str, Any]) -> dict[str, Any]:
        """Let somebody ask a question on the portal."""
        self._asked += 1
        row = {**asked_question(self._seed, self._asked), **given.get("row", {})}
        self.books.shelf.questions[row["HOIDAPID"]] = row
        return {"id": row["HOIDAPID"]}

    def push(self, given: dict[str, Any]) -> dict[str, Any]:
        """Give a dossier born on the portal to the hub's door; the document given, or the next invented one."""
        document = given.get("document")
        if document is None:
            self._pushed += 1
            document = portal_born_dossier(self._seed, self._pushed)
        number = str(document.get("MaHoSo"))
        self.books.give(number)
        return self._post(given, document, given.get("idempotency_key") or number)

    def _post(self, given: dict[str, Any], document: dict[str, Any], key: str) -> dict[str, Any]:
        parts = urlsplit(given.get("hub_url") or self._hub_url)
        token = given.get("token") or self._token
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=PUSH_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
            connection.request("POST", given["path"], json.dumps(document, ensure_ascii=False).encode(), headers)
            reply = connection.getresponse()
            return {"status": reply.status, "body": reply.read().decode("utf-8", "replace")}
        finally:
            connection.close()


def _read(call: Call) -> dict[str, Any] | None:
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _said(answer: Any) -> Said:
    text = json.dumps(answer, ensure_ascii=False)
    whole = text.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in text)
    return Said((text if whole else json.dumps(answer)).encode())


def simulator(
    *,
    port: int = 0,
    username: str = "H99",
    password: str = "invented",  # noqa: S107 - the simulator's own, for tests
    dstcode: str = DSTCODE,
    relay_token: str = "relay-invented",  # noqa: S107 - the simulator's own, for tests
    raw_services: Iterable[str] = ("DongBoDanhGia",),
    file_shape: str = "bare",
    session_uses: int = 0,
    refuse_procedures: Iterable[str] = (),
    procedures: int = 20,
    write_procedure_service: str = "",
    write_procedure_field: str = "data",
    fetch_files: bool = False,
    seed: int = 1,
    hub_url: str = "http://127.0.0.1:8000",
    token: str = "",
) -> SimulatorServer:
    """Make a portal, not yet started; README.md tells its settings, faults and verbs."""
    records = [procedure_record(seed, number) for number in range(1, procedures + 1)]
    books = PortalBooks(
        username=username,
        password=password,
        session_uses=session_uses,
        refuse_procedures=frozenset(refuse_procedures),
        write_procedure_service=write_procedure_service,
        write_procedure_field=write_procedure_field,
        procedures={record["MATTHC"]: record for record in records},
        shelf=_shelf(seed, records, tuple(raw_services), file_shape),
    )
    files = FetchedFiles()
    portal = Portal(books, dstcode=dstcode, relay_token=relay_token, hub_url=hub_url, token=token, seed=seed)
    server = SimulatorServer("national_portal", portal.handle, port=port)
    portal.server = server
    portal.files = files if fetch_files else None
    server.account = lambda: {**books.account(), "files": files.fetched}
    server.verbs = {
        "push": portal.push,
        "list_dossier": portal.list_dossier,
        "ask": portal.ask,
        "born": lambda given: books.give(given["number"]),
        "lose": lambda given: books.dossiers.pop(given["number"], None) is not None,
        "change": lambda given: books.dossiers[given["number"]].record.update(given["fields"]),
        "expire_sessions": lambda given: {"expired": books.expire_sessions()},
    }
    return server


def _shelf(seed: int, records: list[dict[str, Any]], raw_services: tuple[str, ...], file_shape: str) -> Shelf:
    """Fill the shelf with invented lists, a person and a result."""
    shelf = Shelf(raw_services=raw_services, file_shape=file_shape, categories=categories(records))
    shelf.persons["000000000000"] = "tech-0001"
    shelf.decisions["QD-0001"] = "https://quyet-dinh.example.org/QD-0001.pdf"
    shelf.files["/kho/ket-qua-1.pdf"] = invented_file(seed, 1)
    papers = {"TenTep": "ket-qua-1.pdf", "DuongDan": "/kho/ket-qua-1.pdf"}
    found = {"MaKetQua": "KQ.G99.000001", "TenGiayTo": "Giấy thử", "SoKyHieu": "01/TN", "CoQuanChuQuan": "H99"}
    shelf.results.append(("000000000000", {**found, "DanhSachTepDinhKem": [papers]}))
    return shelf


SIMULATOR = simulator
