"""What lies ready for partners that fetch it, and the numbers in the names of their files; new tables only."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Integer, Text

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "outbox",
        Column("delivery_id", Text, primary_key=True),
        Column("endpoint", Text, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("laid_at", Double, nullable=False),
        Column("given_at", Double),
        Column("times", Integer, nullable=False),
        Column("hidden_until", Double, nullable=False),
    )
    op.create_index("outbox_by_endpoint", "outbox", ["endpoint"])
    op.create_table(
        "file_numbers",
        Column("endpoint", Text, primary_key=True),
        Column("last", Integer, nullable=False),
    )
