"""The portal's double: log-in, the generic endpoint, faults on demand, an account, and dossiers pushed to the hub."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from adapters.national_portal.portal_books import SESSION_EXPIRED, PortalBooks, refused
from adapters.national_portal.samples.generator import portal_born_dossier, procedure_record
from hub.simulation import Call, Said, SimulatorServer

DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
#: How long the portal waits for the hub's answer to a pushed dossier.
PUSH_SECONDS = 30.0


class Portal:
    """Behaviour of the portal and of the security-server adapter before it."""

    def __init__(self, books: PortalBooks, *, dstcode: str, hub_url: str, token: str, seed: int) -> None:
        self.books = books
        self.server: SimulatorServer
        self._dstcode = dstcode
        self._hub_url = hub_url
        self._token = token
        self._seed = seed
        self._pushed = 0

    def handle(self, call: Call) -> Said:
        """Answer one HTTP call as the adapter and the portal behind it would."""
        text = f"{call.path} {call.body.decode('utf-8', 'replace')}"
        if busy := self.server.faults.take("busy", text):
            return Said(b"", status=503, headers={"Retry-After": str(busy["value"])})
        if self._dstcode not in (call.headers.get("dstcode"), call.query.get("dstcode")):
            return Said(b'{"message":"unknown destination"}', status=404)
        body = _read(call)
        if body is None:
            return _said(refused("Dữ liệu không phải JSON"))
        if call.path.endswith("/mapi/login"):
            return _said(self.books.log_in(body))
        if call.path.endswith("/mapi/g"):
            return _said(self._generic(body, text))
        return Said(b'{"message":"not found"}', status=404)

    def _generic(self, body: dict[str, Any], text: str) -> dict[str, Any]:
        faults, service = self.server.faults, str(body.get("service"))
        if faults.take("expire_session", text):
            self.books.expire_sessions()
            return SESSION_EXPIRED
        if service == "DongBoHoSoMC" and faults.take("exists", text):
            for record in body["data"]:
                self.books.insert(record["MaHoSo"])
        if refusal := faults.take("refuse", text):
            return refused(str(refusal["value"] or "Dữ liệu không hợp lệ"))
        return self.books.serve(body, service=service)

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


def _said(answer: dict[str, Any]) -> Said:
    return Said(json.dumps(answer, ensure_ascii=False).encode())


def simulator(
    *,
    port: int = 0,
    username: str = "H99",
    password: str = "invented",  # noqa: S107 - the simulator's own, for tests
    dstcode: str = DSTCODE,
    session_uses: int = 0,
    refuse_procedures: Iterable[str] = (),
    procedures: int = 20,
    write_procedure_service: str = "",
    write_procedure_field: str = "data",
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
    )
    portal = Portal(books, dstcode=dstcode, hub_url=hub_url, token=token, seed=seed)
    server = SimulatorServer("national_portal", portal.handle, port=port)
    portal.server = server
    server.account = books.account
    server.verbs = {
        "push": portal.push,
        "born": lambda given: books.give(given["number"]),
        "expire_sessions": lambda given: {"expired": books.expire_sessions()},
    }
    return server


SIMULATOR = simulator
