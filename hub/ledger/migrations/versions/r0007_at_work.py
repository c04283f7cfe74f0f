"""Those who work with the hub: people, plans that run in steps, corrections, codes, alerts; new tables only, and indexes."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, Text, text

from hub.ledger.migrations import online

revision = "0007"
down_revision = "0006"

Counter = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, one step for each of hub/ledger/working_tables.py."""
    # Indexes of tables that were there before come first: building one ends the transaction, and what was made before
    # it would be there already when a process that died is started again.
    _journal_of_verbs()
    _looking()
    _people()
    _partners()
    _plans()
    _groups()
    _finding()
    _flow()
    _mark_unacknowledged()
    _edits()
    _codes()
    _alerts()


def _people() -> None:
    op.create_table(
        "people",
        Column("login", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("roles", Text, nullable=False),
        Column("scope", Text),
        Column("sign_in", Text, nullable=False),
        Column("password", Text, nullable=False),
        Column("temporary", Boolean, nullable=False),
        Column("identity", Text, nullable=False),
        Column("enabled", Boolean, nullable=False),
        Column("created_at", Double, nullable=False),
        Column("changed_at", Double, nullable=False),
        Column("last_login_at", Double),
    )
    op.create_table(
        "sessions",
        Column("digest", Text, primary_key=True),
        Column("login", Text, ForeignKey("people.login"), nullable=False),
        Column("how", Text, nullable=False),
        Column("began_at", Double, nullable=False),
        Column("seen_at", Double, nullable=False),
        Column("ends_at", Double, nullable=False),
    )
    op.create_table(
        "login_failures",
        Column("digest", Text, primary_key=True),
        Column("failures", Integer, nullable=False),
        Column("until", Double, nullable=False),
    )
    op.create_table(
        "tokens",
        Column("id", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("login", Text, ForeignKey("people.login"), nullable=False),
        Column("title", Text, nullable=False),
        Column("verbs", Text, nullable=False),
        Column("scope", Text),
        Column("made_by", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("ends_at", Double, nullable=False),
        Column("ended_at", Double),
        Column("used_at", Double),
    )
    op.create_table(
        "reveals",
        Column("login", Text, primary_key=True),
        Column("subject", Text, primary_key=True),
        Column("until", Double, nullable=False),
    )
    known = text("identity <> ''")
    op.create_index("people_by_identity", "people", ["identity"], unique=True, sqlite_where=known, postgresql_where=known)
    op.create_index("sessions_by_login", "sessions", ["login"])
    op.create_index("sessions_by_end", "sessions", ["ends_at"])
    op.create_index("login_failures_by_time", "login_failures", ["until"])
    op.create_index("tokens_by_digest", "tokens", ["digest"], unique=True)
    op.create_index("tokens_by_login", "tokens", ["login"])
    op.create_index("reveals_by_time", "reveals", ["until"])


def _journal_of_verbs() -> None:
    """Index the rows that people made; those of messages, by far the most, are not in it."""
    verbs = " AND ".join(f"substr(event, 1, 8) <> '{each}'" for each in ("delivery", "message.", "inquiry.", "attachme"))
    online.create_index("journal_verbs_by_time", "journal", ["at", "seq"], where=verbs)
    online.create_index("journal_verbs_by_actor", "journal", ["actor", "at", "seq"], where=verbs)
    online.create_index("journal_verbs_by_event", "journal", ["event", "at", "seq"], where=verbs)


def _plans() -> None:
    op.create_table(
        "plan_summaries",
        Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
        Column("goes", Integer, nullable=False),
        Column("follows", Integer, nullable=False),
        Column("skipped", Text, nullable=False),
        Column("more", Boolean, nullable=False),
        Column("endpoints", Text, nullable=False),
        Column("estimate", Text, nullable=False),
    )
    op.create_table(
        "plan_runs",
        Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
        Column("state", Text, nullable=False),
        Column("watched", Boolean, nullable=False),
        Column("actor", Text, nullable=False),
        Column("started_at", Double, nullable=False),
        Column("changed_by", Text, nullable=False),
        Column("changed_at", Double, nullable=False),
        Column("why", Text, nullable=False),
        Column("stop_en", Text, nullable=False),
        Column("stop_vi", Text, nullable=False),
        Column("steps", Text, nullable=False),
        Column("stop_after", Integer, nullable=False),
        Column("per_minute", Integer, nullable=False),
        Column("step", Integer, nullable=False),
        Column("rung", Integer, nullable=False),
        Column("step_carried", Integer, nullable=False),
        Column("step_failed", Integer, nullable=False),
        Column("goes", Integer, nullable=False),
        Column("carried", Integer, nullable=False),
        Column("done", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("changed", Integer, nullable=False),
        Column("reached", Integer, nullable=False),
        Column("paced_until", Double, nullable=False),
        Column("holder", Text, nullable=False),
        Column("lease_until", Double, nullable=False),
    )
    op.create_table(
        "plan_carried",
        Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("delivery_id", Text, ForeignKey("deliveries.id"), nullable=False),
        Column("step", Integer, nullable=False),
        Column("upto", Integer, nullable=False),
        Column("carried_at", Double, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("ended_at", Double),
    )
    op.create_table("plan_runners", Column("name", Text, primary_key=True), Column("seen_at", Double, nullable=False))
    watched = text("watched")
    op.create_index("plan_runs_watched", "plan_runs", ["plan_id"], sqlite_where=watched, postgresql_where=watched)
    op.create_index("plan_carried_by_outcome", "plan_carried", ["plan_id", "outcome"])


def _edits() -> None:
    op.create_table(
        "edits",
        Column("id", Text, primary_key=True),
        Column("delivery_id", Text, ForeignKey("deliveries.id"), nullable=False),
        Column("message_id", Text, nullable=False),
        Column("origin", Text, nullable=False),
        Column("endpoint", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("four_eyes", Boolean, nullable=False),
        Column("before_digest", Text, nullable=False),
        Column("after_digest", Text, nullable=False),
        Column("paths", Text, nullable=False),
        Column("proposed_by", Text, nullable=False),
        Column("proposed_at", Double, nullable=False),
        Column("why", Text, nullable=False),
        Column("decided_by", Text, nullable=False),
        Column("decided_at", Double),
        Column("decided_why", Text, nullable=False),
    )
    op.create_index("edits_by_delivery", "edits", ["delivery_id", "proposed_at"])
    op.create_index("edits_by_time", "edits", ["proposed_at"])
    proposed = text("state = 'proposed'")
    op.create_index(
        "edits_proposed", "edits", ["delivery_id"], unique=True, sqlite_where=proposed, postgresql_where=proposed
    )


def _codes() -> None:
    op.create_table(
        "code_rows",
        Column("list_name", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("valid_from", Text, primary_key=True),
        Column("valid_to", Text, nullable=False),
        Column("value", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("changed_at", Double, nullable=False),
        Column("changed_by", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_table(
        "code_lists",
        Column("name", Text, primary_key=True),
        Column("generation", Integer, nullable=False),
        Column("changed_at", Double, nullable=False),
        Column("changed_by", Text, nullable=False),
    )


def _looking() -> None:
    """Index what lists of messages are narrowed to: a procedure, and the few that were refused."""
    online.create_index("messages_by_procedure", "messages", ["procedure", "received_at"])
    online.create_index("messages_refused", "messages", ["received_at", "endpoint"], where=_REFUSED[op.get_bind().dialect.name])


#: As SQLAlchemy writes ``accepted.is_(False)``: SQLite uses such an index only where the words are the same.
_REFUSED = {"sqlite": "accepted IS 0", "postgresql": "accepted IS false"}


def _groups() -> None:
    op.create_table(
        "failure_groups",
        Column("name", Text, primary_key=True),
        Column("cause", Text, nullable=False),
        Column("grouped_by", Text, nullable=False),
        Column("taken_by", Text, nullable=False),
        Column("taken_at", Double),
    )
    op.create_table(
        "group_notes",
        Column("seq", Counter, primary_key=True, autoincrement=True),
        Column("group_name", Text, ForeignKey("failure_groups.name"), nullable=False),
        Column("at", Double, nullable=False),
        Column("actor", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("digest", Text, nullable=False),
    )
    op.create_index("group_notes_by_group", "group_notes", ["group_name", "seq"])


def _finding() -> None:
    op.create_table(
        "finding_keys",
        Column("hash", Text, primary_key=True),
        Column("subject", Text, primary_key=True),
        Column("at", Double, nullable=False),
    )
    op.create_table(
        "finding_marks",
        Column("key_id", Text, primary_key=True),
        Column("upto_at", Double, nullable=False),
        Column("upto_message", Text, nullable=False),
        Column("finished_at", Double),
    )


def _flow() -> None:
    op.create_table(
        "flow_hours",
        Column("hour", Integer, primary_key=True, autoincrement=False),
        Column("endpoint", Text, primary_key=True),
        Column("accepted", Integer, nullable=False),
        Column("refused", Integer, nullable=False),
        Column("delivered", Integer, nullable=False),
        Column("abandoned", Integer, nullable=False),
    )
    op.create_table(
        "flow_counted",
        Column("hour", Integer, primary_key=True, autoincrement=False),
        Column("counted_at", Double, nullable=False),
    )


def _mark_unacknowledged() -> None:
    """Mark deliveries whose chain waits for an acknowledgement, as is done from now on when they are recorded."""
    op.execute(
        "UPDATE deliveries SET lease_until = updated_at WHERE id IN (SELECT head.id FROM chains JOIN deliveries AS head "
        "ON head.endpoint = chains.endpoint AND head.subject = chains.subject AND head.place = chains.head_place "
        "WHERE chains.head_place < chains.next_place AND head.state = 'delivered')"
    )


def _partners() -> None:
    op.create_table(
        "standings",
        Column("endpoint", Text, primary_key=True),
        Column("standing", Text, nullable=False),
        Column("at", Double, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_table(
        "successions",
        Column("old", Text, primary_key=True),
        Column("new", Text, nullable=False),
        Column("keeps_data", Boolean, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("begun_at", Double, nullable=False),
        Column("ended_at", Double),
        Column("moved_chains", Integer, nullable=False),
        Column("moved_deliveries", Integer, nullable=False),
    )
    op.create_table(
        "moves",
        Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
        Column("old", Text, primary_key=True),
        Column("new", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("at", Double, nullable=False),
    )
    op.create_table(
        "partner_tests",
        Column("id", Text, primary_key=True),
        Column("endpoint", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("asked_at", Double, nullable=False),
        Column("state", Text, nullable=False),
        Column("lease_until", Double, nullable=False),
        Column("ended_at", Double),
        Column("ok", Boolean),
        Column("steps", Text, nullable=False),
        Column("certificate_days", Integer),
    )
    op.create_table(
        "onboarding_ticks",
        Column("endpoint", Text, primary_key=True),
        Column("step", Text, primary_key=True),
        Column("evidence", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("at", Double, nullable=False),
    )
    op.create_index("partner_tests_by_endpoint", "partner_tests", ["endpoint", "asked_at"])
    unfinished = text("state <> 'done'")
    op.create_index(
        "partner_tests_open", "partner_tests", ["asked_at"], sqlite_where=unfinished, postgresql_where=unfinished
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        Column("id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("about", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("endpoints", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("level", Integer, nullable=False),
        Column("vi", Text, nullable=False),
        Column("en", Text, nullable=False),
        Column("page", Text, nullable=False),
        Column("since_at", Double, nullable=False),
        Column("opened_at", Double),
        Column("clear_at", Double),
        Column("closed_at", Double),
        Column("reopened", Integer, nullable=False),
    )
    op.create_table(
        "alert_tellings",
        Column("alert_id", Text, ForeignKey("alerts.id"), primary_key=True),
        Column("recipient", Text, primary_key=True),
        Column("level", Integer, nullable=False),
        Column("told_at", Double),
        Column("thread", Text, nullable=False),
        Column("ended", Boolean, nullable=False),
    )
    op.create_table(
        "alert_mutes",
        Column("kind", Text, primary_key=True),
        Column("about", Text, primary_key=True),
        Column("until_at", Double, nullable=False),
        Column("at", Double, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_table(
        "alert_posts",
        Column("recipient", Text, primary_key=True),
        Column("told_at", Double),
        Column("reminders", Integer, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("failing_since", Double),
        Column("tried_at", Double),
        Column("error_code", Text, nullable=False),
        Column("error_vi", Text, nullable=False),
        Column("error_en", Text, nullable=False),
    )
    op.create_table(
        "alert_letters",
        Column("id", Text, primary_key=True),
        Column("recipient", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("events", Text, nullable=False),
        Column("still_open", Integer, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("tried_at", Double, nullable=False),
        Column("taken_at", Double),
        Column("outcome", Text, nullable=False),
    )
    op.create_table(
        "processes",
        Column("id", Text, primary_key=True),
        Column("host", Text, nullable=False),
        Column("roles", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("started_at", Double, nullable=False),
        Column("seen_at", Double, nullable=False),
        Column("ended_at", Double),
        Column("free_bytes", BigInteger),
    )
    there, not_taken, not_ended = text("closed_at IS NULL"), text("taken_at IS NULL"), text("NOT ended")
    op.create_index("alerts_open", "alerts", ["kind", "about"], unique=True, sqlite_where=there, postgresql_where=there)
    op.create_index("alerts_by_end", "alerts", ["closed_at"])
    op.create_index("alert_tellings_open", "alert_tellings", ["alert_id"], sqlite_where=not_ended, postgresql_where=not_ended)
    op.create_index("alert_mutes_by_end", "alert_mutes", ["until_at"])
    op.create_index(
        "alert_letters_open", "alert_letters", ["recipient"], unique=True, sqlite_where=not_taken, postgresql_where=not_taken
    )
    op.create_index("alert_letters_by_time", "alert_letters", ["made_at"])
    op.create_index("processes_by_time", "processes", ["seen_at"])
