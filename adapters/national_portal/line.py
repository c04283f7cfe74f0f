"""Calls to the portal over HTTP: through the agency's security-server adapter with a session, or through a province's relay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from adapters.national_portal import files
from adapters.national_portal.envelope import SUCCESS, Envelope, folded, read_envelope, with_session
from adapters.national_portal.options import Options
from adapters.national_portal.receipts import refusal
from adapters.national_portal.sessions import Sessions
from hub.contract import Reply
from hub.errors import InDoubt, NotSent, Refused
from hub.rules.json_door import write_json
from hub.wire import HttpReply, Wire, raise_for_busy, recorded, shown

#: Stands for the session in the bytes that are kept per attempt.
MASK = "***"


def let_go() -> None:
    """Let a call go: a look-up changes nothing."""


class Line:
    """One agency's way to the portal; shared by workers, safe in threads."""

    def __init__(self, options: Options, wire: Wire, clock: Callable[[], float], deadline_seconds: float) -> None:
        self._options, self._wire, self._clock = options, wire, clock
        self._seconds = deadline_seconds
        self._sessions = Sessions(log_in=self._log_in, lifetime_seconds=options.session_seconds, clock=clock)

    # --- with a session -----------------------------------------------------------------------------------------

    def call(self, path: str, body: bytes, head: Mapping[str, str], fence: Callable[[], None]) -> Reply:
        """Make one call; a session that the portal no longer knows is made anew once, within the same deadline."""
        deadline = self._clock() + self._seconds
        session, sent = self._sessions.get(deadline), with_session(MASK, body)
        for last in (False, True):
            with recorded(sent):
                reply = self._post(path, with_session(session, body), deadline, head, fence)
            envelope = read_envelope(reply.body)
            if not self._expired(reply, envelope):
                return Reply(status=reply.status, body=reply.body, sent=sent)
            if not last:
                session = self._sessions.get(deadline, refused=session)
        unknown = _unknown_session(path, reply, envelope)
        unknown.sent, unknown.reply, unknown.reply_status = sent, reply.body, reply.status
        raise unknown

    def log_in(self) -> None:
        """Log in, apart from the session that workers share."""
        self._log_in(self._clock() + self._seconds)

    def _log_in(self, deadline: float) -> str:
        path = self._options.login_path
        body = write_json({"username": self._options.username, "password": self._options.password.get_secret_value()})
        try:
            reply = self._post(path, body, deadline, {}, let_go)
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

    def _expired(self, reply: HttpReply, envelope: Envelope | None) -> bool:
        """Say whether the portal refused the session: a definite "nothing was done"."""
        if reply.status == 401:
            return True
        if envelope is None or reply.status >= 500 or envelope.code in SUCCESS:
            return False
        return envelope.code in self._options.session_expired_codes or any(
            folded(part) in envelope.folded for part in self._options.session_expired_texts
        )

    # --- through a relay ----------------------------------------------------------------------------------------

    def relayed(
        self, method: str, path: str, asked: Mapping[str, str], body: bytes, head: Mapping[str, str], fence: Callable[[], None]
    ) -> Reply:
        """Make one call through a province's relay, which adds session, agency and service itself."""
        url = self._url(path, asked)
        headers = self._headers(head)
        sent = shown(method, url, headers, body)
        with recorded(sent):
            reply = self._send(method, url, headers, body, self._clock() + self._seconds, fence)
        return Reply(status=reply.status, body=reply.body, sent=sent)

    # --- files --------------------------------------------------------------------------------------------------

    def stream(self, service: str, path: str, asked: Mapping[str, str], give: Callable[[bytes], None]) -> None:
        """Fetch a file and give it piece by piece.

        Raises Refused where the portal says no, InvalidMessage where it is no base64, NotSent or InDoubt as the wire does.
        """
        deadline = self._clock() + self._seconds
        relay = self._options.is_relay
        session = "" if relay else self._sessions.get(deadline)
        for last in (relay, True):
            reader = files.Base64Reader(give)
            reply = self._asked_for(service, path, asked, session, deadline, reader.feed)
            answer = reader.end() if 200 <= reply.status < 300 else reply.body
            if answer is None:
                return
            envelope = read_envelope(answer)
            if relay or not self._expired(reply, envelope):
                return _from_envelope(service, reply.status, envelope, give)
            if not last:
                session = self._sessions.get(deadline, refused=session)
        raise _unknown_session(path, reply, envelope)

    def _asked_for(
        self, service: str, path: str, asked: Mapping[str, str], session: str, deadline: float, give: Callable[[bytes], None]
    ) -> HttpReply:
        if self._options.is_relay:
            return self._send("GET", self._url(path, asked), self._headers({}), b"", deadline, let_go, give)
        body = with_session(session, write_json({"madonvi": self._options.madonvi, "service": service, **asked}))
        return self._send("POST", self._url(path, {}), self._headers({}), body, deadline, let_go, give)

    # --- both ---------------------------------------------------------------------------------------------------

    def _post(self, path: str, body: bytes, deadline: float, head: Mapping[str, str], fence: Callable[[], None]) -> HttpReply:
        return self._send("POST", self._url(path, {}), self._headers(head), body, deadline, fence)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        deadline: float,
        fence: Callable[[], None],
        give: Callable[[bytes], None] | None = None,
    ) -> HttpReply:
        left = deadline - self._clock()
        if left <= 0:
            raise NotSent("no time left before the deadline", "hết thời hạn trước khi gửi", where=url.split("?", 1)[0])
        reply = self._wire.call(method, url, body=body, headers=headers, deadline_seconds=left, fence=fence, give=give)
        raise_for_busy(reply, url)
        return reply

    def _url(self, path: str, asked: Mapping[str, str]) -> str:
        query = urlencode({**self._options.query, **asked})
        url = f"{self._options.base_url.rstrip('/')}/{path.lstrip('/')}"
        return f"{url}?{query}" if query else url

    def _headers(self, head: Mapping[str, str]) -> dict[str, str]:
        return self._options.headers | ({"X-JWS-Signature": head["jws"]} if "jws" in head else {})


def _unknown_session(path: str, reply: HttpReply, envelope: Envelope | None) -> NotSent:
    return NotSent(
        "the portal does not know the session it has just given",
        "Cổng không nhận phiên làm việc vừa cấp",
        where=path,
        partner_code=envelope.code if envelope else str(reply.status),
    )


def _from_envelope(service: str, status: int, envelope: Envelope | None, give: Callable[[bytes], None]) -> None:
    """Give a file that came inside of an envelope; raise Refused where there is none."""
    if not 200 <= status < 300 or envelope is None:
        raise InDoubt(
            f"{service}: the answer cannot be read (HTTP {status})",
            f"{service}: không đọc được trả lời (HTTP {status})",
            where=service,
            partner_code=str(status),
        )
    if envelope.code not in SUCCESS:
        raise refusal(envelope, service)
    file = next((row for row in envelope.rows or () if isinstance(row, str) and row), "")
    if not file:
        text = "there is no file in the answer", "trả lời không có tệp"
        raise Refused(f"{service}: {text[0]}", f"{service}: {text[1]}", where=service, partner_code=envelope.code)
    files.decode(file, give)
