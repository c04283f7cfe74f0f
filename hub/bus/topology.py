"""What the hub has on the broker: one durable topic exchange, a quorum queue for each endpoint, and where the rest goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hub.bus.connecting import BROKEN, PRECONDITION_FAILED, REFUSED
from hub.bus.names import DEAD, QUARANTINE, WAKE, deliver_key, intake_key, member_key, queue_name
from hub.errors import BadSettings, HubError, Unavailable

#: Keeps what it is given until somebody takes it; a node that dies does not lose it.
QUORUM = {"x-queue-type": "quorum"}


@dataclass(frozen=True, slots=True)
class Topology:
    """Names and arguments of everything that this hub declares."""

    prefix: str
    endpoints: tuple[str, ...]
    delivery_limit: int
    #: Those of the endpoints, or others, whose partners are members of the bus.
    members: tuple[str, ...] = ()

    @property
    def exchange(self) -> str:
        return self.prefix

    @property
    def dead(self) -> str:
        return queue_name(self.prefix, DEAD)

    @property
    def quarantine(self) -> str:
        return queue_name(self.prefix, QUARANTINE)

    def queue(self, endpoint: str) -> str:
        return queue_name(self.prefix, deliver_key(endpoint))

    def endpoint_of(self, queue: object) -> str:
        """Give the endpoint whose queue this is; ``unknown`` for anything else that a stranger may have written there."""
        known = [(each, self.queue(each)) for each in self.endpoints]
        known += [(each, queue_name(self.prefix, key)) for each in self.members for key in (member_key(each), intake_key(each))]
        return next((each for each, name in known if name == queue), "unknown")

    def is_shared(self, queue: object) -> bool:
        """Say whether a queue lies between the hub and a member: no lease brings back what is given up there."""
        keys = (key for each in self.members for key in (member_key(each), intake_key(each)))
        return any(queue_name(self.prefix, key) == queue for key in keys)

    def wake_queue(self, unique: str) -> str:
        """Name the queue in which one dispatcher hears the others' bells; it goes when its connection goes."""
        return queue_name(self.prefix, f"{WAKE}.{unique}")

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
        for member in self.members:
            yield queue_name(self.prefix, member_key(member)), member_key(member), self._delivering()
            # One process at a time takes what a member sends, so that the queue's order is kept; the broker sees to it.
            taken = self._delivering() | {"x-single-active-consumer": True}
            yield queue_name(self.prefix, intake_key(member)), intake_key(member), taken

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
