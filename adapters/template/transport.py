"""Speak to the sample system over HTTP; the only room of this adapter with a socket (Channel Adapter)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from adapters.template.options import TemplateOptions
from hub.canonical.message import Message
from hub.contract import Endpoint, OutboundPolicy, Outgoing, Reply
from hub.errors import NotSent
from hub.wire import HttpReply, Wire, raise_for_busy

NO_HEADERS: Mapping[str, str] = {}


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
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if "jws" in outgoing.head:
            headers["X-JWS-Signature"] = outgoing.head["jws"]
        reply = self._call("POST", url, headers=headers, body=outgoing.body, fence=fence)
        raise_for_busy(reply, url)
        return Reply(status=reply.status, body=reply.body, sent=_shown(url, headers, outgoing.body))

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask whether the partner has the message: its look-up goes by our message identifier."""
        url = f"{self._url}/TraCuu?maThongDiep={quote(outgoing.head['message_id'], safe='')}"
        reply = self._call("GET", url)
        raise_for_busy(reply, url)
        return Reply(status=reply.status, body=reply.body, sent=f"GET {url}\n".encode())

    def probe(self) -> str:
        """Say that the partner answers and takes our token."""
        reply = self._call("GET", f"{self._url}/KiemTra")
        if reply.status != 200:
            raise NotSent(f"{self._url} answers {reply.status}", f"{self._url} trả lời {reply.status}", where=self._url)
        return f"{self._url} answers"

    def close(self) -> None:
        """Leave the pool alone: it belongs to the process."""

    def _call(self, method: str, url: str, *, headers: Mapping[str, str] = NO_HEADERS, **more: Any) -> HttpReply:
        secret = {"Authorization": f"Bearer {self._token}"}
        return self._wire.call(method, url, headers={**headers, **secret}, deadline_seconds=self._policy.deadline_seconds, **more)


def _shown(url: str, headers: dict[str, str], body: bytes) -> bytes:
    """Give the wire bytes for the record, with the token masked."""
    lines = [f"POST {url}", "Authorization: Bearer ***", *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines).encode() + b"\n\n" + body


def open_transport(endpoint: Endpoint, wire: Wire) -> TemplateTransport:
    """Open the socket side of one endpoint."""
    return TemplateTransport(endpoint.options, endpoint.outbound or OutboundPolicy(), wire)
