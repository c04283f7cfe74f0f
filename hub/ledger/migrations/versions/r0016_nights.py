"""Who does the work of the night, in what holders differ by numbers, and how often files were asked for in vain."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, Text

from hub.ledger.migrations import online

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables; what is counted there is counted by the next comparison of each holder."""
    _tries()
    _nights()
    _catalogue()
    online.create_index("procedures_by_change", "procedures", ["owner", "updated_at"])


def _tries() -> None:
    op.create_table(
        "file_tries",
        Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
        Column("tries", Integer, nullable=False),
        Column("at", Double, nullable=False),
    )
    op.create_index("file_tries_by_time", "file_tries", ["at"])


def _nights() -> None:
    op.create_table(
        "nights",
        Column("task", Text, primary_key=True),
        Column("done", Text, nullable=False),
        Column("holder", Text, nullable=False),
        Column("leased_until", Double, nullable=False),
        Column("again_at", Double, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("error", Text, nullable=False),
    )


def _catalogue() -> None:
    op.create_table(
        "catalogue_counts",
        Column("holder", Text, primary_key=True),
        Column("owner", Text, primary_key=True),
        Column("procedures", Integer, nullable=False),
        Column("fields", Integer, nullable=False),
        Column("by_holder", Integer, nullable=False),
        Column("by_owner", Integer, nullable=False),
        Column("since", Double, nullable=False),
    )
    op.create_table(
        "catalogue_held",
        Column("holder", Text, primary_key=True),
        Column("records", Integer, nullable=False),
        Column("unmapped", Integer, nullable=False),
        Column("codes", Text, nullable=False),
    )
    op.create_table(
        "catalogue_changes",
        Column("owner", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("number", Integer, nullable=False),
    )
