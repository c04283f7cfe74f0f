"""Calls to the portal: one token for all workers, a number by GET, files streamed, everything else as JSON."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlencode

from adapters.national_portal_v2.calls import CREATE, NUMBER, PROGRESS, STATUS, UPLOAD
from adapters.national_portal_v2.envelope import named, read_envelope
from adapters.national_portal_v2.multipart import FormFile
from adapters.national_portal_v2.options import Options
from adapters.national_portal_v2.receipts import CODES, TAKEN
from adapters.national_portal_v2.tokens import Tokens
from hub.canonical.message import Message
from hub.contract import File, Files, Outgoing, Reply
from hub.endpoint import Endpoint
from hub.errors import BadSettings, InDoubt, InvalidMessage, NotSent, Unavailable
from hub.rules.attachments import not_stored
from hub.rules.json_door import write_json
from hub.wire import MASK, HttpReply, Streamed, Wire, raise_for_busy, recorded, shown

JSON = "application/json; charset=utf-8"
#: What can stand in a header and in a query.
_TOKEN = re.compile(r"[\x21-\x7e]{1,8000}")
#: A token that is said to last longer is made anew all the same.
LONGEST_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """One call before it has its token."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    body: bytes = b""
    #: A file in place of ``body``, which then only shows it.
    file: FormFile | None = None


class PortalTransport:
    """The portal as one endpoint; shared by workers, safe in threads."""

    def __init__(self, endpoint: Endpoint, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        options: Options = endpoint.options
        _check(endpoint, options)
        assert endpoint.outbound is not None
        self._options = options
        self._wire = wire
        self._clock = clock
        self._deadline_seconds = endpoint.outbound.deadline_seconds
        self._tokens = Tokens(draw=self._draw_token, clock=clock)
        self._files: Files | None = None

    def use_files(self, files: Files) -> None:
        """Take the files to be uploaded from the payload store."""
        self._files = files

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one call; a token that the portal no longer takes is made anew once, within the same deadline."""
        prepared = self._prepared(outgoing)
        deadline = self._clock() + self._deadline_seconds
        sent = self._shown(prepared)
        token = self._tokens.get(deadline)
        for last in (False, True):
            with recorded(sent):
                reply = self._call(prepared, token, deadline, fence)
            if not _token_refused(reply):
                return Reply(status=reply.status, body=reply.body, sent=sent)
            if not last:
                token = self._tokens.get(deadline, refused=token)
        unknown = NotSent(
            "the portal does not take the token it has just given",
            "Cổng không nhận token vừa cấp",
            where=prepared.path,
            partner_code="401",
        )
        unknown.sent, unknown.reply, unknown.reply_status = sent, reply.body, reply.status
        raise unknown

    def ask(self, outgoing: Outgoing, subject: Message) -> NoReturn:
        """Say that nobody can be asked: raises NotSent."""
        raise NotSent(
            "no look-up of the portal's second generation is known: settle by hand",
            "chưa biết dịch vụ tra cứu nào của Cổng thế hệ 2: hãy xác nhận thủ công (settle)",
            where=outgoing.service,
        )

    def probe(self) -> str:
        """Ask for a token; say that it was given."""
        self._draw_token(self._clock() + self._deadline_seconds)
        return f"{self._options.base_url}: token given / được cấp token"

    @property
    def address(self) -> str:
        """Where the portal is reached."""
        return self._options.base_url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Ask for a token, and GET the address of statuses: nothing is drawn or written by that."""
        deadline = self._clock() + self._deadline_seconds
        token, _ = self._draw_token(deadline)
        yield "authenticated", "được cấp token", "a token was given"
        path = self._options.status_path
        reply = self._call(_Prepared(method="GET", path=path), token, deadline, _pass)
        if reply.status in (401, 403) or reply.status >= 500:
            raise NotSent(f"{path} answers {reply.status}", f"{path} trả lời {reply.status}", where=path)
        yield "answered", f"Cổng trả lời (HTTP {reply.status})", f"the portal answers (HTTP {reply.status})"

    def close(self) -> None:
        """Keep nothing open: connections belong to the wire."""

    # --- one call --------------------------------------------------------------------------------------------

    def _prepared(self, outgoing: Outgoing) -> _Prepared:
        options = self._options
        if outgoing.service == NUMBER:
            return _Prepared(method="GET", path=options.number_path, query={"code": outgoing.head["code"]})
        if outgoing.service == UPLOAD:
            told = json.loads(outgoing.body)
            with closing(self._opened(told["digest"])) as file:
                form = FormFile(name=told["name"], digest=told["digest"], size=file.size)
            return _Prepared(method="POST", path=options.upload_path, content_type=form.content_type, body=form.shown, file=form)
        path = {CREATE: options.create_path, PROGRESS: options.progress_path, STATUS: options.status_path}[outgoing.service]
        return _Prepared(method="POST", path=path, content_type=JSON, body=outgoing.body)

    def _opened(self, digest: str) -> File:
        with _store():
            file = self._files.open(digest) if self._files is not None else None
        if file is None:
            # Past retention, or it came inside of a message: its sender can give it to the hub, nobody else has it.
            raise InvalidMessage([not_stored(f"/dossier/attachments/{digest}")])
        return file

    def _call(self, prepared: _Prepared, token: str, deadline: float, fence: Callable[[], None]) -> HttpReply:
        if prepared.file is None:
            return self._post(prepared, token, prepared.body, deadline, fence)
        with closing(self._opened(prepared.file.digest)) as file, _store():
            return self._post(prepared, token, prepared.file.streamed(file), deadline, fence)

    def _post(
        self, prepared: _Prepared, token: str, body: bytes | Streamed, deadline: float, fence: Callable[[], None]
    ) -> HttpReply:
        left = deadline - self._clock()
        if left <= 0:
            raise NotSent("no time left before the deadline", "hết thời hạn trước khi gửi", where=prepared.path)
        url, headers = self._url(prepared, token), self._headers(prepared, token)
        reply = self._wire.call(prepared.method, url, body=body, headers=headers, deadline_seconds=left, fence=fence)
        raise_for_busy(reply, url)
        return reply

    def _url(self, prepared: _Prepared, token: str) -> str:
        query = dict(prepared.query)
        if token and self._options.bearer_in == "query":
            query[self._options.bearer_parameter] = token
        url = f"{self._options.base_url.rstrip('/')}/{prepared.path.lstrip('/')}"
        return f"{url}?{urlencode(query, safe='*')}" if query else url

    def _headers(self, prepared: _Prepared, token: str) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if prepared.content_type:
            headers["Content-Type"] = prepared.content_type
        if token and self._options.bearer_in == "header":
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _shown(self, prepared: _Prepared) -> bytes:
        """Write the call for the record: no token, and a file by its name."""
        return shown(prepared.method, self._url(prepared, MASK), self._headers(prepared, MASK), prepared.body)

    # --- the token -------------------------------------------------------------------------------------------

    def _draw_token(self, deadline: float) -> tuple[str, float]:
        """Ask for a token; whatever goes wrong with it, the business call has not begun: NotSent."""
        options = self._options
        given = {"client_id": options.client_id, "client_secret": options.client_secret.get_secret_value()}
        if options.grant_format == "json":
            content_type, body = JSON, write_json(given)
        else:
            content_type = "application/x-www-form-urlencoded"
            body = urlencode({"grant_type": "client_credentials", **given}).encode()
        prepared = _Prepared(method="POST", path=options.token_path, content_type=content_type, body=body)
        try:
            reply = self._post(prepared, "", body, deadline, _pass)
        except InDoubt as error:
            raise NotSent(error.en, error.vi, where=options.token_path) from error
        return self._read_token(reply)

    def _read_token(self, reply: HttpReply) -> tuple[str, float]:
        envelope = read_envelope(reply.body)
        good = envelope is not None and CODES.get(envelope.code, TAKEN if not envelope.code else "") == TAKEN
        given = None
        if reply.status == 200 and good and envelope is not None:
            given = envelope.whole if envelope.data is None else envelope.data  # in the envelope, or as OAuth 2.0 has it
        token = named(given, "access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            code = (envelope.code if envelope else "") or str(reply.status)
            raise NotSent(
                f"the portal gives no token ({code})",
                f"Cổng không cấp token (mã {code})",
                where=self._options.token_path,
                partner_code=code,
            )
        return token, self._good_seconds(named(given, "expires_in"))

    def _good_seconds(self, said: object) -> float:
        text = str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""
        seconds = float(min(int(text), LONGEST_SECONDS)) if re.fullmatch(r"[0-9]{1,9}", text) else self._options.token_seconds
        return seconds - min(self._options.token_margin_seconds, seconds / 2)


@contextmanager
def _store() -> Iterator[None]:
    """Say of a payload store that does not answer that nothing was sent: without its last piece a file is no file."""
    try:
        yield
    except Unavailable as error:
        raise NotSent(error.en, error.vi, where=error.where) from error


def _pass() -> None:
    """Let the call go: it changes nothing."""


def _token_refused(reply: HttpReply) -> bool:
    """Say whether the portal refused the token, a definite "nothing was done": by HTTP, or in its envelope."""
    if reply.status == 401:
        return True
    envelope = read_envelope(reply.body)
    return reply.status == 200 and envelope is not None and envelope.code == "401"


def _check(endpoint: Endpoint, options: Options) -> None:
    wanted = {
        "[outbound]": endpoint.outbound is not None,
        "options.base_url": bool(options.base_url),
        "options.client_id": bool(options.client_id),
        "options.client_secret": bool(options.client_secret.get_secret_value()),
        "options.agency_code": bool(options.agency_code) or options.number_of == "procedure",
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
