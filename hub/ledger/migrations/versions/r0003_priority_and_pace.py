"""What is due goes by priority, doubts count their questions, and an endpoint's share of calls has an end."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Integer

from hub.ledger.migrations import online

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; what is there already is of the usual priority, and was never asked about."""
    op.add_column("deliveries", Column("priority", Integer, nullable=False, server_default="1"))
    op.add_column("deliveries", Column("inquiries", Integer, nullable=False, server_default="0"))
    op.add_column("endpoint_states", Column("paced_until", Double, nullable=False, server_default="0"))
    online.replace_index("deliveries_by_due", "deliveries", ["endpoint", "state", "priority", "due_at"])
