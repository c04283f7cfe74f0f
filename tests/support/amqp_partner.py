"""A partner with a broker of its own: its queues on a real RabbitMQ node, and a wire to it that can be cut at a word."""

from __future__ import annotations

import json
import secrets
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.rabbit import PASSWORD_VARIABLE, USER, Node


class Partner:
    """What belongs to one partner on a node: everything whose name it made."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._mark = secrets.token_hex(6)
        self._queues: list[str] = []
        self._exchanges: list[str] = []

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a conversation of the partner's own."""
        with self.node.connection() as connection:
            yield connection.default_channel

    def queue(self, name: str, **arguments: Any) -> str:
        """Declare a durable queue; give its whole name."""
        whole = f"{name}-{self._mark}"
        with self.channel() as channel:
            channel.queue_declare(whole, durable=True, auto_delete=False, arguments=arguments)
        self._queues.append(whole)
        return whole

    def exchange(self, name: str, *queues: str, kind: str = "fanout") -> str:
        """Declare an exchange and bind queues to it; give its whole name."""
        whole = f"{name}-{self._mark}"
        with self.channel() as channel:
            channel.exchange_declare(whole, kind, durable=True, auto_delete=False)
            for queue in queues:
                channel.queue_bind(queue, whole)
        self._exchanges.append(whole)
        return whole

    def delete(self, queue: str) -> None:
        """Delete a queue with what is in it."""
        with self.channel() as channel:
            channel.queue_delete(queue)

    def put(self, queue: str, body: bytes, headers: Mapping[str, Any] | None = None, **properties: Any) -> None:
        """Put one message into a queue, and wait until the broker has it."""
        with self.channel() as channel:
            channel.confirm_select()
            given = {"delivery_mode": 2, **properties}
            kind = given.pop("content_type", None)
            message = channel.prepare_message(body, content_type=kind, headers=dict(headers or {}), properties=given)
            channel.basic_publish_confirm(message, exchange="", routing_key=queue, mandatory=True)

    def take(self, queue: str) -> list[Any]:
        """Take everything out of a queue."""
        with self.channel() as channel:
            found = []
            while (message := channel.basic_get(queue, no_ack=True)) is not None:
                found.append(message)
            return found

    def stands(self, queue: str) -> tuple[int, int]:
        """Count the messages that are in a queue: those that wait, and those that are at a consumer."""
        told = self.node.erlang(
            f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)), '
            "[{_, R}, {_, U}] = rabbit_amqqueue:info(Q, [messages_ready, messages_unacknowledged]), {R, U}."
        )
        ready, held = told.strip("{} \n").split(",")
        return int(ready), int(held)

    def close(self) -> None:
        """Take away what was declared."""
        with suppress(OSError), self.channel() as channel:
            for name in self._queues:
                channel.queue_delete(name)
            for name in self._exchanges:
                channel.exchange_delete(name)


class Cuttable:
    """A wire to a port of this machine that does something when a word passes it on its way there."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._word = b""
        self._then: Callable[[], None] = lambda: None
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"amqp://{USER}@127.0.0.1:{self.port}"

    def at(self, word: bytes, then: Callable[[], None]) -> None:
        """Do something, once, after a word has been passed on; that line then ends, and no answer is passed back."""
        with self._lock:
            self._word, self._then = word, then

    def cut(self) -> None:
        """Cut all connections."""
        with self._lock:
            lines, self._open = self._open, []
        for each in lines:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open += [near, far]
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, suppress(OSError, ValueError):
            while True:
                for each in select.select([near, far], [], [])[0]:
                    said = each.recv(65536)
                    if not said:
                        return
                    with self._lock:
                        passes = each is near and bool(self._word) and self._word in said
                        if passes:
                            self._word = b""
                    (far if each is near else near).sendall(said)
                    if passes:
                        self._then()
                        return


def table(url: str, **keys: str | int | bool) -> str:
    """Write an ``[amqp]`` table; the password is in the environment."""
    given = {"url": url, "password": f"env:{PASSWORD_VARIABLE}", **keys}
    return "\n".join(["[amqp]", *(f"{name} = {json.dumps(value)}" for name, value in given.items()), ""])
