"""Tables of those who work with the hub: people, plans that run, corrections, codes, alerts; the messages' own are in tables.py.

Times are seconds since 1970 UTC. Nothing on a message's way writes here but the search index (finding_keys).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text, text

from hub.ledger.tables import Counter, metadata

__all__ = ["metadata"]

#: Those who work with the hub, in console and API.
people = Table(
    "people",
    metadata,
    Column("login", Text, primary_key=True),
    Column("name", Text, nullable=False),
    #: JSON list of hub.rules.people.Role.
    Column("roles", Text, nullable=False),
    #: JSON list of names of endpoints and agency codes; NULL = everything.
    Column("scope", Text),
    #: ``password``, ``oidc`` or ``none`` (works by tokens alone).
    Column("sign_in", Text, nullable=False),
    #: Argon2's encoded hash; empty where nobody can log in with a password.
    Column("password", Text, nullable=False),
    #: The password was given by somebody else, and must be changed before anything is done.
    Column("temporary", Boolean, nullable=False),
    #: Issuer and subject at the provider of identities, once known.
    Column("identity", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("last_login_at", Double),
    Index(
        "people_by_identity",
        "identity",
        unique=True,
        sqlite_where=text("identity <> ''"),
        postgresql_where=text("identity <> ''"),
    ),
)

#: Sessions of browsers; one that is over is deleted.
sessions = Table(
    "sessions",
    metadata,
    #: SHA-256 of the token in the browser's cookie, which stands nowhere.
    Column("digest", Text, primary_key=True),
    Column("login", Text, ForeignKey("people.login"), nullable=False),
    #: ``password`` or ``oidc``.
    Column("how", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    #: Right to the minute.
    Column("seen_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Index("sessions_by_login", "login"),
    Index("sessions_by_end", "ends_at"),
)

#: Failed logins in a row of one account, whether it is there or not, and until when it takes no further try.
login_failures = Table(
    "login_failures",
    metadata,
    #: SHA-256 of what was typed as login: somebody may have typed a password there.
    Column("digest", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", Double, nullable=False),
    Index("login_failures_by_time", "until"),
)

#: Tokens of the API.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    #: SHA-256 of the token, which was shown once.
    Column("digest", Text, nullable=False),
    Column("login", Text, ForeignKey("people.login"), nullable=False),
    Column("title", Text, nullable=False),
    #: JSON list of verbs.
    Column("verbs", Text, nullable=False),
    #: As in ``people``; NULL = its owner's.
    Column("scope", Text),
    Column("made_by", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Column("ended_at", Double),
    #: Right to the hour.
    Column("used_at", Double),
    Index("tokens_by_digest", "digest", unique=True),
    Index("tokens_by_login", "login"),
)

#: Who may see a subject's personal data unmasked, and until when.
reveals = Table(
    "reveals",
    metadata,
    #: No reference: who runs the command line need not be known here.
    Column("login", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("until", Double, nullable=False),
    Index("reveals_by_time", "until"),
)

#: What a frozen plan comes to, counted once.
plan_summaries = Table(
    "plan_summaries",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
    #: Items that will be carried out, and deliveries that wait behind these.
    Column("goes", Integer, nullable=False),
    Column("follows", Integer, nullable=False),
    #: JSON: reason -> number of items that are skipped for it.
    Column("skipped", Text, nullable=False),
    #: The choice means more than was frozen.
    Column("more", Boolean, nullable=False),
    #: JSON list of the endpoints of all items.
    Column("endpoints", Text, nullable=False),
    #: JSON, see hub.registers.plans.Estimate.
    Column("estimate", Text, nullable=False),
)

#: Plans that are carried out in steps (hub.rules.canary), or were.
plan_runs = Table(
    "plan_runs",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
    #: running, paused, stopped (by itself), done or cancelled.
    Column("state", Text, nullable=False),
    #: Somebody has to look at it: it runs, or what it carried out is not ended.
    Column("watched", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    #: Who changed its state last, when and why.
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("why", Text, nullable=False),
    #: Why it stopped by itself; empty where it did not.
    Column("stop_en", Text, nullable=False),
    Column("stop_vi", Text, nullable=False),
    #: JSON list of sizes, and the rest of hub.rules.canary.Course.
    Column("steps", Text, nullable=False),
    Column("stop_after", Integer, nullable=False),
    Column("per_minute", Integer, nullable=False),
    #: The step that it is in, which of the sizes that has, and what was carried out and failed in it.
    Column("step", Integer, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("step_carried", Integer, nullable=False),
    Column("step_failed", Integer, nullable=False),
    #: Items to carry out in all.
    Column("goes", Integer, nullable=False),
    #: Of all steps: carried out, of these ended well and failed; not carried out since the delivery had changed.
    Column("carried", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    #: Items up to this number were looked at.
    Column("reached", Integer, nullable=False),
    #: Up to this moment its rate is used up (hub.rules.pace).
    Column("paced_until", Double, nullable=False),
    #: Who carries it out, until when nobody else may.
    Column("holder", Text, nullable=False),
    Column("lease_until", Double, nullable=False),
    Index("plan_runs_watched", "plan_id", sqlite_where=text("watched"), postgresql_where=text("watched")),
)

#: Items of plans that were carried out in steps, and what became of them.
plan_carried = Table(
    "plan_carried",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("delivery_id", Text, ForeignKey("deliveries.id"), nullable=False),
    Column("step", Integer, nullable=False),
    #: The last place of its chain at that moment: those up to it came to life through this item.
    Column("upto", Integer, nullable=False),
    Column("carried_at", Double, nullable=False),
    #: Empty: not ended; a state, or follower_ and the state of the one behind it that stands still.
    Column("outcome", Text, nullable=False),
    Column("ended_at", Double),
    Index("plan_carried_by_outcome", "plan_id", "outcome"),
)

#: Processes that carry plans out, and when each was last at work.
plan_runners = Table(
    "plan_runners",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_at", Double, nullable=False),
)

#: Corrections of deliveries that stand still: what was proposed, by whom, and who approved it. The bytes are payloads.
edits = Table(
    "edits",
    metadata,
    Column("id", Text, primary_key=True),
    Column("delivery_id", Text, ForeignKey("deliveries.id"), nullable=False),
    Column("message_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    #: The delivery's, when it was proposed: one that moved since is not touched.
    Column("epoch", Integer, nullable=False),
    #: proposed, applied, rejected or overtaken (the delivery moved on).
    Column("state", Text, nullable=False),
    #: A second person had to approve it.
    Column("four_eyes", Boolean, nullable=False),
    #: The canonical message before and after.
    Column("before_digest", Text, nullable=False),
    Column("after_digest", Text, nullable=False),
    #: JSON list of JSON pointers to what differs; values stand only in the bytes.
    Column("paths", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Double),
    Column("decided_why", Text, nullable=False),
    Index("edits_by_delivery", "delivery_id", "proposed_at"),
    Index("edits_by_time", "proposed_at"),
    #: One proposal for a delivery at a time.
    Index(
        "edits_proposed",
        "delivery_id",
        unique=True,
        sqlite_where=text("state = 'proposed'"),
        postgresql_where=text("state = 'proposed'"),
    ),
)

#: Rows laid over the code lists of the configuration folder.
code_rows = Table(
    "code_rows",
    metadata,
    Column("list_name", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    #: First day, and the first day on which it holds no longer, as 2026-03-02; empty = from ever, for ever.
    Column("valid_from", Text, primary_key=True),
    Column("valid_to", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("why", Text, nullable=False),
)

#: Lists that ever had such rows; every process looks here for what changed.
code_lists = Table(
    "code_lists",
    metadata,
    Column("name", Text, primary_key=True),
    #: Raised by each change.
    Column("generation", Integer, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", Text, nullable=False),
)

#: Failure groups (hub.registers.failures) that somebody takes care of, or wrote about.
failure_groups = Table(
    "failure_groups",
    metadata,
    Column("name", Text, primary_key=True),
    #: JSON, see hub.registers.failures.Cause; and by what it was grouped.
    Column("cause", Text, nullable=False),
    Column("grouped_by", Text, nullable=False),
    #: Empty: nobody.
    Column("taken_by", Text, nullable=False),
    Column("taken_at", Double),
)

#: What people wrote about a failure group; the journal has only the digest.
group_notes = Table(
    "group_notes",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("group_name", Text, ForeignKey("failure_groups.name"), nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("group_notes_by_group", "group_name", "seq"),
)

#: Keyed hashes of applicants' numbers (hub.rules.applicant_numbers), and the dossiers in which they stand.
finding_keys = Table(
    "finding_keys",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    #: When the number was first seen in the dossier.
    Column("at", Double, nullable=False),
)

#: How far messages from before there was this key were looked through for such numbers.
finding_marks = Table(
    "finding_marks",
    metadata,
    Column("key_id", Text, primary_key=True),
    #: The last message that was looked at: when it was received, and its identifier.
    Column("upto_at", Double, nullable=False),
    Column("upto_message", Text, nullable=False),
    Column("finished_at", Double),
)

#: Messages and deliveries of each hour that is over, counted once.
flow_hours = Table(
    "flow_hours",
    metadata,
    #: Hours since 1970 UTC.
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("endpoint", Text, primary_key=True),
    Column("accepted", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("abandoned", Integer, nullable=False),
)

#: Which hours were counted: of an hour in which nothing happened there is no other row.
flow_counted = Table(
    "flow_counted",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("counted_at", Double, nullable=False),
)

#: How partners stand of which somebody said something: trial, live, leaving, closed (hub.registers.partners.Standing).
standings = Table(
    "standings",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
)

#: Partners whose place another one takes; never deleted: dossiers name the old one for ever.
successions = Table(
    "successions",
    metadata,
    Column("old", Text, primary_key=True),
    Column("new", Text, nullable=False),
    #: The new one has the records of the old one.
    Column("keeps_data", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("begun_at", Double, nullable=False),
    #: When nothing was left at the old one for the first time.
    Column("ended_at", Double),
    Column("moved_chains", Integer, nullable=False),
    Column("moved_deliveries", Integer, nullable=False),
)

#: Deliveries that were moved to a successor: the attempts up to this number were made at the old one.
moves = Table(
    "moves",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("old", Text, primary_key=True),
    Column("new", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", Double, nullable=False),
)

#: Test messages to partners: asked by a person, carried out by a worker.
partner_tests = Table(
    "partner_tests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_at", Double, nullable=False),
    #: asked, running, done.
    Column("state", Text, nullable=False),
    #: A worker has it until then.
    Column("lease_until", Double, nullable=False),
    Column("ended_at", Double),
    Column("ok", Boolean),
    #: JSON list of hub.registers.partners.TestStep.
    Column("steps", Text, nullable=False),
    #: Days until the partner's TLS certificate ends.
    Column("certificate_days", Integer),
    Index("partner_tests_by_endpoint", "endpoint", "asked_at"),
    Index(
        "partner_tests_open",
        "asked_at",
        sqlite_where=text("state <> 'done'"),
        postgresql_where=text("state <> 'done'"),
    ),
)

#: Steps of onboarding that a person has ticked; contacts and reports stand here, never in the journal.
onboarding_ticks = Table(
    "onboarding_ticks",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("evidence", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Double, nullable=False),
)

#: What is wrong, or was (hub.rules.alerts.Alert): one row as long as it is not over.
alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    #: Name of the rule that judged it.
    Column("rule", Text, nullable=False),
    #: JSON list of names.
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
    Index(
        "alerts_open",
        "kind",
        "about",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("alerts_by_end", "closed_at"),
)

#: What a recipient was told of an alert; level 0: nothing yet, but it was to be told.
alert_tellings = Table(
    "alert_tellings",
    metadata,
    Column("alert_id", Text, ForeignKey("alerts.id"), primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("told_at", Double),
    #: The message that told of it first.
    Column("thread", Text, nullable=False),
    #: Its end was told.
    Column("ended", Boolean, nullable=False),
    Index("alert_tellings_open", "alert_id", sqlite_where=text("NOT ended"), postgresql_where=text("NOT ended")),
)

#: Alerts about which nobody is told for a while.
alert_mutes = Table(
    "alert_mutes",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("about", Text, primary_key=True),
    Column("until_at", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("alert_mutes_by_end", "until_at"),
)

#: How it goes with telling each recipient (hub.rules.alerts.Post).
alert_posts = Table(
    "alert_posts",
    metadata,
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

#: Messages about alerts; of those to one recipient at most one is not taken yet, and one that surely was not is deleted.
alert_letters = Table(
    "alert_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recipient", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    #: JSON, see hub.rules.alerts.Letter.
    Column("events", Text, nullable=False),
    Column("still_open", Integer, nullable=False),
    #: Tries that may have brought it there, and when the last one began.
    Column("tries", Integer, nullable=False),
    Column("tried_at", Double, nullable=False),
    Column("taken_at", Double),
    #: ``taken``; ``unknown``: it may have arrived so often that it was not sent once more.
    Column("outcome", Text, nullable=False),
    Index(
        "alert_letters_open",
        "recipient",
        unique=True,
        sqlite_where=text("taken_at IS NULL"),
        postgresql_where=text("taken_at IS NULL"),
    ),
    Index("alert_letters_by_time", "made_at"),
)

#: Processes of the hub, each written once in a while by itself.
processes = Table(
    "processes",
    metadata,
    #: Host and process number.
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    #: JSON list of hub.edge.cli.running.Role.
    Column("roles", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    #: It was told to stop, and did.
    Column("ended_at", Double),
    #: Free on the disk of the folder of files; NULL where that cannot be said.
    Column("free_bytes", BigInteger),
    Index("processes_by_time", "seen_at"),
)
