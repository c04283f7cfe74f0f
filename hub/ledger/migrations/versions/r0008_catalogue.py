"""The catalogue of procedures: versions, what holders were seen to hold, differences and work-lists; new tables only."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
