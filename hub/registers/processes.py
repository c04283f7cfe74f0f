"""Processes of the hub, as each wrote of itself: who does what where, and who is silent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from hub.ledger.working_tables import processes as rows_of

#: A process that is at work says so at least so often (hub.edge.heartbeat says it every minute).
SILENT_SECONDS = 180.0
#: Without these nothing comes in, or nothing goes out.
NEEDED = ("doors", "dispatch", "work")
#: Processes that are listed.
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the hub."""

    #: Host and process number.
    id: str
    host: str
    #: doors, dispatch, work, poll.
    roles: tuple[str, ...]
    version: str
    started_at: float
    seen_at: float
    #: It was told to stop, and did.
    ended_at: float | None
    #: Free on the disk of partners' files; None where that cannot be said.
    free_bytes: int | None
    #: It says nothing, and was not told to stop.
    silent: bool

    @property
    def is_at_work(self) -> bool:
        """Say whether it was neither told to stop nor has fallen silent."""
        return self.ended_at is None and not self.silent


def processes(conn: Connection, now: float) -> tuple[Process, ...]:
    """List processes of the last days, the one that was seen last first."""
    rows = conn.execute(select(rows_of).order_by(rows_of.c.seen_at.desc(), rows_of.c.id).limit(MOST))
    return tuple(_process(row, now) for row in rows)


def nobody_does(found: Sequence[Process]) -> tuple[str, ...]:
    """Name what no process does now, though every hub needs it, or though one did it and was not told to stop."""
    done = {role for each in found if each.is_at_work for role in each.roles}
    lost = {role for each in found if each.silent for role in each.roles}
    return (*(role for role in NEEDED if role not in done), *sorted(lost - done - set(NEEDED)))


def _process(row: Row[Any], now: float) -> Process:
    return Process(
        id=row.id,
        host=row.host,
        roles=tuple(json.loads(row.roles)),
        version=row.version,
        started_at=row.started_at,
        seen_at=row.seen_at,
        ended_at=row.ended_at,
        free_bytes=row.free_bytes,
        silent=row.ended_at is None and now - row.seen_at > SILENT_SECONDS,
    )


def any_at_work(found: Iterable[Process]) -> bool:
    """Say whether any of these is at work."""
    return any(each.is_at_work for each in found)


def last_of_each(found: Iterable[Process]) -> dict[tuple[str, str], Process]:
    """Give of each (role, host) the process that was seen last: another one has taken its place after a restart."""
    newest: dict[tuple[str, str], Process] = {}
    for each in sorted(found, key=lambda one: one.seen_at):
        newest |= {(role, each.host): each for role in each.roles}
    return newest
