"""ebms-core (ebMS 2.0) by its REST service: an explicit "processed" after the store, and identifiers of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from hub.canonical.border.message import TechnicalState
from hub.canonical.gateway_word import GatewayWord
from hub.errors import Fault, HubError, InDoubt, InvalidMessage
from hub.gateway.http_port import Answered, HttpPort
from hub.gateway.port import Fetched, Found, Submission, Submitted, Waiting
from hub.gateway.related import from_base64
from hub.gateway_policy import GatewayPolicy

CONTENT_TYPE = "application/json"
_F = TechnicalState.FAILED

#: EbMSMessageStatus of what was sent -> what it means, and whether it is the last word (the older names beside today's).
STATES: Mapping[str, tuple[TechnicalState, bool]] = {
    "CREATED": (TechnicalState.SENT, False),
    "SENDING": (TechnicalState.SENT, False),
    "DELIVERED": (TechnicalState.DELIVERED, True),
    "DELIVERY_FAILED": (_F, True),
    "FAILED": (_F, True),
    "EXPIRED": (_F, True),
}


class EbmsCore:
    """One side of an ebms-core: its url ends with ``/service/rest/v19/ebms`` (assumed; the version moves with the product)."""

    fetching_marks = False

    def __init__(self, policy: GatewayPolicy, port: HttpPort) -> None:
        self._policy, self._port = policy, port
        self.address = port.url

    # --- ours ---------------------------------------------------------------------------------------------------------

    def submit(self, given: Submission, fence: Callable[[], None]) -> Submitted:
        """Post one message; its identifier is ours, and unique in ebms-core's database."""
        number = self._number(given.message_id)
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "text/plain, application/json"}
        answered = self._port.submit("POST", "/messages", self._message(given, number), headers, fence)
        told = _identifier(answered.body)
        if answered.status in (200, 201) and told == number:
            return Submitted(number=number, reply=answered.body, status=answered.status, sent=answered.sent)
        if answered.status in (200, 201):
            raise self._port.doubt(answered, "another identifier than ours")
        return self._after_error(answered, number)

    def _after_error(self, answered: Answered, number: str) -> Submitted:
        """Ask after an error: with the same status it says that something is wrong, and that it has this message already."""
        try:
            found = self._state(number)[1]
        except HubError:
            raise self._port.doubt(answered) from None
        if found is not None:
            return Submitted(number=number, reply=answered.body, status=answered.status, sent=answered.sent)
        why = answered.body[:300].decode("utf-8", "replace") or f"HTTP {answered.status}"
        raise self._port.refused(answered, why) if answered.status == 400 else self._port.not_taken(answered, why)

    def _message(self, given: Submission, number: str) -> bytes:
        partner = given.partner
        properties = {
            "cpaId": partner.agreement,
            "fromParty": _party(self._policy.party_id, self._policy.party_type, self._policy.role),
            "toParty": _party(partner.party_id, partner.party_type, partner.role),
            "service": given.service,
            "action": given.action,
            "conversationId": given.conversation,
            "messageId": number,
        }
        if given.about:
            properties["refToMessageId"] = given.about
        source = {
            "name": "document.xml",
            "contentId": "document",
            "contentType": self._policy.content_type,
            "content": base64.b64encode(given.body).decode(),
        }
        return json.dumps({"properties": properties, "dataSources": [source]}, ensure_ascii=False).encode()

    def find(self, given: Submission) -> Found:
        """Ask for the status under our identifier: an unknown one proves that it was not submitted."""
        number = self._number(given.message_id)
        answered, found = self._state(number)
        outcome = "absent" if found is None else "found"
        return Found(outcome=outcome, number=number, reply=answered.body, status=answered.status, sent=answered.sent)

    def status(self, number: str) -> GatewayWord:
        """Ask what became of a message."""
        _, found = self._state(number)
        state, at = found or ("NOT_FOUND", None)
        technical, final = STATES.get(state, (TechnicalState.UNKNOWN, False))
        ours = number.partition("@")[0]
        return GatewayWord(number=number, message_id=ours, code=state, technical=technical, final=final, at=at)

    def _state(self, number: str) -> tuple[Answered, tuple[str, datetime | None] | None]:
        answered = self._port.ask("GET", f"/messages/{quote(number, safe='')}/status", headers={"Accept": CONTENT_TYPE})
        if answered.status == 404:
            return answered, None
        tree = self._tree(answered, dict)
        state = tree.get("status")
        if not isinstance(state, str) or not state:
            raise self._unreadable("status")
        return answered, (None if state == "NOT_FOUND" else (state[:60], _moment(tree.get("timestamp"))))

    # --- what came ----------------------------------------------------------------------------------------------------

    def list_inbound(self) -> list[Waiting]:
        """List the messages that were not processed."""
        path = f"/messages/unprocessed?maxNr={self._policy.most}"
        rows = self._tree(self._port.ask("GET", path, headers={"Accept": CONTENT_TYPE}), list)
        numbers = [each for each in rows if isinstance(each, str) and each]
        return [Waiting(number=each, row=each.encode("utf-8", "replace")) for each in dict.fromkeys(numbers)][: self._policy.most]

    def fetch(self, number: str) -> Fetched:
        """Get a message, and leave it unprocessed."""
        answered = self._port.ask("GET", self._path(number), headers={"Accept": CONTENT_TYPE})
        if answered.status == 404:
            raise self._port.refused(answered, "no such message")
        tree = self._tree(answered, dict)
        properties, sources = tree.get("properties"), tree.get("dataSources")
        if not isinstance(properties, dict) or not isinstance(sources, list) or not sources:
            raise self._unreadable("message")
        sender, receiver = _of(properties, "fromParty"), _of(properties, "toParty")
        first = sources[0] if isinstance(sources[0], dict) else {}
        party, kind = _untyped(_text(sender, "partyId"))
        ours, our_kind = _untyped(_text(receiver, "partyId"))
        if _text(properties, "messageId") != number or not party:
            raise InvalidMessage([Fault("/properties/messageId", "bad_value", "không phải thông điệp này", "not this message")])
        return Fetched(
            number=number,
            body=from_base64(_text(first, "content")),
            parts=len(sources),
            content_type=_text(first, "contentType"),
            from_party=party,
            from_type=kind,
            to_party=ours,
            to_type=our_kind,
            service=_text(properties, "service"),
            action=_text(properties, "action"),
            conversation=_text(properties, "conversationId"),
            about=_text(properties, "refToMessageId"),
            raw=answered.body,
        )

    def mark_processed(self, number: str, *, taken: bool) -> None:
        """Mark a message as processed."""
        answered = self._port.ask("PATCH", self._path(number), b"", {"Content-Type": CONTENT_TYPE})
        if answered.status == 404:
            raise self._port.refused(answered, "no such message")
        if answered.status not in (200, 204):
            raise self._port.not_taken(answered, f"HTTP {answered.status}")

    def probe(self) -> str:
        """List what was not processed: the account is taken, and the service answers."""
        return f"{self._port.url}: ebms-core, {len(self.list_inbound())} unprocessed"

    def close(self) -> None:
        """Hold nothing: connections belong to the process's pool."""

    def _number(self, message_id: str) -> str:
        return f"{message_id}@{self._policy.id_domain}"

    @staticmethod
    def _path(number: str) -> str:
        return f"/messages/{quote(number, safe='')}"

    def _tree(self, answered: Answered, kind: type[Any]) -> Any:
        try:
            found = json.loads(answered.body)
        except (ValueError, RecursionError):
            found = None
        if answered.status != 200 or not isinstance(found, kind):
            raise self._unreadable(f"HTTP {answered.status}")
        return found

    def _unreadable(self, what: str) -> HubError:
        where = self._port.url
        en, vi = f"{where} does not answer as ebms-core does ({what})", f"{where} không trả lời đúng như ebms-core ({what})"
        return InDoubt(en, vi, where=where)


def _party(identifier: str, kind: str, role: str) -> dict[str, str]:
    """Write a party as ebms-core does: the type before the identifier, with a colon (assumed)."""
    party = {"partyId": f"{kind}:{identifier}" if kind else identifier}
    return {**party, "role": role} if role else party


def _untyped(party: str) -> tuple[str, str]:
    """Take a party apart again; the identifier is behind the last colon."""
    kind, colon, identifier = party.rpartition(":")
    return (identifier, kind) if colon else (party, "")


def _of(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _text(tree: Mapping[str, Any], name: str) -> str:
    found = tree.get(name)
    return found.strip() if isinstance(found, str) else ""


def _identifier(body: bytes) -> str:
    """Read the identifier that a submission is answered with: plain text, or a JSON text."""
    return body[:400].decode("utf-8", "replace").strip().strip('"')


def _moment(value: Any) -> datetime | None:
    """Read a time with a zone; seconds since 1970 (Jackson writes milliseconds) are not told apart, and left out."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


