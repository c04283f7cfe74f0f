"""Tables of what lies ready for partners that fetch it themselves: at a door that they poll, or as a file in a folder.

Times are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from hub.ledger.tables import metadata

__all__ = ["file_numbers", "metadata", "outbox"]

#: One row for each delivery that was laid out or given, until another one of its endpoint is laid out after it ended.
outbox = Table(
    "outbox",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    #: Of the delivery, when it was laid out or given: what was sent again since was not laid out yet.
    Column("epoch", Integer, nullable=False),
    #: The file's name; empty at a door.
    Column("name", Text, nullable=False),
    Column("laid_at", Double, nullable=False),
    #: When the partner was given it for the first time, and how often by now.
    Column("given_at", Double),
    Column("times", Integer, nullable=False),
    #: It is not given again before this.
    Column("hidden_until", Double, nullable=False),
    Index("outbox_by_endpoint", "endpoint"),
)

#: The last number that stands in the name of a file for an endpoint.
file_numbers = Table(
    "file_numbers",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)
