"""Messages that the hub itself makes, as they are recorded: by no endpoint, unsigned, with who wanted it and why."""

from __future__ import annotations

from hub.app import Hub
from hub.canonical.message import Message
from hub.contract import Answer
from hub.ledger.values import OWN, Acceptance, Planned
from hub.rules.trust import Verdict


def acceptance(
    hub: Hub,
    message: Message,
    canonical: bytes,
    planned: tuple[Planned, ...],
    *,
    actor: str,
    why: str,
    given: bytes = b"",
    origin: str = "made by the hub",
) -> Acceptance:
    """Write a message of the hub's own; what else is recorded with it, its maker adds.

    ``given``: the bytes that it was made from, where it was from any, and ``origin`` what these are.
    """
    message_id = hub.new_id()
    return Acceptance(
        message_id=message_id,
        endpoint=OWN,
        at=hub.now(),
        subject=message.subject,
        kind=message.kind,
        event="",
        procedure="",
        identity="",
        raw=given or canonical,
        signed=given or canonical,
        certificate=b"",
        canonical=(canonical,),
        verdict=Verdict(indication="NOT-SIGNED", reason=origin).to_json(),
        warnings="[]",
        answer=Answer(status=202, body=message_id.encode(), content_type="text/plain"),
        planned=planned,
        dossiers=(),
        actor=actor,
        why=why,
    )
