"""Numbers that a partner gives a dossier, joined to the dossier's others."""

from __future__ import annotations

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables."""
