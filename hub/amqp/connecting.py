"""A connection to a partner's broker (pika), driven by whoever waits on it: each wait ends by a deadline.

pika's blocking connection waits for a confirm without end, so its select connection is used, whose loop runs only inside
``Line.wait``. A line is used by one thread at a time and needs none of its own.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pika
import pika.spec

from hub.endpoint import AmqpPolicy
from hub.errors import BadSettings
from hub.rules.broker import Address, read_address

# Its lines repeat frames, in which persons are named; what matters is in our own events.
logging.getLogger("pika").setLevel(logging.CRITICAL + 1)

#: Connecting, TLS and AMQP's own opening together.
CONNECT_SECONDS = 10.0
#: A broker that does not say goodbye within this time is left without.
CLOSE_SECONDS = 1.0
#: AMQP: the message outlives the broker's restart.
PERSISTENT = 2
#: AMQP reply codes (specification 1.3).
ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED, NOT_ALLOWED = 403, 404, 405, 406, 530

clock = time.monotonic


class Broken(Exception):
    """A connection is over, or could not be made; ``code`` is AMQP's, 0 where the broker gave none."""

    def __init__(self, why: str, code: int = 0) -> None:
        super().__init__(why)
        self.code = code


class Denied(Broken):
    """The broker read what was asked and said no, and ended this conversation for it; the connection lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What stands beside a message's body; empty where nothing does."""

    content_type: str = ""
    message_id: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Tolerant(pika.BasicProperties):  # type: ignore[misc]
    """Properties of which those that cannot be read are left out, all of them.

    Else one false time stamp in a partner's queue would end every connection that it is given to.
    """

    def decode(self, encoded: bytes, offset: int = 0) -> Any:
        try:
            return super().decode(encoded, offset)
        except Exception:
            self.__init__()  # type: ignore[misc]
            return self


pika.spec.props[pika.BasicProperties.INDEX] = _Tolerant


class Broker:
    """One partner's broker, as ``[amqp]`` names it; raises BadSettings where that cannot be right."""

    def __init__(self, policy: AmqpPolicy, where: str) -> None:
        self.address: Address = read_address(policy, where)
        self._policy = policy
        self._tls = _tls(policy, where) if self.address.tls else None

    def line(self, purpose: str, seconds: float) -> Line:
        """Connect; raise Broken where that fails."""
        name = f"lienthong {purpose} {socket.gethostname()}:{os.getpid()}"
        password = self._policy.password.get_secret_value()
        parameters = pika.ConnectionParameters(
            host=self.address.host,
            port=self.address.port,
            virtual_host=self.address.vhost,
            credentials=pika.PlainCredentials(self.address.user, password, erase_on_connect=True),
            heartbeat=self._policy.heartbeat_seconds,
            connection_attempts=1,
            socket_timeout=seconds,
            stack_timeout=seconds,
            ssl_options=pika.SSLOptions(self._tls, self.address.host) if self._tls else None,
            client_properties={"product": "lienthong", "connection_name": name},
        )
        return Line(parameters, seconds)


def _tls(policy: AmqpPolicy, where: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=policy.ca or None)
        if policy.certificate:
            context.load_cert_chain(policy.certificate, policy.key)
    except (ssl.SSLError, OSError) as error:
        raise BadSettings(
            f"{where}: ca, certificate or key cannot be read as PEM ({error})",
            f"{where}: không đọc được ca, certificate hoặc key dạng PEM ({error})",
            where=where,
        ) from error
    return context


class Line:
    """One connection."""

    def __init__(self, parameters: Any, seconds: float) -> None:
        """Connect within so many seconds; raise Broken where that fails."""
        #: The broker takes nothing that is published: it runs out of memory or disk.
        self.blocked = False
        #: Why the connection is over; None while it is not.
        self.over: Broken | None = None
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._stop,
            on_open_error_callback=self._on_over,
            on_close_callback=self._on_over,
        )
        self._loop = self._connection.ioloop
        self._connection.add_on_connection_blocked_callback(lambda *_: self._on_blocked(True))
        self._connection.add_on_connection_unblocked_callback(lambda *_: self._on_blocked(False))
        try:
            if not self.wait(lambda: bool(self._connection.is_open), clock() + seconds):
                raise Broken(f"no answer within {seconds:g} s")
        except Broken:
            self.drop()
            raise

    def conversation(self, on_open: Callable[[Any], None]) -> Any:
        """Open one of the conversations that share this connection (AMQP: channel)."""
        return self._connection.channel(on_open_callback=on_open)

    def wait(self, done: Callable[[], bool], ends_at: float) -> bool:
        """Let the connection live until something is so; False where the deadline came first. Raises Broken."""
        while not done():
            if self.over is not None:
                raise self.over
            left = ends_at - clock()
            if left <= 0:
                return False
            self._run(left)
        return True

    def look(self) -> None:
        """Take what has come, and wait for nothing: afterwards it is known whether the broker hung up meanwhile."""
        self._run(0)

    def stop_waiting(self) -> None:
        """Let ``wait`` look at its condition again."""
        self._loop.stop()

    def wake(self) -> None:
        """Let ``wait`` look at its condition again; for other threads than the one that waits."""
        self._loop.add_callback_threadsafe(self._loop.stop)

    def close(self) -> None:
        """Take leave, shortly."""
        with suppress(Exception):
            self._connection.close()
            self.wait(lambda: self.over is not None, clock() + CLOSE_SECONDS)
        self.drop()

    def drop(self) -> None:
        """Hang up at once."""
        if not self._connection.is_closed:
            with suppress(Exception):
                # Its close() waits for the broker.
                self._connection._terminate_stream(Broken("hung up"))
                self.wait(lambda: self.over is not None, clock() + CLOSE_SECONDS)
        self._loop.close()

    def _run(self, seconds: float) -> None:
        timer = self._loop.call_later(seconds, self._loop.stop)
        try:
            self._loop.start()
        except Exception as error:
            self._on_over(None, error)
        finally:
            self._loop.remove_timeout(timer)

    def _stop(self, *_: Any) -> None:
        self._loop.stop()

    def _on_over(self, _connection: Any, error: BaseException) -> None:
        if self.over is None:
            self.over = Broken(*told(error))
        self._loop.stop()

    def _on_blocked(self, blocked: bool) -> None:
        self.blocked = blocked
        self._loop.stop()


class Conversation:
    """One conversation over a line; the broker ends it where it denies something."""

    def __init__(self, line: Line, ends_at: float) -> None:
        self.line = line
        #: pika's own; used only by the rooms of this folder.
        self.channel: Any = None
        self._ended: Broken | None = None

        def begin(done: Callable[..., None]) -> None:
            self.channel = line.conversation(done)
            self.channel.add_on_close_callback(self._on_close)

        self.ask(begin, ends_at)

    @property
    def is_open(self) -> bool:
        return self._ended is None and self.line.over is None

    def ask(self, begin: Callable[[Callable[..., None]], Any], ends_at: float) -> None:
        """Ask the broker for something and wait until it is done; raise Broken where it is not."""
        said: list[Any] = []

        def done(*_: Any) -> None:
            said.append(True)
            self.line.stop_waiting()

        begin(done)
        if not self.wait(lambda: bool(said), ends_at):
            raise Broken("the broker does not answer")

    def wait(self, done: Callable[[], bool], ends_at: float) -> bool:
        """Wait until something is so; False where the deadline came first. Raises Broken, or Denied."""
        came = self.line.wait(lambda: done() or self._ended is not None, ends_at)
        if self._ended is not None and not done():
            raise self._ended
        return came

    def end(self, why: Broken) -> None:
        """Note that nothing more comes of this conversation."""
        if self._ended is None:
            self._ended = why
        self.line.stop_waiting()

    def _on_close(self, _channel: Any, reason: BaseException) -> None:
        denied = isinstance(reason, pika.exceptions.ChannelClosedByBroker)
        why, code = told(reason)
        self.end(Denied(why, code) if denied else Broken(why, code))


def marshalled(properties: Properties) -> Any:
    """Make pika's properties of ours; what is empty is left out."""
    return pika.BasicProperties(
        delivery_mode=PERSISTENT,
        content_type=properties.content_type or None,
        message_id=properties.message_id or None,
        correlation_id=properties.correlation_id or None,
        type=properties.type or None,
        headers=dict(properties.headers) or None,
    )


def unmarshalled(properties: Any) -> Properties:
    """Read pika's properties: everything as printable text, names of headers in lower case."""
    headers: dict[str, str] = {}
    for name, value in (properties.headers or {}).items():
        key = _text(name).lower()
        # As the HTTP doors do with a name that stands twice.
        headers[key] = f"{headers[key]}, {_text(value)}" if key in headers else _text(value)
    return Properties(
        content_type=_text(properties.content_type),
        message_id=_text(properties.message_id),
        correlation_id=_text(properties.correlation_id),
        reply_to=_text(properties.reply_to),
        type=_text(properties.type),
        headers=headers,
    )


def _text(value: Any) -> str:
    """Give a scalar as text, what cannot be printed written out; a table, a list or nothing is empty."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if not isinstance(value, str | int | float | Decimal | datetime):
        return ""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(value))


def told(error: BaseException) -> tuple[str, int]:
    """Say why something ended: in one line, with AMQP's code where the broker gave one."""
    cause = _cause(error)
    if isinstance(cause, pika.exceptions.ProbableAuthenticationError):
        return str(cause.args[0] if cause.args else type(cause).__name__), ACCESS_REFUSED
    if isinstance(cause, pika.exceptions.ProbableAccessDeniedError):
        return str(cause.args[0] if cause.args else type(cause).__name__), NOT_ALLOWED
    code = getattr(cause, "reply_code", 0)
    if code:
        return f"{code} {getattr(cause, 'reply_text', '')}", int(code)
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__, 0


def _cause(error: BaseException) -> BaseException:
    """Take an error out of the wrappings of pika's connecting: the last of several tries, and what each phase wraps."""
    while True:
        inner = getattr(error, "exceptions", None) or [getattr(error, "exception", None)]
        if not isinstance(inner[-1], BaseException) and error.args:
            inner = [error.args[0]]
        if not isinstance(inner[-1], BaseException):
            return error
        error = inner[-1]
