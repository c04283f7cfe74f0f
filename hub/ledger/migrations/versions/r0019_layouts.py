"""Long texts that several bodies contain are kept once; what is there already stays as it is."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the column, and the table of who needs a text."""
    op.add_column("payloads", Column("layout", Text))
    op.create_table(
        "long_texts",
        Column("digest", Text, primary_key=True),
        Column("used_by", Text, primary_key=True),
    )
