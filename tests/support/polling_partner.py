"""A partner that can only ask: it lists what lies ready, keeps it, says so; it may stop anywhere and begin again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class PollingPartner:
    """``call``: (method, path, body) -> (status, bytes), with its credential."""

    name: str
    call: Callable[[str, str, bytes | None], tuple[int, bytes]]
    #: What it has kept, by the identifier that stays the same; in order of arrival.
    kept: dict[str, bytes] = field(default_factory=dict)
    #: How often it was given what it had already.
    repeated: int = 0

    def ready(self, **query: int) -> dict[str, Any]:
        """List what lies ready."""
        told = "&".join(f"{name}={value}" for name, value in query.items())
        status, body = self.call("GET", f"/doors/{self.name}/outbox{'?' + told if told else ''}", None)
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def keep(self, item: dict[str, Any]) -> None:
        """Keep a message, unless it has it."""
        body = item["content"].encode() if item["content"] is not None else self.call("GET", item["href"], None)[1]
        assert "sha256:" + hashlib.sha256(body).hexdigest() == item["digest"]
        self.repeated += item["message_id"] in self.kept
        self.kept.setdefault(item["message_id"], body)

    def say(self, item: dict[str, Any], outcome: str = "taken", **more: str) -> tuple[int, Any]:
        """Say what it did with a message."""
        said = json.dumps({"outcome": outcome, "digest": item["digest"], **more}).encode()
        status, body = self.call("POST", f"{item['href']}/ack", said)
        return status, json.loads(body)

    def work(self, **query: int) -> int:
        """Take all that lies ready, once; give how many those were."""
        items = self.ready(**query)["messages"]
        for item in items:
            self.keep(item)
            assert self.say(item)[0] == 200
        return len(items)
