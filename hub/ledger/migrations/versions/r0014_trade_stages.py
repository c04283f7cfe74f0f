"""Where a trade dossier stands, which versions of its content there are, and when its next business answer is due."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Text

from hub.ledger.migrations import online

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the columns, then the index; no row is filled: what was known before is judged by its status."""
    again = True if op.get_bind().dialect.name == "postgresql" else None
    for name in ("trade_stage", "trade_course"):
        op.add_column("dossiers", Column(name, Text, nullable=False, server_default=""), if_not_exists=again)
    op.add_column("dossiers", Column("answer_due", Double), if_not_exists=again)
    # Last: building an index ends the transaction, and all before it is there already when this is begun again.
    online.create_index("dossiers_by_answer_due", "dossiers", ["answer_due"], where="answer_due IS NOT NULL")
