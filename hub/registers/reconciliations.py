"""Reconciliations: what is compared, how far it is, and what was found, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.reconciliation_tables import reconciliation_findings, reconciliations
from hub.ledger.tables import chains
from hub.registers import names
from hub.rules import reconciling
from hub.rules.reconciling import Field

#: Findings that are given at once where nothing else is said.
PAGE = 100
#: Of so many of a partner's last runs the last whole one is sought.
_LOOKED_BACK = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which dossiers are compared; nothing given: all that the partner was told of."""

    #: Only those of which something was heard since (seconds since 1970 UTC).
    since: float | None = None
    #: Only those that have not ended.
    only_open: bool = False
    #: Only so many, drawn by the seed; 0 = all.
    sample: int = 0
    seed: str = ""
    #: Keys of exactly these dossiers.
    subjects: tuple[str, ...] = ()
    #: Look-ups in any minute; 0 = as the endpoint's file says.
    per_minute: int = 0

    def as_text(self) -> str:
        """Write it as the ledger keeps it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, ensure_ascii=False, sort_keys=True)

    @property
    def lists(self) -> bool:
        """True where the partner's own list is looked through, too."""
        return not (self.subjects or self.sample)


def scope_of(text: str) -> Scope:
    """Read a scope that the ledger keeps."""
    given = json.loads(text)
    return Scope(**{**given, "subjects": tuple(given["subjects"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one kind and cause."""

    kind: str
    cause: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One reconciliation with one partner."""

    id: str
    endpoint: str
    #: running, stopped or done.
    state: str
    scope: Scope
    #: Day of the nightly one; empty: a person asked for it.
    night: str
    actor: str
    why: str
    asked_at: float
    ended_at: float | None
    changed_by: str
    changed_at: float
    #: Why it stopped by itself, or does not move just now.
    note_vi: str
    note_en: str
    #: Which part it is in (hub.rules.reconciling.PHASES); empty: none any more.
    phase: str
    #: Chains of the partner when it began, how many of them were looked at, and calls so far.
    total: int
    seen: int
    calls: int
    #: same, under_way, not_comparable; and ``untold/FIELD``: answers that did not tell a field.
    counted: Mapping[str, int]
    groups: tuple[Group, ...]
    findings: int
    #: Who carries it out now; empty: nobody does.
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One dossier that a partner holds otherwise than it was told; no field names a person."""

    number: int
    #: Empty: the hub knows no such dossier.
    subject: str
    #: The number under which the partner was asked, or named it.
    code: str
    kind: str
    cause: str
    mending: str
    delivery_id: str
    #: What differs, field by field.
    fields: tuple[Field, ...]
    #: More of the cause: receipt, taken_at, error_code, partner_code, error_where, actor, at, other_code; ``of``: it was told
    #: to this one, whose records the partner has.
    about: Mapping[str, Any]
    evidence_digest: str
    receipt_digest: str
    looked_at: float
    #: The delivery that mends it, and the plan in which it stands; empty: nothing does.
    mended_by: str
    plan_id: str
    next_place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShown:
    """A run with a page of its findings."""

    run: Run
    findings: tuple[Finding, ...] = field(default=())


# --- runs --------------------------------------------------------------------------------------------------------


def listing(conn: Connection, *, endpoint: str = "", scope: frozenset[str] | None = None, limit: int = 50) -> tuple[Run, ...]:
    """List runs, the newest first; ``scope``: only those with these endpoints."""
    query = select(reconciliations).order_by(reconciliations.c.asked_at.desc(), reconciliations.c.id).limit(limit)
    if endpoint:
        query = query.where(reconciliations.c.endpoint == endpoint)
    if scope is not None:
        query = query.where(reconciliations.c.endpoint.in_(sorted(scope)))
    return tuple(_run(row) for row in conn.execute(query))


def find(conn: Connection, run_id: str) -> Run:
    """Find a run by its identifier, whole or its beginning; raise NotAllowed where there is none."""
    return _run(conn.execute(select(reconciliations).where(reconciliations.c.id == known(conn, run_id))).one())


def known(conn: Connection, run_id: str) -> str:
    """Give a run's whole identifier; raise NotAllowed where there is none of this name."""
    found = names.by_id(conn, reconciliations.c.id, run_id)
    if not found:
        raise NotAllowed(f"no reconciliation {run_id!r}", f"không có lần đối chiếu {run_id!r}", where=run_id)
    return found


def endpoint_of(conn: Connection, run_id: str) -> str:
    """Give the partner of a run; raise NotAllowed where there is no such run."""
    here = reconciliations.c.id == known(conn, run_id)
    return str(conn.execute(select(reconciliations.c.endpoint).where(here)).scalar_one())


def running(conn: Connection) -> tuple[str, ...]:
    """Give the runs that somebody has to carry on."""
    query = select(reconciliations.c.id).where(reconciliations.c.state == "running").order_by(reconciliations.c.asked_at)
    return tuple(conn.execute(query).scalars())


def last_done(conn: Connection, endpoint: str) -> Run | None:
    """Give the last run with a partner that came to its end; None where none did."""
    here = (reconciliations.c.endpoint == endpoint) & (reconciliations.c.state == "done")
    query = select(reconciliations).where(here).order_by(reconciliations.c.asked_at.desc()).limit(1)
    row = conn.execute(query).first()
    return _run(row) if row is not None else None


def last_of_each(conn: Connection, endpoints: Iterable[str], since: float) -> tuple[Run, ...]:
    """Give the last run with each partner that ended or stopped; of none that began before ``since``.

    One over dossiers that somebody named says nothing of the others. Read on an index, partner by partner.
    """
    return tuple(run for name in sorted(endpoints) if (run := _last(conn, name, since)) is not None)


def _last(conn: Connection, endpoint: str, since: float) -> Run | None:
    table = reconciliations.c
    here = (table.endpoint == endpoint) & (table.asked_at >= since)
    rows = conn.execute(select(reconciliations).where(here).order_by(table.asked_at.desc()).limit(_LOOKED_BACK))
    runs = (_run(row) for row in rows)
    return next((run for run in runs if run.state != "running" and not run.scope.subjects), None)


def chains_of(conn: Connection, endpoint: str) -> int:
    """Count the chains of a partner."""
    return int(conn.execute(select(func.count()).select_from(chains).where(chains.c.endpoint == endpoint)).scalar_one())


def _run(row: Row[Any]) -> Run:
    counts: dict[str, int] = json.loads(row.counts)
    parts = [(*name.partition("/")[::2], number) for name, number in counts.items()]
    order = list(reconciling.KINDS)
    found = [Group(kind=kind, cause=cause, number=number) for kind, cause, number in parts if kind in order and number]
    same: dict[str, Any] = {name: getattr(row, name) for name in Run.__slots__ if name in row._fields and name != "scope"}
    return Run(
        **same,
        scope=scope_of(row.scope),
        counted={name: number for name, number in counts.items() if name.partition("/")[0] not in reconciling.KINDS},
        groups=tuple(sorted(found, key=lambda each: (order.index(each.kind), -each.number, each.cause))),
    )


# --- findings ----------------------------------------------------------------------------------------------------


def findings(
    conn: Connection, run_id: str, *, kind: str = "", cause: str = "", after: int = 0, limit: int = PAGE
) -> tuple[Finding, ...]:
    """Give a page of a run's findings, in the order in which they were found."""
    table = reconciliation_findings.c
    query = select(reconciliation_findings).where((table.run_id == run_id) & (table.number > after))
    if kind:
        query = query.where(table.kind == kind)
    if cause:
        query = query.where(table.cause == cause)
    return tuple(_finding(row) for row in conn.execute(query.order_by(table.number).limit(limit)))


def chosen(conn: Connection, run_id: str, numbers: tuple[int, ...]) -> tuple[Finding, ...]:
    """Give exactly these findings, of those that there are."""
    table = reconciliation_findings.c
    found: list[Finding] = []
    for start in range(0, len(numbers), 500):
        some = table.number.in_(numbers[start : start + 500])
        rows = conn.execute(select(reconciliation_findings).where((table.run_id == run_id) & some).order_by(table.number))
        found += [_finding(row) for row in rows]
    return tuple(found)


def _finding(row: Row[Any]) -> Finding:
    detail = json.loads(row.detail)
    fields = tuple(Field(**each) for each in detail.pop("fields", ()))
    same: dict[str, Any] = {name: getattr(row, name) for name in Finding.__slots__ if name in row._fields}
    return Finding(**same, fields=fields, about=detail)
