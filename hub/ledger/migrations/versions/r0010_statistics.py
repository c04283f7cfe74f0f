"""What statistics count by: facts beside dossiers and messages, and reports that were made."""

from __future__ import annotations

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables."""
