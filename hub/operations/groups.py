"""Verbs on failure groups: take, leave, note. They say who does what, and change nothing of any delivery."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.errors import NotAllowed
from hub.ledger import group_verbs
from hub.operations.said import require
from hub.registers import failures
from hub.registers.notes import Note, Taken

log = structlog.get_logger()

#: Letters of one note at most.
LONGEST_NOTE = 2000


def take(hub: Hub, group: str, *, actor: str, why: str) -> Taken:
    """Say that one takes care of a group; raise NotAllowed, saying who does already, where somebody else does.

    Whoever takes what is theirs already changes nothing.
    """
    require(actor, why)
    verb = partial(group_verbs.take, name=group, **_known(hub, group), actor=actor, why=why, now=hub.now())
    since = hub.ledger.change(verb, _key(group))
    log.info("group.taken", group=group, actor=actor)
    return Taken(group=group, by=actor, at=since)


def leave(hub: Hub, group: str, *, of: str = "", actor: str, why: str) -> Taken:
    """Say that nobody takes care of a group any more; ``of``: whose it was, where it was not one's own."""
    require(actor, why)
    verb = partial(group_verbs.leave, name=group, of=of or actor, actor=actor, why=why, now=hub.now())
    hub.ledger.change(verb, _key(group))
    log.info("group.left", group=group, actor=actor)
    return Taken(group=group)


def note(hub: Hub, group: str, text: str, *, actor: str, why: str) -> Note:
    """Write about a group, for those who come after; plain text, no personal data: everybody at work reads it."""
    require(actor, why)
    written = _plain(text)
    now = hub.now()
    verb = partial(group_verbs.write, name=group, text=written, **_known(hub, group), actor=actor, why=why, now=now)
    number = hub.ledger.change(verb, _key(group))
    log.info("group.noted", group=group, actor=actor)
    return Note(number=number, at=now, actor=actor, text=written)


def endpoint_of(hub: Hub, group: str) -> str:
    """Name the endpoint at which a group stands; raise NotAllowed where nothing is known of it."""
    with hub.ledger.read() as conn:
        return failures.known_cause(conn, group, hub.now())[0].endpoint


def _known(hub: Hub, group: str) -> dict[str, Any]:
    with hub.ledger.read() as conn:
        cause, by = failures.known_cause(conn, group, hub.now())
    return {"cause": asdict(cause), "by": by}


def _key(group: str) -> str:
    return f"group:{group}"


def _plain(text: str) -> str:
    """Take out of a text what is neither letter nor line end; raise NotAllowed where nothing is left, or too much."""
    written = "".join(char for char in text.replace("\r\n", "\n") if char.isprintable() or char == "\n").strip()
    if not 0 < len(written) <= LONGEST_NOTE:
        raise NotAllowed(
            f"a note has 1 to {LONGEST_NOTE} letters, not {len(written)}",
            f"ghi chú có từ 1 đến {LONGEST_NOTE} ký tự, không phải {len(written)}",
            where="text",
        )
    return written
