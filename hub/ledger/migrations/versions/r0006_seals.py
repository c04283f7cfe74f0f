"""Seals over the journal; nothing of what messages write to is changed, and what is there already is sealed in turn."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, Text, text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables; nobody writes to them yet, so their indexes hinder nobody."""
    op.create_table(
        "seals",
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("at", Double, nullable=False),
        Column("upto", BigInteger, nullable=False),
        Column("leaves", Integer, nullable=False),
        Column("previous", Text, nullable=False),
        Column("root", Text, nullable=False),
        Column("token", LargeBinary),
        Column("stamped_at", Double),
        Column("asked", Integer, nullable=False),
        Column("ask_at", Double, nullable=False),
    )
    op.create_table(
        "seal_leaves",
        Column("seal", Integer, primary_key=True, autoincrement=False),
        Column("position", Integer, primary_key=True, autoincrement=False),
        Column("subject", Text, nullable=False),
        Column("number", Integer, nullable=False),
        Column("hash", Text, nullable=False),
    )
    missing = text("token IS NULL")
    op.create_index("seals_without_token", "seals", ["number"], sqlite_where=missing, postgresql_where=missing)
    op.create_index("seal_leaves_by_subject", "seal_leaves", ["subject", "number"])
