"""Reconciliations of dossiers with what partners hold; new tables only."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, Text, text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables; nobody writes to them yet, so their indexes hinder nobody."""
    _runs()
    _findings()


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _runs() -> None:
    op.create_table(
        "reconciliations",
        Column("id", Text, primary_key=True),
        *_texts("endpoint", "state", "scope", "night", "actor", "why"),
        Column("asked_at", Double, nullable=False),
        Column("ended_at", Double),
        Column("changed_by", Text, nullable=False),
        Column("changed_at", Double, nullable=False),
        *_texts("note_en", "note_vi", "phase", "cursor", "threshold"),
        Column("total", Integer, nullable=False),
        Column("seen", Integer, nullable=False),
        Column("counts", Text, nullable=False),
        Column("findings", Integer, nullable=False),
        Column("calls", Integer, nullable=False),
        Column("paced_until", Double, nullable=False),
        Column("troubles", Integer, nullable=False),
        Column("unanswered", Integer, nullable=False),
        Column("again_at", Double, nullable=False),
        Column("holder", Text, nullable=False),
        Column("lease_until", Double, nullable=False),
    )
    running, nightly = text("state = 'running'"), text("night <> ''")
    op.create_index("reconciliations_by_time", "reconciliations", ["asked_at"])
    op.create_index("reconciliations_by_endpoint", "reconciliations", ["endpoint", "asked_at"])
    one: dict[str, Any] = {"unique": True, "sqlite_where": running, "postgresql_where": running}
    op.create_index("reconciliations_running", "reconciliations", ["endpoint"], **one)
    one = {"unique": True, "sqlite_where": nightly, "postgresql_where": nightly}
    op.create_index("reconciliations_nightly", "reconciliations", ["endpoint", "night"], **one)


def _findings() -> None:
    op.create_table(
        "reconciliation_findings",
        Column("run_id", Text, ForeignKey("reconciliations.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        *_texts("subject", "code", "kind", "cause", "mending", "delivery_id"),
        Column("next_place", Integer, nullable=False),
        *_texts("detail", "evidence_digest", "receipt_digest"),
        Column("looked_at", Double, nullable=False),
        *_texts("mended_by", "plan_id"),
    )
    op.create_index("reconciliation_findings_by_kind", "reconciliation_findings", ["run_id", "kind", "cause", "number"])
    op.create_index("reconciliation_findings_of", "reconciliation_findings", ["run_id", "subject", "code"], unique=True)
