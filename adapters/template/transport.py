"""Speak to the sample system over HTTP; the only room of this adapter with a socket (Channel Adapter)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from adapters.template import holding
from adapters.template.options import TemplateOptions
from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.canonical.message import Message
from hub.contract import HeldPage, Outgoing, Reply
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import NotSent
from hub.wire import HttpReply, Wire, raise_for_busy, recorded, shown

#: No message has this identifier.
NEVER_SENT = "00000000-0000-0000-0000-000000000000"


class TemplateTransport:
    """One endpoint's side of the wire; the token lives here and never in recorded bytes."""

    def __init__(self, options: TemplateOptions, policy: OutboundPolicy, wire: Wire) -> None:
        self._url = options.url.rstrip("/")
        self._token = options.token.get_secret_value()
        self._policy = policy
        self._wire = wire

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one call; raise NotSent, Busy or InDoubt where no reply can be given to the receipt reader."""
        url = f"{self._url}/{outgoing.service}"
        headers = {"Content-Type": "application/json; charset=utf-8", **self._secret()}
        if "jws" in outgoing.head:
            headers["X-JWS-Signature"] = outgoing.head["jws"]
        return self._recorded("POST", url, headers, outgoing.body, fence=fence)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask whether the partner has the message: its look-up goes by our message identifier."""
        url = f"{self._url}/TraCuu?maThongDiep={quote(outgoing.head['message_id'], safe='')}"
        return self._recorded("GET", url, self._secret(), b"")

    def probe(self) -> str:
        """Say that the partner answers and takes our token."""
        reply = self._call("GET", f"{self._url}/KiemTra", self._secret(), b"")
        if reply.status != 200:
            raise NotSent(f"{self._url} answers {reply.status}", f"{self._url} trả lời {reply.status}", where=self._url)
        return f"{self._url} answers"

    @property
    def address(self) -> str:
        """Where the partner is reached."""
        return self._url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Have our token looked at, and look up a message that cannot exist."""
        self.probe()
        yield "authenticated", "đối tác nhận token", "the token is taken"
        reply = self._call("GET", f"{self._url}/TraCuu?maThongDiep={NEVER_SENT}", self._secret(), b"")
        if reply.status != 200:
            raise NotSent(f"{self._url} answers {reply.status}", f"{self._url} trả lời {reply.status}", where=self._url)
        yield "answered", "đối tác trả lời tra cứu", "the look-up was answered"

    @property
    def tells(self) -> frozenset[str]:
        """Services of which one delivered call says everything that a look-up shows."""
        return holding.TELLS

    def number_of(self, message: DossierMessage) -> str:
        """Give the number under which the partner has a dossier: the one it was given."""
        return message.dossier.code

    def told(self, outgoing: Outgoing) -> HeldDossier | None:
        """Read what a delivered call told the partner."""
        return holding.told(outgoing)

    def dossier(self, code: str) -> HeldDossier:
        """Look one dossier up; absent where the partner has none of this number."""
        url = f"{self._url}/TraCuuHoSo?{urlencode({'soHoSo': code})}"
        return holding.shown(code, self._recorded("GET", url, self._secret(), b""))

    def dossiers(self, since: datetime, until: datetime, after: str) -> HeldPage:
        """Fetch one page of what the partner has stored in a time."""
        asked = urlencode({"tu": since.isoformat(), "den": until.isoformat(), "sau": after})
        return holding.page(self._recorded("GET", f"{self._url}/DanhSachHoSo?{asked}", self._secret(), b""))

    def close(self) -> None:
        """Leave the pool alone: it belongs to the process."""

    def _recorded(self, method: str, url: str, headers: Mapping[str, str], body: bytes, **more: Any) -> Reply:
        """Make a call that is kept as evidence, also where it fails after bytes left."""
        sent = shown(method, url, headers, body)
        with recorded(sent):
            reply = self._call(method, url, headers, body, **more)
            raise_for_busy(reply, url)
        return Reply(status=reply.status, body=reply.body, sent=sent)

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes, **more: Any) -> HttpReply:
        deadline = self._policy.deadline_seconds
        return self._wire.call(method, url, headers=headers, body=body, deadline_seconds=deadline, **more)

    def _secret(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


def open_transport(endpoint: Endpoint, wire: Wire) -> TemplateTransport:
    """Open the socket side of one endpoint."""
    return TemplateTransport(endpoint.options, endpoint.outbound or OutboundPolicy(), wire)
