"""The work of the night: what of it is done, and which process is at it.

Days and months are texts like 2026-03-02 and 2026-03; times are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, Table, Text

from hub.ledger.tables import metadata

__all__ = ["metadata"]

#: One row for each task.
nights = Table(
    "nights",
    metadata,
    Column("task", Text, primary_key=True),
    #: For which day or month it was done last.
    Column("done", Text, nullable=False),
    #: Who is at it, and until when that holds if nothing is heard.
    Column("holder", Text, nullable=False),
    Column("leased_until", Double, nullable=False),
    #: After a failure: not before; how many failures in a row, and the last one's code.
    Column("again_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
)
