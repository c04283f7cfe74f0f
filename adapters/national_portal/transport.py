"""The portal as one agency's endpoint: what it is told and asked, what is pulled from it and fetched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from adapters.national_portal import holding, look_ups, pulled
from adapters.national_portal.envelope import SUCCESS, read_envelope, showable
from adapters.national_portal.line import Line, let_go
from adapters.national_portal.options import Options
from adapters.national_portal.outbound import QUERY
from adapters.national_portal.receipts import refusal
from adapters.national_portal.services import (
    ANSWER_TO,
    ANSWERS,
    CATEGORIES,
    DECISION,
    FIND,
    KEPT_FILE,
    PROCEDURE,
    PROCEDURES,
    PROCEDURES_OF,
    QUESTIONS_ASKED,
    QUESTIONS_OF_AGENCY,
    RESULT_FILE,
    RESULTS,
    SHARED_DOSSIERS,
    SHARED_FILE,
    TECH_ID,
)
from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.canonical.message import Message
from hub.canonical.national_record import read_procedure, write_date
from hub.canonical.procedure import Procedure
from hub.contract import Listed, LookUp, Outgoing, Page, Reply, Request
from hub.endpoint import Endpoint
from hub.errors import BadSettings, Fault, InDoubt, InvalidMessage, NotSent, Refused
from hub.rules.json_door import read_json, write_json
from hub.wire import Wire

#: A number that no dossier has.
NO_DOSSIER = "000.00.00.KTKN-000000-0000"


class PortalTransport:
    """The portal as one agency's endpoint; shared by workers, safe in threads."""

    def __init__(self, endpoint: Endpoint, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        options: Options = endpoint.options
        _check(endpoint, options)
        assert endpoint.outbound is not None
        self._name = endpoint.name
        self._options = options
        self._line = Line(options, wire, clock, endpoint.outbound.deadline_seconds)

    @property
    def writes_procedures(self) -> bool:
        """True where the portal has a service that takes procedures."""
        return bool(self._options.write_procedure_service)

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one call; a session that the portal no longer knows is made anew once, within the same deadline."""
        path = self._options.path_of(outgoing.service, outgoing.variant)
        if self._options.is_relay:
            query = {name.removeprefix(QUERY): value for name, value in outgoing.head.items() if name.startswith(QUERY)}
            return self._line.relayed("POST", path, query, outgoing.body, outgoing.head, fence)
        return self._line.call(path, outgoing.body, outgoing.head, fence)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask what the portal holds: TraCuuHoSo by the number that went, LayThuTuc for a procedure, the answers to a question."""
        head = outgoing.head
        if "MATTHC" in head:
            return self._look_up(PROCEDURE, maTTHC=head["MATTHC"])
        if outgoing.service == ANSWERS:
            return self._look_up(ANSWER_TO, cauhoiid=head["HOIDAPID"])
        if "MaHoSo" not in head:
            raise NotSent(
                f"no look-up tells of {outgoing.service}",
                f"không có dịch vụ tra cứu cho {outgoing.service}",
                where=outgoing.service,
            )
        return self._look_up(FIND, mahoso=head["MaHoSo"])

    def probe(self) -> str:
        """Log in; say that it went well. A relay, which knows no log-in, is asked for a number that no dossier has."""
        if self._options.is_relay:
            return f"{self._options.base_url}: HTTP {self._reached()}"
        self._line.log_in()
        return f"{self._options.base_url}: logged in as {self._options.madonvi} / đăng nhập được"

    @property
    def address(self) -> str:
        """Where the portal is reached."""
        return self._options.base_url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Log in, and look up a number that no dossier has."""
        madonvi = self._options.madonvi
        if not self._options.is_relay:
            self._line.log_in()
        yield "authenticated", f"đăng nhập được ({madonvi})", f"logged in as {madonvi}"
        envelope = read_envelope(self._look_up(FIND, mahoso=NO_DOSSIER).body)
        if envelope is None:
            raise NotSent("the portal's answer cannot be read", "không đọc được trả lời của Cổng", where="TraCuuHoSo")
        yield "answered", f"Cổng trả lời tra cứu (mã {envelope.code})", f"the look-up was answered ({envelope.code})"

    def close(self) -> None:
        """Keep nothing open: connections belong to the wire."""

    # --- the catalogue ------------------------------------------------------------------------------------------

    def list_procedures(self) -> list[str]:
        """List the codes of all procedures the portal holds, or of one agency's."""
        agency = self._options.procedures_of
        rows = self.rows(PROCEDURES_OF, maDonVi=agency) if agency else self.rows(PROCEDURES)
        codes = (row.get("MATTHC") or row.get("MaTTHC") for row in rows if isinstance(row, dict))
        return [code for code in codes if isinstance(code, str)]

    def decision(self, identifier: str) -> str:
        """Give the address of the decision that announced a procedure (LayQDCB); empty where the portal names none."""
        rows = self.rows(DECISION, idQDCB=identifier)
        found = (row.get("Url") for row in rows if isinstance(row, dict))
        return next((url for url in found if isinstance(url, str)), "")

    def category(self, service: str, **asked: str) -> tuple[dict[str, Any], ...]:
        """Give the rows of a list of categories (LayDanhMuc…), as they are."""
        assert service in CATEGORIES
        return tuple(row for row in self.rows(service, **asked) if isinstance(row, dict))

    def procedure(self, code: str) -> Procedure | None:
        """Fetch one procedure's record (LayThuTuc); None where the portal has none."""
        rows = self.rows(PROCEDURE, maTTHC=code)
        if not rows:
            return None
        faults: list[Fault] = []
        found = read_procedure(rows[0], "/result/0", faults)
        if faults or found is None:
            raise InvalidMessage(faults)
        return found

    @property
    def tells(self) -> frozenset[str]:
        """Services of which one delivered call says everything that TraCuuHoSo shows."""
        return holding.TELLS

    def number_of(self, message: DossierMessage) -> str:
        """Give the number of the portal's record; empty for a dossier that was born there."""
        return holding.number_of(message, self._options.numbering)

    def told(self, outgoing: Outgoing) -> HeldDossier | None:
        """Read what a delivered record told the portal."""
        return holding.told(outgoing)

    def dossier(self, code: str) -> HeldDossier:
        """Look a record up (TraCuuHoSo); absent where the portal has none."""
        reply = self._look_up("TraCuuHoSo", mahoso=code)
        return holding.shown(_answered(reply, "TraCuuHoSo"), code, reply.body)

    # --- persons, questions, results ----------------------------------------------------------------------------

    def tech_id(self, number: str) -> str:
        """Give the account of a person or business by the number of a paper or of taxes; empty where there is none."""
        rows = self.rows(TECH_ID, **look_ups.TECH_PROVIDER, mstorcmnd=number)
        found = (row.get("TECHNICALID") for row in rows if isinstance(row, dict))
        return next((value for value in found if isinstance(value, str)), "")

    def questions_of_agency(self) -> tuple[dict[str, Any], ...]:
        """Give the questions and answers that the portal holds of this agency."""
        return tuple(row for row in self.rows(QUESTIONS_OF_AGENCY) if isinstance(row, dict))

    def results(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Find a person's results in the national store (section 3.7 of the interface: names of the fields as there)."""
        body = write_json({**asked, "madonvi": self._options.madonvi, "service": RESULTS})
        reply = self._line.call(self._store_path(self._options.results_path), body, {}, let_go)
        return _results(reply)

    def result_file(self, agency: str, path: str, give: Callable[[bytes], None]) -> None:
        """Fetch a file of the results store; its bytes are given piece by piece."""
        asked = {"CoQuanChuQuan": agency, "DuongDan": path}
        self._line.stream(RESULT_FILE, self._store_path(self._options.result_file_path), asked, give)

    def kept_file(self, path: str, give: Callable[[bytes], None]) -> None:
        """Fetch a file that the portal keeps (getfile)."""
        self._line.stream(KEPT_FILE, self._options.path_of(KEPT_FILE), {"DuongDan": path}, give)

    # --- asked by people ----------------------------------------------------------------------------------------

    def look_ups(self) -> dict[str, LookUp]:
        """Say what can be asked here."""
        return look_ups.look_ups(self._options)

    def look_up(self, service: str, asked: Mapping[str, str]) -> tuple[Any, ...]:
        """Ask, and give the records as the portal gives them."""
        if service == RESULTS:
            return self.results(look_ups.result_asked(asked))
        return self.rows(service, **(look_ups.TECH_PROVIDER if service == TECH_ID else {}), **asked)

    def look_up_file(self, service: str, asked: Mapping[str, str], give: Callable[[bytes], None]) -> None:
        """Fetch a file that the portal, its results store or the holder of a shared dossier keeps."""
        if service == RESULT_FILE:
            self.result_file(asked["CoQuanChuQuan"], asked["DuongDan"], give)
        else:
            self._line.stream(service, self._options.path_of(service), asked, give)

    @property
    def code_lists(self) -> dict[str, str]:
        """Say which categories become code lists of the hub."""
        return look_ups.code_lists(self._options)

    def codes_of(self, name: str) -> tuple[tuple[str, str], ...]:
        """Fetch a category whose fields are known: codes with their names."""
        return look_ups.read_codes(name, self.rows(name))

    def _store_path(self, path: str) -> str:
        if not path:
            raise NotSent(
                "the results store has no address: options.results_path and options.result_file_path",
                "chưa khai báo địa chỉ kho kết quả: options.results_path và options.result_file_path",
                where=RESULTS,
            )
        return path

    # --- pulling ------------------------------------------------------------------------------------------------

    def pull(self, name: str, cursor: str, now: datetime) -> Page:
        """Ask for the dossiers of a window of time (DanhSachHoSo), or for all questions that were asked."""
        if name == QUESTIONS_ASKED:
            reply = self._look_up(name)
            return Page(items=pulled.questions_listed(_answered(reply, name), self._name, reply.body), cursor=cursor)
        start, until, more = pulled.window(cursor, now, self._options)
        items: list[Listed] = []
        for agency in self._options.pull_agencies or (self._options.madonvi,):
            reply = self._look_up(SHARED_DOSSIERS, **pulled.asked_for(agency, start, until))
            items += pulled.dossiers_listed(_answered(reply, SHARED_DOSSIERS), self._name, self._options, reply.body)
        return Page(items=tuple(items), cursor=write_date(until), more=more)

    def fetch(self, file: str, give: Callable[[bytes], None]) -> None:
        """Fetch a file of a pulled dossier (LayTaiLieuHoSo)."""
        self._line.stream(SHARED_FILE, self._options.path_of(SHARED_FILE), {"duongdanteptin": file}, give)

    def joined(self, listed: Listed, addresses: Mapping[str, str]) -> Request:
        """Write the addresses of an item's files beside its row."""
        return pulled.joined(listed, addresses)

    # --- one call -----------------------------------------------------------------------------------------------

    def rows(self, service: str, **asked: str) -> tuple[Any, ...]:
        """Ask a service for its records; raise Refused where it says no, InDoubt where there are none to read."""
        return _answered(self._look_up(service, **asked), service)

    def _look_up(self, service: str, **asked: str) -> Reply:
        path = self._options.path_of(service)
        if self._options.variant == "relay_bare":
            raise NotSent(
                f"{service}: this relay only takes lists; nothing can be looked up through it",
                f"{service}: trục này chỉ nhận dữ liệu, không tra cứu được",
                where=service,
            )
        if self._options.is_relay:
            return self._line.relayed("GET", path, asked, b"", {}, let_go)
        return self._line.call(path, self._body(service, asked), {}, let_go)

    def _body(self, service: str, asked: Mapping[str, str]) -> bytes:
        return write_json({"madonvi": self._options.madonvi, "service": service, **asked})

    def _reached(self) -> int:
        if self._options.variant == "relay_bare":
            return self._line.relayed("GET", "", {}, b"", {}, let_go).status
        return self._look_up(FIND, mahoso=NO_DOSSIER).status


def _answered(reply: Reply, service: str) -> tuple[Any, ...]:
    """Read the records of a look-up; raise Refused or InDoubt where there are none to read."""
    envelope = read_envelope(reply.body)
    if envelope is not None and 200 <= reply.status < 300:
        if envelope.code not in SUCCESS:
            raise refusal(envelope, service)
        if envelope.rows is not None:
            return envelope.rows
    raise _unreadable(service, reply.status)


def _unreadable(service: str, status: int) -> InDoubt:
    return InDoubt(
        f"{service}: the portal's answer cannot be read (HTTP {status})",
        f"{service}: không đọc được trả lời của Cổng (HTTP {status})",
        where=service,
        partner_code=str(status),
    )


def _results(reply: Reply) -> tuple[dict[str, Any], ...]:
    """Read what the results store found: ``errorCode`` in its own case, the list inside of ``result``."""
    try:
        tree = read_json(reply.body, max_bytes=len(reply.body)) if 200 <= reply.status < 300 else None
    except InvalidMessage:
        tree = None
    code = str(tree.get("errorCode", "")) if isinstance(tree, dict) else ""
    found = tree.get("result") if isinstance(tree, dict) else None
    rows = found.get("DanhSachGiayToKetQua") if isinstance(found, dict) else None
    if code in SUCCESS and isinstance(rows, list):
        return tuple(row for row in rows if isinstance(row, dict))
    if isinstance(tree, dict) and code and code not in SUCCESS:
        text = showable(tree.get("message"))
        raise Refused(f"the results store says no ({code}): {text}", f"kho kết quả từ chối (mã {code}): {text}", where=RESULTS)
    raise _unreadable(RESULTS, reply.status)


def _check(endpoint: Endpoint, options: Options) -> None:
    wanted = {
        "[outbound]": endpoint.outbound is not None,
        "options.base_url": bool(options.base_url),
        "options.username": bool(options.username) or options.is_relay,
        "options.madonvi": bool(options.madonvi),
    }
    absent = [name for name, given in wanted.items() if not given]
    if absent:
        names = ", ".join(absent)
        raise BadSettings(
            f"endpoint {endpoint.name!r}: {names} must be set to speak to the portal",
            f"điểm kết nối {endpoint.name!r}: phải khai báo {names} để gửi lên Cổng",
            where=f"endpoints/{endpoint.name}.toml",
        )


def open_transport(endpoint: Endpoint, wire: Wire) -> PortalTransport:
    """Open the socket side for one endpoint."""
    return PortalTransport(endpoint, wire)
