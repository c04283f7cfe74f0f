"""Tables of words between partners and us: what we still owe them on what they hold for us, and what we still ask them.

Times are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, Text, text

from hub.ledger.tables import metadata

__all__ = ["followed", "metadata", "owed"]

#: Our word on each thing that a partner holds until it has that word; written with the message in one commit.
owed = Table(
    "owed",
    metadata,
    Column("endpoint", Text, primary_key=True),
    #: The partner's number of it.
    Column("number", Text, primary_key=True),
    #: taken, warned or failed (``contract.Owed``), and what goes with it.
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    #: The message, accepted or refused; empty: it came before under another number.
    Column("message_id", Text, nullable=False),
    #: Of what the list said, so that other content under the same number is noticed; empty: not known.
    Column("digest", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    #: When the partner had it; None: it is still owed.
    Column("done_at", Double),
    #: Tries that failed, why the last did, and when the next one is.
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("next_at", Double, nullable=False),
    Index(
        "owed_due",
        "endpoint",
        "next_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    #: Since when the oldest is owed.
    Index(
        "owed_by_age",
        "endpoint",
        "made_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index("owed_done", "endpoint", "done_at"),
)

#: Deliveries of which the partner is asked what became of them; written with the receipt in one commit.
followed = Table(
    "followed",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("endpoint", Text, nullable=False),
    #: The partner's number of it.
    Column("number", Text, nullable=False),
    #: The partner's last word, exact; empty: none yet.
    Column("state", Text, nullable=False),
    Column("since", Double, nullable=False),
    #: When that word was first heard; None: never.
    Column("heard_at", Double),
    #: Questions since then, why the last one brought nothing (empty: the same word again), and when the next one is.
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("next_at", Double, nullable=False),
    #: How it ended (final, given_up) and when; empty: it is still asked about.
    Column("ending", Text, nullable=False),
    Column("ended_at", Double),
    Index(
        "followed_due",
        "endpoint",
        "next_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "followed_by_age",
        "endpoint",
        "since",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "followed_given_up",
        "endpoint",
        "ended_at",
        sqlite_where=text("ending = 'given_up'"),
        postgresql_where=text("ending = 'given_up'"),
    ),
)
