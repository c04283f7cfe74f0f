"""Give a partner's broker what the adapter wrote: its confirm is the receipt.

The mapping of failures asks what the wire's asks: did the message begin to leave? Before that, NotSent. After it, what the
broker says clearly (returned, not taken, denied) surely did not arrive; silence, a cut or the deadline leave a doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hub.amqp.connecting import ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, Broken, Denied, Properties, clock
from hub.amqp.publishing import ACK, NACK, Lines, Publishing, Verdict
from hub.amqp.reaching import MEND, broker_of, look_at_publishing, unreachable
from hub.canonical.message import Message
from hub.contract import JWS_HEADER, Outgoing, Reply
from hub.endpoint import Endpoint, OutboundPolicy, amqp_of
from hub.errors import Busy, HubError, InDoubt, NotAllowed, NotSent, Refused

E = TypeVar("E", bound=HubError)

#: AMQP 1.3: reply-success, content-too-large.
SUCCESS, TOO_LARGE = 200, 311


class AmqpTransport:
    """One endpoint's side of its partner's broker; the password lives in its lines and never in recorded bytes."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._policy = amqp_of(endpoint)
        self._broker = broker_of(endpoint)
        self._deadline = (endpoint.outbound or OutboundPolicy()).deadline_seconds
        self._lines = Lines(self._broker, endpoint.name)

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Publish one call; give a reply only where the broker confirmed it."""
        if self._lines.blocked():
            raise self._busy("blocked")
        ends_at = clock() + self._deadline
        try:
            publishing = self._lines.take(ends_at)
        except Broken as error:
            raise unreachable(self._broker, error) from error
        try:
            fence()
            return self._published(publishing, outgoing, ends_at)
        finally:
            self._lines.give_back(publishing)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Raise NotAllowed: a broker does not tell what became of a message."""
        raise NotAllowed(
            "a broker cannot be asked about a message: look at the partner's side, and settle",
            "không tra cứu được thông điệp trên máy chủ AMQP: hãy đối chiếu với đối tác rồi xác nhận (settle)",
            where=outgoing.service,
        )

    def probe(self) -> str:
        """Say that the broker lets us in, and has what we publish to."""
        return look_at_publishing(self._endpoint)

    def close(self) -> None:
        """Close the lines."""
        self._lines.close()

    # --- one message ---------------------------------------------------------------------------------------------

    def _published(self, publishing: Publishing, outgoing: Outgoing, ends_at: float) -> Reply:
        properties = self._properties(outgoing)
        exchange, key = self._policy.publish_exchange, self._policy.publish_routing_key
        sent = self._shown(properties, outgoing.body)
        try:
            verdict = publishing.publish(exchange, key, outgoing.body, properties, ends_at)
        except Denied as error:
            raise _left(self._denied(error), sent, f"channel.close {error}", error.code) from error
        except Broken as error:
            raise _left(self._doubt(str(error)), sent) from error
        if verdict is None:
            raise _left(self._doubt("total deadline passed"), sent)
        if verdict.said != ACK:
            raise _left(self._not_taken(verdict), sent, str(verdict), verdict.code)
        return Reply(status=SUCCESS, body=str(verdict).encode(), sent=sent, handed_over=True)

    def _properties(self, outgoing: Outgoing) -> Properties:
        return Properties(
            content_type=self._policy.content_type,
            message_id=outgoing.message_id,
            type=outgoing.service,
            headers={JWS_HEADER: outgoing.head["jws"]} if "jws" in outgoing.head else {},
        )

    def _not_taken(self, verdict: Verdict) -> HubError:
        """Say what a verdict means that is no confirm."""
        if verdict.said == NACK:
            return self._busy("nack") if self._policy.nack_proves else self._doubt("nack: another queue may have it")
        return NotSent(
            f"no queue takes what is published to {self._place} ({verdict.code} {verdict.text}): the partner must bind one",
            f"không có hàng đợi nào nhận thông điệp gửi tới {self._place} ({verdict.code} {verdict.text}): đối tác phải khai báo",
            where=self._place,
            partner_code=str(verdict.code),
        )

    def _denied(self, error: Denied) -> HubError:
        """Say what it means that the broker ended the conversation over this message."""
        if error.code in (PRECONDITION_FAILED, TOO_LARGE):
            return Refused(
                f"the broker takes no such message: {error}",
                f"máy chủ AMQP không nhận thông điệp như vậy: {error}",
                where=self._place,
                partner_code=str(error.code),
            )
        if error.code in (ACCESS_REFUSED, NOT_FOUND):
            vi, en = MEND[error.code]
            place = self._place
            return NotSent(f"{place}: {en} ({error})", f"{place}: {vi} ({error})", where=place, partner_code=str(error.code))
        return self._doubt(str(error))

    def _busy(self, sign: str) -> Busy:
        """Say that the broker is there but takes nothing: a queue is full (nack), memory or disk runs out (blocked)."""
        place = self._place
        return Busy(
            f"{place} takes nothing now ({sign})", f"{place} tạm thời không nhận ({sign})", where=place, partner_code=sign
        )

    def _doubt(self, cause: str) -> InDoubt:
        place = self._place
        return InDoubt(
            f"no confirm from {place} ({cause}); the partner may have the message",
            f"không nhận được xác nhận từ {place} ({cause}); đối tác có thể đã nhận thông điệp",
            where=place,
        )

    @property
    def _place(self) -> str:
        names = (str(self._broker.address), self._policy.publish_exchange, self._policy.publish_routing_key)
        return " ".join(filter(None, names))

    def _shown(self, properties: Properties, body: bytes) -> bytes:
        """Write a message for the record, as it went."""
        named = {"content-type": properties.content_type, "type": properties.type, "message-id": properties.message_id}
        lines = [f"{name}: {value}" for name, value in {**named, **properties.headers}.items() if value]
        return "\r\n".join([f"PUBLISH {self._place}", *lines, "", ""]).encode() + body


def _left(error: E, sent: bytes, said: str = "", code: int = 0) -> E:
    """Let a failure after bytes left carry those bytes, and what the broker said."""
    error.sent, error.reply, error.reply_status = sent, said.encode(), code
    return error
