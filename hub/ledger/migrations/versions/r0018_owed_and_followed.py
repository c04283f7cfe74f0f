"""Words that are owed to partners on what they hold for us, and deliveries that are asked about."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, Text, text

from hub.ledger.migrations import online

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the tables, and the index over items that we failed to take."""
    _owed()
    _followed()
    online.create_index("pull_items_failed", "pull_items", ["endpoint", "at"], where="state = 'failed_here'")


def _owed() -> None:
    op.create_table(
        "owed",
        Column("endpoint", Text, primary_key=True),
        Column("number", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("done_at", Double),
        Column("tries", Integer, nullable=False),
        Column("error", Text, nullable=False),
        Column("next_at", Double, nullable=False),
    )
    open_ones = text("done_at IS NULL")
    op.create_index("owed_due", "owed", ["endpoint", "next_at"], sqlite_where=open_ones, postgresql_where=open_ones)
    op.create_index("owed_by_age", "owed", ["endpoint", "made_at"], sqlite_where=open_ones, postgresql_where=open_ones)
    op.create_index("owed_done", "owed", ["endpoint", "done_at"])


def _followed() -> None:
    op.create_table(
        "followed",
        Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
        Column("endpoint", Text, nullable=False),
        Column("number", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("since", Double, nullable=False),
        Column("heard_at", Double),
        Column("tries", Integer, nullable=False),
        Column("error", Text, nullable=False),
        Column("next_at", Double, nullable=False),
        Column("ending", Text, nullable=False),
        Column("ended_at", Double),
    )
    open_ones, given_up = text("ended_at IS NULL"), text("ending = 'given_up'")
    op.create_index("followed_due", "followed", ["endpoint", "next_at"], sqlite_where=open_ones, postgresql_where=open_ones)
    op.create_index("followed_by_age", "followed", ["endpoint", "since"], sqlite_where=open_ones, postgresql_where=open_ones)
    op.create_index("followed_given_up", "followed", ["endpoint", "ended_at"], sqlite_where=given_up, postgresql_where=given_up)
