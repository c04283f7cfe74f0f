"""Hermes (CECID, ebMS 2.0) by its REST service ``/corvus/api``, and around its trap: listing what came marks all of it.

* What came is listed from the history, which marks nothing, and fetched by number, which marks nothing either.
* Only the marking list takes messages from there. It is called when hardly anything but what the hub has is left on the list;
  what it marks beyond that is put back (``redownload``). A process that dies between these two leaves messages that look
  downloaded: so the newest downloaded ones are looked at when a process starts, and every quarter of an hour.
* Hermes names each message itself. Our identifier travels in the conversation's (``conversation = "message"``), so that a
  submission is found again, and an earlier try's is not repeated.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from hub.canonical.border.message import TechnicalState
from hub.canonical.gateway_word import GatewayWord
from hub.errors import HubError, InDoubt, NotAllowed, NotSent
from hub.gateway.http_port import Answered, HttpPort
from hub.gateway.port import Fetched, Found, Submission, Submitted, Waiting
from hub.gateway.related import from_base64
from hub.gateway_policy import GatewayPolicy

CONTENT_TYPE = "application/json"
#: Codes of errors that are about the request itself (corvus-api, ErrorCode).
REQUEST_ERRORS = frozenset({10001, 10002, 10005, 10006})
#: The built-in service of ebMS 2.0: its messages are no business.
_OWN_SERVICE = "urn:oasis:names:tc:ebxml-msg:service"
#: So many messages that the hub does not have yet may be marked with the others, and put back.
PUT_BACK = 20
#: So many of the newest downloaded ones are looked at again, so often.
LOOKED_AT, LOOK_SECONDS = 50, 900.0
_REMEMBERED = 10_000
_F = TechnicalState.FAILED

#: Internal status of what was sent -> what it means, and whether it is the last word.
STATES: Mapping[str, tuple[TechnicalState, bool]] = {
    "PD": (TechnicalState.PENDING, False),
    "PR": (TechnicalState.SENT, False),
    "PS": (TechnicalState.SENT, False),
    "DL": (TechnicalState.DELIVERED, True),
    "PE": (_F, True),
    "DF": (_F, True),
}


class Hermes:
    """One side of a Hermes; its partnerships are those of ``[gateway.partners]``."""

    fetching_marks = False

    def __init__(self, policy: GatewayPolicy, port: HttpPort, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy, self._port, self._clock = policy, port, clock
        self.address = port.url
        self._lock = threading.Lock()
        #: Numbers of which the hub said that it has them, and Hermes still lists them.
        self._said: dict[str, None] = {}
        self._looked_at = -LOOK_SECONDS

    # --- ours ---------------------------------------------------------------------------------------------------------

    def submit(self, given: Submission, fence: Callable[[], None]) -> Submitted:
        """Post one message, unless an earlier try has brought it."""
        conversation = self._conversation(given.conversation, given.message_id)
        if (there := self._before(conversation)) is not None:
            return Submitted(number=there, reply=b"")
        body = json.dumps(
            {
                "partnership_id": _partnership(given),
                "from_party_id": self._policy.party_id,
                "to_party_id": given.partner.party_id,
                "conversation_id": conversation,
                "payload": base64.b64encode(given.body).decode(),
            },
            ensure_ascii=False,
        ).encode()
        answered = self._port.submit("POST", "/message/send/ebms", body, {"Content-Type": CONTENT_TYPE}, fence)
        tree = _tree(answered)
        if answered.status == 200 and (number := _text(tree, "id")):
            return Submitted(number=number, reply=answered.body, status=answered.status, sent=answered.sent)
        if "code" not in tree:
            raise self._port.doubt(answered)
        return self._after_error(answered, tree, conversation)

    def _before(self, conversation: str) -> str | None:
        """Look what an earlier try has brought; where that is not answered, nothing of this one has left."""
        try:
            return self._sent_in(conversation)[1]
        except InDoubt as error:
            raise NotSent(error.en, error.vi, where=error.where, partner_code=error.partner_code) from error

    def _after_error(self, answered: Answered, tree: Mapping[str, Any], conversation: str) -> Submitted:
        why, code = f"{tree.get('code')} {_text(tree, 'message')}", str(tree.get("code"))[:20]
        try:
            there = self._sent_in(conversation)[1]
        except HubError:
            there, code = None, ""
        if there is not None:
            return Submitted(number=there, reply=answered.body, status=answered.status, sent=answered.sent)
        if tree.get("code") in REQUEST_ERRORS:
            raise self._port.refused(answered, why, code)
        # With a conversation of its own it would have been found.
        raise self._port.not_taken(answered, why, code) if code and self._tells else self._port.doubt(answered, why)

    def find(self, given: Submission) -> Found:
        """Look for the message's own conversation in the history: it is there before Hermes answers, so absence proves."""
        if not self._tells:
            return Found(outcome="unknown", reply=b"conversation = \"business\"", status=0)
        answered, number = self._sent_in(self._conversation(given.conversation, given.message_id))
        assert answered is not None
        outcome = "absent" if number is None else "found"
        return Found(outcome=outcome, number=number or "", reply=answered.body, status=answered.status, sent=answered.sent)

    def status(self, number: str) -> GatewayWord:
        """Ask the history what became of a message."""
        _, rows = self._history(message_box="outbox", message_id=number)
        row = next((each for each in rows if _text(each, "id") == number), {})
        state = _text(row, "status").upper()[:20] or "NOT_FOUND"
        technical, final = STATES.get(state, (TechnicalState.UNKNOWN, False))
        ours = _text(row, "conversation_id").rpartition("/")[2] if self._tells else ""
        return GatewayWord(number=number, message_id=ours, code=state, technical=technical, final=final)

    @property
    def _tells(self) -> bool:
        return self._policy.conversation == "message"

    def _conversation(self, conversation: str, message_id: str) -> str:
        return f"{conversation}/{message_id}" if self._tells else conversation

    def _sent_in(self, conversation: str) -> tuple[Answered | None, str | None]:
        """Give the number of what was sent in a conversation of one message; None where nothing was."""
        if not self._tells:
            return None, None
        answered, rows = self._history(message_box="outbox", conversation_id=conversation)
        found = (_text(each, "id") for each in rows if _text(each, "conversation_id") == conversation)
        return answered, next((each for each in found if each), None)

    # --- what came ----------------------------------------------------------------------------------------------------

    def list_inbound(self) -> list[Waiting]:
        """List what came and Hermes has not marked, without marking it; now and then also what it marked last."""
        rows = self._waiting()
        if self._clock() - self._looked_at >= LOOK_SECONDS:
            rows += self._history(message_box="inbox", status="DL", limit=str(LOOKED_AT))[1]
            self._looked_at = self._clock()
        numbers = dict.fromkeys(_text(each, "id") for each in rows if _text(each, "service") != _OWN_SERVICE)
        with self._lock:
            open_ = [each for each in numbers if each and each not in self._said]
        return [Waiting(number=each, row=each.encode("utf-8", "replace")) for each in open_]

    def _waiting(self) -> list[Mapping[str, Any]]:
        return self._history(message_box="inbox", status="PS", limit=str(self._policy.most))[1]

    def fetch(self, number: str) -> Fetched:
        """Get a message by its number, which changes nothing."""
        answered = self._post("/message/receive/ebms", number)
        tree = _tree(answered)
        if "code" in tree:
            raise self._port.refused(answered, _text(tree, "message"), str(tree.get("code")))
        payloads = tree.get("payloads")
        parts = [_payload(each) for each in payloads] if isinstance(payloads, list) else []
        if _text(tree, "id") != number or not parts:
            raise self._unreadable("message")
        return Fetched(
            number=number,
            body=from_base64(parts[0]),
            parts=len(parts),
            from_party=_text(tree, "from_party_id"),
            to_party=_text(tree, "to_party_id"),
            service=_text(tree, "service"),
            action=_text(tree, "action"),
            # What another hub put behind it stays: it is the partner's word.
            conversation=_text(tree, "conversation_id"),
            raw=answered.body,
        )

    def mark_processed(self, number: str, *, taken: bool) -> None:
        """Have Hermes mark a message: with all that it lists, when that is hardly more than what the hub has; else NotAllowed.

        It is not Busy: the words about the other messages are what makes it possible.
        """
        _, rows = self._history(message_box="inbox", message_id=number)
        row = next((each for each in rows if _text(each, "id") == number), None)
        if row is None or _text(row, "status").upper() != "PS":
            self._forget(number)
            return
        with self._lock:
            self._said[number] = None
            while len(self._said) > _REMEMBERED:
                self._said.pop(next(iter(self._said)))
        others = [each for each in (_text(one, "id") for one in self._waiting()) if each not in self._said]
        if len(others) > PUT_BACK:
            vi, en = "còn nhiều thông điệp chưa lấy", "too much is left that the hub does not have yet"
            raise NotAllowed(f"Hermes: {en}", f"Hermes: {vi}", where=self._port.url)
        for partnership in self._partnerships():
            self._clear(partnership)

    def _clear(self, partnership: str) -> None:
        """Call the list that marks, and put back what the hub does not have."""
        path = "/message/receive/ebms?" + urlencode({"partnership_id": partnership})
        marked = [_text(each, "id") for each in self._rows(self._port.ask("GET", path))]
        with self._lock:
            back = [each for each in marked if each and each not in self._said]
        for number in back:
            tree = _tree(self._post("/message/redownload/ebms", number))
            if "code" in tree:
                # It is looked at again with the newest downloaded ones.
                self._looked_at = -LOOK_SECONDS
        for number in set(marked) - set(back):
            self._forget(number)

    def _partnerships(self) -> list[str]:
        return sorted({each for partner in self._policy.partners.values() for each in partner.partnerships.values()})

    def _forget(self, number: str) -> None:
        with self._lock:
            self._said.pop(number, None)

    # --- calls --------------------------------------------------------------------------------------------------------

    def probe(self) -> str:
        """Look into the history: the account is taken, and the service answers."""
        return f"{self._port.url}: Hermes, {len(self._waiting())} waiting"

    def close(self) -> None:
        """Hold nothing: connections belong to the process's pool."""

    def _history(self, **asked: str) -> tuple[Answered, list[Mapping[str, Any]]]:
        answered = self._port.ask("GET", "/message/history/ebms?" + urlencode(asked))
        return answered, self._rows(answered)

    def _rows(self, answered: Answered) -> list[Mapping[str, Any]]:
        rows = _tree(answered).get("message_ids")
        if answered.status != 200 or not isinstance(rows, list):
            raise self._unreadable("list")
        return [each for each in rows if isinstance(each, dict)]

    def _post(self, path: str, number: str) -> Answered:
        answered = self._port.ask("POST", path, json.dumps({"message_id": number}).encode(), {"Content-Type": CONTENT_TYPE})
        if not _tree(answered):
            raise self._unreadable(f"HTTP {answered.status}")
        return answered

    def _unreadable(self, what: str) -> HubError:
        where = self._port.url
        en, vi = f"{where} does not answer as Hermes does ({what})", f"{where} không trả lời đúng như Hermes ({what})"
        return InDoubt(en, vi, where=where)


def _partnership(given: Submission) -> str:
    found = given.partner.partnerships.get(given.named) or given.partner.partnerships.get("*", "")
    if not found:
        raise NotSent(
            f"no partnership of Hermes for the action {given.named!r}: name it in [gateway.partners.*.partnerships]",
            f"chưa khai partnership của Hermes cho hành động {given.named!r} trong [gateway.partners.*.partnerships]",
            where=given.named,
        )
    return found


def _payload(part: Any) -> str:
    """Read one payload: ``payload`` as documented, ``payload-1`` as the service writes it."""
    values = [each for each in part.values() if isinstance(each, str)] if isinstance(part, dict) else []
    return values[0] if len(values) == 1 else ""


def _tree(answered: Answered) -> Mapping[str, Any]:
    try:
        found = json.loads(answered.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(tree: Mapping[str, Any], name: str) -> str:
    found = tree.get(name)
    return found.strip() if isinstance(found, str) else ""

