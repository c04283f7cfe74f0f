"""What doubles of gateways share: what was given to them, what came from abroad, and the verbs that steer both."""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hub.simulation import Call, Faults, Said, SimulatorServer

SECONDS = 10.0


@dataclass
class Carried:
    """One message, on its way out or come in."""

    number: str
    body: bytes = field(repr=False)
    from_party: str = ""
    from_type: str = ""
    to_party: str = ""
    to_type: str = ""
    service: str = ""
    action: str = ""
    conversation: str = ""
    about: str = ""
    agreement: str = ""
    state: str = ""
    errors: str = ""

    def shown(self) -> dict[str, Any]:
        """Give it as plain values, for the account."""
        texts = {name: value for name, value in vars(self).items() if name != "body"}
        return {**texts, "body": self.body.decode("utf-8", "replace")}


class Mailbox:
    """What one gateway holds; ``peer``: the address of another double, to which it carries what it was given."""

    def __init__(self, *, first: str, last: str, waiting: str, delivers: bool = True, peer: str = "") -> None:
        self.lock = threading.RLock()
        self._first, self._last, self._waiting, self._delivers, self._peer = first, last, waiting, delivers, peer
        self.sent: dict[str, Carried] = {}
        self.inbox: dict[str, Carried] = {}
        #: How often each was given, and each call was made: who gives twice is seen.
        self.given: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def take(self, message: Carried) -> None:
        """Take a message of the hub's."""
        with self.lock:
            message.state = self._last if self._delivers else self._first
            self.sent[message.number] = message
        if self._peer:
            try:
                self._carry(message)
            except OSError:
                # As a real one would go on trying; here it stays underway.
                message.state = self._first

    def _carry(self, message: Carried) -> None:
        given = {**message.shown(), "verb": "receive", "body_base64": base64.b64encode(message.body).decode()}
        request = urllib.request.Request(f"{self._peer}/_do", data=json.dumps(given).encode(), method="POST")  # noqa: S310 - told so
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310 - a simulator, told where its peer is
            reply.read()

    def receive(self, given: dict[str, Any]) -> dict[str, Any]:
        """Let a message come from abroad: ``number``, parties, service, action, ..., ``body`` or ``body_base64``."""
        body = base64.b64decode(given["body_base64"]) if "body_base64" in given else str(given.get("body", "")).encode()
        names = ("from_party", "from_type", "to_party", "to_type", "service", "action", "conversation", "about", "agreement")
        texts = {name: str(given[name]) for name in names if given.get(name)}
        message = Carried(number=str(given.get("number") or f"{uuid.uuid4()}@abroad"), body=body, state=self._waiting, **texts)
        with self.lock:
            self.inbox[message.number] = message
        return {"number": message.number}

    def set_state(self, given: dict[str, Any]) -> dict[str, Any]:
        """Say what became of a message of the hub's: ``number``, ``state``, ``errors``."""
        with self.lock:
            message = self.sent[given["number"]]
            message.state, message.errors = str(given["state"]), str(given.get("errors", ""))
        return {"state": message.state}

    def waiting(self) -> list[Carried]:
        """Give what came and was not marked."""
        with self.lock:
            return [each for each in self.inbox.values() if each.state == self._waiting]

    def account(self) -> dict[str, Any]:
        """Say what is there."""
        with self.lock:
            return {
                "sent": [each.shown() for each in self.sent.values()],
                "inbox": [each.shown() for each in self.inbox.values()],
                "given": dict(self.given),
                "calls": dict(self.calls),
            }

    def steer(self, server: SimulatorServer) -> SimulatorServer:
        """Give a server the verbs."""
        server.account = self.account
        server.verbs = {"receive": self.receive, "state": self.set_state, **server.verbs}
        return server


def turned_away(call: Call, account: str, faults: Faults) -> Said | None:
    """Answer as what stands before the product: who has no account, or a proxy that cannot reach it."""
    if account and call.headers.get("authorization") != account:
        return Said(b"", status=401)
    if faults.take("proxy", ""):
        return Said(b"<html><body>502 Bad Gateway</body></html>", status=502, content_type="text/html")
    return None


def basic(user: str, password: str) -> str:
    """Write what a caller with this account sends; empty where no account is asked for."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
