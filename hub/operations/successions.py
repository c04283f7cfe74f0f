"""Verb on two partners: one takes the other's place; and what the dispatching processes do about it, chain by chain.

Everything that is to be known stands in the ledger, so that any process goes on where another stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog

from hub.app import UNROUTED, Hub
from hub.canonical.message import from_json
from hub.endpoint import outbound_of
from hub.errors import BadSettings, HubError, NotAllowed, Unavailable
from hub.ledger import succession_verbs
from hub.ledger.succession_verbs import Moved, Succeeding
from hub.ledger.values import Planned
from hub.operations.said import require
from hub.registers import partners
from hub.registers.partners import Succession

log = structlog.get_logger()

#: So many chains of each state are moved before others have their turn.
CHAINS_AT_ONCE = 20


def succeed(hub: Hub, old: str, new: str, *, keeps_data: bool = False, actor: str, why: str) -> Succession:
    """Let one partner take another's place: from now on what is for the old one is for the new one.

    Open chains are moved by the processes that dispatch; what the old one may have, or has a part of, is finished with it.
    Raises NotAllowed where that cannot be, or somebody has done it already.
    """
    require(actor, why)
    for name in (old, new):
        if name == UNROUTED:
            raise NotAllowed("that is no partner", "đó không phải đối tác", where=name)
        outbound_of(hub.endpoint(name))
    verb = partial(
        succession_verbs.begin, old=old, new=new, keeps_data=keeps_data, actor=actor, why=why, now=hub.now()
    )
    hub.ledger.change(verb, f"endpoint:{old}")
    hub.successors.forget()
    log.info("partner.succeeded", old=old, new=new, keeps_data=keeps_data, actor=actor)
    hub.bus.wake(old, new)
    with hub.ledger.read() as conn:
        found = partners.succession_of(conn, old)
    assert found is not None
    return found


def carry_on(hub: Hub) -> int:
    """Move some chains of each succession; give how many, so that who called knows whether to call again at once."""
    if not hub.successors.current():
        return 0
    with hub.ledger.read() as conn:
        found = succession_verbs.under_way(conn)
    return sum(_carry_on(hub, each) for each in found)


def _carry_on(hub: Hub, of: Succeeding) -> int:
    try:
        outbound_of(hub.endpoint(of.new))
    except BadSettings as error:
        # This process's configuration lacks the new one; another's has it, or an operator adds it.
        log.error("succession.waits", old=of.old, new=of.new, error=error.code, where=error.where)
        return 0
    with hub.ledger.read() as conn:
        subjects = succession_verbs.subjects_to_move(conn, of.old, CHAINS_AT_ONCE)
        ends = not (subjects or of.ended) and not succession_verbs.is_left(conn, of.old)
    if ends and hub.ledger.change(partial(succession_verbs.end, old=of.old, now=hub.now()), f"endpoint:{of.old}"):
        log.info("succession.ended", old=of.old, new=of.new)
    return sum(bool(_move_or_say(hub, of, subject).deliveries) for subject in subjects)


def _move_or_say(hub: Hub, of: Succeeding, subject: str) -> Moved:
    """Move a chain; one that cannot be moved must not keep the others from it."""
    try:
        return _move(hub, of, subject)
    except Unavailable:
        raise
    except Exception:
        log.exception("succession.bug", old=of.old, new=of.new, subject=subject)
        return Moved()


def _move(hub: Hub, of: Succeeding, subject: str) -> Moved:
    verb = partial(
        succession_verbs.move_chain, of=of, subject=subject, replan=partial(_replan, hub, of.new), now=hub.now()
    )
    moved = hub.ledger.change(verb, subject)
    if moved.deliveries:
        log.info("succession.moved", old=of.old, new=of.new, subject=subject, deliveries=len(moved.deliveries))
        hub.bus.wake(of.new)
    return moved


def _replan(hub: Hub, new: str, row: Any, canonical: bytes) -> Sequence[Planned] | None:
    """Say which calls a message needs at the successor; None where that cannot be said: it is moved call by call."""
    endpoint = hub.endpoint(new)
    try:
        message = from_json(canonical)
        calls = hub.adapter(endpoint).plan(message, endpoint.options)
        return [hub.planned(message, canonical, new, row.subject, call.service, call.part) for call in calls]
    except HubError as error:
        log.error("succession.not_planned", new=new, delivery=row.id, error=error.code, where=error.where)
    except Exception:
        log.exception("succession.bug", new=new, delivery=row.id)
    return None
