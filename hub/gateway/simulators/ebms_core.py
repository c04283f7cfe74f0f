"""A double of ebms-core's REST service: messages stay unprocessed until they are said to be processed.

Faults beside those of every simulator: ``lists_twice``, ``proxy`` (a page of a proxy with 502), ``truncated`` (half of the JSON).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from hub.gateway.simulators.mailbox import Carried, Mailbox, basic, turned_away
from hub.simulation import Call, Said, SimulatorServer

_JSON, _TEXT = "application/json", "text/plain"


def simulator(
    *, port: int = 0, user: str = "", password: str = "", delivers: bool = True, peer: str = ""
) -> SimulatorServer:
    """Make the double, not yet started; its service is at any address, as the paths below ``/messages`` say."""
    box = Mailbox(first="CREATED", last="DELIVERED", waiting="RECEIVED", delivers=delivers, peer=peer)
    made = _EbmsCore(box, basic(user, password))
    server = SimulatorServer("gateway_ebms_core", made.answer, port=port)
    made.server = server
    return box.steer(server)


class _EbmsCore:
    server: SimulatorServer

    def __init__(self, box: Mailbox, account: str) -> None:
        self._box, self._account = box, account

    def answer(self, call: Call) -> Said:
        """Answer one call."""
        return turned_away(call, self._account, self.server.faults) or self._answer(call)

    def _answer(self, call: Call) -> Said:
        path = call.path[call.path.index("/messages") :] if "/messages" in call.path else ""
        number, *rest = [*(unquote(step) for step in path.split("/")[2:]), ""]
        wanted: dict[tuple[str, bool, str], Callable[[], Said]] = {
            ("POST", False, ""): lambda: self._send(call),
            ("GET", True, ""): lambda: self._get(number, call.query.get("process", "false") == "true"),
            ("PATCH", True, ""): lambda: self._process(number),
            ("GET", True, "status"): lambda: self._status(number),
        }
        if (call.method, number) == ("GET", "unprocessed"):
            return self._unprocessed(int(call.query.get("maxNr", "0")))
        found = wanted.get((call.method, bool(number), "/".join(rest).strip("/"))) if path else None
        return found() if found else Said(b"no such resource", status=404, content_type=_TEXT)

    def _send(self, call: Call) -> Said:
        self._box.calls["sendMessage"] += 1
        try:
            carried = _read(json.loads(call.body))
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            return Said(f"cannot read the request: {type(error).__name__}".encode(), status=400, content_type=_TEXT)
        if not (carried.agreement and carried.from_party and carried.to_party and carried.service and carried.action):
            return Said(b"CPA, parties, service or action not found", status=500, content_type=_TEXT)
        self._box.given[carried.number] += 1
        if carried.number in self._box.sent:
            return Said(b"Unique index or primary key violation", status=500, content_type=_TEXT)
        self._box.take(carried)
        return Said(carried.number.encode(), content_type=_TEXT)

    def _unprocessed(self, most: int) -> Said:
        self._box.calls["getUnprocessedMessageIds"] += 1
        numbers = [each.number for each in self._box.waiting()]
        if numbers and self.server.faults.take("lists_twice", ""):
            numbers += numbers
        return _said(numbers[:most] if most else numbers)

    def _status(self, number: str) -> Said:
        message = self._box.sent.get(number)
        if message is None:
            return Said(b"message not found", status=404, content_type=_TEXT)
        return _said({"timestamp": "2099-03-05T02:10:01Z", "status": message.state})

    def _get(self, number: str, process: bool) -> Said:
        message = self._box.inbox.get(number)
        if message is None:
            return Said(b"message not found", status=404, content_type=_TEXT)
        message.state = "PROCESSED" if process else message.state
        said = _said(_shown(message))
        if self.server.faults.take("truncated", number):
            return Said(said.body[: len(said.body) // 2], content_type=_JSON)
        return said

    def _process(self, number: str) -> Said:
        self._box.calls["processMessage"] += 1
        message = self._box.inbox.get(number)
        if message is None:
            return Said(b"message not found", status=404, content_type=_TEXT)
        if not self.server.faults.take("lists_twice", ""):
            message.state = "PROCESSED"
        return Said(b"", status=204, content_type=_TEXT)


def _read(tree: dict[str, Any]) -> Carried:
    properties, (source,) = tree["properties"], tree["dataSources"]
    return Carried(
        number=properties["messageId"],
        body=base64.b64decode(source["content"], validate=True),
        from_party=properties["fromParty"]["partyId"],
        to_party=properties["toParty"]["partyId"],
        service=properties["service"],
        action=properties["action"],
        conversation=properties.get("conversationId", ""),
        about=properties.get("refToMessageId", ""),
        agreement=properties["cpaId"],
    )


def _shown(message: Carried) -> dict[str, Any]:
    properties = {
        "cpaId": message.agreement,
        "fromParty": {"partyId": f"{message.from_type}:{message.from_party}" if message.from_type else message.from_party},
        "toParty": {"partyId": message.to_party},
        "service": message.service,
        "action": message.action,
        "timestamp": "2099-03-05T02:10:01Z",
        "conversationId": message.conversation,
        "messageId": message.number,
        "refToMessageId": message.about or None,
        "messageStatus": message.state,
    }
    content = base64.b64encode(message.body).decode()
    source = {"name": "document.xml", "contentId": "1", "contentType": "application/xml", "content": content}
    return {"properties": properties, "dataSources": [source]}


def _said(tree: Any) -> Said:
    return Said(json.dumps(tree).encode(), content_type=_JSON)


SIMULATOR = simulator
