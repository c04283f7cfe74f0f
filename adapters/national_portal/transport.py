"""Calls to the portal through the agency's security-server adapter: session, headers, look-ups, catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from adapters.national_portal.envelope import SUCCESS, Envelope, folded, read_envelope, with_session
from adapters.national_portal.options import Options
from adapters.national_portal.receipts import refusal
from adapters.national_portal.sessions import Sessions
from hub.canonical.message import Message
from hub.canonical.national_record import read_procedure
from hub.canonical.procedure import Procedure
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint
from hub.errors import BadSettings, Fault, InDoubt, InvalidMessage, NotSent
from hub.rules.json_door import write_json
from hub.wire import HttpReply, Wire, raise_for_busy, recorded

#: Stands for the session in the bytes that are kept per attempt.
MASK = "***"
#: A number that no dossier has.
NO_DOSSIER = "000.00.00.KTKN-000000-0000"


def _pass() -> None:
    """Let the call go: a look-up changes nothing."""


class PortalTransport:
    """The portal as one agency's endpoint; shared by workers, safe in threads."""

    def __init__(self, endpoint: Endpoint, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        options: Options = endpoint.options
        _check(endpoint, options)
        assert endpoint.outbound is not None
        self._options = options
        self._wire = wire
        self._clock = clock
        self._deadline_seconds = endpoint.outbound.deadline_seconds
        self._sessions = Sessions(log_in=self._log_in, lifetime_seconds=options.session_seconds, clock=clock)

    @property
    def writes_procedures(self) -> bool:
        """True where the portal has a service that takes procedures."""
        return bool(self._options.write_procedure_service)

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one call; a session that the portal no longer knows is made anew once, within the same deadline."""
        return self._call(self._options.service_path, outgoing.body, outgoing.head, fence)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask what the portal holds: TraCuuHoSo by the number that went, LayThuTuc for a procedure."""
        if "MATTHC" in outgoing.head:
            return self._look_up("LayThuTuc", maTTHC=outgoing.head["MATTHC"])
        return self._look_up("TraCuuHoSo", mahoso=outgoing.head["MaHoSo"])

    def probe(self) -> str:
        """Log in; say that it went well."""
        self._log_in(self._clock() + self._deadline_seconds)
        return f"{self._options.base_url}: logged in as {self._options.madonvi} / đăng nhập được"

    @property
    def address(self) -> str:
        """Where the portal is reached."""
        return self._options.base_url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Log in, and look up a number that no dossier has."""
        madonvi = self._options.madonvi
        self._log_in(self._clock() + self._deadline_seconds)
        yield "authenticated", f"đăng nhập được ({madonvi})", f"logged in as {madonvi}"
        envelope = read_envelope(self._look_up("TraCuuHoSo", mahoso=NO_DOSSIER).body)
        if envelope is None:
            raise NotSent("the portal's answer cannot be read", "không đọc được trả lời của Cổng", where="TraCuuHoSo")
        yield "answered", f"Cổng trả lời tra cứu (mã {envelope.code})", f"the look-up was answered ({envelope.code})"

    def close(self) -> None:
        """Keep nothing open: connections belong to the wire."""

    def list_procedures(self) -> list[str]:
        """List the codes of all procedures the portal holds (LayDanhSachTTHC)."""
        reply = self._look_up("LayDanhSachTTHC", path=self._options.share_path)
        rows = _answered(reply, "LayDanhSachTTHC")
        codes = (row.get("MATTHC") or row.get("MaTTHC") for row in rows if isinstance(row, dict))
        return [code for code in codes if isinstance(code, str)]

    def procedure(self, code: str) -> Procedure | None:
        """Fetch one procedure's record (LayThuTuc); None where the portal has none."""
        rows = _answered(self._look_up("LayThuTuc", maTTHC=code), "LayThuTuc")
        if not rows:
            return None
        faults: list[Fault] = []
        found = read_procedure(rows[0], "/result/0", faults)
        if faults or found is None:
            raise InvalidMessage(faults)
        return found

    def _look_up(self, service: str, *, path: str = "", **asked: str) -> Reply:
        body = write_json({"madonvi": self._options.madonvi, "service": service, **asked})
        return self._call(path or self._options.service_path, body, {}, _pass)

    def _call(self, path: str, body: bytes, head: Mapping[str, str], fence: Callable[[], None]) -> Reply:
        deadline = self._clock() + self._deadline_seconds
        session, sent = self._sessions.get(deadline), with_session(MASK, body)
        for last in (False, True):
            with recorded(sent):
                reply = self._post(path, with_session(session, body), deadline, head, fence)
            envelope = read_envelope(reply.body)
            if not self._expired(reply, envelope):
                return Reply(status=reply.status, body=reply.body, sent=sent)
            if not last:
                session = self._sessions.get(deadline, refused=session)
        unknown = NotSent(
            "the portal does not know the session it has just given",
            "Cổng không nhận phiên làm việc vừa cấp",
            where=path,
            partner_code=envelope.code if envelope else str(reply.status),
        )
        unknown.sent, unknown.reply, unknown.reply_status = sent, reply.body, reply.status
        raise unknown

    def _post(self, path: str, body: bytes, deadline: float, head: Mapping[str, str], fence: Callable[[], None]) -> HttpReply:
        left = deadline - self._clock()
        if left <= 0:
            raise NotSent("no time left before the deadline", "hết thời hạn trước khi gửi", where=path)
        url = f"{self._options.base_url.rstrip('/')}/{path.lstrip('/')}"
        if query := urlencode(self._options.query):
            url = f"{url}?{query}"
        headers = self._options.headers | ({"X-JWS-Signature": head["jws"]} if "jws" in head else {})
        reply = self._wire.call("POST", url, body=body, headers=headers, deadline_seconds=left, fence=fence)
        raise_for_busy(reply, url)
        return reply

    def _expired(self, reply: HttpReply, envelope: Envelope | None) -> bool:
        """Say whether the portal refused the session: a definite "nothing was done"."""
        if reply.status == 401:
            return True
        if envelope is None or reply.status >= 500 or envelope.code in SUCCESS:
            return False
        return envelope.code in self._options.session_expired_codes or any(
            folded(part) in envelope.folded for part in self._options.session_expired_texts
        )

    def _log_in(self, deadline: float) -> str:
        path = self._options.login_path
        body = write_json({"username": self._options.username, "password": self._options.password.get_secret_value()})
        try:
            reply = self._post(path, body, deadline, {}, _pass)
        except InDoubt as error:  # only the log-in is in doubt: the business call has not begun
            raise NotSent(error.en, error.vi, where=path) from error
        envelope = read_envelope(reply.body)
        if envelope is None or envelope.code not in SUCCESS or not envelope.session:
            code = envelope.code if envelope else str(reply.status)
            raise NotSent(
                f"the portal does not let us log in ({code})",
                f"Cổng không cho đăng nhập (mã {code})",
                where=path,
                partner_code=code,
            )
        return envelope.session


def _answered(reply: Reply, service: str) -> tuple[Any, ...]:
    """Read the records of a look-up; raise Refused or InDoubt where there are none to read."""
    envelope = read_envelope(reply.body)
    if envelope is not None and 200 <= reply.status < 300:
        if envelope.code not in SUCCESS:
            raise refusal(envelope, service)
        if envelope.rows is not None:
            return envelope.rows
    raise InDoubt(
        f"{service}: the portal's answer cannot be read (HTTP {reply.status})",
        f"{service}: không đọc được trả lời của Cổng (HTTP {reply.status})",
        where=service,
        partner_code=str(reply.status),
    )


def _check(endpoint: Endpoint, options: Options) -> None:
    wanted = {
        "[outbound]": endpoint.outbound is not None,
        "options.base_url": bool(options.base_url),
        "options.username": bool(options.username),
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
