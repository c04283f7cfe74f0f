"""Tables of lists that partners keep for us: how far each was pulled, by whom, and what of it could not be taken.

Times are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, Text, text

from hub.ledger.tables import metadata

__all__ = ["metadata", "pull_items", "pulls"]

#: One row for each list of an endpoint; the row is the lease, too.
pulls = Table(
    "pulls",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("list", Text, primary_key=True),
    #: Where to go on, in the adapter's own words.
    Column("cursor", Text, nullable=False),
    #: The process that pulls, until its lease ends; empty = nobody.
    Column("holder", Text, nullable=False),
    Column("leased_until", Double, nullable=False),
    #: Not before this.
    Column("next_at", Double, nullable=False),
    #: When a list was last taken to its end.
    Column("pulled_at", Double),
    #: Rounds that failed since, and why the last did.
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
)

#: What a list has and the hub could not take; what it could take is in ``identities``.
pull_items = Table(
    "pull_items",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    #: Of what the list said: the same is not tried again, something else is.
    Column("digest", Text, primary_key=True),
    #: ``turned_away`` (refused at the door), ``waiting`` (its files could not be fetched yet) or ``failed_here`` (we failed).
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("pull_items_by_age", "endpoint", "at"),
    Index(
        "pull_items_failed",
        "endpoint",
        "at",
        sqlite_where=text("state = 'failed_here'"),
        postgresql_where=text("state = 'failed_here'"),
    ),
)
