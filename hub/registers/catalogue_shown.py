"""Catalogues as people look at them: who owns and who holds what, one procedure with its history, and codes that fit nowhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, or_, select

from hub.canonical.codes import CodeRow
from hub.canonical.procedure import Procedure
from hub.ledger.catalogue_tables import (
    catalogue_differences,
    catalogue_held,
    holder_pulls,
    holder_records,
    procedure_versions,
)
from hub.ledger.tables import procedures
from hub.registers import catalogue, catalogue_files, cursors
from hub.registers.catalogue import COMING, IN_FORCE, PAST, Pull
from hub.registers.catalogue_files import File
from hub.registers.procedures import one


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An agency with a catalogue."""

    owner: str
    procedures: int
    updated_at: float
    broken_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """An endpoint that can be asked for its procedures."""

    holder: str
    title: str
    kind: str
    writes: bool
    held: int
    pull: Pull | None
    #: Procedures that differ there, and work that is not confirmed.
    differing: int
    work: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One procedure in a list."""

    owner: str
    code: str
    name: str
    active: bool
    level: int | None
    field_name: str
    updated_at: float
    #: Holders at which it differs.
    differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogues:
    """All owners and holders, and some procedures."""

    owners: tuple[Owner, ...]
    holders: tuple[Holder, ...]
    procedures: tuple[Listed, ...]
    #: Where the next page of procedures begins.
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What an owner said of a procedure at a time."""

    number: int
    digest: str
    level: int | None
    active: bool
    source: str
    message_id: str
    told_at: float
    told_by: str
    why: str
    valid_from: date | None
    #: The first day on which it holds no longer.
    valid_to: date | None
    #: in_force, coming or past.
    standing: str
    #: Fields that are not what they were in the version before.
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A procedure at a holder."""

    holder: str
    code: str
    level: int | None
    seen_at: float
    #: Fields that differ.
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureShown:
    """One procedure with everything known of it."""

    owner: str
    procedure: Procedure
    versions: tuple[Version, ...]
    holders: tuple[At, ...]
    #: Rows of the code list that lead to it, also those of other days.
    local_codes: tuple[CodeRow, ...]
    files: tuple[File, ...]


# --- lists -------------------------------------------------------------------------------------------------------


def owners(conn: Connection) -> tuple[Owner, ...]:
    """List the agencies with a catalogue."""
    broken = catalogue_files.broken(conn)
    query = select(procedures.c.owner, func.count(), func.max(procedures.c.updated_at)).group_by(procedures.c.owner)
    rows = conn.execute(query.order_by(procedures.c.owner))
    return tuple(
        Owner(owner=owner, procedures=count, updated_at=at, broken_files=broken.get(owner, 0)) for owner, count, at in rows
    )


def held_counts(conn: Connection) -> dict[str, int]:
    """Give how much each holder had when it was compared last; of one that never was, how much was fetched."""
    fetched = {holder: count for holder, count in conn.execute(select(holder_pulls.c.holder, holder_pulls.c.fetched))}
    counted = conn.execute(select(catalogue_held.c.holder, catalogue_held.c.records))
    return fetched | {holder: count for holder, count in counted}


def listing(
    conn: Connection, *, owner: str = "", containing: str = "", after: str = "", limit: int
) -> tuple[tuple[Listed, ...], str]:
    """List procedures by owner and code; give where the next page begins.

    ``containing``: of one owner's, the code begins so or the record has it; of all owners', it is the code.
    """
    query = select(procedures.c.owner, procedures.c.code, procedures.c.record, procedures.c.updated_at)
    if owner:
        query = query.where(procedures.c.owner == owner)
    if containing and owner:
        begins = procedures.c.code.startswith(containing, autoescape=True)
        query = query.where(or_(begins, procedures.c.record.icontains(containing, autoescape=True)))
    elif containing:
        told = select(procedure_versions.c.owner).where(procedure_versions.c.code == containing)
        query = query.where(procedures.c.owner.in_(told) & (procedures.c.code == containing))
    beyond = cursors.after(cursors.read(after, str, str), procedures.c.owner, procedures.c.code)
    query = query if beyond is None else query.where(beyond)
    ordered = query.order_by(procedures.c.owner, procedures.c.code).limit(limit + 1)
    rows = conn.execute(ordered).fetchall() if limit else []
    differing = _differing(conn, rows[:limit])
    shown = tuple(_listed(row, differing.get((row.owner, row.code), 0)) for row in rows[:limit])
    return shown, cursors.written(shown[-1].owner, shown[-1].code) if len(rows) > limit else ""


def _differing(conn: Connection, rows: Sequence[Any]) -> dict[tuple[str, str], int]:
    table = catalogue_differences.c
    here = table.owner.in_({row.owner for row in rows}) & table.code.in_([row.code for row in rows])
    query = select(table.owner, table.code, func.count(table.holder.distinct())).where(here).group_by(table.owner, table.code)
    return {(owner, code): count for owner, code, count in conn.execute(query)} if rows else {}


def _listed(row: Any, differing: int) -> Listed:
    procedure = Procedure.model_validate_json(row.record)
    return Listed(
        owner=row.owner,
        code=row.code,
        name=procedure.name,
        active=procedure.active,
        level=procedure.level,
        field_name=procedure.field_name,
        updated_at=row.updated_at,
        differing=differing,
    )


# --- one ---------------------------------------------------------------------------------------------------------


def show(
    conn: Connection, owner: str, code: str, *, today: date, rows: Sequence[CodeRow], scope: Collection[str] | None = None
) -> ProcedureShown | None:
    """Show one procedure; ``rows``: the code list of procedures. None where its owner told nothing of it."""
    procedure = one(conn, owner, code)
    if procedure is None:
        return None
    local = tuple(row for row in rows if row.value == code and row.code != code)
    return ProcedureShown(
        owner=owner,
        procedure=procedure,
        versions=_versions(conn, owner, code, today.isoformat()),
        holders=_holders(conn, owner, code, [code, *(row.code for row in local if row.valid_on(today))], scope),
        local_codes=local,
        files=tuple(catalogue_files.files(conn, owner, code)),
    )


def _versions(conn: Connection, owner: str, code: str, today: str) -> tuple[Version, ...]:
    """Give the versions of a procedure, the newest first, each with what it changed."""
    table = procedure_versions.c
    query = select(procedure_versions).where((table.owner == owner) & (table.code == code)).order_by(table.number)
    rows = conn.execute(query).fetchall()
    read = catalogue.records(conn, {row.digest for row in rows})
    now = max((row.number for row in rows if row.valid_from <= today), default=0)
    names = [field for field in Version.__dataclass_fields__ if field not in ("standing", "changed")]
    found = []
    before: Procedure | None = None
    for row in rows:
        standing = COMING if row.valid_from > today else IN_FORCE if row.number == now else PAST
        if row.valid_to and row.valid_to <= today:
            standing = PAST
        changed = _changed(before, read[row.digest]) if before is not None else ()
        values = {name: getattr(row, name) for name in names}
        values |= {name: date.fromisoformat(values[name]) if values[name] else None for name in ("valid_from", "valid_to")}
        found.append(Version(**values, standing=standing, changed=changed))
        before = read[row.digest]
    return tuple(reversed(found))


def _changed(was: Procedure, now: Procedure) -> tuple[str, ...]:
    before, after = was.model_dump(mode="json"), now.model_dump(mode="json")
    details = sorted({*was.details, *now.details})
    names = [name for name in before if name not in ("details", "code") and before[name] != after[name]]
    return (*names, *(name for name in details if was.details.get(name) != now.details.get(name)))


def _holders(
    conn: Connection, owner: str, code: str, codes: Sequence[str], scope: Collection[str] | None
) -> tuple[At, ...]:
    table, other = holder_records.c, catalogue_differences.c
    here = table.code.in_(sorted(codes))
    query = select(table.holder, table.code, table.level, table.seen_at).where(here).order_by(table.holder, table.code)
    differ: dict[str, list[str]] = {}
    for holder, name in conn.execute(select(other.holder, other.field).where((other.owner == owner) & (other.code == code))):
        differ.setdefault(holder, []).append(name)
    rows = [row for row in conn.execute(query) if scope is None or row.holder in scope]
    held = [At(**row._mapping, fields=tuple(sorted(differ.get(row.holder, ())))) for row in rows]
    seen = {each.holder for each in held}
    lacking = [holder for holder in sorted(differ) if holder not in seen and (scope is None or holder in scope)]
    absent = [At(holder=name, code="", level=None, seen_at=0.0, fields=tuple(differ[name])) for name in lacking]
    return (*held, *absent)


def unmapped(conn: Connection, holder: str) -> tuple[tuple[str, ...], int]:
    """Give the first codes of a holder that no owner's catalogue has, neither themselves nor by the code list, and how many.

    As they were when it was compared last.
    """
    row = conn.execute(select(catalogue_held).where(catalogue_held.c.holder == holder)).first()
    return (tuple(json.loads(row.codes)), row.unmapped) if row is not None else ((), 0)
