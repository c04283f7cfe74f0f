"""Messages that the hub itself makes, recorded with their deliveries like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.app import Hub
from hub.canonical.message import Message, to_json
from hub.ledger.values import Acceptance, Holding
from hub.operations.own_messages import acceptance


def originate(hub: Hub, message: Message, recipient: str, *, actor: str, why: str) -> str:
    """Record a message that the hub itself makes (a plan of reconcile), with its deliveries; give its id."""
    own = made(hub, message, recipient, actor=actor, why=why)
    hub.ledger.record_received(own)
    return own.message_id


def made(
    hub: Hub, message: Message, recipient: str, *, actor: str, why: str, holdings: Sequence[Holding] = ()
) -> Acceptance:
    """Write a message that the hub itself makes as it is recorded; ``holdings``: what its deliveries will give."""
    planned = hub.plan(message, (recipient,), message.subject)
    return replace(acceptance(hub, message, to_json(message), planned, actor=actor, why=why), holdings=tuple(holdings))
