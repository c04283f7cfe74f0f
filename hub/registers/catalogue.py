"""The catalogue as it is compared: what owners say today, what holders were seen to hold, in what they differ, and since when."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.engine import Row

from hub.canonical.procedure import Procedure
from hub.ledger.catalogue_tables import (
    catalogue_counts,
    catalogue_differences,
    catalogue_plan_items,
    catalogue_plans,
    catalogue_work,
    holder_pulls,
    holder_records,
    procedure_records,
    procedure_versions,
)
from hub.ledger.tables import chains, holdings, procedures
from hub.registers import cursors
from hub.rules import catalogue as rules

#: Records that are looked up at once.
AT_ONCE = 500
#: Given to the statement: on the connection it would stay there, and whoever has it next may not stream.
_STREAMED = {"yield_per": 5000}
IN_FORCE, COMING, PAST = "in_force", "coming", "past"


# --- what owners say today ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """A procedure as its owner says it today."""

    owner: str
    digest: str
    plain: str
    field_code: str
    level: int | None
    active: bool
    #: The version that holds from a later day on: who has it already does not differ.
    coming: str = ""
    #: Its version has ended, and nothing followed.
    expired: bool = False


def in_force(
    conn: Connection, today: date, owners: Collection[str] | None = None, *, codes: Collection[str] | None = None
) -> dict[str, list[Known]]:
    """Give what owners say on a day, by code; a code may have more than one owner. ``codes``: only of these, some hundreds."""
    names = ("owner", "code", "digest", "plain", "field_code", "level", "active", "valid_from", "valid_to")
    table = procedure_versions.c
    query = select(*(table[name] for name in names)).order_by(table.owner, table.code, table.number)
    if owners is not None:
        query = query.where(table.owner.in_(sorted(owners)))
    if codes is not None:
        query = query.where(table.code.in_(sorted(codes)))
    day, found = today.isoformat(), dict[str, list[Known]]()
    last: tuple[str, str] | None = None
    for row in (row for part in conn.execute(query, execution_options=_STREAMED).partitions() for row in part):
        listed = found.setdefault(row.code, [])
        same = last == (row.owner, row.code)
        if row.valid_from > day and same:
            now = listed[-1]
            listed[-1] = Known(now.owner, now.digest, now.plain, now.field_code, now.level, now.active, row.plain, now.expired)
            continue
        expired = bool(row.valid_to) and row.valid_to <= day
        known = Known(row.owner, row.digest, row.plain, row.field_code, row.level, row.active and not expired, "", expired)
        if row.valid_from > day:
            # Its first version is yet to come: nobody must have it today.
            known = Known(row.owner, row.digest, row.plain, row.field_code, row.level, False, row.plain)
        if same:
            listed[-1] = known
        else:
            listed.append(known)
        last = row.owner, row.code
    return found


def records(conn: Connection, digests: Collection[str]) -> dict[str, Procedure]:
    """Give contents by their digests."""
    found: dict[str, Procedure] = {}
    wanted = sorted(digests)
    for start in range(0, len(wanted), AT_ONCE):
        part = procedure_records.c.digest.in_(wanted[start : start + AT_ONCE])
        rows = conn.execute(select(procedure_records.c.digest, procedure_records.c.record).where(part))
        found.update((digest, Procedure.model_validate_json(record)) for digest, record in rows)
    return found


# --- what holders hold -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How the pull of a holder stands."""

    holder: str
    pull: str
    began_at: float
    done_at: float | None
    lease_until: float
    listed: int
    fetched: int
    faulty: int
    actor: str
    why: str
    #: When the last whole one began and ended.
    whole_from: float | None
    whole_at: float | None
    compared_at: float | None


def pulls(conn: Connection) -> dict[str, Pull]:
    """Give how the pull of each holder stands."""
    return {row.holder: Pull(**row._mapping) for row in conn.execute(select(holder_pulls))}


def pulled_codes(conn: Connection, holder: str, pull: str) -> set[str]:
    """Give the codes that a pull has fetched already."""
    here = (holder_records.c.holder == holder) & (holder_records.c.pull == pull)
    return set(conn.execute(select(holder_records.c.code).where(here)).scalars())


def holder_rows(conn: Connection, holder: str, only: Sequence[str] | None = None) -> Iterator[Any]:
    """Stream what a holder holds: code, digest, plain, field code, level; ``only``: under these codes of its own."""
    table = holder_records.c
    columns = select(table.code, table.digest, table.plain, table.field_code, table.level).where(table.holder == holder)
    if only is not None:
        parts = (only[start : start + AT_ONCE] for start in range(0, len(only), AT_ONCE))
        return (row for part in parts for row in conn.execute(columns.where(table.code.in_(part))).fetchall())
    found = conn.execute(columns, execution_options=_STREAMED)
    return (row for part in found.partitions() for row in part)


def held_one(conn: Connection, holder: str, codes: Collection[str]) -> dict[str, tuple[Procedure, float]]:
    """Give records of a holder by its own codes, with when they were seen."""
    table = holder_records.c
    found: dict[str, tuple[Procedure, float]] = {}
    wanted = sorted(codes)
    for start in range(0, len(wanted), AT_ONCE):
        here = (table.holder == holder) & table.code.in_(wanted[start : start + AT_ONCE])
        query = select(table.code, procedure_records.c.record, table.seen_at)
        rows = conn.execute(query.join(procedure_records, procedure_records.c.digest == table.digest).where(here))
        found.update((row.code, (Procedure.model_validate_json(row.record), row.seen_at)) for row in rows)
    return found


def given(conn: Connection, holder: str, codes: Collection[str]) -> dict[str, tuple[str, float]]:
    """Give what a holder was last given of these, and when."""
    found: dict[str, tuple[str, float]] = {}
    wanted = sorted(codes)
    for start in range(0, len(wanted), AT_ONCE):
        here = (holdings.c.holder == holder) & holdings.c.code.in_(wanted[start : start + AT_ONCE])
        rows = conn.execute(select(holdings.c.code, holdings.c.fingerprint, holdings.c.updated_at).where(here))
        found.update((row.code, (row.fingerprint, row.updated_at)) for row in rows)
    return found


def open_chains(conn: Connection, holder: str, subjects: Collection[str]) -> set[str]:
    """Give the subjects of which something has not reached a holder yet."""
    found: set[str] = set()
    wanted = sorted(set(subjects))
    for start in range(0, len(wanted), AT_ONCE):
        here = (chains.c.endpoint == holder) & chains.c.subject.in_(wanted[start : start + AT_ONCE])
        found.update(conn.execute(select(chains.c.subject).where(here & (chains.c.head_place < chains.c.next_place))).scalars())
    return found


# --- differences -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much differs, of one agency at one holder."""

    holder: str
    owner: str
    procedures: int
    fields: int
    #: Procedures on which the holder, and the owner, must act.
    by_holder: int
    by_owner: int
    #: The oldest difference.
    since: float


def counts(conn: Connection, *, owner: str = "", holder: str = "", scope: Collection[str] | None = None) -> tuple[Count, ...]:
    """Give how much each agency's catalogue differs at each holder, as it was counted last; the fullest first."""
    rows = conn.execute(select(catalogue_counts).where(*_of(catalogue_counts.c, owner, holder, scope)))
    return tuple(sorted((Count(**row._mapping) for row in rows), key=lambda each: (-each.procedures, each.owner, each.holder)))


def _of(table: Any, owner: str, holder: str, scope: Collection[str] | None) -> list[Any]:
    wanted = [table.owner == owner] if owner else []
    wanted += [table.holder == holder] if holder else []
    return wanted + ([table.holder.in_(sorted(scope))] if scope is not None else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiffers:
    """One field, side by side."""

    #: Name of the field; ``+``: the holder lacks the procedure.
    field: str
    since: float
    #: ``holder`` or ``owner``: who must act.
    who: str
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """A procedure in which a holder differs."""

    holder: str
    owner: str
    code: str
    held_code: str
    name: str
    since: float
    fields: tuple[FieldDiffers, ...]
    #: It was given to the holder after it was last seen there: the next pull will tell.
    under_way: bool


def differences(
    conn: Connection,
    *,
    today: date,
    owner: str = "",
    holder: str = "",
    code: str = "",
    after: str = "",
    limit: int,
    scope: Collection[str] | None = None,
) -> tuple[tuple[Differs, ...], str]:
    """List the procedures that differ, by holder and code, with their fields side by side; give where the next page begins."""
    table = catalogue_differences.c
    key = (table.holder, table.owner, table.code)
    query = select(*key).distinct().where(*_of(table, owner, holder, scope)).order_by(*key).limit(limit + 1)
    if code:
        query = query.where(table.code == code)
    if place := cursors.read(after, str, str, str):
        query = query.where(_beyond(key, place))
    rows = conn.execute(query).fetchall() if limit else []
    keys = [tuple(row) for row in rows[:limit]]
    return tuple(_shown(conn, keys, today)), cursors.written(*keys[-1]) if len(rows) > limit else ""


def _beyond(key: Sequence[Any], place: Sequence[Any]) -> Any:
    first, second, third = key
    return or_(
        first > place[0], and_(first == place[0], or_(second > place[1], and_(second == place[1], third > place[2])))
    )


def _shown(conn: Connection, keys: Sequence[Any], today: date) -> Iterator[Differs]:
    for holder, owner, code in keys:
        table = catalogue_differences.c
        here = (table.holder == holder) & (table.owner == owner) & (table.code == code)
        rows = conn.execute(select(catalogue_differences).where(here)).fetchall()
        if rows:
            yield _differs(conn, rows, today)


def _differs(conn: Connection, rows: Sequence[Row[Any]], today: date) -> Differs:
    first = rows[0]
    mine = said_on(conn, first.owner, first.code, today)
    theirs, seen = held_one(conn, first.holder, [first.held_code]).get(first.held_code, (None, 0.0))
    given_at = given(conn, first.holder, [first.held_code or first.code])
    order = {name: place for place, name in enumerate((rules.LACKS, *rules.FIELDS))}
    fields = tuple(
        FieldDiffers(
            field=row.field,
            since=row.since,
            who=row.who,
            ours=mine.name if row.field == rules.LACKS and mine else rules.value_of(mine, row.field),
            theirs=rules.value_of(theirs, row.field),
        )
        for row in sorted(rows, key=lambda row: (order.get(row.field, 99), row.field))
    )
    return Differs(
        holder=first.holder,
        owner=first.owner,
        code=first.code,
        held_code=first.held_code,
        name=mine.name if mine else "",
        since=min(row.since for row in rows),
        fields=fields,
        under_way=any(at >= max(seen, first.since) for _, at in given_at.values()),
    )


def said_on(conn: Connection, owner: str, code: str, day: date) -> Procedure | None:
    """Give a procedure as its owner says it on a day; None where it said nothing of it by then."""
    table = procedure_versions.c
    here = (table.owner == owner) & (table.code == code) & (table.valid_from <= day.isoformat())
    query = select(procedure_records.c.record).join(procedure_versions, procedure_records.c.digest == table.digest)
    record = conn.execute(query.where(here).order_by(table.number.desc()).limit(1)).scalar()
    return Procedure.model_validate_json(record) if record else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMend:
    """What differs of one procedure at a holder, without values."""

    owner: str
    code: str
    held_code: str
    #: Who must act -> the fields.
    fields: Mapping[str, tuple[str, ...]]


def to_mend(conn: Connection, holder: str) -> Iterator[ToMend]:
    """Give all that differs at a holder, procedure by procedure."""
    table = catalogue_differences.c
    query = select(catalogue_differences).where(table.holder == holder).order_by(table.owner, table.code, table.field)
    grouped: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for row in conn.execute(query):
        grouped.setdefault((row.owner, row.code, row.held_code), {}).setdefault(row.who, []).append(row.field)
    for (owner, code, held_code), by in grouped.items():
        fields = {who: tuple(names) for who, names in by.items()}
        yield ToMend(owner=owner, code=code, held_code=held_code, fields=fields)


def held_codes(conn: Connection, holder: str, codes: Collection[str]) -> dict[tuple[str, str], str]:
    """Give which of these procedures differ at a holder, with the code that it has each under."""
    table = catalogue_differences.c
    found: dict[tuple[str, str], str] = {}
    wanted = sorted(codes)
    for start in range(0, len(wanted), AT_ONCE):
        here = (table.holder == holder) & table.code.in_(wanted[start : start + AT_ONCE])
        rows = conn.execute(select(table.owner, table.code, table.held_code).where(here).distinct())
        found.update(((row.owner, row.code), row.held_code) for row in rows)
    return found


def seen_at(conn: Connection, holder: str, owner: str, code: str) -> float:
    """Give when it was last looked at what a holder has of a procedure that differs there."""
    held = held_codes(conn, holder, [code]).get((owner, code), "")
    here = (holder_records.c.holder == holder) & (holder_records.c.code == held)
    seen = conn.execute(select(holder_records.c.seen_at).where(here)).scalar()
    if seen is not None:
        return float(seen)
    return float(conn.execute(select(holder_pulls.c.whole_from).where(holder_pulls.c.holder == holder)).scalar() or 0.0)


def open_work(conn: Connection, holder: str) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Give the work at a holder that is not confirmed: agency, procedure, who, fields."""
    table = catalogue_work.c
    query = select(table.owner, table.code, table.who, table.fields)
    for row in conn.execute(query.where((table.holder == holder) & table.state.in_(("open", "claimed")))):
        yield row.owner, row.code, row.who, tuple(json.loads(row.fields))


# --- plans and work ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One procedure of a plan."""

    number: int
    owner: str
    code: str
    deed: str
    who: str
    fields: tuple[str, ...]
    digest: str
    message_id: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen plan of mending."""

    id: str
    holder: str
    actor: str
    why: str
    made_at: float
    run_at: float | None
    run_by: str
    writes: int
    work: int
    #: Items by what became of them.
    results: Mapping[str, int]
    #: The first of them.
    items: tuple[PlanItem, ...]


def plan(conn: Connection, plan_id: str, *, items: int = 200) -> Plan | None:
    """Give a plan, also by the beginning of its identifier, with its first items; None where there is none, or not one."""
    begins = catalogue_plans.c.id.startswith(plan_id, autoescape=True)
    rows = conn.execute(select(catalogue_plans).where(begins).limit(2)).fetchall() if plan_id else []
    if len(rows) != 1:
        return None
    row, table = rows[0], catalogue_plan_items.c
    plan_id = row.id
    counted = select(table.deed, table.result, func.count()).where(table.plan_id == plan_id).group_by(table.deed, table.result)
    found = [tuple(each) for each in conn.execute(counted)]
    results: dict[str, int] = {}
    for _, result, count in found:
        results[result] = results.get(result, 0) + count
    return Plan(
        **row._mapping,
        writes=sum(count for deed, _, count in found if deed == "write"),
        work=sum(count for deed, _, count in found if deed == "work"),
        results=results,
        items=tuple(open_items(conn, plan_id, limit=items, all_of_them=True)),
    )


def open_items(conn: Connection, plan_id: str, *, limit: int, after: int = 0, all_of_them: bool = False) -> Iterator[PlanItem]:
    """Give items of a plan whose turn has not come, in order."""
    table = catalogue_plan_items.c
    here = (table.plan_id == plan_id) & (table.number > after)
    query = select(catalogue_plan_items).where(here if all_of_them else here & (table.result == ""))
    for row in conn.execute(query.order_by(table.number).limit(limit)):
        values = {name: value for name, value in row._mapping.items() if name != "plan_id"}
        yield PlanItem(**{**values, "fields": tuple(json.loads(row.fields))})


def plans_of(conn: Connection, holder: str, *, limit: int = 20) -> tuple[Plan, ...]:
    """List the last plans for a holder, without their items."""
    query = select(catalogue_plans.c.id).where(catalogue_plans.c.holder == holder).order_by(catalogue_plans.c.made_at.desc())
    found = (plan(conn, each, items=0) for each in conn.execute(query.limit(limit)).scalars())
    return tuple(each for each in found if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One procedure that a person must mend."""

    holder: str
    owner: str
    code: str
    name: str
    who: str
    state: str
    fields: tuple[str, ...]
    made_at: float
    made_by: str
    why: str
    claimed_at: float | None
    claimed_by: str
    note: str
    confirmed_at: float | None


def work(
    conn: Connection,
    *,
    owner: str = "",
    holder: str = "",
    state: str = "",
    after: str = "",
    limit: int,
    scope: Collection[str] | None = None,
) -> tuple[tuple[Work, ...], str]:
    """List the work of agencies and holders; without ``state`` what is not confirmed yet. Give where the next page begins."""
    table = catalogue_work.c
    states = [state] if state else ["claimed", "open"]
    key = (table.holder, table.owner, table.code)
    query = select(catalogue_work, procedures.c.record).outerjoin(
        procedures, and_(procedures.c.owner == table.owner, procedures.c.code == table.code)
    )
    query = query.where(table.state.in_(states), *_of(table, owner, holder, scope)).order_by(*key, table.who).limit(limit + 2)
    if place := cursors.read(after, str, str, str):
        query = query.where(_beyond(key, place))
    rows = conn.execute(query).fetchall()
    shown = rows[:limit]
    if len(rows) > limit and (rows[limit].holder, rows[limit].owner, rows[limit].code) == tuple(shown[-1][:3]):
        shown = rows[: limit + 1]
    more = cursors.written(*shown[-1][:3]) if len(rows) > len(shown) else ""
    return tuple(map(_work, shown)), more


def _work(row: Row[Any]) -> Work:
    values = {name: value for name, value in row._mapping.items() if name != "record"}
    name = Procedure.model_validate_json(row.record).name if row.record else ""
    return Work(**{**values, "fields": tuple(json.loads(row.fields)), "name": name})


def work_counts(conn: Connection, scope: Collection[str] | None = None) -> dict[tuple[str, str], int]:
    """Count the work that is not confirmed, by holder and agency."""
    table = catalogue_work.c
    query = select(table.holder, table.owner, func.count())
    query = query.where(table.state.in_(("open", "claimed")), *_of(table, "", "", scope))
    return {(holder, owner): count for holder, owner, count in conn.execute(query.group_by(table.holder, table.owner))}
