"""Calls at the http port of a gateway: account, deadline, and what a status says of whether the gateway has our message."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.errors import HubError, InDoubt, NotSent, Refused
from hub.gateway_policy import GatewayPolicy
from hub.wire import HttpReply, Wire, raise_for_busy, recorded, shown

#: Nobody behind such an answer has read the message: the account, or the address, is wrong.
_NOT_THERE = frozenset({401, 403, 404, 405, 407})
#: So much of an answer's own words is repeated.
_WORDS = 300


def _pass() -> None:
    """Let the call go: it changes nothing."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and the call it was given to, for the record."""

    status: int
    body: bytes
    content_type: str
    sent: bytes


class HttpPort:
    """One endpoint's account at its gateway."""

    def __init__(self, policy: GatewayPolicy, deadline_seconds: float, wire: Wire) -> None:
        self.url = policy.url.rstrip("/")
        self._deadline = deadline_seconds
        self._wire = wire
        account = f"{policy.user}:{policy.password.get_secret_value()}".encode()
        self._account = {"Authorization": "Basic " + base64.b64encode(account).decode()} if policy.user else {}

    def submit(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], fence: Callable[[], None]
    ) -> Answered:
        """Make the call that gives a message; raise NotSent or Busy where surely nobody took it."""
        answered = self._call(method, path, body, headers, fence)
        if answered.status in _NOT_THERE:
            raise self._answers(NotSent, answered)
        return answered

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answered:
        """Make a call that may be made again; raise NotSent where the gateway cannot answer it."""
        answered = self._call(method, path, body, headers or {}, _pass)
        if answered.status in (401, 403, 405, 407) or answered.status >= 500:
            raise self._answers(NotSent, answered)
        return answered

    def _call(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], fence: Callable[[], None]
    ) -> Answered:
        url, all_headers = self.url + path, {**headers, **self._account}
        sent = shown(method, url, all_headers, body)
        with recorded(sent):
            reply: HttpReply = self._wire.call(
                method, url, body=body, headers=all_headers, deadline_seconds=self._deadline, fence=fence
            )
            raise_for_busy(reply, url)
        return Answered(reply.status, reply.body, reply.headers.get("content-type", ""), sent)

    def _answers(self, kind: type[HubError], answered: Answered) -> HubError:
        return failed(kind, answered, self.url, f"HTTP {answered.status}")

    def doubt(self, answered: Answered, why: str = "") -> HubError:
        """Say that the gateway answered what nobody can read: it may have the message."""
        return failed(InDoubt, answered, self.url, why or f"HTTP {answered.status}")

    def refused(self, answered: Answered, why: str, code: str = "") -> HubError:
        """Say that the gateway read the message and said no, in its words."""
        return failed(Refused, answered, self.url, why, code)

    def not_taken(self, answered: Answered, why: str, code: str = "") -> HubError:
        """Say that the gateway could not take the message, and surely has not."""
        return failed(NotSent, answered, self.url, why, code)


def failed(kind: type[HubError], answered: Answered, where: str, why: str, code: str = "") -> HubError:
    """Make an error that carries the call and the answer, for the attempt's record."""
    words = " ".join(why.split())[:_WORDS]
    error = kind(
        f"gateway {where}: {words}",
        f"cổng truyền nhận {where}: {words}",
        where=where,
        partner_code=code[:60] or str(answered.status),
    )
    error.sent, error.reply, error.reply_status = answered.sent, answered.body, answered.status
    return error
