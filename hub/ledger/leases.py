"""Leases: who does something that one process at a time may do, and until when it is taken to be alive (columns of a row)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, update
from sqlalchemy.engine import Row

#: Nobody's.
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The columns of a table's rows that say so; ``holder`` None: whoever has the row's work is known by something else."""

    table: Table
    until: Column[Any]
    holder: Column[Any] | None = None

    def held(self, holder: str, until: float) -> dict[str, Any]:
        """Give the values of a row that somebody holds until then."""
        return {self.until.name: until} | ({self.holder.name: holder} if self.holder is not None else {})

    @property
    def given_back(self) -> dict[str, Any]:
        """Give the values of a row that nobody holds."""
        return self.held(NOBODY, 0.0)

    def is_free(self, holder: str, now: float) -> ColumnElement[bool]:
        """Say of rows, in SQL, whether this one may take them: they are its own, nobody's, or of one that is taken for dead."""
        over = self.until <= now
        return over if self.holder is None else (self.holder == holder) | over

    def is_anothers(self, row: Row[Any], holder: str, now: float, *, longest: float) -> bool:
        """Say of a row that is locked whether somebody else has it; ``longest``: no lease is given for longer."""
        if self.holder is not None and row._mapping[self.holder.name] in (NOBODY, holder):
            return False
        # A lease that is further away was written by a clock that was wrong.
        return bool(0 < row._mapping[self.until.name] - now <= longest)

    def take(self, conn: Connection, here: ColumnElement[bool], holder: str, *, now: float, seconds: float) -> bool:
        """Take a row, where it is free; say whether it was."""
        taken = update(self.table).where(here & self.is_free(holder, now)).values(**self.held(holder, now + seconds))
        return bool(conn.execute(taken).rowcount)

    def change(self, conn: Connection, here: ColumnElement[bool], holder: str, values: Mapping[str, Any]) -> bool:
        """Write to a row that this one holds; False where somebody has taken it meanwhile."""
        mine = here if self.holder is None else here & (self.holder == holder)
        return bool(conn.execute(update(self.table).where(mine).values(**values)).rowcount)

    def keep(self, conn: Connection, here: ColumnElement[bool], holder: str, *, now: float, seconds: float) -> bool:
        """Keep a row for longer; False where somebody has taken it meanwhile."""
        return self.change(conn, here, holder, self.held(holder, now + seconds))

    def give_back(
        self, conn: Connection, here: ColumnElement[bool], holder: str, values: Mapping[str, Any] = MappingProxyType({})
    ) -> bool:
        """Give a row back, with what else is to be written to it; False where somebody has taken it meanwhile."""
        return self.change(conn, here, holder, {**self.given_back, **values})
