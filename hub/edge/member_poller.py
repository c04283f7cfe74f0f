"""The intake of the bus's members: what each publishes with its own key is opened, recorded, answered under seal, and acked.

A message that its member did not seal changes nothing: it goes to quarantine, and gets no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from hub import acknowledgement, intake
from hub.amqp.connecting import Properties
from hub.amqp.consuming import Arrived, Taking
from hub.amqp.publishing import ACK
from hub.app import Hub
from hub.bus.handing_over import Letters
from hub.bus.membership import Member
from hub.bus.sealing import HEADER
from hub.contract import JWS_HEADER, Answer, Request
from hub.edge.poller import Pauses, Poller
from hub.errors import Untrusted
from hub.rules.member_seal import ANSWER, MESSAGE, MemberHead
from hub.telemetry import POLL_REPLIES, QUARANTINED

log = structlog.get_logger()


def member_pollers(hub: Hub) -> list[Poller]:
    """Make a poller for each member of the bus."""
    return [MemberPoller(hub, each) for each in hub.members.values()]


class MemberPoller(Poller):
    """Consumes what one member has sent, in order; of several processes the broker gives it to one."""

    def __init__(self, hub: Hub, member: Member) -> None:
        super().__init__(hub, member.endpoint)
        self._member = member
        self._letters = Letters(member, hub.bus.open)

    def run(self) -> None:
        """Consume until told to stop."""
        try:
            super().run()
        finally:
            self._letters.close()

    def _take(self, taking: Taking, arrived: Arrived) -> None:
        token = arrived.properties.headers.get(HEADER, "")
        try:
            head = self._member.open(arrived.body, token)
        except Untrusted as error:
            done = self._put_aside(taking, arrived, token, error.code)
        else:
            done = self._answered(taking, arrived, token, head)
        if done:
            taking.acknowledge(arrived)

    def _answered(self, taking: Taking, arrived: Arrived, token: str, head: MemberHead) -> bool:
        """Record a message, and answer it; False where it is time to stop before that was possible."""
        if head.purpose == MESSAGE:
            record = partial(intake.receive, self._hub, self._request(arrived, head))
        else:
            record = partial(acknowledgement.hear, self._hub, self._member.name, head, token, arrived.body)
        answer = self._recorded(taking, record)
        if answer is None:
            return False
        properties = self._sealed(answer, head)
        return self._until_taken(taking, lambda: self._told(self._letters.answer(answer.body, properties)))

    def _request(self, arrived: Arrived, head: MemberHead) -> Request:
        """Make of a message what a call at the member's door would be: everything but the document's own signature is sealed."""
        name = JWS_HEADER.lower()
        given = arrived.properties.headers
        return Request(
            endpoint=self._member.name,
            body=arrived.body,
            content_type=head.content_type,
            path=f"/{head.service}" if head.service else "",
            headers={name: given[name]} if name in given else {},
            idempotency_key=head.id,
        )

    def _sealed(self, answer: Answer, head: MemberHead) -> Properties:
        """Seal an answer; a repeated one has the same identifier."""
        identity = f"answer-{head.id}"
        sealed = self._member.seal(
            answer.body, ANSWER, identity, about=head.id, status=str(answer.status), content_type=answer.content_type
        )
        return Properties(
            content_type=answer.content_type, message_id=identity, correlation_id=head.id, type=ANSWER, headers=sealed
        )

    def _told(self, said: str) -> str:
        POLL_REPLIES.labels(self._member.name, "sent" if said == ACK else said.removeprefix("basic.")).inc()
        return said

    def _put_aside(self, taking: Taking, arrived: Arrived, token: str, reason: str) -> bool:
        QUARANTINED.labels(self._member.name, reason).inc()
        log.error("bus.quarantined", endpoint=self._member.name, reason=reason)
        return self._until_taken(taking, lambda: self._letters.aside(arrived.body, token, reason))

    def _until_taken(self, taking: Taking, put: Callable[[], str]) -> bool:
        """Put something into a queue until the broker has it; False where it is time to stop.

        Meanwhile the message is held, not given back, as while the ledger does not answer. The confirm may be lost, so that it
        comes twice: answers are known by their identifiers.
        """
        pauses = Pauses()
        while not self._stop.is_set():
            said = put()
            if said == ACK:
                return True
            log.error("member.not_taken", said=said)
            taking.hold(pauses.next(), self._stop)
        return False
