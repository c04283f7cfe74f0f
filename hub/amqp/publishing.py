"""Publish one message at a time, and hear from the broker what became of it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from hub.amqp.connecting import CONNECT_SECONDS, Broken, Broker, Conversation, Line, Properties, clock, marshalled

#: What the broker says of a message: in its keeping; refused by a queue; no queue for it.
ACK, NACK, RETURNED = "basic.ack", "basic.nack", "basic.return"
#: Well below the heartbeat: nobody listens to an idle line.
IDLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the broker said."""

    said: str
    #: Code and text of a return.
    code: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.said} {self.code} {self.text}" if self.code else self.said


class Publishing(Conversation):
    """A conversation in confirm mode, with one message open at most."""

    def __init__(self, line: Line, ends_at: float) -> None:
        super().__init__(line, ends_at)
        self._verdict: Verdict | None = None
        self._returned: Verdict | None = None
        self._waits = False
        self.channel.add_on_return_callback(self._on_return)
        self.ask(lambda done: self.channel.confirm_delivery(self._on_confirm, done), ends_at)

    @property
    def usable(self) -> bool:
        """Say whether another message can be published: nothing is open here, as far as is known."""
        return self.is_open and not self._waits

    def publish(self, exchange: str, key: str, body: bytes, properties: Properties, ends_at: float) -> Verdict | None:
        """Publish and wait for the verdict; None where the deadline came first. Raises Broken, or Denied."""
        self._verdict = self._returned = None
        self._waits = True
        self.channel.basic_publish(exchange, key, body, marshalled(properties), mandatory=True)
        self._waits = not self.wait(lambda: self._verdict is not None, ends_at)
        return self._verdict

    def _on_return(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        self._returned = Verdict(RETURNED, int(method.reply_code), str(method.reply_text))

    def _on_confirm(self, frame: Any) -> None:
        # A message for which there is no queue is returned, and then confirmed.
        said = NACK if frame.method.NAME == "Basic.Nack" else ACK
        self._verdict = self._returned or Verdict(said)
        self.line.stop_waiting()


class Lines:
    """Lines to one broker on which messages are published: kept open for a while, each used by one thread at a time."""

    def __init__(self, broker: Broker, purpose: str) -> None:
        self._broker, self._purpose = broker, purpose
        self._idle: deque[tuple[float, Publishing]] = deque()
        self._lock = threading.Lock()
        #: The line on which the broker said that it takes nothing; kept, so that it can say when it does again.
        self._blocked: Publishing | None = None
        self._sweeping: threading.Timer | None = None
        self._closed = False

    def take(self, ends_at: float) -> Publishing:
        """Take the line that idled least and still lives, or connect; raise Broken where that fails."""
        return self._kept() or self._opened(ends_at)

    def blocked(self) -> bool:
        """Say whether the broker takes nothing, as it said to who published last; it then runs out of memory or disk."""
        with self._lock:
            known = self._blocked
            if known is None:
                return False
            known.line.look()
            if known.is_open and known.line.blocked:
                return True
            self._blocked = None
        known.line.drop()
        return False

    def give_back(self, publishing: Publishing) -> None:
        """Keep a line for the next message, unless nobody knows what is still open on it."""
        with self._lock:
            keep = publishing.usable and not self._closed
            if keep:
                self._idle.append((clock(), publishing))
                self._sweep_later()
            elif publishing.is_open and publishing.line.blocked and self._blocked is None and not self._closed:
                self._blocked, keep = publishing, True
        if not keep:
            publishing.line.drop()

    def close(self) -> None:
        """Close what is idle now, and each other line when it is given back."""
        with self._lock:
            self._closed = True
            idle = [publishing for _, publishing in self._idle] + ([self._blocked] if self._blocked else [])
            self._idle.clear()
            self._blocked = None
            if self._sweeping is not None:
                self._sweeping.cancel()
        for publishing in idle:
            publishing.line.close()

    def _opened(self, ends_at: float) -> Publishing:
        line = self._broker.line(self._purpose, min(CONNECT_SECONDS, max(ends_at - clock(), 0.0)))
        try:
            return Publishing(line, ends_at)
        except Broken:
            line.drop()
            raise

    def _kept(self) -> Publishing | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, publishing = self._idle.pop()
            if clock() - since < IDLE_SECONDS:
                publishing.line.look()
                if publishing.usable:
                    return publishing
            publishing.line.drop()

    def _sweep_later(self) -> None:
        """Have lines closed that nobody comes back for; else the broker would miss their heartbeats."""
        if self._sweeping is None:
            self._sweeping = threading.Timer(IDLE_SECONDS, self._sweep)
            self._sweeping.daemon = True
            self._sweeping.start()

    def _sweep(self) -> None:
        old: list[Publishing] = []
        with self._lock:
            self._sweeping = None
            while self._idle and clock() - self._idle[0][0] >= IDLE_SECONDS:
                old.append(self._idle.popleft()[1])
            if self._idle and not self._closed:
                self._sweep_later()
        for publishing in old:
            publishing.line.close()
