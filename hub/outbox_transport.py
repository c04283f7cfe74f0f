"""The transport of a partner that asks for what it is sent: nothing leaves, the recorded bytes lie ready at its door."""

from __future__ import annotations

from collections.abc import Callable

from hub.canonical.message import Message
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint, outbox_of
from hub.errors import NotAllowed


class OutboxTransport:
    """Says that the partner is awaited; the ledger has the bytes already, and the door gives them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._policy = outbox_of(endpoint)
        self._place = f"doors/{endpoint.name}/outbox"

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Leave a message to be fetched."""
        fence()
        return Reply(status=0, body=b"", awaited=self._policy.acknowledge_seconds)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Raise NotAllowed: who asks us is not asked."""
        raise NotAllowed(
            "the partner asks us: look at its side, and settle",
            "đối tác tự lấy thông điệp, không tra cứu được: hãy đối chiếu với đối tác rồi xác nhận (settle)",
            where=outgoing.service,
        )

    def probe(self) -> str:
        """Say where the partner asks; whether it does, only it can tell."""
        return f"{self._place}, {self._policy.acknowledge_seconds:g} s"

    def close(self) -> None:
        """Hold nothing."""
