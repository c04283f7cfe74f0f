"""Poll: take what partners put into queues of their own brokers, and give each message to intake (Polling Consumer).

A message is acknowledged after its answer is recorded: it may come twice, and then gets the recorded answer; it is not lost.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog
from sqlalchemy.exc import OperationalError

from hub import intake
from hub.amqp.connecting import CONNECT_SECONDS, Broken, Denied, Line, Properties
from hub.amqp.consuming import Arrived, Taken, Taking
from hub.amqp.publishing import ACK
from hub.amqp.reaching import broker_of, unreachable
from hub.app import Hub
from hub.contract import OWN_HEADERS, Answer, Request
from hub.endpoint import AmqpPolicy, Endpoint, amqp_of
from hub.errors import Unavailable
from hub.telemetry import POLL_CONSUMING, POLL_FAILED, POLL_REPLIES, lines_about

log = structlog.get_logger()

#: Between two tries, to connect or to record: doubled from the first to the last, and shortened by chance.
FIRST_SECONDS, LAST_SECONDS = 0.2, 10.0


class Pollers:
    """One thread for each endpoint whose partner puts messages into a queue; without such endpoints nothing happens."""

    def __init__(self, hub: Hub, others: Iterable[Poller] = ()) -> None:
        """Read the brokers' addresses and certificates; raise BadSettings where those cannot be right.

        ``others``: pollers of another kind, which are run with them.
        """
        own = (Poller(hub, each) for each in hub.endpoints.values() if each.amqp and each.amqp.consume_queue)
        self._pollers = [*own, *others]
        self._threads = [
            threading.Thread(target=each.run, name=f"poll-{each.endpoint.name}", daemon=True) for each in self._pollers
        ]

    def start(self) -> None:
        """Start to consume."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Say whether every thread that was started still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Finish the messages that are being taken, and give back what has only arrived."""
        for poller in self._pollers:
            poller.stop()
        for thread in self._threads:
            thread.join()


class Poller:
    """Consumes one endpoint's queue, over one connection after the other."""

    def __init__(self, hub: Hub, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._hub = hub
        self._policy = amqp_of(endpoint)
        self._broker = broker_of(endpoint)
        self._stop = threading.Event()
        self._line: Line | None = None
        self._stands_by = False
        POLL_CONSUMING.labels(endpoint.name).set(0)

    def stop(self) -> None:
        """Tell ``run`` to end."""
        self._stop.set()
        if (line := self._line) is not None:
            line.wake()

    def run(self) -> None:
        """Consume until told to stop: a broker that cannot be used is tried again and again, not died of."""
        pauses = Pauses()
        while not self._stop.is_set():
            with lines_about(endpoint=self.endpoint.name):
                try:
                    with self._consuming() as taking:
                        pauses = Pauses()
                        self._take_all(taking)
                except Broken as error:
                    self._failed(error)
                except Exception:
                    POLL_FAILED.labels(self.endpoint.name, "bug").inc()
                    log.exception("poll.bug")
            self._stop.wait(pauses.next())

    @contextmanager
    def _consuming(self) -> Iterator[Taking]:
        line = self._broker.line(f"{self.endpoint.name} poll", CONNECT_SECONDS)
        self._line = line
        try:
            taking = Taking(line, self._policy)
            self._stands_by = False
            POLL_CONSUMING.labels(self.endpoint.name).set(1)
            log.info("poll.consuming", queue=self._policy.consume_queue)
            yield taking
        finally:
            POLL_CONSUMING.labels(self.endpoint.name).set(0)
            self._line = None
            line.close()

    def _failed(self, error: Broken) -> None:
        if self._stop.is_set():
            return
        if isinstance(error, Taken):
            # This one takes over when the other one ends.
            if not self._stands_by:
                log.info("poll.stands_by", queue=self._policy.consume_queue)
            self._stands_by = True
            return
        POLL_FAILED.labels(self.endpoint.name, "broker").inc()
        told = unreachable(self._broker, error)
        log.error("poll.lost", queue=self._policy.consume_queue, why=told.en, where=told.where)

    # --- one message ---------------------------------------------------------------------------------------------

    def _take_all(self, taking: Taking) -> None:
        while not self._stop.is_set():
            arrived = taking.next(self._stop)
            if arrived is not None:
                self._take(taking, arrived)

    def _take(self, taking: Taking, arrived: Arrived) -> None:
        request = request_of(self.endpoint, self._policy, arrived)
        answer = self._recorded(taking, partial(intake.receive, self._hub, request))
        if answer is None:
            return
        if self._policy.reply == "reply_to" and arrived.properties.reply_to:
            self._reply(taking, arrived, answer)
        taking.acknowledge(arrived)

    def _recorded(self, taking: Taking, record: Callable[[], Answer]) -> Answer | None:
        """Let a flow record a message; None where it is time to stop before that was possible.

        While the ledger does not answer the message is held here, not given back: a queue may count how often it gives a
        message, and throw it away after some times.
        """
        pauses = Pauses()
        while not self._stop.is_set():
            try:
                return record()
            except (Unavailable, OperationalError) as error:
                POLL_FAILED.labels(self.endpoint.name, "ledger").inc()
                log.error("ledger.unavailable", cause=type(error).__name__)
            except Exception:
                POLL_FAILED.labels(self.endpoint.name, "bug").inc()
                log.exception("poll.bug")
            taking.hold(pauses.next(), self._stop)
        return None

    def _reply(self, taking: Taking, arrived: Arrived, answer: Answer) -> None:
        """Publish the recorded answer; where nobody waits for it any more it is still in the ledger."""
        given = arrived.properties
        properties = Properties(
            content_type=answer.content_type,
            correlation_id=given.correlation_id or given.message_id,
            headers={**answer.headers, "status": str(answer.status)},
        )
        try:
            verdict = taking.reply(arrived, answer.body, properties)
            outcome = "sent" if verdict.said == ACK else verdict.said.removeprefix("basic.")
        except Denied as error:
            outcome = "denied"
            log.error("poll.reply_denied", why=str(error))
        POLL_REPLIES.labels(self.endpoint.name, outcome).inc()


def request_of(endpoint: Endpoint, policy: AmqpPolicy, arrived: Arrived) -> Request:
    """Make of a message what a call at the endpoint's door would be; its type is the service that is called."""
    given = arrived.properties
    return Request(
        endpoint=endpoint.name,
        body=arrived.body,
        content_type=given.content_type,
        path=f"/{given.type}" if given.type else "",
        headers={name: value for name, value in given.headers.items() if not name.lower().startswith(OWN_HEADERS)},
        idempotency_key=_identity(policy, given),
    )


def _identity(policy: AmqpPolicy, given: Properties) -> str:
    kind, _, name = policy.identity.partition(":")
    if kind == "header":
        return given.headers.get(name.lower(), "")
    return given.correlation_id if kind == "correlation_id" else given.message_id


class Pauses:
    """Waits between tries, each longer than the one before."""

    def __init__(self) -> None:
        self._seconds = FIRST_SECONDS

    def next(self) -> float:
        """Give the length of the next pause."""
        drawn = self._seconds * random.uniform(0.5, 1.0)  # noqa: S311
        self._seconds = min(2 * self._seconds, LAST_SECONDS)
        return drawn
