"""Addresses under which partners fetch files; new tables only."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, Text, text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "file_links",
        Column("id", Text, primary_key=True),
        Column("delivery_id", Text, ForeignKey("deliveries.id"), nullable=False),
        Column("endpoint", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("item", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("digest", Text, ForeignKey("attachments.digest"), nullable=False),
        Column("kind", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("expires_at", Double, nullable=False),
        Column("most_fetches", Integer, nullable=False),
        Column("fetches", Integer, nullable=False),
        Column("whole", Integer, nullable=False),
        Column("last_fetched_at", Double),
        Column("ended_at", Double),
        Column("ended_by", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_table(
        "fetched_files",
        Column("subject", Text, primary_key=True),
        Column("source", Text, primary_key=True),
        Column("digest", Text, ForeignKey("attachments.digest"), nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("fetched_at", Double, nullable=False),
    )
    # Nobody writes to these tables yet, so their indexes hinder nobody.
    new = text("whole = 0")
    op.create_index("file_links_by_delivery", "file_links", ["delivery_id"])
    op.create_index("file_links_by_subject", "file_links", ["subject", "made_at"])
    op.create_index("file_links_by_endpoint", "file_links", ["endpoint", "made_at"])
    op.create_index("file_links_not_fetched", "file_links", ["endpoint", "made_at"], sqlite_where=new, postgresql_where=new)
    op.create_index("file_links_by_digest", "file_links", ["digest"])
    op.create_index("file_links_by_end", "file_links", ["expires_at"])
    op.create_index("fetched_files_by_time", "fetched_files", ["fetched_at"])
