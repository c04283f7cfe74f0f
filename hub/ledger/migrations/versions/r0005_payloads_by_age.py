"""Retention finds the bytes that are old enough by an index; those that it has deleted are not in it."""

from __future__ import annotations

from hub.ledger.migrations import online

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Build the index beside the writers."""
    online.create_index("payloads_by_age", "payloads", ["kept_for", "named_at"], where="body IS NOT NULL")
