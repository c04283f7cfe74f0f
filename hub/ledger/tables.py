"""The tables of the ledger (SQLAlchemy Core), the same on SQLite and PostgreSQL.

Moments are seconds since 1970 UTC as a double; JSON is text that we wrote. Payload bytes stand in one table by digest
(Claim Check), so that retention can delete them and nothing else.
"""

from __future__ import annotations

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
    false,
    text,
)

from hub.rules.lifecycle import State

metadata = MetaData()

#: SQLite only counts up by itself on INTEGER PRIMARY KEY.
Counter = BigInteger().with_variant(Integer, "sqlite")

_STATES = ", ".join(f"'{state.value}'" for state in State)

payloads = Table(
    "payloads",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    #: NULL once retention has deleted the bytes; the digest stays. Without the long texts that the layout names.
    Column("body", LargeBinary),
    #: Where which long text belongs (hub.ledger.layouts); NULL where the body has all of its bytes.
    Column("layout", Text),
    Column("stored_at", Double, nullable=False),
    #: When a row last named them, right to the day: whoever names bytes stores them (see hub.ledger.payloads).
    Column("named_at", Double, nullable=False),
    #: What they are kept for (hub.rules.retention.Kept), the longest of all who stored them.
    Column("kept_for", Integer, nullable=False),
    #: When retention deleted the bytes; NULL while they are there.
    Column("deleted_at", Double),
    Index(
        "payloads_by_age",
        "kept_for",
        "named_at",
        sqlite_where=text("body IS NOT NULL"),
        postgresql_where=text("body IS NOT NULL"),
    ),
)

#: Which bodies a long text belongs to: it is deleted after them.
long_texts = Table(
    "long_texts",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("used_by", Text, primary_key=True),
)

messages = Table(
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
    #: Bytes as they came at the door, and the signed part that went on.
    Column("raw_digest", Text, nullable=False),
    Column("signed_digest", Text, nullable=False),
    Column("certificate_digest", Text, nullable=False),
    #: A detached signature that came beside the document, as it came.
    Column("signature_digest", Text, nullable=False),
    #: JSON list of digests of canonical messages.
    Column("canonical", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_where", Text, nullable=False),
    #: JSON list of faults.
    Column("faults", Text, nullable=False),
    #: JSON list of warnings, e.g. a step that the table does not know.
    Column("warnings", Text, nullable=False),
    Column("answer_status", Integer, nullable=False),
    Column("answer_type", Text, nullable=False),
    Column("answer_headers", Text, nullable=False),
    Column("answer_digest", Text, nullable=False),
    Column("repeats", Integer, nullable=False),
    Index("messages_by_subject", "subject", "received_at"),
    Index("messages_by_endpoint", "endpoint", "received_at"),
    Index("messages_by_time", "received_at"),
    Index("messages_by_procedure", "procedure", "received_at"),
    #: Few; in the words in which SQLAlchemy asks for them, by which SQLite knows that the index serves.
    Index(
        "messages_refused",
        "received_at",
        "endpoint",
        sqlite_where=text("accepted IS 0"),
        postgresql_where=text("accepted IS false"),
    ),
)

#: Files that partners gave at ``POST /attachments``; their bytes are in the payload store, not here.
attachments = Table(
    "attachments",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Double, nullable=False),
    #: When it was last given, or named by a message that was accepted.
    Column("used_at", Double, nullable=False),
    #: When retention deleted the bytes; NULL while they are there.
    Column("deleted_at", Double),
    Index(
        "attachments_by_age",
        "used_at",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

#: Who gave a file: it may name it in messages, and read it.
attachment_givers = Table(
    "attachment_givers",
    metadata,
    Column("digest", Text, ForeignKey("attachments.digest"), primary_key=True),
    Column("endpoint", Text, primary_key=True),
    Column("given_at", Double, nullable=False),
)

#: Which accepted message names which file: the message's recipients may read it.
attachment_uses = Table(
    "attachment_uses",
    metadata,
    Column("digest", Text, ForeignKey("attachments.digest"), primary_key=True),
    Column("message_id", Text, ForeignKey("messages.id"), primary_key=True),
    Index("attachment_uses_by_message", "message_id"),
)

#: Only an accepted message holds its identity.
identities = Table(
    "identities",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("signed_digest", Text, nullable=False),
    Column("message_id", Text, ForeignKey("messages.id"), nullable=False),
)

dossiers = Table(
    "dossiers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("procedure", Text, nullable=False),
    Column("status", Text, nullable=False),
    #: Endpoint whose message made the dossier known.
    Column("origin", Text, nullable=False),
    #: Coordinates from its first message (documentYear, preReference, ...), JSON.
    Column("native", Text, nullable=False),
    #: Raised by every message; intake compares it (optimistic lock).
    Column("version", Integer, nullable=False),
    #: The last accepted message: a repeat without identity is compared only with this one.
    Column("last_endpoint", Text, nullable=False),
    Column("last_digest", Text, nullable=False),
    Column("last_message", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
    # What statistics count by: hub.rules.dossier_facts.Facts, where each is told.
    *(Column(name, Text, nullable=False, server_default="") for name in ("agency_code", "agency_name")),
    *(Column(name, Text, nullable=False, server_default="") for name in ("field_code", "field_name", "channel")),
    *(Column(name, Double) for name in ("submitted_at", "received_at", "due_at", "first_due_at")),
    *(Column(name, Double) for name in ("done_at", "returned_at", "closed_at", "ended_at", "asked_at", "answered_at")),
    *(Column(name, Integer, nullable=False, server_default="0") for name in ("supplements", "due_moves")),
    *(Column(name, Integer, nullable=False, server_default="0") for name in ("due_moves_explained", "due_moves_late")),
    Column("due_moved_at", Double),
    Column("flags", Integer, nullable=False, server_default="0"),
    Column("result_mark", Text, nullable=False, server_default=""),
    #: A test dossier, by its first message and for ever: never sent on, never counted.
    Column("test", Boolean, nullable=False, server_default=false()),
    #: Of a trade dossier: where it stands, and what belongs to that (hub.rules.trade_lifecycle.write); empty: it is none.
    Column("trade_stage", Text, nullable=False, server_default=""),
    Column("trade_course", Text, nullable=False, server_default=""),
    #: When the business answer to what was said last is due; NULL: nothing is awaited, or no time limit is known.
    Column("answer_due", Double),
    Index(
        "dossiers_by_answer_due",
        "answer_due",
        postgresql_where=text("answer_due IS NOT NULL"),
        sqlite_where=text("answer_due IS NOT NULL"),
    ),
    #: Of a period: those that were open in it, and had been received.
    Index("dossiers_by_end", "ended_at", "received_at"),
    #: Of a procedure: how many came in a period, and over which channel.
    Index("dossiers_by_service", "procedure", "channel", "received_at"),
)

#: Every number of a dossier, with the name of who issued it: ``national:H55.14-...``.
dossier_codes = Table(
    "dossier_codes",
    metadata,
    Column("code", Text, primary_key=True),
    Column("key", Text, ForeignKey("dossiers.key"), nullable=False),
    Index("dossier_codes_by_key", "key"),
)

chains = Table(
    "chains",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    #: The place the next delivery gets.
    Column("next_place", Integer, nullable=False),
    #: The place of the first delivery that is not done.
    Column("head_place", Integer, nullable=False),
    #: What the partner is known to hold for this subject, from receipts; JSON.
    Column("held", Text, nullable=False),
    Index("chains_by_subject", "subject"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("message_id", Text, ForeignKey("messages.id"), nullable=False),
    #: Endpoint that gave us the message; told what became of it.
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
    #: At work: until when; delivered: since when its chain waits for the acknowledgement; else 0.
    Column("lease_until", Double, nullable=False),
    #: Of one that has ended: when the partner had it, or it was given up.
    Column("due_at", Double, nullable=False),
    #: Of what is due, the smaller goes first (hub.ledger.values: URGENT, USUAL); within a chain the place alone counts.
    Column("priority", Integer, nullable=False),
    #: In doubt: what may be done about it (ask, resend, park), and when.
    Column("doubt", Text, nullable=False),
    #: How often the partner was asked about the present doubt.
    Column("inquiries", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    #: Claims in a row that ended without a result; five make it poison.
    Column("fruitless", Integer, nullable=False),
    #: The exact bytes, once written; a retry sends these.
    Column("business_digest", Text, nullable=False),
    Column("head", Text, nullable=False),
    #: Identifier we gave the partner with these bytes; a later message of its names it.
    Column("native_id", Text, nullable=False),
    #: What the partner's later message said of it before it was recorded as delivered: acknowledge or refuse.
    Column("answered", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_where", Text, nullable=False),
    Column("error_en", Text, nullable=False),
    Column("error_vi", Text, nullable=False),
    Column("partner_code", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    #: Since when the dossier has had the status that this delivery carries, as its sender says; NULL: not told.
    Column("happened_at", Double),
    CheckConstraint(f"state IN ({_STATES})", name="deliveries_state"),
    Index("deliveries_by_chain", "endpoint", "subject", "place", unique=True),
    Index("deliveries_by_due", "endpoint", "state", "priority", "due_at"),
    Index("deliveries_by_lease", "state", "lease_until"),
    Index("deliveries_by_message", "message_id"),
    Index("deliveries_by_subject", "subject"),
    Index("deliveries_by_native_id", "endpoint", "native_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("business_digest", Text, nullable=False),
    #: Wire bytes with secrets masked, and the reply: the evidence of this attempt.
    Column("sent_digest", Text, nullable=False),
    Column("reply_digest", Text, nullable=False),
    Column("reply_status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("partner_code", Text, nullable=False),
    Column("text", Text, nullable=False),
)

#: Rows of the journal that are no step of a message's own way: what people did. Only these are in the indexes of verbs.
#: Written so, and the most frequent first, it costs a message's row 2 microseconds on SQLite; as a list 14 (measured).
BY_PEOPLE = " AND ".join(f"substr(event, 1, 8) <> '{each}'" for each in ("delivery", "message.", "inquiry.", "attachme"))

#: Append-only history; each subject is a hash chain of its own.
journal = Table(
    "journal",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("subject", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    #: JSON: ids, states, digests, reasons; no personal data.
    Column("entry", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_by_subject", "subject", "number", unique=True),
    *(
        Index(name, *columns, sqlite_where=text(BY_PEOPLE), postgresql_where=text(BY_PEOPLE))
        for name, columns in {
            "journal_verbs_by_time": ("at", "seq"),
            "journal_verbs_by_actor": ("actor", "at", "seq"),
            "journal_verbs_by_event": ("event", "at", "seq"),
        }.items()
    ),
)

journal_heads = Table(
    "journal_heads",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)

#: Merkle trees over the ends of the journal's chains, one after the other (see hub.ledger.seal_verbs).
seals = Table(
    "seals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    #: Each row of ``journal`` up to this ``seq`` stands below a leaf of this seal or of an earlier one.
    Column("upto", BigInteger, nullable=False),
    Column("leaves", Integer, nullable=False),
    #: Root of the seal before.
    Column("previous", Text, nullable=False),
    Column("root", Text, nullable=False),
    #: RFC 3161 token over the root, DER, and the moment it states; NULL until there is one.
    Column("token", LargeBinary),
    Column("stamped_at", Double),
    #: How often one was asked for, and not to be asked again before.
    Column("asked", Integer, nullable=False),
    Column("ask_at", Double, nullable=False),
    Index("seals_without_token", "number", sqlite_where=text("token IS NULL"), postgresql_where=text("token IS NULL")),
)

#: What a seal is over: for each subject that went on since the seal before, its last row then.
seal_leaves = Table(
    "seal_leaves",
    metadata,
    Column("seal", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Index("seal_leaves_by_subject", "subject", "number"),
)

notices = Table(
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

endpoint_states = Table(
    "endpoint_states",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("actor", Text, nullable=False),
    #: Failures in a row to reach the partner (circuit breaker), and until when it is left alone.
    Column("failures", Integer, nullable=False),
    Column("open_until", Double, nullable=False),
    #: Rate: up to this moment the endpoint's share of calls is used up (hub.rules.pace).
    Column("paced_until", Double, nullable=False),
)

#: The owners' catalogues: what the hub was told the procedures are.
procedures = Table(
    "procedures",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("procedures_by_change", "owner", "updated_at"),
)

#: What was last given to each holder of procedures.
holdings = Table(
    "holdings",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)

plans = Table(
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

plan_items = Table(
    "plan_items",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("delivery_id", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    #: Empty: will be carried out; else why not (in doubt, follows another, already delivered).
    Column("skip", Text, nullable=False),
    Column("result", Text, nullable=False),
)
