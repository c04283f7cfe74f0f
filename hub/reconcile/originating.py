"""Messages that the hub itself makes, recorded with their deliveries like any other."""

from __future__ import annotations

from hub.app import Hub
from hub.canonical.message import Message, to_json
from hub.contract import Answer
from hub.ledger.values import Acceptance
from hub.rules.trust import Verdict


def originate(hub: Hub, message: Message, recipient: str, *, actor: str, why: str) -> str:
    """Record a message that the hub itself makes (a plan of reconcile), with its deliveries; give its id."""
    message_id = hub.new_id()
    body = to_json(message)
    acceptance = Acceptance(
        message_id=message_id,
        endpoint="hub",
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
        actor=actor,
        why=why,
    )
    hub.ledger.record_received(acceptance)
    return message_id
