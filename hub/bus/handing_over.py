"""Handing over to a member of the bus: what its adapter wrote goes sealed into its queue; the confirm is the hand-over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from hub.amqp.connecting import Broken, Properties, clock
from hub.amqp.publishing import NACK, RETURNED, Lines, Verdict
from hub.amqp.reaching import broker_of, look_at_queue
from hub.amqp.transport import AmqpTransport
from hub.bus.membership import Member
from hub.bus.names import QUARANTINE, queue_name
from hub.bus.sealing import HEADER
from hub.contract import Outgoing
from hub.errors import HubError, NotSent
from hub.rules.member_seal import DELIVERY

log = structlog.get_logger()

#: A confirm that has not come after so long is not waited for; what was published may come again.
CONFIRM_SECONDS = 10.0

#: Declares on the broker everything that the hub has there; raises HubError where that is not possible now.
Mend = Callable[[], None]


class MemberTransport(AmqpTransport):
    """Publishes to one member's queue: ack = handed over, nack or return = not sent, cut or deadline after it left = in doubt."""

    def __init__(self, member: Member, mend: Mend) -> None:
        super().__init__(member.endpoint)
        self._member, self._mend = member, mend

    def probe(self) -> str:
        """Say that the member's queue is there."""
        amqp = self._policy.model_copy(update={"consume_queue": queue_name(self._member.exchange, self._member.key)})
        return look_at_queue(replace(self._member.endpoint, amqp=amqp))

    def _properties(self, outgoing: Outgoing) -> Properties:
        usual = super()._properties(outgoing)
        sealed = self._member.seal(
            outgoing.body, DELIVERY, outgoing.message_id, service=outgoing.service, content_type=usual.content_type
        )
        return replace(usual, headers={**usual.headers, **sealed})

    def _not_taken(self, verdict: Verdict) -> HubError:
        if verdict.said == NACK:
            return super()._not_taken(verdict)
        mended(self._mend, self._member.name)
        name = queue_name(self._member.exchange, self._member.key)
        return NotSent(
            f"the member's queue {name} was not there ({verdict.code} {verdict.text}); the hub makes it anew",
            f"hàng đợi {name} của thành viên không còn ({verdict.code} {verdict.text}); hub tạo lại",
            where=name,
            partner_code=str(verdict.code),
        )


def mended(mend: Mend, endpoint: str) -> bool:
    """Make anew what was deleted behind our back; say whether that went well."""
    log.error("bus.queue_gone", endpoint=endpoint)
    try:
        mend()
    except HubError as error:
        log.error("bus.unreachable", purpose="mend", error=error.code, why=error.en, where=error.where)
        return False
    return True


class Letters:
    """Puts answers into a member's queue, and what is not the member's into quarantine; used by one thread."""

    def __init__(self, member: Member, mend: Mend) -> None:
        self._member, self._mend = member, mend
        self._lines = Lines(broker_of(member.endpoint), f"{member.name} answers")

    def answer(self, body: bytes, properties: Properties) -> str:
        """Try once to put an answer into the member's queue; say what the broker says of it, ``basic.ack`` for taken."""
        return self._put(self._member.key, body, properties)

    def aside(self, body: bytes, token: str, reason: str) -> str:
        """Try once to put a message into quarantine; say what the broker says of it."""
        headers = {"queue": self._member.name, "reason": reason, **({HEADER: token} if token else {})}
        return self._put(QUARANTINE, body, Properties(headers=headers))

    def close(self) -> None:
        """Close the lines."""
        self._lines.close()

    def _put(self, key: str, body: bytes, properties: Properties) -> str:
        if self._lines.blocked():
            return "blocked"
        try:
            verdict = self._published(key, body, properties)
        except Broken as error:
            log.error("bus.lost", purpose=f"{self._member.name} answers", error=str(error))
            return "broken"
        if verdict is None:
            return "unconfirmed"
        if verdict.said == RETURNED:
            mended(self._mend, self._member.name)
        return verdict.said

    def _published(self, key: str, body: bytes, properties: Properties) -> Verdict | None:
        ends_at = clock() + CONFIRM_SECONDS
        publishing = self._lines.take(ends_at)
        try:
            return publishing.publish(self._member.exchange, key, body, properties, ends_at)
        finally:
            self._lines.give_back(publishing)
