"""How far each endpoint's own lists were pulled; new tables only."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Integer, Text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pulls",
        Column("endpoint", Text, primary_key=True),
        Column("list", Text, primary_key=True),
        Column("cursor", Text, nullable=False),
        Column("holder", Text, nullable=False),
        Column("leased_until", Double, nullable=False),
        Column("next_at", Double, nullable=False),
        Column("pulled_at", Double),
        Column("failures", Integer, nullable=False),
        Column("error", Text, nullable=False),
    )
    op.create_table(
        "pull_items",
        Column("endpoint", Text, primary_key=True),
        Column("identity", Text, primary_key=True),
        Column("digest", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("error", Text, nullable=False),
        Column("at", Double, nullable=False),
    )
    op.create_index("pull_items_by_age", "pull_items", ["endpoint", "at"])
