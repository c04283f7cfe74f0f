"""Tables of reconciliations: what was compared with what a partner holds, how far, and what was found.

Nothing on a message's way writes here. No column holds personal data: what a partner showed stands among the payloads.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, Text, text

from hub.ledger.tables import metadata

__all__ = ["metadata"]

#: Reconciliations with partners. Everything that one goes on from after a stop stands in its row.
reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    #: running, stopped or done.
    Column("state", Text, nullable=False),
    #: JSON of hub.registers.reconciliations.Scope.
    Column("scope", Text, nullable=False),
    #: Day of the nightly one, as 2026-03-02; empty: a person asked for it.
    Column("night", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("ended_at", Double),
    #: Who changed its state last, and when.
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
    #: Why it stopped by itself, or does not move just now; empty where it does.
    Column("note_en", Text, nullable=False),
    Column("note_vi", Text, nullable=False),
    #: The part that it is in (hub.rules.reconciling.PHASES), and up to where that is done.
    Column("phase", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    #: Of a sample: the largest hash that is in it, once it was drawn.
    Column("threshold", Text, nullable=False),
    #: Chains of the partner when it began, and how many of them were looked at.
    Column("total", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    #: JSON, name -> number: same, under_way, …, and ``kind/cause`` of findings.
    Column("counts", Text, nullable=False),
    Column("findings", Integer, nullable=False),
    #: Calls so far; up to this moment its own rate is used up (hub.rules.pace).
    Column("calls", Integer, nullable=False),
    Column("paced_until", Double, nullable=False),
    #: Failures in a row to get an answer, unanswered look-ups in a row, and not to be tried again before.
    Column("troubles", Integer, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("again_at", Double, nullable=False),
    #: Who carries it out, until when nobody else may.
    Column("holder", Text, nullable=False),
    Column("lease_until", Double, nullable=False),
    Index("reconciliations_by_time", "asked_at"),
    Index("reconciliations_by_endpoint", "endpoint", "asked_at"),
    #: One with a partner at a time.
    Index(
        "reconciliations_running",
        "endpoint",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    #: One in a night.
    Index(
        "reconciliations_nightly",
        "endpoint",
        "night",
        unique=True,
        sqlite_where=text("night <> ''"),
        postgresql_where=text("night <> ''"),
    ),
)

#: What a partner holds otherwise than it was told, with its cause and how it may be mended.
reconciliation_findings = Table(
    "reconciliation_findings",
    metadata,
    Column("run_id", Text, ForeignKey("reconciliations.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    #: Empty: the hub knows no such dossier.
    Column("subject", Text, nullable=False),
    #: The number under which the partner was asked, or named it.
    Column("code", Text, nullable=False),
    #: hub.rules.reconciling: KINDS, CAUSES, MENDINGS.
    Column("kind", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("mending", Text, nullable=False),
    #: The delivery on which the finding stands; empty: none.
    Column("delivery_id", Text, nullable=False),
    #: The place that the next delivery of its chain had then: a chain that has gone on since is not mended.
    Column("next_place", Integer, nullable=False),
    #: JSON: hub.registers.reconciliations.Detail.
    Column("detail", Text, nullable=False),
    #: The partner's reply, and its receipt for what we say that it has; digests of payloads.
    Column("evidence_digest", Text, nullable=False),
    Column("receipt_digest", Text, nullable=False),
    Column("looked_at", Double, nullable=False),
    #: What mends it: the delivery that was made or goes again, and the plan in which it stands.
    Column("mended_by", Text, nullable=False),
    Column("plan_id", Text, nullable=False),
    Index("reconciliation_findings_by_kind", "run_id", "kind", "cause", "number"),
    Index("reconciliation_findings_of", "run_id", "subject", "code", unique=True),
)
