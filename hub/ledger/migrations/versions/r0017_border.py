"""Border documents: where each stands, items and their use, what was said, what an officer must look at; new tables only."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, Text, text

revision = "0017"
down_revision = "0016"

_COUNTER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _documents()
    _items()
    _said()
    _named()


def _index(name: str, table: str, columns: list[str], where: str = "") -> None:
    some = text(where) if where else None
    op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some)


def _documents() -> None:
    op.create_table(
        "border_documents",
        Column("key", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("document", "issuing_country", "importing_country", "number")),
        Column("number_key", Text, nullable=False),
        Column("outgoing", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("partner", "origin", "dossier")),
        Column("version", Integer, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("content_digest", "canonical_digest", "content_message")),
        *(Column(name, Text, nullable=False) for name in ("issued_on", "technical", "technical_code")),
        Column("technical_at", Double),
        *(Column(name, Text, nullable=False) for name in ("hop", "hops", "result")),
        Column("result_at", Double),
        Column("standing", Text, nullable=False),
        Column("cancelled_at", Double),
        *(Column(name, Text, nullable=False) for name in ("supersedes", "superseded_by", "state")),
        *(Column(name, Double) for name in ("available_at", "answer_due", "hop_due", "expires_at", "late_accepted_at")),
        *(Column(name, Double, nullable=False) for name in ("first_at", "updated_at")),
        Column("last_message", Text, nullable=False),
    )
    for name, columns in {
        "border_by_time": [],
        "border_by_state": ["state"],
        "border_by_partner": ["partner"],
        "border_by_partner_state": ["partner", "state"],
        "border_by_document": ["document"],
        "border_by_document_state": ["document", "state"],
    }.items():
        _index(name, "border_documents", [*columns, "updated_at", "key"])
    _index("border_by_number", "border_documents", ["number_key", "document"])
    _index("border_by_dossier", "border_documents", ["dossier"], "dossier <> ''")
    _index("border_answers_due", "border_documents", ["answer_due"], "answer_due IS NOT NULL")
    _index("border_hops_due", "border_documents", ["hop_due"], "hop_due IS NOT NULL")
    _index("border_expiries", "border_documents", ["expires_at"], "expires_at IS NOT NULL")


def _items() -> None:
    op.create_table(
        "border_items",
        Column("key", Text, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("hs_code", Text, nullable=False),
        Column("certified", Text, nullable=False),
    )
    op.create_table(
        "border_uses",
        Column("key", Text, primary_key=True),
        Column("declaration", Text, primary_key=True),
        Column("item", Integer, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("result", "used", "unit", "reason_code", "declared_on")),
        Column("at", Double, nullable=False),
        Column("message_id", Text, nullable=False),
    )


def _said() -> None:
    op.create_table(
        "border_events",
        Column("id", _COUNTER, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("key", "message_id", "endpoint", "event", "detail", "effect")),
        *(Column(name, Double, nullable=False) for name in ("at", "recorded_at")),
        Column("canonical_digest", Text, nullable=False),
    )
    _index("border_events_by_key", "border_events", ["key", "id"])
    _index("border_events_by_message", "border_events", ["message_id"])
    op.create_table(
        "border_marks",
        Column("key", Text, primary_key=True),
        Column("mark", Text, primary_key=True),
        Column("since", Double, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("message_id", "detail")),
        Column("closed_at", Double),
        *(Column(name, Text, nullable=False) for name in ("closed_by", "why")),
    )
    _index("border_marks_open", "border_marks", ["mark", "since", "key"], "closed_at IS NULL")


def _named() -> None:
    op.create_table(
        "border_named",
        Column("number_key", Text, primary_key=True),
        Column("document", Text, primary_key=True),
        Column("dossier", Text, primary_key=True),
        Column("at", Double, nullable=False),
    )
    _index("border_named_by_dossier", "border_named", ["dossier"])
