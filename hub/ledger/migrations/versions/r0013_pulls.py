"""How far each endpoint's own lists were pulled; new tables only."""

from __future__ import annotations

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables."""
