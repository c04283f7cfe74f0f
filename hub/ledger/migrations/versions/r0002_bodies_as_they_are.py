"""PostgreSQL keeps bodies as they are: compressing base64 costs five times what writing it does, and gains little."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Say how the column is stored; what is there already stays as it is."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE payloads ALTER COLUMN body SET STORAGE EXTERNAL")
