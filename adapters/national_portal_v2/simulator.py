"""The portal's double, second generation: token, number, upload, NoiHoSo, progress and status, with faults on demand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from email import message_from_bytes
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from adapters.national_portal_v2.fetched_files import FetchedFiles
from adapters.national_portal_v2.portal_books import PortalBooks, Wrong
from hub.simulation import Call, Said, SimulatorServer

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
#: The casings in which the portal's own pages write idHoSo.
CASINGS = ("idHoSo", "IdHoSo", "IDHoSo")


class Portal:
    """Behaviour of the portal behind its proxy."""

    def __init__(self, books: PortalBooks, *, bearer_in: str) -> None:
        self.books = books
        self.server: SimulatorServer
        #: Fetches what statuses name; None: it does not.
        self.files: FetchedFiles | None = None
        self._bearer_in = bearer_in
        self._services: Mapping[str, tuple[str, Callable[[Call, str], Any]]] = {
            "SoTiepTheo": ("GET", self._number),
            "TaiTepTin": ("POST", self._upload),
            "NoiHoSo": ("POST", self._create),
            "CapNhatTienTrinh": ("POST", lambda call, text: self.books.add_rows(_json(call))),
            "CapNhatTrangThai": ("POST", self._status),
        }

    def handle(self, call: Call) -> Said:
        """Answer one HTTP call as the proxy and the portal behind it would."""
        text = f"{call.path} {call.body.decode('utf-8', 'replace')}"
        if self.server.faults.take("proxy_down", text):
            return Said(HTML, status=502, content_type="text/html")
        if odd := self.server.faults.take("html_error", text):
            return Said(b"<html>Loi he thong</html>", status=int(odd["value"] or 500), content_type="text/html")
        name = call.path.rsplit("/", 1)[-1]
        if name == "token":
            return self._answered(name, lambda: self.books.give_token(_credentials(call)))
        if name not in self._services or self._services[name][0] != call.method:
            return _said(404, "Không có API này", None)
        return self._turned_away(call, text) or self._answered(name, lambda: self._services[name][1](call, text))

    def _turned_away(self, call: Call, text: str) -> Said | None:
        """Turn a call away before the portal looks into it: its token, its rights, or for no reason of its own."""
        if self.server.faults.take("expire_token", text):
            self.books.expire_tokens()
        if not self.books.takes(self._token(call)):
            return _said(401, "Thiếu token hoặc token không hợp lệ", None)
        for kind, status, usual in (("forbid", 403, "Không có quyền"), ("refuse", 400, "Dữ liệu không hợp lệ")):
            if fault := self.server.faults.take(kind, text):
                return _said(status, str(fault["value"] or usual), None)
        return None

    def _answered(self, name: str, serve: Callable[[], Any]) -> Said:
        self.books.calls[name] += 1
        try:
            given = serve()
        except Wrong as wrong:
            return _said(400, str(wrong), None)
        if name == "SoTiepTheo":
            return Said(json.dumps(given).encode())  # this one stands without an envelope
        return _said(200, "Thành công", given)

    def _token(self, call: Call) -> str:
        if self._bearer_in == "query":
            return call.query.get("access_token", "")
        return call.headers.get("authorization", "").removeprefix("Bearer ")

    def _number(self, call: Call, text: str) -> dict[str, str]:
        again = self.server.faults.take("same_number", text) is not None
        return {"value": self.books.next_number(call.query.get("code", ""), again=again)}

    def _upload(self, call: Call, text: str) -> list[dict[str, Any]]:
        name, content = _one_file(call)
        kept = self.books.keep_file(name, content)
        return [{"fileName": name, "response": {"code": 200, "message": "", "data": [kept]}}]

    def _status(self, call: Call, text: str) -> Any:
        told = _json(call)
        if self.files is not None and (fault := self.files.fetch(told)):
            raise Wrong(fault)
        return self.books.set_statuses(told)

    def _create(self, call: Call, text: str) -> dict[str, str]:
        given = self.books.create(_json(call))
        if renamed := self.server.faults.take("renumber", text):
            given["maHoSo"] = str(renamed["value"])
        casing = self.server.faults.take("casing", text)
        name = str(casing["value"]) if casing else CASINGS[0]
        return {name: given["idHoSo"], "maHoSo" if name == CASINGS[0] else "MaHoSo": given["maHoSo"]}


def _said(code: int, message: str, data: Any) -> Said:
    return Said(json.dumps({"code": code, "message": message, "data": data}, ensure_ascii=False).encode(), status=code)


def _json(call: Call) -> Any:
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Wrong("Content-Type phải là application/json")
    try:
        return json.loads(call.body)
    except (ValueError, RecursionError):
        raise Wrong("Dữ liệu không phải JSON") from None


def _credentials(call: Call) -> Mapping[str, Any]:
    if call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        if given.get("grant_type") != "client_credentials":
            raise Wrong("grant_type phải là client_credentials")
        return given
    given = _json(call)
    if not isinstance(given, dict) or set(given) != {"client_id", "client_secret"}:
        raise Wrong("Cần client_id và client_secret")
    return given


def _one_file(call: Call) -> tuple[str, bytes]:
    """Take the one part ``files`` out of multipart/form-data."""
    content_type = call.headers.get("content-type", "")
    if not re.fullmatch(r"multipart/form-data; boundary=[!-~]{1,70}", content_type):
        raise Wrong("Content-Type phải là multipart/form-data")
    parsed = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + call.body)
    parts = parsed.get_payload()
    if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], Message):
        raise Wrong("Mỗi lần chỉ nhận một tệp")
    part = parts[0]
    name = part.get_param("filename", header="content-disposition")
    if part.get_param("name", header="content-disposition") != "files" or not name:
        raise Wrong("Thiếu phần files")
    content = _between(call.body, content_type.rpartition("=")[2].encode())
    return str(name), content


def _between(body: bytes, boundary: bytes) -> bytes:
    """Give the bytes of the part as they came; the parser of mails would change line ends."""
    _, _, content = body.partition(b"\r\n\r\n")
    content, end, rest = content.rpartition(b"\r\n--" + boundary + b"--")
    if not end or rest.strip():
        raise Wrong("Nội dung multipart không trọn vẹn")
    return content


def simulator(
    *,
    port: int = 0,
    client_id: str = "lienthong",
    client_secret: str = "invented",  # noqa: S107 - the simulator's own, for tests
    token_seconds: int = 3600,
    token_uses: int = 0,
    bearer_in: str = "header",
    day: str = "20260302",
    refuse_procedures: Iterable[str] = (),
    fetch_files: bool = False,
) -> SimulatorServer:
    """Make a portal, not yet started; README.md tells its settings, faults and verbs."""
    books = PortalBooks(
        client_id=client_id,
        client_secret=client_secret,
        token_seconds=token_seconds,
        token_uses=token_uses,
        day=day,
        refuse_procedures=frozenset(refuse_procedures),
    )
    portal = Portal(books, bearer_in=bearer_in)
    server = SimulatorServer("national_portal_v2", portal.handle, port=port)
    portal.server = server
    files = portal.files = FetchedFiles() if fetch_files else None
    server.account = lambda: {**books.account(), "fetched": files.fetched if files is not None else []}
    server.verbs = {"expire_tokens": lambda given: {"expired": books.expire_tokens()}}
    return server


SIMULATOR = simulator
