"""See whether a partner's broker can be worked with, and say why not to who can mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hub.amqp.connecting import ACCESS_REFUSED, CONNECT_SECONDS, NOT_ALLOWED, NOT_FOUND, Broken, Broker, Conversation, clock
from hub.endpoint import Endpoint, amqp_of
from hub.errors import NotSent

#: AMQP reply code -> what must be mended, in Vietnamese and English.
MEND: Mapping[int, tuple[str, str]] = {
    ACCESS_REFUSED: (
        "sai tài khoản, mật khẩu, hoặc tài khoản chưa được cấp quyền",
        "the user or its password is wrong, or it lacks a permission",
    ),
    NOT_FOUND: ("không có exchange hoặc hàng đợi này", "there is no such exchange or queue"),
    NOT_ALLOWED: ("không có vhost này, hoặc tài khoản không được dùng", "there is no such vhost, or this user may not use it"),
}


def broker_of(endpoint: Endpoint) -> Broker:
    """Read where an endpoint's broker is; raise BadSettings where that cannot be right."""
    return Broker(amqp_of(endpoint), f"endpoints/{endpoint.name}.toml [amqp]")


def unreachable(broker: Broker, error: Broken) -> NotSent:
    """Say why nothing was published, or cannot be consumed."""
    place = str(broker.address)
    vi, en = MEND.get(error.code, ("không kết nối được", "it cannot be reached"))
    return NotSent(
        f"broker {place}: {en} ({error})",
        f"máy chủ AMQP {place}: {vi} ({error})",
        where=place,
        partner_code=str(error.code) if error.code else "",
    )


def look_at_publishing(endpoint: Endpoint) -> str:
    """See whether what we publish to is there; raise NotSent where not."""
    policy, broker = amqp_of(endpoint), broker_of(endpoint)
    exchange, key = policy.publish_exchange, policy.publish_routing_key
    with _looking(broker) as conversation:
        # The broker's own exchange leads to the queue that the key names; of another one its bindings cannot be asked for.
        (_ask_for_exchange if exchange else _ask_for_queue)(conversation, exchange or key)
    return f"{broker.address}, {exchange or key}"


def look_at_queue(endpoint: Endpoint) -> str:
    """See whether the queue that we consume is there; raise NotSent where not."""
    policy, broker = amqp_of(endpoint), broker_of(endpoint)
    with _looking(broker) as conversation:
        _ask_for_queue(conversation, policy.consume_queue)
    return f"{broker.address}, {policy.consume_queue}"


@contextmanager
def _looking(broker: Broker) -> Iterator[Conversation]:
    try:
        line = broker.line("check", CONNECT_SECONDS)
        try:
            yield Conversation(line, clock() + CONNECT_SECONDS)
        finally:
            line.close()
    except Broken as error:
        raise unreachable(broker, error) from error


def _ask_for_exchange(conversation: Conversation, name: str) -> None:
    declare = conversation.channel.exchange_declare
    conversation.ask(lambda done: declare(name, passive=True, callback=done), clock() + CONNECT_SECONDS)


def _ask_for_queue(conversation: Conversation, name: str) -> None:
    declare = conversation.channel.queue_declare
    conversation.ask(lambda done: declare(name, passive=True, callback=done), clock() + CONNECT_SECONDS)
