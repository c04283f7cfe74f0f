"""What the hub has on the broker: one durable topic exchange, a quorum queue for each endpoint, and where the rest goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hub.bus.connecting import BROKEN, PRECONDITION_FAILED, REFUSED
from hub.errors import BadSettings, HubError, Unavailable

#: Routing keys, and ends of the names of queues.
DELIVER, DEAD, QUARANTINE, WAKE = "deliver", "dead", "quarantine", "wake"
#: Keeps what it is given until somebody takes it; a node that dies does not lose it.
QUORUM = {"x-queue-type": "quorum"}


@dataclass(frozen=True, slots=True)
class Topology:
    """Names and arguments of everything that this hub declares."""

    prefix: str
    endpoints: tuple[str, ...]
    delivery_limit: int

    @property
    def exchange(self) -> str:
        return self.prefix

    @property
    def dead(self) -> str:
        return f"{self.prefix}.{DEAD}"

    @property
    def quarantine(self) -> str:
        return f"{self.prefix}.{QUARANTINE}"

    def queue(self, endpoint: str) -> str:
        return f"{self.prefix}.{deliver_key(endpoint)}"

    def endpoint_of(self, queue: object) -> str:
        """Give the endpoint whose queue this is; ``unknown`` for anything else that a stranger may have written there."""
        return next((each for each in self.endpoints if self.queue(each) == queue), "unknown")

    def wake_queue(self, unique: str) -> str:
        """Name the queue in which one dispatcher hears the others' bells; it goes when its connection goes."""
        return f"{self.prefix}.{WAKE}.{unique}"

    def declare(self, channel: Any) -> None:
        """Declare everything; raise BadSettings where it stands there otherwise, or may not be declared."""
        _asked("exchange", self.exchange, channel.exchange_declare, self.exchange, "topic", durable=True, auto_delete=False)
        for name, key, arguments in self._queues():
            _asked("queue", name, channel.queue_declare, name, durable=True, auto_delete=False, arguments=arguments)
            _asked("queue", name, channel.queue_bind, name, self.exchange, key)

    def _queues(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        yield self.dead, DEAD, QUORUM
        yield self.quarantine, QUARANTINE, QUORUM
        for endpoint in self.endpoints:
            yield self.queue(endpoint), deliver_key(endpoint), self._delivering()

    def _delivering(self) -> dict[str, Any]:
        """What is given up goes to the dead, and is not forgotten on the way: that needs ``reject-publish``."""
        return QUORUM | {
            "x-delivery-limit": self.delivery_limit,
            "x-overflow": "reject-publish",
            "x-dead-letter-exchange": self.exchange,
            "x-dead-letter-routing-key": DEAD,
            "x-dead-letter-strategy": "at-least-once",
        }

    def names(self) -> Iterator[str]:
        """Give the names of all queues that last."""
        return (name for name, _, _ in self._queues())


def deliver_key(endpoint: str) -> str:
    """Give the routing key of what is to be delivered to an endpoint."""
    return f"{DELIVER}.{endpoint}"


def _asked(what: str, name: str, verb: Any, *given: Any, **named: Any) -> None:
    try:
        verb(*given, **named)
    except BROKEN as error:
        raise _told(what, name, error) from error


def _told(what: str, name: str, error: BaseException) -> HubError:
    code, why = getattr(error, "reply_code", 0), str(getattr(error, "reply_text", "") or error or type(error).__name__)
    where = f"broker {what} {name}"
    if code == PRECONDITION_FAILED:
        return BadSettings(
            f"{what} {name!r} is on the broker with other properties than hub.toml [bus] says ({why}): write there what it was, "
            "or stop the hub and delete it (what lies in it is published anew from the ledger)",
            f"{name!r} đã có trên RabbitMQ với thuộc tính khác hub.toml [bus] ({why}): hãy khai báo lại như cũ, "
            "hoặc dừng hub rồi xóa đi (những gì nằm trong đó được phát lại từ sổ cái)",
            where=where,
        )
    if code == REFUSED:
        return BadSettings(
            f"the hub's user may not declare {what} {name!r} ({why}): `lienthong bus permissions` prints the commands",
            f"tài khoản của hub chưa có quyền tạo {name!r} ({why}): xem các lệnh do `lienthong bus permissions` in ra",
            where=where,
        )
    return Unavailable(
        f"the broker did not declare {what} {name!r}: {why}", f"RabbitMQ không tạo được {name!r}: {why}", where=where
    )
