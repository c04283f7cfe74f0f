"""What transports of plain JSON services share: one POST for each call, a look-up by MaThongDiep, a bearer token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pydantic import SecretStr

from hub.canonical.message import Message
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import BadSettings, NotSent
from hub.rules.json_door import CONTENT_TYPE, write_json
from hub.wire import Wire, raise_for_busy, recorded, shown

LOOK_UP = "traCuuThongDiep"


class JsonOptions(Protocol):
    """What a transport needs of an endpoint's ``[options]``."""

    @property
    def base_url(self) -> str: ...
    @property
    def token(self) -> SecretStr: ...
    @property
    def paths(self) -> Mapping[str, str]: ...


class JsonTransport:
    """One endpoint's side of the wire; the token lives here and never in recorded bytes."""

    def __init__(self, options: JsonOptions, policy: OutboundPolicy, wire: Wire) -> None:
        self._options = options
        self._deadline = policy.deadline_seconds
        self._wire = wire

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Post one call."""
        signature = {"X-JWS-Signature": outgoing.head["jws"]} if "jws" in outgoing.head else {}
        return self._post(outgoing.service, outgoing.body, signature, fence)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask whether the partner has the message with this MaThongDiep."""
        return self._post(LOOK_UP, write_json({"MaThongDiep": outgoing.head["MaThongDiep"]}), {}, _pass)

    def probe(self) -> str:
        """Say that the partner answers; what it answers matters only where it refuses the token or is broken."""
        url = self._options.base_url
        reply = self._wire.call("GET", url, headers=self._headers(), deadline_seconds=self._deadline)
        if reply.status in (401, 403) or reply.status >= 500:
            raise NotSent(f"{url} answers {reply.status}", f"{url} trả lời {reply.status}", where=url)
        return f"{url} answers {reply.status}"

    def close(self) -> None:
        """Leave the pool alone: it belongs to the process."""

    def _post(self, service: str, body: bytes, more: Mapping[str, str], fence: Callable[[], None]) -> Reply:
        url, headers = self._url(service), {**self._headers(), **more}
        sent = shown("POST", url, headers, body)
        with recorded(sent):
            reply = self._wire.call("POST", url, body=body, headers=headers, deadline_seconds=self._deadline, fence=fence)
            raise_for_busy(reply, url)
        return Reply(status=reply.status, body=reply.body, sent=sent)

    def _url(self, service: str) -> str:
        return self._options.base_url.rstrip("/") + self._options.paths[service]

    def _headers(self) -> dict[str, str]:
        token = self._options.token.get_secret_value()
        return {"Content-Type": CONTENT_TYPE, "Accept": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )


def _pass() -> None:
    """Let the call go: a look-up changes nothing."""


def open_transport(endpoint: Endpoint, wire: Wire) -> JsonTransport:
    """Open the socket side of one endpoint; raise BadSettings where its file gives no address."""
    if not endpoint.options.base_url:
        raise BadSettings(
            f"endpoint {endpoint.name!r}: [options] base_url is empty, but the endpoint has an outbound side",
            f"điểm kết nối {endpoint.name!r}: chưa khai base_url trong [options] nhưng có chiều gửi đi",
            where=f"endpoints/{endpoint.name}/options/base_url",
        )
    return JsonTransport(endpoint.options, endpoint.outbound or OutboundPolicy(), wire)
