"""Messages that the hub itself makes, recorded with their deliveries like any other."""

from __future__ import annotations

from collections.abc import Sequence

from hub.app import Hub
from hub.canonical.message import Message, to_json
from hub.contract import Answer
from hub.ledger.values import OWN, Acceptance, Holding
from hub.rules.trust import Verdict


def originate(hub: Hub, message: Message, recipient: str, *, actor: str, why: str) -> str:
    """Record a message that the hub itself makes (a plan of reconcile), with its deliveries; give its id."""
    acceptance = made(hub, message, recipient, actor=actor, why=why)
    hub.ledger.record_received(acceptance)
    return acceptance.message_id


def made(
    hub: Hub, message: Message, recipient: str, *, actor: str, why: str, holdings: Sequence[Holding] = ()
) -> Acceptance:
    """Write a message that the hub itself makes as it is recorded; ``holdings``: what its deliveries will give."""
    message_id = hub.new_id()
    body = to_json(message)
    return Acceptance(
        message_id=message_id,
        endpoint=OWN,
        at=hub.now(),
        subject=message.subject,
        kind=message.kind,
        event="",
        procedure="",
        identity="",
        raw=body,
        signed=body,
        certificate=b"",
        canonical=(body,),
        verdict=Verdict(indication="NOT-SIGNED", reason="made by the hub").to_json(),
        warnings="[]",
        answer=Answer(status=202, body=message_id.encode(), content_type="text/plain"),
        planned=hub.plan(message, (recipient,), message.subject),
        dossiers=(),
        holdings=tuple(holdings),
        actor=actor,
        why=why,
    )
