"""Code lists: rows of the ledger over the files' over the package's, what is missing, and which deliveries wait for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.engine import Row

from hub.canonical.codes import CodeRow, CodeTables
from hub.ledger.sql import Statement
from hub.ledger.tables import deliveries
from hub.ledger.working_tables import code_lists, code_rows
from hub.registers.failures import Cause
from hub.rules.lifecycle import State

SHIPPED, FILE, LEDGER = "shipped", "file", "ledger"
#: Begins ``error_where`` of a delivery that a code list's entry is missing for (hub.canonical.codes.CodeTables.translate).
PLACE = "codes/"
#: Codes that are missing shown at most; the fullest first.
MOST_MISSING = 200

_GENERATIONS = Statement(select(code_lists.c.name, code_lists.c.generation))
_ROWS = Statement(
    select(code_rows).where(code_rows.c.list_name == bindparam("of_list")).order_by(code_rows.c.code, code_rows.c.valid_from)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRow:
    """One row of a code list, and where it comes from."""

    code: str
    value: str
    name: str
    valid_from: date | None
    valid_to: date | None
    #: SHIPPED, FILE or LEDGER.
    origin: str
    #: A row of the ledger, or of a file over the package's, stands over it, on some of its days or on all.
    covered: bool = False
    #: False: "chưa đối chiếu".
    corroborated: bool = True
    type: str = ""
    note: str = ""
    #: Of a row of the ledger: when, by whom, why.
    changed_at: float | None = None
    changed_by: str = ""
    why: str = ""

    @property
    def row(self) -> CodeRow:
        """Give what translators read."""
        return CodeRow(self.code, self.value, self.name, self.valid_from, self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A code for which deliveries stand still."""

    list_name: str
    code: str
    parked: int
    #: Since when the first of them stands still.
    first_at: float
    endpoints: tuple[str, ...]
    #: Names of the failure groups: what a plan rebuilds.
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSummary:
    """One code list."""

    name: str
    file_rows: int
    ledger_rows: int
    #: Rows of the package's own list.
    shipped_rows: int
    changed_at: float | None
    changed_by: str
    #: Endpoints whose options name it, or that its places lead to.
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """All code lists, and what is missing in them."""

    lists: tuple[ListSummary, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """Rows of one code list."""

    name: str
    rows: tuple[MappedRow, ...]
    #: There are more rows than were asked for.
    more: bool
    used_by: tuple[str, ...]
    missing: tuple[Missing, ...]


# --- the ledger's rows -------------------------------------------------------------------------------------------


def generations(conn: Connection) -> dict[str, int]:
    """Give each list that the ledger has rows of, or had, with the number of its changes."""
    return {row.name: row.generation for row in _GENERATIONS.run(conn)}


def laid(conn: Connection, list_name: str) -> tuple[MappedRow, ...]:
    """Give the ledger's rows of a list, by code and first day."""
    return tuple(mapped(row) for row in _ROWS.run(conn, of_list=list_name))


def mapped(row: Any) -> MappedRow:
    """Give a row of the table as it is shown."""
    return MappedRow(
        code=row.code,
        value=row.value,
        name=row.name,
        valid_from=_day(row.valid_from),
        valid_to=_day(row.valid_to),
        origin=LEDGER,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        why=row.why,
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def changes(conn: Connection) -> dict[str, tuple[float, str]]:
    """Say of each list that the ledger knows when it was changed last, and by whom."""
    return {row.name: (row.changed_at, row.changed_by) for row in conn.execute(select(code_lists))}


# --- laying over -------------------------------------------------------------------------------------------------


def merged(
    files: Mapping[str, Sequence[CodeRow]],
    ledger: Mapping[str, Sequence[CodeRow]],
    shipped: Mapping[str, Sequence[CodeRow]] = MappingProxyType({}),
) -> CodeTables:
    """Lay rows over rows: on days on which two have a code, the upper one is found first."""
    names = dict.fromkeys((*files, *ledger, *shipped))
    return CodeTables({name: (*ledger.get(name, ()), *files.get(name, ()), *shipped.get(name, ())) for name in names})


def shown(
    files: Sequence[CodeRow], ledger: Sequence[MappedRow], shipped: Sequence[CodeRow] = ()
) -> tuple[MappedRow, ...]:
    """List the rows of all, by code and first day, and say over which rows another stands."""
    over: dict[str, list[CodeRow | MappedRow]] = {}
    for row in ledger:
        over.setdefault(row.code, []).append(row)
    middle = [_below(row, FILE, over) for row in files]
    for file_row in files:
        over.setdefault(file_row.code, []).append(file_row)
    lowest = [_below(row, SHIPPED, over) for row in shipped]
    return tuple(sorted((*ledger, *middle, *lowest), key=lambda row: (row.code, row.valid_from or date.min, row.origin)))


def _below(row: CodeRow, origin: str, over: Mapping[str, Sequence[CodeRow | MappedRow]]) -> MappedRow:
    return MappedRow(
        code=row.code,
        value=row.value,
        name=row.name,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        origin=origin,
        covered=any(overlaps(row, each) for each in over.get(row.code, ())),
        corroborated=row.corroborated,
        type=row.type,
        note=row.note,
    )


def overlaps(one: CodeRow | MappedRow, other: CodeRow | MappedRow) -> bool:
    """Say whether two rows hold on a same day."""
    first, second = _days(one), _days(other)
    return first[0] < second[1] and second[0] < first[1]


def _days(row: CodeRow | MappedRow) -> tuple[date, date]:
    return row.valid_from or date.min, row.valid_to or date.max


def flattened(files: Iterable[CodeRow], ledger: Sequence[CodeRow]) -> Iterator[CodeRow]:
    """Give the rows that a file must have so that it says what both say together: no code means two things on a day."""
    yield from (left for row in files for left in _left(row, [each for each in ledger if each.code == row.code]))
    yield from ledger


def _left(row: CodeRow, over: Sequence[CodeRow]) -> Iterator[CodeRow]:
    """Give what is left of a row below others: the days that none of them holds on."""
    left = [row]
    for each in over:
        left = [part for before in left for part in _without(before, each)]
    yield from left


def _without(row: CodeRow, over: CodeRow) -> Iterator[CodeRow]:
    if not overlaps(row, over):
        yield row
        return
    (begins, ends), (begin, end) = _days(row), _days(over)
    if begins < begin:
        yield replace(row, valid_to=over.valid_from)
    if end < ends:
        yield replace(row, valid_from=over.valid_to)


# --- what is missing ---------------------------------------------------------------------------------------------


def missing(
    conn: Connection, *, list_name: str = "", code: str = "", scope: Collection[str] | None = None
) -> tuple[Missing, ...]:
    """List the codes for which deliveries stand still, those for which most do first.

    ``scope``: only deliveries from or to these endpoints count.
    """
    what = (deliveries.c.kind + "/" + deliveries.c.event).label("what")
    keys = (deliveries.c.error_where, deliveries.c.endpoint, deliveries.c.partner_code, what)
    here = (deliveries.c.state == State.PARKED.value) & (deliveries.c.error_code == "no_mapping")
    if list_name:
        place = f"{PLACE}{list_name}/{code}"
        where = deliveries.c.error_where
        here &= where == place if code else where.startswith(place, autoescape=True)
    if scope is not None:
        here &= deliveries.c.endpoint.in_(scope) | deliveries.c.origin.in_(scope)
    counted = select(*keys, func.count().label("number"), func.min(deliveries.c.updated_at).label("first_at"))
    found: dict[str, list[Row[Any]]] = {}
    for row in conn.execute(counted.where(here).group_by(*keys)):
        if row.error_where.startswith(PLACE):
            found.setdefault(row.error_where, []).append(row)
    listed = sorted((_missing(where, rows) for where, rows in found.items()), key=lambda each: (-each.parked, each.code))
    return tuple(listed[:MOST_MISSING])


def _missing(where: str, rows: Sequence[Row[Any]]) -> Missing:
    list_name, _, code = where.removeprefix(PLACE).partition("/")
    causes = (
        Cause(
            state=State.PARKED.value,
            error_code="no_mapping",
            endpoint=row.endpoint,
            partner_code=row.partner_code,
            what=row.what,
            error_where=where,
        )
        for row in rows
    )
    return Missing(
        list_name=list_name,
        code=code,
        parked=sum(row.number for row in rows),
        first_at=min(row.first_at for row in rows),
        endpoints=tuple(sorted({row.endpoint for row in rows})),
        groups=tuple(sorted({cause.group for cause in causes})),
    )
