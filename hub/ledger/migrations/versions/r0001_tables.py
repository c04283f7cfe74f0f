"""The tables of version 0.1.0, which made them without a number of their version: such a ledger is adopted as this revision."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

revision = "0001"
down_revision = None

metadata = MetaData()

Counter = BigInteger().with_variant(Integer, "sqlite")

_STATES = (
    "'held', 'pending', 'queued', 'claimed', 'sending', 'in_doubt', 'waiting', 'parked', 'delivered', 'acknowledged', "
    "'refused_late', 'abandoned'"
)

Table(
    "payloads",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary),
    Column("stored_at", Double, nullable=False),
)

Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("procedure", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("raw_digest", Text, nullable=False),
    Column("signed_digest", Text, nullable=False),
    Column("certificate_digest", Text, nullable=False),
    Column("signature_digest", Text, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_where", Text, nullable=False),
    Column("faults", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("answer_status", Integer, nullable=False),
    Column("answer_type", Text, nullable=False),
    Column("answer_headers", Text, nullable=False),
    Column("answer_digest", Text, nullable=False),
    Column("repeats", Integer, nullable=False),
    Index("messages_by_subject", "subject", "received_at"),
    Index("messages_by_endpoint", "endpoint", "received_at"),
    Index("messages_by_time", "received_at"),
)

Table(
    "identities",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("signed_digest", Text, nullable=False),
    Column("message_id", Text, ForeignKey("messages.id"), nullable=False),
)

Table(
    "dossiers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("procedure", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("native", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_endpoint", Text, nullable=False),
    Column("last_digest", Text, nullable=False),
    Column("last_message", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)

Table(
    "dossier_codes",
    metadata,
    Column("code", Text, primary_key=True),
    Column("key", Text, ForeignKey("dossiers.key"), nullable=False),
    Index("dossier_codes_by_key", "key"),
)

Table(
    "chains",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("next_place", Integer, nullable=False),
    Column("head_place", Integer, nullable=False),
    Column("held", Text, nullable=False),
    Index("chains_by_subject", "subject"),
)

Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("message_id", Text, ForeignKey("messages.id"), nullable=False),
    Column("origin", Text, nullable=False),
    Column("canonical_digest", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("procedure", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("doubt", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fruitless", Integer, nullable=False),
    Column("business_digest", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("native_id", Text, nullable=False),
    Column("answered", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_where", Text, nullable=False),
    Column("error_en", Text, nullable=False),
    Column("error_vi", Text, nullable=False),
    Column("partner_code", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    CheckConstraint(f"state IN ({_STATES})", name="deliveries_state"),
    Index("deliveries_by_chain", "endpoint", "subject", "place", unique=True),
    Index("deliveries_by_due", "endpoint", "state", "due_at"),
    Index("deliveries_by_lease", "state", "lease_until"),
    Index("deliveries_by_message", "message_id"),
    Index("deliveries_by_subject", "subject"),
    Index("deliveries_by_native_id", "endpoint", "native_id"),
)

Table(
    "attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("business_digest", Text, nullable=False),
    Column("sent_digest", Text, nullable=False),
    Column("reply_digest", Text, nullable=False),
    Column("reply_status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("partner_code", Text, nullable=False),
    Column("text", Text, nullable=False),
)

Table(
    "journal",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("subject", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_by_subject", "subject", "number", unique=True),
)

Table(
    "journal_heads",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)

Table(
    "notices",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("endpoint", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("vi", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("taken_at", Double),
    Index("notices_by_endpoint", "endpoint", "seq"),
    Index("notices_by_message", "message_id"),
)

Table(
    "endpoint_states",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("open_until", Double, nullable=False),
)

Table(
    "procedures",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)

Table(
    "holdings",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)

Table(
    "plans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("chosen_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("run_at", Double),
)

Table(
    "plan_items",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("delivery_id", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("skip", Text, nullable=False),
    Column("result", Text, nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind())
