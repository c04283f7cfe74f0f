"""What statistics count by: facts beside dossiers and deliveries, and reports that were made."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, Text

from hub.ledger.migrations import online

revision = "0010"
down_revision = "0009"

_TEXTS = ("agency_code", "agency_name", "field_code", "field_name", "channel", "result_mark")
_MOMENTS = (
    "submitted_at",
    "received_at",
    "due_at",
    "first_due_at",
    "done_at",
    "returned_at",
    "closed_at",
    "ended_at",
    "asked_at",
    "answered_at",
    "due_moved_at",
)
_NUMBERS = ("supplements", "due_moves", "due_moves_explained", "due_moves_late", "flags")


def upgrade() -> None:
    """Make the columns, the tables and the indexes; ``lienthong statistics fill`` fills what was there before."""
    for name in _TEXTS:
        _add("dossiers", Column(name, Text, nullable=False, server_default=""))
    for name in _MOMENTS:
        _add("dossiers", Column(name, Double))
    for name in _NUMBERS:
        _add("dossiers", Column(name, Integer, nullable=False, server_default="0"))
    _add("deliveries", Column("happened_at", Double))
    _reports()
    # Last: building an index ends the transaction, and all before it is there already when this is begun again.
    online.create_index("dossiers_by_end", "dossiers", ["ended_at", "received_at"])
    online.create_index("dossiers_by_service", "dossiers", ["procedure", "channel", "received_at"])


def _add(table: str, column: Column[Any]) -> None:
    """Add a column; SQLite, which does not know IF NOT EXISTS here, does the whole revision in one transaction."""
    op.add_column(table, column, if_not_exists=True if op.get_bind().dialect.name == "postgresql" else None)


def _reports() -> None:
    op.create_table(
        "statistic_reports",
        Column("id", Text, primary_key=True),
        Column("form", Text, nullable=False),
        Column("period", Text, nullable=False),
        Column("agency", Text, nullable=False),
        Column("definition", Text, nullable=False),
        Column("as_of", Double, nullable=False),
        Column("computed_at", Double, nullable=False),
        Column("actor", Text, nullable=False),
        Column("looked", Integer, nullable=False),
        Column("body", Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "statistic_rows",
        Column("report_id", Text, ForeignKey("statistic_reports.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("origin", Text, nullable=False),
        Column("owner", Text, nullable=False),
        Column("agency_code", Text, nullable=False),
        Column("agency_name", Text, nullable=False),
        Column("field_code", Text, nullable=False),
        Column("field_name", Text, nullable=False),
        Column("level", Integer, nullable=False),
        Column("channel", Text, nullable=False),
        *(Column(name, Integer, nullable=False) for name in ("c4", "c5", "c6", "c8", "c9", "c10", "c12", "c13")),
        Column("without_due", Integer, nullable=False),
        Column("waiting", Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "statistic_marks",
        Column("name", Text, primary_key=True),
        Column("upto", Text, nullable=False),
        Column("at", Double, nullable=False),
        if_not_exists=True,
    )
    by_form = ["form", "agency", "period", "computed_at"]
    op.create_index("statistic_reports_by_form", "statistic_reports", by_form, if_not_exists=True)
    op.create_index("statistic_reports_by_time", "statistic_reports", ["computed_at"], if_not_exists=True)
    by_owner = ["report_id", "owner", "agency_code"]
    op.create_index("statistic_rows_by_owner", "statistic_rows", by_owner, if_not_exists=True)
