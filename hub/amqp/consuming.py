"""Take what a partner has put into a queue of its broker; each message stays there until it is acknowledged."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hub.amqp.connecting import (
    ACCESS_REFUSED,
    CONNECT_SECONDS,
    NOT_FOUND,
    Broken,
    Conversation,
    Denied,
    Line,
    Properties,
    clock,
    unmarshalled,
)
from hub.amqp.publishing import Publishing, Verdict
from hub.endpoint import AmqpPolicy

#: A broker that says nothing about an answer within this time is given up.
REPLY_SECONDS = 10.0
#: So long at most is waited in one go; nothing follows from its end.
WAIT_SECONDS = 3600.0


class Taken(Denied):
    """Another process consumes the queue."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message of the partner's, as it came."""

    tag: int
    body: bytes
    properties: Properties


class Taking:
    """Consumes one queue over one line, in the queue's order; what is not acknowledged goes back when the line ends."""

    def __init__(self, line: Line, policy: AmqpPolicy) -> None:
        """Begin to consume; raise Broken where that fails, Denied where the broker does not allow it."""
        self._line = line
        self._arrived: deque[Arrived] = deque()
        self._replies: Publishing | None = None
        ends_at = clock() + CONNECT_SECONDS
        self._conversation = Conversation(line, ends_at)
        channel = self._conversation.channel
        channel.add_on_cancel_callback(self._on_cancel)
        # Never for the whole connection: quorum queues refuse that, and the broker hangs up.
        self._conversation.ask(lambda done: channel.basic_qos(prefetch_count=policy.prefetch, callback=done), ends_at)
        if policy.exclusive:
            self._give_way(policy.consume_queue, 0, ends_at)
        self._conversation.ask(lambda done: self._consume(policy, done), ends_at)
        if policy.exclusive:
            self._give_way(policy.consume_queue, 1, ends_at)

    def _consume(self, policy: AmqpPolicy, done: Callable[..., None]) -> None:
        consume = self._conversation.channel.basic_consume
        consume(policy.consume_queue, self._on_message, exclusive=policy.exclusive, callback=done)

    def _give_way(self, queue: str, most: int, ends_at: float) -> None:
        """Leave the queue to another consumer: classic queues see to it themselves, quorum queues do not (RabbitMQ 3.10)."""
        count = consumers(self._conversation, queue, ends_at)
        if count > most:
            raise Taken(f"{queue} has {count - most} other consumer(s)", ACCESS_REFUSED)

    def next(self, stop: threading.Event) -> Arrived | None:
        """Wait for the next message; None where it is time to stop, or none came for long. Raises Broken.

        Whoever sets ``stop`` wakes the line.
        """
        conversation = self._conversation

        def over() -> bool:
            # What arrived over a line that has ended will arrive again.
            return conversation.is_open and (bool(self._arrived) or stop.is_set())

        conversation.wait(over, clock() + WAIT_SECONDS)
        return self._arrived.popleft() if self._arrived and not stop.is_set() else None

    def hold(self, seconds: float, stop: threading.Event) -> None:
        """Wait a while with what has arrived, and keep the line alive. Raises Broken."""
        self._conversation.wait(stop.is_set, clock() + seconds)

    def acknowledge(self, arrived: Arrived) -> None:
        """Let the broker forget a message. Raises Broken."""
        if not self._conversation.is_open:
            raise self._line.over or Broken("the conversation ended before a message was acknowledged")
        self._conversation.channel.basic_ack(arrived.tag)
        self._line.look()

    def reply(self, arrived: Arrived, body: bytes, properties: Properties) -> Verdict:
        """Publish an answer to the queue that a message names. Raises Broken, or Denied."""
        ends_at = clock() + REPLY_SECONDS
        # A conversation of its own: where the broker does not allow the answer, the message can still be acknowledged.
        if self._replies is None or not self._replies.usable:
            self._replies = Publishing(self._line, ends_at)
        verdict = self._replies.publish("", arrived.properties.reply_to, body, properties, ends_at)
        if verdict is None:
            raise Broken(f"no confirm of an answer within {REPLY_SECONDS:g} s")
        return verdict

    def _on_message(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._arrived.append(Arrived(int(method.delivery_tag), body, unmarshalled(properties)))
        self._line.stop_waiting()

    def _on_cancel(self, _method: Any) -> None:
        self._conversation.end(Denied("the queue was deleted, or moved", NOT_FOUND))


def consumers(conversation: Conversation, queue: str, ends_at: float) -> int:
    """Count who consumes a queue. Raises Broken, or Denied where it is not there."""
    counts: list[int] = []

    def ask(done: Callable[..., None]) -> None:
        def told(frame: Any) -> None:
            counts.append(int(frame.method.consumer_count))
            done()

        conversation.channel.queue_declare(queue, passive=True, callback=told)

    conversation.ask(ask, ends_at)
    return counts[0]
