"""Tables of the catalogue: every content ever told, versions, what holders were seen to hold, differences, work-lists.

What each owner says now stands in ``tables.procedures``. Days are texts like 2026-07-01, empty = from ever, for ever.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text

from hub.ledger.tables import metadata

__all__ = ["metadata"]

#: The content of procedures, each once, however many owners and holders say the same (canonical JSON by its fingerprint).
procedure_records = Table(
    "procedure_records",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("record", Text, nullable=False),
)

#: What an owner said of a procedure, one row for each change.
procedure_versions = Table(
    "procedure_versions",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    #: Names the content as it is compared (hub.rules.catalogue.plain_print), and what is compared beside it.
    Column("plain", Text, nullable=False),
    Column("field_code", Text, nullable=False),
    Column("level", Integer),
    Column("active", Boolean, nullable=False),
    #: The endpoint that told it; ``hub`` for a spreadsheet.
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("told_at", Double, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("valid_from", Text, nullable=False),
    Column("valid_to", Text, nullable=False),
    Index("procedure_versions_by_owner", "owner", "told_at"),
    Index("procedure_versions_by_code", "code"),
)

#: One row for each holder: its pull, at work or done.
holder_pulls = Table(
    "holder_pulls",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("pull", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    #: NULL while it is not at its end.
    Column("done_at", Double),
    #: Who pulls has it until then; a pull whose process died is taken up by the next.
    Column("lease_until", Double, nullable=False),
    Column("listed", Integer, nullable=False),
    Column("fetched", Integer, nullable=False),
    #: Records that could not be read.
    Column("faulty", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    #: When the last whole pull began and ended; NULL before the first.
    Column("whole_from", Double),
    Column("whole_at", Double),
    #: When the differences were last worked out.
    Column("compared_at", Double),
)

#: What a holder was last seen to hold, under the codes that it uses itself.
holder_records = Table(
    "holder_records",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("plain", Text, nullable=False),
    Column("field_code", Text, nullable=False),
    #: NULL: it does not say.
    Column("level", Integer),
    Column("seen_at", Double, nullable=False),
    Column("pull", Text, nullable=False),
    Index("holder_records_by_code", "code"),
)

#: In what a holder differs today, field by field; a row lasts as long as the difference.
catalogue_differences = Table(
    "catalogue_differences",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    #: Name of the field; ``+``: the holder lacks the procedure.
    Column("field", Text, primary_key=True),
    #: The holder's own code of it; empty where it lacks it.
    Column("held_code", Text, nullable=False),
    #: Who must act: ``holder`` or ``owner``.
    Column("who", Text, nullable=False),
    Column("since", Double, nullable=False),
    Index("catalogue_differences_by_owner", "owner", "holder", "code"),
)

#: How much differs, of one agency at one holder, counted whenever differences are written: pages count nothing themselves.
catalogue_counts = Table(
    "catalogue_counts",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("procedures", Integer, nullable=False),
    Column("fields", Integer, nullable=False),
    #: Procedures on which the holder, and the owner, must act.
    Column("by_holder", Integer, nullable=False),
    Column("by_owner", Integer, nullable=False),
    #: The oldest difference.
    Column("since", Double, nullable=False),
)

#: How much each holder has, counted when it was compared.
catalogue_held = Table(
    "catalogue_held",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("records", Integer, nullable=False),
    #: Codes that fit no catalogue: how many, and the first of them (JSON list).
    Column("unmapped", Integer, nullable=False),
    Column("codes", Text, nullable=False),
)

#: What agencies have told anew and was not compared yet; a row goes when it was.
catalogue_changes = Table(
    "catalogue_changes",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    #: Of the version that was told.
    Column("number", Integer, nullable=False),
)

#: What a person must mend where the hub cannot; confirmed by the pull that no longer shows the difference.
catalogue_work = Table(
    "catalogue_work",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("who", Text, primary_key=True),
    #: open, claimed (somebody says that it is done) or confirmed.
    Column("state", Text, nullable=False),
    #: JSON list of fields.
    Column("fields", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("claimed_at", Double),
    Column("claimed_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("confirmed_at", Double),
    Index("catalogue_work_by_state", "state", "holder", "code"),
    Index("catalogue_work_by_owner", "owner", "state", "holder", "code"),
)

catalogue_plans = Table(
    "catalogue_plans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("run_at", Double),
    Column("run_by", Text, nullable=False),
    Index("catalogue_plans_by_holder", "holder", "made_at"),
)

#: Frozen when the plan is made; carried out only where the content is still what was shown.
catalogue_plan_items = Table(
    "catalogue_plan_items",
    metadata,
    Column("plan_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("code", Text, nullable=False),
    #: ``write``: the hub gives the holder this content; ``work``: a person must.
    Column("deed", Text, nullable=False),
    Column("who", Text, nullable=False),
    #: JSON list of fields.
    Column("fields", Text, nullable=False),
    #: What will be written; empty for work.
    Column("digest", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    #: Empty: not yet; sent, listed, under_way or changed.
    Column("result", Text, nullable=False),
)

#: Guidance and form files that records name, as they were last fetched.
procedure_files = Table(
    "procedure_files",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    #: JSON pointer in the record.
    Column("place", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    #: Of the last file that came; empty while none has.
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    #: ok, changed (other bytes than before, since changed_at), or why not: unreachable, missing, refused, too_large.
    Column("state", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("checked_at", Double, nullable=False),
    Column("fetched_at", Double),
    Column("changed_at", Double),
    Index("procedure_files_by_state", "state", "owner", "code"),
    Index("procedure_files_by_age", "checked_at"),
)
