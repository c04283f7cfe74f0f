"""Which bus an address means."""

from __future__ import annotations

from collections.abc import Iterable

from hub.bus.address import BusOptions
from hub.bus.memory import MemoryBus
from hub.bus.port import Bus
from hub.bus.sealing import SealKeys
from hub.errors import BadSettings


def open_bus(options: BusOptions, keys: SealKeys, endpoints: Iterable[str], members: Iterable[str] = ()) -> Bus:
    """Make the bus for ``memory://`` (one process) or ``amqp://`` / ``amqps://`` (RabbitMQ); raise BadSettings for another."""
    if options.url.startswith("memory://"):
        return MemoryBus(endpoints)
    if options.url.startswith(("amqp://", "amqps://")):
        # kombu takes a moment to load, which a hub in one process should not pay.
        from hub.bus.rabbit import RabbitBus  # noqa: PLC0415

        return RabbitBus(options, keys, endpoints, members)
    raise BadSettings(
        "bus url: memory:// (one process), amqp://user@host/vhost or amqps://user@host/vhost (RabbitMQ) are served",
        "địa chỉ bus: chỉ hỗ trợ memory:// (một tiến trình), amqp://tài_khoản@máy/vhost hoặc amqps://… (RabbitMQ)",
        where="hub.toml [bus] url",
    )
