"""Guidance and form files of procedures, as they were last looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from hub.ledger.catalogue_tables import procedure_files


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that a record names."""

    owner: str
    code: str
    place: str
    name: str
    url: str
    digest: str
    size: int
    #: ok, changed or broken.
    state: str
    problem: str
    checked_at: float
    fetched_at: float | None
    changed_at: float | None


def files(conn: Connection, owner: str, code: str = "") -> Iterator[File]:
    """Give the files of an agency's procedures, or of one."""
    query = select(procedure_files).where(procedure_files.c.owner == owner)
    if code:
        query = query.where(procedure_files.c.code == code)
    for row in conn.execute(query.order_by(procedure_files.c.code, procedure_files.c.place)):
        yield File(**row._mapping)


def broken(conn: Connection) -> dict[str, int]:
    """Count the links that lead nowhere, by agency."""
    query = select(procedure_files.c.owner, func.count()).where(procedure_files.c.state == "broken")
    return {owner: count for owner, count in conn.execute(query.group_by(procedure_files.c.owner))}
