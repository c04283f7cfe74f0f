"""Verbs of processes, each about itself: that it is at work, and that it has stopped as it was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from hub.canonical.compact_json import compact_sorted
from hub.ledger.working_tables import processes

#: A process that was not seen for so long is forgotten.
FORGET_SECONDS = 7 * 86_400.0


def seen(
    conn: Connection,
    process_id: str,
    *,
    host: str,
    roles: Collection[str],
    version: str,
    started_at: float,
    free_bytes: int | None,
    now: float,
) -> None:
    """Write down that a process is at work; those that were not seen for long are forgotten."""
    here = processes.c.id == process_id
    values: dict[str, Any] = {
        "host": host,
        "roles": compact_sorted(sorted(roles)),
        "version": version,
        "started_at": started_at,
        "seen_at": now,
        "ended_at": None,
        "free_bytes": free_bytes,
    }
    if not conn.execute(update(processes).where(here).values(**values)).rowcount:
        conn.execute(delete(processes).where(processes.c.seen_at < now - FORGET_SECONDS))
        conn.execute(insert(processes).values(id=process_id, **values))


def ended(conn: Connection, process_id: str, now: float) -> None:
    """Write down that a process stopped as it was told."""
    conn.execute(update(processes).where(processes.c.id == process_id).values(seen_at=now, ended_at=now))
