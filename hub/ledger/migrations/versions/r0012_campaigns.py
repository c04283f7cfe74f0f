"""Campaigns that raise the level of services, the levels they led to, and test dossiers; new tables, and a mark on dossiers."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Double, ForeignKey, Integer, Text, false, text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables, and the mark."""
    op.add_column("dossiers", Column("test", Boolean, nullable=False, server_default=false()))
    _tests()
    _campaigns()
    _levels()


def _tests() -> None:
    op.create_table(
        "test_dossiers",
        Column("key", Text, ForeignKey("dossiers.key"), primary_key=True),
        Column("procedure", Text, nullable=False),
        Column("endpoint", Text, nullable=False),
        Column("agency", Text, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("received_at", Double, nullable=False),
    )
    op.create_index(
        "test_dossiers_by_procedure", "test_dossiers", ["procedure", "received_at", "endpoint", "agency"]
    )


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        Column("id", Text, primary_key=True),
        Column("agency", Text, nullable=False),
        Column("title", Text, nullable=False),
        Column("level", Integer, nullable=False),
        Column("goal_percent", Double, nullable=False),
        Column("first_day", Text, nullable=False),
        Column("last_day", Text, nullable=False),
        Column("made_at", Double, nullable=False),
        Column("made_by", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_index("campaigns_by_time", "campaigns", ["made_at"])
    op.create_index("campaigns_by_agency", "campaigns", ["agency"])
    op.create_table(
        "campaign_items",
        Column("campaign_id", Text, ForeignKey("campaigns.id"), primary_key=True),
        Column("unit", Text, primary_key=True),
        Column("procedure", Text, primary_key=True),
        Column("from_level", Integer),
        Column("to_level", Integer, nullable=False),
        Column("planned_day", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("prepared_at", Double),
        Column("raised_at", Double),
        Column("changed_at", Double, nullable=False),
        Column("changed_by", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    open_ = text("state IN ('planned', 'preparing')")
    op.create_index(
        "campaign_items_open",
        "campaign_items",
        ["unit", "procedure"],
        unique=True,
        sqlite_where=open_,
        postgresql_where=open_,
    )
    op.create_table(
        "campaign_ticks",
        Column("campaign_id", Text, ForeignKey("campaigns.id"), primary_key=True),
        Column("unit", Text, primary_key=True),
        Column("procedure", Text, primary_key=True),
        Column("need", Text, primary_key=True),
        Column("evidence", Text, nullable=False),
        Column("at", Double, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
    )


def _levels() -> None:
    op.create_table(
        "service_levels",
        Column("unit", Text, primary_key=True),
        Column("procedure", Text, primary_key=True),
        Column("from_day", Text, primary_key=True),
        Column("level", Integer, nullable=False),
        Column("campaign_id", Text, ForeignKey("campaigns.id"), nullable=False),
        Column("at", Double, nullable=False),
        Column("actor", Text, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_index("service_levels_by_campaign", "service_levels", ["campaign_id"])
