"""Verbs on failure groups: one person takes care of each, anybody may write about it; nothing of any delivery changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import Row

from hub.canonical.base import local
from hub.canonical.digests import digest_of
from hub.errors import NotAllowed
from hub.ledger import journal
from hub.ledger.sql import insert_new
from hub.ledger.working_tables import failure_groups, group_notes

_NEW_GROUP = insert_new(failure_groups, "name")


def take(conn: Connection, name: str, *, cause: Mapping[str, str], by: str, actor: str, why: str, now: float) -> float:
    """Record who takes care of a group; give since when. NotAllowed, saying who has it, where somebody else does.

    ``cause``, ``by``: what the group is, so that it is known also when nothing of it stands any more.
    """
    row = _known(conn, name, cause, by)
    if row.taken_by and row.taken_by != actor:
        raise _taken(row)
    if row.taken_by == actor:
        return float(row.taken_at)
    conn.execute(update(failure_groups).where(failure_groups.c.name == name).values(taken_by=actor, taken_at=now))
    _note(conn, name, "group.taken", now, actor, {"why": why})
    return now


def leave(conn: Connection, name: str, *, of: str, actor: str, why: str, now: float) -> None:
    """Record that a group is nobody's; ``of``: whose it was. NotAllowed where that is not so any more."""
    here = failure_groups.c.name == name
    row = conn.execute(select(failure_groups).where(here).with_for_update()).first()
    if row is None or not row.taken_by:
        raise NotAllowed(f"nobody has taken group {name}", f"chưa có ai nhận xử lý nhóm {name}", where=name)
    if row.taken_by != of:
        raise _taken(row)
    conn.execute(update(failure_groups).where(here).values(taken_by="", taken_at=None))
    _note(conn, name, "group.left", now, actor, {"of": of, "why": why})


def write(
    conn: Connection, name: str, text: str, *, cause: Mapping[str, str], by: str, actor: str, why: str, now: float
) -> int:
    """Keep what somebody wrote about a group; give its number. The journal has only its digest: people write what they like."""
    _known(conn, name, cause, by)
    digest = digest_of(text.encode())
    values = {"group_name": name, "at": now, "actor": actor, "text": text, "digest": digest}
    written = conn.execute(insert(group_notes).values(**values)).inserted_primary_key
    _note(conn, name, "group.noted", now, actor, {"note": digest, "why": why})
    return int(written[0]) if written is not None else 0


def _known(conn: Connection, name: str, cause: Mapping[str, str], by: str) -> Row[Any]:
    """Make the group's row, where there is none, and lock it: of two at once one waits."""
    given = json.dumps(dict(cause), ensure_ascii=False, sort_keys=True)
    _NEW_GROUP.run(conn, name=name, cause=given, grouped_by=by, taken_by="", taken_at=None)
    return conn.execute(select(failure_groups).where(failure_groups.c.name == name).with_for_update()).one()


def _taken(row: Row[Any]) -> NotAllowed:
    since = local(datetime.fromtimestamp(row.taken_at, UTC)).strftime("%H:%M %d/%m/%Y")
    return NotAllowed(
        f"{row.taken_by} has taken group {row.name} at {since}",
        f"nhóm {row.name} đang do {row.taken_by} xử lý từ {since}",
        where=row.name,
    )


def _note(conn: Connection, name: str, event: str, now: float, actor: str, entry: dict[str, Any]) -> None:
    journal.append(conn, f"group:{name}", event, at=now, actor=actor, entry={"group": name, **entry})
