"""The dossiers that a report of a period is about, read one after the other, and what catalogues say of their procedures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, true

from hub.ledger.tables import dossiers, procedures
from hub.registers import service_levels
from hub.rules import procedure_facts
from hub.rules.dossier_facts import COLUMNS, Facts
from hub.rules.statistics.form import Span, below, owner_of

#: Rows that the database hands over at a time.
_PORTION = 2000


@dataclass(frozen=True, slots=True)
class Case:
    """One dossier that was received and may have been open in the period."""

    key: str
    origin: str
    procedure: str
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a catalogue says of a procedure."""

    owner: str
    code: str
    name: str
    #: None: nobody has said.
    level: int | None
    #: Working days that it may take; None: it does not say.
    days: int | None
    fee: bool
    #: It names a result.
    result: bool


class Services:
    """What catalogues say of procedures; a province may have one under the same code as the ministry that owns it."""

    def __init__(self, listed: Iterable[Service]) -> None:
        self.listed = tuple(listed)
        self._own = {(each.owner, each.code): each for each in self.listed}
        self._any = {each.code: each for each in reversed(self.listed)}

    def of(self, agency: str, procedure: str) -> Service | None:
        """Give what the agency's own ministry or province says of a procedure, else what anybody does."""
        return self._own.get((owner_of(agency), procedure)) or self._any.get(procedure)

    def of_owner(self, agency: str) -> list[Service]:
        """List what an agency's ministry or province has; all, where none is named."""
        return [each for each in self.listed if not agency or each.owner == owner_of(agency)]


def of_agency(column: ColumnElement[str], agency: str) -> ColumnElement[bool]:
    """Say which codes are an agency's or below it, in either form of codes."""
    if not agency:
        return true()
    inside = (column.startswith(f"{agency}.", autoescape=True), column.endswith(f".{agency}", autoescape=True))
    return or_(column == agency, *inside)


def of_dossiers(agency: str, places: Mapping[str, str]) -> ColumnElement[bool]:
    """Say which dossiers are an agency's; ``places``: endpoint -> its agency, for dossiers that do not say theirs."""
    if not agency:
        return true()
    here = sorted(name for name, code in places.items() if code and below(code, agency))
    untold = (dossiers.c.agency_code == "") & dossiers.c.origin.in_(here)
    return or_(of_agency(dossiers.c.agency_code, agency), untold)


def cases(conn: Connection, span: Span, agency: str, places: Mapping[str, str]) -> Iterator[Case]:
    """Give the dossiers that were received before the end, and had not ended before the beginning; never test dossiers.

    One that does not say its agency is counted with that of the endpoint which made it known (``places``).
    """
    counted = ("key", "origin", "procedure", *COLUMNS)
    open_then = or_(dossiers.c.ended_at.is_(None), dossiers.c.ended_at >= span.begin)
    here = open_then & (dossiers.c.received_at < span.until) & dossiers.c.test.is_(False)
    query = select(*(dossiers.c[name] for name in counted)).where(here & of_dossiers(agency, places))
    for row in conn.execute(query.execution_options(yield_per=_PORTION)):
        origin = row[1]
        facts = Facts(**dict(zip(COLUMNS, row[3:], strict=True)))
        if not facts.agency_code:
            facts = replace(facts, agency_code=places.get(origin, ""))
        yield Case(row[0], origin, row[2], facts)


def services(conn: Connection, day: date) -> Services:
    """Give what catalogues say of each procedure in use on a day."""
    found: list[Service] = []
    levels: dict[str, Mapping[str, int | None]] = {}
    rows = conn.execute(select(procedures.c.owner, procedures.c.code, procedures.c.record).order_by(procedures.c.owner))
    for row in rows.fetchall():
        tree = json.loads(row.record)
        read = procedure_facts.read(tree)
        if not read.active:
            continue
        if row.owner not in levels:
            levels[row.owner] = service_levels.levels(conn, row.owner, day)
        found.append(
            Service(
                owner=row.owner,
                code=row.code,
                name=read.name,
                level=levels[row.owner].get(row.code),
                days=None if read.days is None else max(1, round(read.days)),
                fee=read.fee,
                result=_names_result(tree),
            )
        )
    return Services(found)


def _names_result(tree: Any) -> bool:
    details = tree.get("details") if isinstance(tree, dict) else None
    results = details.get("KETQUATHUCHIEN") if isinstance(details, dict) else None
    return isinstance(results, list) and any(isinstance(each, dict) and each.get("TENKETQUA") for each in results)
