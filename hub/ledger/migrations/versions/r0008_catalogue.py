"""The catalogue of procedures: versions, what holders were seen to hold, differences and work-lists; new tables only."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    _versions()
    _held()
    _mended()


def _versions() -> None:
    op.create_table(
        "procedure_records",
        Column("digest", Text, primary_key=True),
        Column("record", Text, nullable=False),
    )
    op.create_table(
        "procedure_versions",
        Column("owner", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("digest", Text, nullable=False),
        Column("plain", Text, nullable=False),
        Column("field_code", Text, nullable=False),
        Column("level", Integer),
        Column("active", Boolean, nullable=False),
        Column("source", Text, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("told_at", Double, nullable=False),
        Column("told_by", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("valid_from", Text, nullable=False),
        Column("valid_to", Text, nullable=False),
    )
    op.create_index("procedure_versions_by_owner", "procedure_versions", ["owner", "told_at"])
    op.create_index("procedure_versions_by_code", "procedure_versions", ["code"])
    op.create_table(
        "procedure_files",
        Column("owner", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("place", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("problem", Text, nullable=False),
        Column("checked_at", Double, nullable=False),
        Column("fetched_at", Double),
        Column("changed_at", Double),
    )
    op.create_index("procedure_files_by_state", "procedure_files", ["state", "owner", "code"])
    op.create_index("procedure_files_by_age", "procedure_files", ["checked_at"])


def _held() -> None:
    op.create_table(
        "holder_pulls",
        Column("holder", Text, primary_key=True),
        Column("pull", Text, nullable=False),
        Column("began_at", Double, nullable=False),
        Column("done_at", Double),
        Column("lease_until", Double, nullable=False),
        Column("listed", Integer, nullable=False),
        Column("fetched", Integer, nullable=False),
        Column("faulty", Integer, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("whole_from", Double),
        Column("whole_at", Double),
        Column("compared_at", Double),
    )
    op.create_table(
        "holder_records",
        Column("holder", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("plain", Text, nullable=False),
        Column("field_code", Text, nullable=False),
        Column("level", Integer),
        Column("seen_at", Double, nullable=False),
        Column("pull", Text, nullable=False),
    )
    op.create_index("holder_records_by_code", "holder_records", ["code"])
    op.create_table(
        "catalogue_differences",
        Column("holder", Text, primary_key=True),
        Column("owner", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("field", Text, primary_key=True),
        Column("held_code", Text, nullable=False),
        Column("who", Text, nullable=False),
        Column("since", Double, nullable=False),
    )
    op.create_index("catalogue_differences_by_owner", "catalogue_differences", ["owner", "holder", "code"])


def _mended() -> None:
    op.create_table(
        "catalogue_work",
        Column("holder", Text, primary_key=True),
        Column("owner", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("who", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("fields", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("made_by", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("claimed_at", Double),
        Column("claimed_by", Text, nullable=False),
        Column("note", Text, nullable=False),
        Column("confirmed_at", Double),
    )
    op.create_index("catalogue_work_by_state", "catalogue_work", ["state", "holder", "code"])
    op.create_index("catalogue_work_by_owner", "catalogue_work", ["owner", "state", "holder", "code"])
    op.create_table(
        "catalogue_plans",
        Column("id", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("run_at", Double),
        Column("run_by", Text, nullable=False),
    )
    op.create_index("catalogue_plans_by_holder", "catalogue_plans", ["holder", "made_at"])
    op.create_table(
        "catalogue_plan_items",
        Column("plan_id", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("owner", Text, nullable=False),
        Column("code", Text, nullable=False),
        Column("deed", Text, nullable=False),
        Column("who", Text, nullable=False),
        Column("fields", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("result", Text, nullable=False),
    )
