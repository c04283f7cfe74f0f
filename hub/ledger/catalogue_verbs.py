"""Verbs of the catalogue: versions told, pulls of holders, differences, and what is planned, written, claimed and confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy.engine import Row

from hub.canonical.base import VIETNAM
from hub.canonical.compact_json import compact
from hub.canonical.procedure import Procedure
from hub.errors import NotAllowed
from hub.ledger import journal, locks
from hub.ledger.catalogue_tables import (
    catalogue_changes,
    catalogue_counts,
    catalogue_differences,
    catalogue_held,
    catalogue_plan_items,
    catalogue_plans,
    catalogue_work,
    holder_pulls,
    holder_records,
    procedure_files,
    procedure_records,
    procedure_versions,
)
from hub.ledger.leases import Lease
from hub.ledger.sql import insert_new
from hub.ledger.tables import procedures
from hub.ledger.values import ProcedureRow
from hub.rules import catalogue as rules

#: Rows in one statement, and codes in one look-up.
AT_ONCE = 500
#: Who pulls a holder and says nothing for so long is taken for dead.
LEASE_SECONDS = 120.0
#: Local codes that fit nowhere, as they are kept to be shown; how many there are is kept too.
MOST_UNMAPPED = 200

_LEASE = Lease(holder_pulls, holder_pulls.c.lease_until)
_NEW_RECORD = insert_new(procedure_records, "digest")
_NEW_PULL = insert_new(holder_pulls, "holder")
_NEW_WORK = insert_new(catalogue_work, "holder", "owner", "code", "who")
_NEW_DIFFERENCE = insert_new(catalogue_differences, "holder", "owner", "code", "field")


def parts(listed: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a list so that each part goes into one statement."""
    return (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))


def note(conn: Connection, holder: str, event: str, now: float, actor: str, entry: Mapping[str, Any]) -> None:
    """Append to the journal of a holder's catalogue."""
    journal.append(conn, f"procedures:{holder}", event, at=now, actor=actor, entry=entry)


# --- versions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who told something of the catalogue."""

    message_id: str
    source: str
    at: float
    actor: str
    why: str


def tell(conn: Connection, rows: Sequence[ProcedureRow], told: Told) -> None:
    """Write what an owner says now: a version of each procedure that is not what it was, the others stay as they are."""
    for part in parts(rows):
        known = _known(conn, part)
        changed = [row for row in part if known.get((row.owner, row.code)) != row.fingerprint]
        if changed:
            _write(conn, changed, known, told)
            _note_changes(conn, add_versions(conn, changed, told))


def _known(conn: Connection, rows: Sequence[ProcedureRow]) -> dict[tuple[str, str], str]:
    here = procedures.c.owner.in_({row.owner for row in rows}) & procedures.c.code.in_([row.code for row in rows])
    found = conn.execute(select(procedures.c.owner, procedures.c.code, procedures.c.fingerprint).where(here))
    return {(row.owner, row.code): row.fingerprint for row in found}


def _write(conn: Connection, rows: Sequence[ProcedureRow], known: Mapping[tuple[str, str], str], told: Told) -> None:
    gone = [{"of_owner": row.owner, "of_code": row.code} for row in rows if (row.owner, row.code) in known]
    if gone:
        here = (procedures.c.owner == bindparam("of_owner")) & (procedures.c.code == bindparam("of_code"))
        conn.execute(delete(procedures).where(here), gone)
    values = [
        {"owner": row.owner, "code": row.code, "fingerprint": row.fingerprint, "record": row.record}
        | {"message_id": told.message_id, "updated_at": told.at}
        for row in rows
    ]
    conn.execute(insert(procedures), values)


def _note_changes(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note which versions must be compared; one row for each procedure, however often it is told."""
    table = catalogue_changes.c
    here = (table.owner == bindparam("of_owner")) & (table.code == bindparam("of_code"))
    conn.execute(delete(catalogue_changes).where(here), [{"of_owner": row["owner"], "of_code": row["code"]} for row in rows])
    new = [{name: row[name] for name in ("owner", "code", "number")} for row in rows]
    conn.execute(insert(catalogue_changes), new)


def has_changes(conn: Connection) -> bool:
    """Say whether something that was told anew is not compared yet."""
    return conn.execute(select(catalogue_changes.c.code).limit(1)).first() is not None


def changes(conn: Connection, most: int) -> list[Row[Any]]:
    """Give some of what was told anew and is not compared yet: owner, code, and the number of its version."""
    query = select(catalogue_changes).order_by(catalogue_changes.c.owner, catalogue_changes.c.code).limit(most)
    return list(conn.execute(query))


def followed(conn: Connection, done: Sequence[Row[Any]]) -> None:
    """Note that changes were compared; what was told once more meanwhile stays."""
    table = catalogue_changes.c
    one = (table.owner == bindparam("of_owner")) & (table.code == bindparam("of_code"))
    rows = [{"of_owner": each.owner, "of_code": each.code, "of_number": each.number} for each in done]
    conn.execute(delete(catalogue_changes).where(one & (table.number == bindparam("of_number"))), rows)


def add_versions(conn: Connection, rows: Sequence[ProcedureRow], told: Told) -> list[dict[str, Any]]:
    """Add a version of each of these procedures; give them as they are kept."""
    keep_records(conn, {row.fingerprint: row.record for row in rows})
    here = procedure_versions.c.owner.in_({row.owner for row in rows}) & procedure_versions.c.code.in_([row.code for row in rows])
    newest = select(procedure_versions.c.owner, procedure_versions.c.code, func.max(procedure_versions.c.number).label("number"))
    grouped = newest.where(here).group_by(procedure_versions.c.owner, procedure_versions.c.code)
    last = {(row.owner, row.code): row.number for row in conn.execute(grouped)}
    made = [_version(row, last.get((row.owner, row.code), 0) + 1, told) for row in rows]
    conn.execute(insert(procedure_versions), made)
    return made


def _version(row: ProcedureRow, number: int, told: Told) -> dict[str, Any]:
    procedure = Procedure.model_validate_json(row.record)
    begins, ends = rules.days_of(procedure, datetime.fromtimestamp(told.at, VIETNAM).date())
    return {
        "owner": row.owner,
        "code": row.code,
        "number": number,
        "digest": row.fingerprint,
        "plain": rules.plain_print(procedure),
        "field_code": procedure.field_code,
        "level": procedure.level,
        "active": procedure.active,
        "source": told.source,
        "message_id": told.message_id,
        "told_at": told.at,
        "told_by": told.actor,
        "why": told.why,
        "valid_from": begins,
        "valid_to": ends,
    }


def keep_records(conn: Connection, records: Mapping[str, str]) -> None:
    """Keep contents, each once."""
    if records:
        _NEW_RECORD.run_each(conn, [{"digest": digest, "record": records[digest]} for digest in sorted(records)])


def adopt(conn: Connection) -> int:
    """Give a first version to some procedures that a program before this one wrote; say how many."""
    same = and_(procedure_versions.c.owner == procedures.c.owner, procedure_versions.c.code == procedures.c.code)
    bare = select(procedures).outerjoin(procedure_versions, same).where(procedure_versions.c.owner.is_(None)).limit(AT_ONCE)
    rows = conn.execute(bare).fetchall()
    for row in rows:
        given = ProcedureRow(owner=row.owner, code=row.code, fingerprint=row.fingerprint, record=row.record)
        told = Told(message_id=row.message_id, source="", at=row.updated_at, actor="", why="")
        add_versions(conn, [given], told)
    return len(rows)


# --- pulls -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One record as a holder gave it."""

    code: str
    digest: str
    record: str
    plain: str
    field_code: str
    level: int | None


def begin_pull(conn: Connection, holder: str, pull: str, *, actor: str, why: str, now: float) -> Row[Any]:
    """Begin to pull a holder, or go on where a process that died left off; raise NotAllowed where somebody is at it."""
    locks.wait(conn, f"pull:{holder}")
    fresh = {"pull": pull, "began_at": now, "done_at": None, "listed": 0, "fetched": 0, "faulty": 0, "actor": actor, "why": why}
    lease = _LEASE.held(pull, now + LEASE_SECONDS)
    here = holder_pulls.c.holder == holder
    row = conn.execute(select(holder_pulls).where(here)).first()
    if row is None:
        nothing = {"whole_from": None, "whole_at": None, "compared_at": None}
        _NEW_PULL.run(conn, holder=holder, **fresh, **lease, **nothing)
    elif row.done_at is None and _LEASE.is_anothers(row, pull, now, longest=LEASE_SECONDS):
        raise NotAllowed(
            f"{row.actor} is pulling {holder!r} now", f"{row.actor} đang lấy danh mục của {holder!r}", where=holder
        )
    else:
        conn.execute(update(holder_pulls).where(here).values(**(fresh if row.done_at is not None else {}), **lease))
    made: Row[Any] = conn.execute(select(holder_pulls).where(here)).one()
    if made.pull == pull:
        note(conn, holder, "procedures.pull", now, actor, {"pull": pull, "why": why})
    return made


def keep_pulled(
    conn: Connection,
    holder: str,
    pull: str,
    held: Sequence[Held],
    *,
    listed: int,
    faulty: int,
    seen_at: float,
    now: float,
) -> None:
    """Keep some records of a pull; raise NotAllowed where another process has taken it up meanwhile."""
    locks.wait(conn, f"pull:{holder}")
    mine = (holder_pulls.c.holder == holder) & (holder_pulls.c.pull == pull) & holder_pulls.c.done_at.is_(None)
    more = {"fetched": holder_pulls.c.fetched + len(held), "faulty": holder_pulls.c.faulty + faulty}
    if not _LEASE.change(conn, mine, pull, {"listed": listed, **_LEASE.held(pull, now + LEASE_SECONDS), **more}):
        raise NotAllowed(f"another pull of {holder!r} has begun", f"{holder!r} đang được lấy ở nơi khác", where=holder)
    keep_records(conn, {each.digest: each.record for each in held if each.digest})
    for part in parts(held):
        codes = [each.code for each in part]
        conn.execute(delete(holder_records).where((holder_records.c.holder == holder) & holder_records.c.code.in_(codes)))
        conn.execute(insert(holder_records), [_held_row(holder, pull, each, seen_at) for each in part])


def _held_row(holder: str, pull: str, each: Held, seen_at: float) -> dict[str, Any]:
    beside = {"plain": each.plain, "field_code": each.field_code, "level": each.level}
    return {"holder": holder, "code": each.code, "digest": each.digest, **beside, "seen_at": seen_at, "pull": pull}


def rest_pull(conn: Connection, holder: str, pull: str) -> None:
    """Let go of a pull that goes on later, so that whoever comes next may take it up at once."""
    mine = (holder_pulls.c.holder == holder) & (holder_pulls.c.pull == pull)
    _LEASE.give_back(conn, mine, pull)


def end_pull(conn: Connection, holder: str, pull: str, *, faulty: Sequence[str], now: float) -> int:
    """End a pull: what it did not find the holder has no longer; give how many those are."""
    locks.wait(conn, f"pull:{holder}")
    row = conn.execute(select(holder_pulls).where((holder_pulls.c.holder == holder) & (holder_pulls.c.pull == pull))).one()
    if row.done_at is not None:
        return 0
    old = (holder_records.c.holder == holder) & (holder_records.c.pull != pull)
    gone = conn.execute(delete(holder_records).where(old)).rowcount
    done = {"done_at": now, **_LEASE.given_back, "whole_from": row.began_at, "whole_at": now}
    conn.execute(update(holder_pulls).where(holder_pulls.c.holder == holder).values(**done))
    entry = {"pull": pull, "listed": row.listed, "gone": gone, "faulty": list(faulty[:100])}
    note(conn, holder, "procedures.pulled", now, row.actor, entry)
    return gone


# --- differences -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Different:
    """One field in which a holder differs."""

    owner: str
    code: str
    field: str
    held_code: str
    who: str


def keep_differences(
    conn: Connection,
    holder: str,
    found: Iterable[Different],
    *,
    codes: Sequence[str] | None = None,
    unmapped: Sequence[str] = (),
    now: float,
) -> tuple[int, int]:
    """Write down in what a holder differs now: what lasts keeps its day, what is over is gone; give (new, over).

    Work that no difference is left for is confirmed. ``codes``: only these procedures were compared, at most as many as go into
    one statement; else all were, and ``unmapped`` are the holder's codes that fit no catalogue.
    """
    locks.wait(conn, f"differences:{holder}")
    here = catalogue_differences.c.holder == holder
    here = here if codes is None else here & catalogue_differences.c.code.in_(codes)
    query = select(*(catalogue_differences.c[name] for name in ("owner", "code", "field", "held_code", "who"))).where(here)
    before = {(row.owner, row.code, row.field): (row.held_code, row.who) for row in conn.execute(query)}
    new: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    count = 0
    for each in found:
        was = before.pop((each.owner, each.code, each.field), None)
        if was is None:
            new.append(_difference(holder, each, now))
            count += 1
        elif was != (each.held_code, each.who):
            moved.append({"of_owner": each.owner, "of_code": each.code, "of_field": each.field}
                         | {"new_code": each.held_code, "new_who": each.who})
        if len(new) == AT_ONCE:
            _NEW_DIFFERENCE.run_each(conn, new)
            new = []
    if new:
        _NEW_DIFFERENCE.run_each(conn, new)
    _move(conn, holder, moved)
    _drop(conn, holder, list(before))
    _confirm(conn, holder, now)
    if count or before or moved or codes is None:
        _count(conn, holder)
    if codes is None:
        _count_held(conn, holder, unmapped)
        conn.execute(update(holder_pulls).where(holder_pulls.c.holder == holder).values(compared_at=now))
    return count, len(before)


def _count(conn: Connection, holder: str) -> None:
    """Count a holder's differences by agency, so that no page has to."""
    table = catalogue_differences.c
    counted = select(
        table.holder,
        table.owner,
        func.count(table.code.distinct()),
        func.count(),
        func.count(case((table.who == rules.BY_HOLDER, table.code)).distinct()),
        func.count(case((table.who == rules.BY_OWNER, table.code)).distinct()),
        func.min(table.since),
    ).where(table.holder == holder)
    names = ("holder", "owner", "procedures", "fields", "by_holder", "by_owner", "since")
    conn.execute(delete(catalogue_counts).where(catalogue_counts.c.holder == holder))
    conn.execute(insert(catalogue_counts).from_select(names, counted.group_by(table.holder, table.owner)))


def _count_held(conn: Connection, holder: str, unmapped: Sequence[str]) -> None:
    here = holder_records.c.holder == holder
    number = conn.execute(select(func.count()).select_from(holder_records).where(here)).scalar_one()
    conn.execute(delete(catalogue_held).where(catalogue_held.c.holder == holder))
    row = {"records": number, "unmapped": len(unmapped), "codes": compact(list(unmapped[:MOST_UNMAPPED]))}
    conn.execute(insert(catalogue_held).values(holder=holder, **row))


def _difference(holder: str, each: Different, now: float) -> dict[str, Any]:
    names = {"owner": each.owner, "code": each.code, "field": each.field, "held_code": each.held_code, "who": each.who}
    return {"holder": holder, **names, "since": now}


def _one(holder: str) -> Any:
    table = catalogue_differences.c
    same = (table.owner == bindparam("of_owner")) & (table.code == bindparam("of_code")) & (table.field == bindparam("of_field"))
    return (table.holder == holder) & same


def _move(conn: Connection, holder: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        changed: dict[str, Any] = {"held_code": bindparam("new_code"), "who": bindparam("new_who")}
        conn.execute(update(catalogue_differences).where(_one(holder)).values(changed), list(rows))


def _drop(conn: Connection, holder: str, keys: Sequence[tuple[str, str, str]]) -> None:
    if keys:
        rows = [{"of_owner": owner, "of_code": code, "of_field": name} for owner, code, name in keys]
        conn.execute(delete(catalogue_differences).where(_one(holder)), rows)


def _confirm(conn: Connection, holder: str, now: float) -> None:
    """Confirm the work that no difference is left for."""
    table, other = catalogue_work.c, catalogue_differences.c
    left = select(other.code).where(
        (other.holder == table.holder) & (other.owner == table.owner) & (other.code == table.code) & (other.who == table.who)
    )
    over = (table.holder == holder) & table.state.in_(("open", "claimed")) & ~left.exists()
    rows = conn.execute(select(table.owner, table.code).where(over)).fetchall()
    if rows:
        conn.execute(update(catalogue_work).where(over).values(state="confirmed", confirmed_at=now))
        entry = {"procedures": len(rows), "codes": [row.code for row in rows[:100]]}
        note(conn, holder, "procedures.confirmed", now, "hub", entry)


# --- plans and work ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One procedure of a plan."""

    owner: str
    code: str
    #: ``write`` or ``work``.
    deed: str
    who: str
    fields: tuple[str, ...]
    #: What will be written; empty for work.
    digest: str = ""


def freeze(conn: Connection, plan_id: str, holder: str, items: Sequence[Item], *, actor: str, why: str, now: float) -> None:
    """Freeze a plan."""
    made = {"id": plan_id, "holder": holder, "actor": actor, "why": why, "made_at": now, "run_at": None, "run_by": ""}
    conn.execute(insert(catalogue_plans).values(**made))
    rows = [
        {"plan_id": plan_id, "number": number, "owner": item.owner, "code": item.code, "deed": item.deed, "who": item.who}
        | {"fields": compact(list(item.fields)), "digest": item.digest, "message_id": "", "result": ""}
        for number, item in enumerate(items, start=1)
    ]
    for part in parts(rows):
        conn.execute(insert(catalogue_plan_items), list(part))
    writes = sum(item.deed == "write" for item in items)
    entry = {"plan": plan_id, "why": why, "write": writes, "work": len(items) - writes}
    note(conn, holder, "procedures.planned", now, actor, entry)


def begin_run(conn: Connection, plan_id: str, *, actor: str, why: str, now: float) -> None:
    """Note that a plan is carried out; carrying out the rest of one is no new fact."""
    mine = (catalogue_plans.c.id == plan_id) & catalogue_plans.c.run_at.is_(None)
    if conn.execute(update(catalogue_plans).where(mine).values(run_at=now, run_by=actor)).rowcount:
        holder = conn.execute(select(catalogue_plans.c.holder).where(catalogue_plans.c.id == plan_id)).scalar_one()
        note(conn, holder, "procedures.mended", now, actor, {"plan": plan_id, "why": why})


def take_item(conn: Connection, plan_id: str, number: int) -> bool:
    """Take one item of a plan, whose turn it is, so that nobody else carries it out in another commit."""
    locks.wait(conn, f"catalogue-plan:{plan_id}")
    here = (catalogue_plan_items.c.plan_id == plan_id) & (catalogue_plan_items.c.number == number)
    return bool(conn.execute(select(catalogue_plan_items.c.result).where(here)).scalar_one() == "")


def wait_for_holding(conn: Connection, holder: str, code: str) -> None:
    """Wait until nobody else gives this holder this procedure."""
    locks.wait(conn, f"holding:{holder}:{code}")


def end_item(conn: Connection, plan_id: str, number: int, result: str, message_id: str = "") -> None:
    """Write down what became of an item."""
    here = (catalogue_plan_items.c.plan_id == plan_id) & (catalogue_plan_items.c.number == number)
    conn.execute(update(catalogue_plan_items).where(here).values(result=result, message_id=message_id))


def list_work(
    conn: Connection, key: Mapping[str, str], fields: Sequence[str], *, actor: str, why: str, now: float
) -> bool:
    """Put a procedure on the work-list (``key``: holder, owner, code, who); False where it stands there already."""
    new: dict[str, Any] = {"state": "open", "fields": compact(list(fields)), "made_at": now, "made_by": actor, "why": why}
    new |= {"claimed_at": None, "claimed_by": "", "note": "", "confirmed_at": None}
    if _NEW_WORK.run(conn, **key, **new).rowcount:
        return True
    table = catalogue_work.c
    here = and_(*(table[name] == value for name, value in key.items()))
    again = conn.execute(update(catalogue_work).where(here & (table.state == "confirmed")).values(**new))
    if not again.rowcount:
        conn.execute(update(catalogue_work).where(here).values(fields=new["fields"]))
    return bool(again.rowcount)


def claim_work(conn: Connection, holder: str, owner: str, codes: Sequence[str], *, actor: str, why: str, now: float) -> int:
    """Note that somebody says that work is done; the next pull confirms it. Give how many items that are."""
    table = catalogue_work.c
    count = 0
    for part in parts(codes):
        here = (table.holder == holder) & (table.owner == owner) & table.code.in_(part) & (table.state == "open")
        claimed = {"state": "claimed", "claimed_at": now, "claimed_by": actor, "note": why}
        count += conn.execute(update(catalogue_work).where(here).values(**claimed)).rowcount
    if count:
        entry = {"owner": owner, "procedures": count, "codes": list(codes[:100]), "why": why}
        note(conn, holder, "procedures.claimed", now, actor, entry)
    return count


# --- files -------------------------------------------------------------------------------------------------------


def keep_file(conn: Connection, owner: str, code: str, place: str, values: Mapping[str, Any]) -> None:
    """Write down how a file that a record names was found."""
    table = procedure_files.c
    here = (table.owner == owner) & (table.code == code) & (table.place == place)
    if not conn.execute(update(procedure_files).where(here).values(**values)).rowcount:
        conn.execute(insert(procedure_files).values(owner=owner, code=code, place=place, **values))


def forget_files(conn: Connection, owner: str, gone: Sequence[tuple[str, str]]) -> None:
    """Forget files (code, place) that no record names any longer."""
    table = procedure_files.c
    if gone:
        here = (table.owner == owner) & (table.code == bindparam("of_code")) & (table.place == bindparam("of_place"))
        conn.execute(delete(procedure_files).where(here), [{"of_code": code, "of_place": place} for code, place in gone])
