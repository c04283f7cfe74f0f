"""Those who work with the hub: people, plans that run in steps, corrections, codes, alerts; new tables only, and indexes."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables, one step for each of hub/ledger/working_tables.py."""
