"""A double of Hermes' REST service, with its trap: the list of what came marks all that it names as downloaded.

Faults beside those of every simulator: ``proxy`` (a page of a proxy with 502), ``truncated`` (half of the JSON), ``keeps``
(putting a message back fails).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from hub.gateway.simulators.mailbox import Carried, Mailbox, basic, turned_away
from hub.simulation import Call, Said, SimulatorServer

_TYPE = "application/vnd.api+json"


def simulator(
    *,
    port: int = 0,
    partnerships: str = "vn-id",
    user: str = "",
    password: str = "",
    delivers: bool = True,
    peer: str = "",
) -> SimulatorServer:
    """Make the double, not yet started; ``partnerships``: their names, parted by blanks.

    What came belongs to the one that its ``agreement`` names, else to the first.
    """
    box = Mailbox(first="PR", last="DL", waiting="PS", delivers=delivers, peer=peer)
    made = _Hermes(box, tuple(partnerships.split()), basic(user, password))
    server = SimulatorServer("gateway_hermes", made.answer, port=port)
    made.server = server
    return box.steer(server)


class _Hermes:
    server: SimulatorServer

    def __init__(self, box: Mailbox, partnerships: tuple[str, ...], account: str) -> None:
        self._box, self._partnerships, self._account = box, partnerships, account
        self._last = 0

    def answer(self, call: Call) -> Said:
        """Answer one call."""
        return turned_away(call, self._account, self.server.faults) or self._answer(call)

    def _answer(self, call: Call) -> Said:
        service = call.path.partition("/api/")[2] or call.path.lstrip("/")
        self._box.calls[f"{call.method} {service}"] += 1
        try:
            given = json.loads(call.body) if call.method == "POST" else {}
        except ValueError:
            return _error(10006, "Error parsing request")
        number = str(given.get("message_id", ""))
        wanted: dict[tuple[str, str], Callable[[], Said]] = {
            ("POST", "message/send/ebms"): lambda: self._send(given),
            ("GET", "message/send/ebms"): lambda: self._status(call.query.get("id", "")),
            ("GET", "message/receive/ebms"): lambda: self._list(call.query.get("partnership_id", "")),
            ("POST", "message/receive/ebms"): lambda: self._get(number),
            ("POST", "message/redownload/ebms"): lambda: self._put_back(number),
            ("GET", "message/history/ebms"): lambda: self._history(dict(call.query)),
        }
        found = wanted.get((call.method, service))
        return found() if found else Said(b"", status=404)

    def _send(self, given: dict[str, Any]) -> Said:
        for name in ("partnership_id", "from_party_id", "to_party_id", "conversation_id", "payload"):
            if not isinstance(given.get(name), str):
                return _error(10001, f"Missing required field: {name}")
        if given["partnership_id"] not in self._partnerships:
            return _error(10003, "Error loading partnership")
        try:
            body = base64.b64decode(given["payload"], validate=True)
        except binascii.Error:
            return _error(10006, "Error parsing parameter: payload")
        with self._box.lock:
            self._last += 1
            number = f"20990305-021000-{self._last:05}@127.0.1.1"
        self._box.given[given["conversation_id"]] += 1
        texts = {"from_party": given["from_party_id"], "to_party": given["to_party_id"], "conversation": given["conversation_id"]}
        self._box.take(Carried(number=number, body=body, agreement=given["partnership_id"], **texts))
        return _said({"id": number})

    def _status(self, number: str) -> Said:
        message = self._box.sent.get(number)
        if message is None:
            return _error(10003, "Message with such id not found")
        return _said({"message_id": number, "status": message.state})

    def _list(self, partnership: str) -> Said:
        if partnership not in self._partnerships:
            return _error(10003, "Cannot load partnership")
        with self._box.lock:
            rows = [each for each in self._box.waiting() if (each.agreement or self._partnerships[0]) == partnership]
            shown = [{"id": each.number, "timestamp": 4_076_445_001, "status": each.state} for each in rows]
            for each in rows:
                each.state = "DL"
        return _said({"message_ids": shown})

    def _get(self, number: str) -> Said:
        message = self._box.inbox.get(number)
        if message is None:
            return _error(10003, "Message with such id not found")
        said = _said(
            {
                "id": number,
                "cpa_id": "cpa",
                "service": message.service,
                "action": message.action,
                "from_party_id": message.from_party,
                "to_party_id": message.to_party,
                "conversation_id": message.conversation,
                "timestamp": 4_076_445_001,
                "status": message.state,
                "payloads": [{"payload-1": base64.b64encode(message.body).decode()}],
            }
        )
        if self.server.faults.take("truncated", number):
            return Said(said.body[: len(said.body) // 2], content_type=_TYPE)
        return said

    def _put_back(self, number: str) -> Said:
        message = self._box.inbox.get(number)
        if message is None or self.server.faults.take("keeps", number):
            return _error(10003, "Error loading message status")
        message.state = "PS"
        return _said({"id": number, "success": True})

    def _history(self, asked: dict[str, str]) -> Said:
        boxes = {"inbox": self._box.inbox, "outbox": self._box.sent}
        found = [(box, each) for box, rows in boxes.items() for each in rows.values() if asked.get("message_box", box) == box]
        wanted = {"message_id": "number", "conversation_id": "conversation", "status": "state"}
        rows = [
            {
                "id": each.number,
                "timestamp": 4_076_445_001,
                "status": each.state,
                "cpa_id": "cpa",
                "service": each.service,
                "action": each.action,
                "conversation_id": each.conversation,
                "message_box": box,
            }
            for box, each in reversed(found)
            if all(getattr(each, name) == asked[key] for key, name in wanted.items() if key in asked)
        ]
        return _said({"message_ids": rows[: int(asked.get("limit", "1000"))]})


def _said(tree: dict[str, Any]) -> Said:
    return Said(json.dumps(tree).encode(), content_type=_TYPE)


def _error(code: int, text: str) -> Said:
    return _said({"code": code, "message": text})


SIMULATOR = simulator
