"""Files that partners give, by digest; and of all bytes what they are kept for, and when a row last named them."""

from __future__ import annotations

import time

from alembic import op
from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, Text, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add tables and columns; what is there already is proof, and counts as named today: nobody wrote down when it was."""
    op.add_column("payloads", Column("named_at", Double, nullable=False, server_default=f"{time.time():.0f}"))
    op.add_column("payloads", Column("kept_for", Integer, nullable=False, server_default="1"))
    op.add_column("payloads", Column("deleted_at", Double))
    op.create_table(
        "attachments",
        Column("digest", Text, primary_key=True),
        Column("size", BigInteger, nullable=False),
        Column("stored_at", Double, nullable=False),
        Column("used_at", Double, nullable=False),
        Column("deleted_at", Double),
    )
    op.create_table(
        "attachment_givers",
        Column("digest", Text, ForeignKey("attachments.digest"), primary_key=True),
        Column("endpoint", Text, primary_key=True),
        Column("given_at", Double, nullable=False),
    )
    op.create_table(
        "attachment_uses",
        Column("digest", Text, ForeignKey("attachments.digest"), primary_key=True),
        Column("message_id", Text, ForeignKey("messages.id"), primary_key=True),
    )
    # Nobody writes to these tables yet, so their indexes hinder nobody.
    there = text("deleted_at IS NULL")
    op.create_index("attachments_by_age", "attachments", ["used_at"], sqlite_where=there, postgresql_where=there)
    op.create_index("attachment_uses_by_message", "attachment_uses", ["message_id"])
