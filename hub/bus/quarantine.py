"""Putting aside what is not ours, and looking through what the broker gave up delivering."""

from __future__ import annotations

import threading
from typing import Any

import structlog

from hub.bus.connecting import BROKEN, Link, body_of, headers_of
from hub.bus.keeping import Kept, Silent
from hub.bus.names import DEAD, QUARANTINE
from hub.bus.publishing import Confirms
from hub.bus.sealing import HEADER, SealKeys, opened
from hub.bus.topology import Topology
from hub.errors import Untrusted
from hub.rules.queued import Due
from hub.telemetry import BUS_DEAD, QUARANTINED

log = structlog.get_logger()

#: A message that cannot be put aside within this time stays where it is.
ASIDE_SECONDS = 5.0
#: So long an answer is waited for by who is to stop: what comes by then lets the connection end as it should.
HURRY_SECONDS = 1.0
#: One look goes through so many, and sees after that whether to stop.
MOST_DEAD = 100
#: Why something between the hub and a member is put aside: given back too often, or rejected.
GIVEN_UP = "given_up"


class Quarantine:
    """Moves messages aside over one link: the original is acked after the broker has confirmed the copy."""

    def __init__(self, link: Link, topology: Topology) -> None:
        self._link = link
        self._confirms: Confirms[str] = Confirms(link, topology.exchange)
        #: Nobody waits for each message of a flood where the first was waited for in vain.
        self._silent = Silent("quarantine")

    def keep(self, message: Any, endpoint: str, reason: str) -> bool:
        """Put one message aside; say whether it is there for sure."""
        QUARANTINED.labels(endpoint, reason).inc()
        log.error("bus.quarantined", endpoint=endpoint, reason=reason)
        if QUARANTINE in self._silent:
            return False
        self._confirms.forget()
        headers = {"queue": endpoint, "reason": reason}
        if isinstance(token := headers_of(message).get(HEADER), str):
            headers[HEADER] = token
        self._confirms.send(reason, QUARANTINE, body_of(message), headers, str(message.delivery_tag))
        self._confirms.wait(ASIDE_SECONDS)
        return not self._confirms.refused and self._heard()

    def _heard(self) -> bool:
        """Say whether the broker has said what became of a copy."""
        if not self._confirms.unknown():
            self._silent.heard(QUARANTINE)
            return True
        if not self._link.blocked:
            self._silent.add(QUARANTINE)
        return False


class Dead:
    """What the broker gave up delivering; looked through by one thread, over a link that nobody else waits on."""

    def __init__(self, kept: Kept, topology: Topology, keys: SealKeys) -> None:
        self._kept, self._topology, self._keys = kept, topology, keys
        self._silent = Silent("get")
        #: Nothing is asked at the moment.
        self._rests = threading.Event()
        self._rests.set()

    def drain(self, stop: threading.Event | None = None) -> None:
        """Note what is rightly sealed, since its lease brings it back, and put the rest aside.

        What lay between the hub and a member has no lease: it is put aside for a person, however well it is sealed.
        """
        link = None if DEAD in self._silent else self._kept.get()
        if link is None:
            return
        self._rests.clear()
        try:
            # After it is known that something is asked: either this sees that it is to stop, or ``hurry`` ends the question.
            if stop is None or not stop.is_set():
                self._ask(link)
        except TimeoutError as error:
            self._silent.add(DEAD)
            self._kept.lose(error)
        except BROKEN as error:
            self._kept.lose(error)
        finally:
            self._rests.set()

    def hurry(self) -> None:
        """Give up an answer that does not come at once; any thread may call this."""
        if not self._rests.wait(HURRY_SECONDS):
            self._kept.cut()

    def close(self) -> None:
        """Close the link."""
        self._kept.close()

    def _ask(self, link: Link) -> None:
        channel = link.channel()
        self._look_through(channel, link)
        self._silent.heard(DEAD)
        # Not after an error: a queue that did not answer would be waited for once more.
        channel.close()

    def _look_through(self, channel: Any, link: Link) -> None:
        aside: Quarantine | None = None
        for _ in range(MOST_DEAD):
            message = channel.basic_get(self._topology.dead)
            if message is None:
                return
            if reason := self._why_aside(message):
                aside = aside or Quarantine(link, self._topology)
                queue = headers_of(message).get("x-first-death-queue")
                if not aside.keep(message, self._topology.endpoint_of(queue), reason):
                    return
            channel.basic_ack(message.delivery_tag)

    def _why_aside(self, message: Any) -> str:
        """Say why a message is put aside; empty: it is a delivery of ours, and noted."""
        headers = headers_of(message)
        if self._topology.is_shared(headers.get("x-first-death-queue")):
            return GIVEN_UP
        try:
            self._note(opened(body_of(message), headers, self._keys))
        except Untrusted as error:
            return error.code
        return ""

    def _note(self, due: Due) -> None:
        BUS_DEAD.labels(due.endpoint).inc()
        log.warning("bus.dead", endpoint=due.endpoint, delivery=due.id, epoch=due.epoch)
