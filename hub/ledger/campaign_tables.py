"""Tables of campaigns that raise the level of services, of the levels they led to, and of the test dossiers they wait for.

Days are texts, 2026-03-02; times are seconds since 1970 UTC. A test dossier is written on a message's way, and it alone.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, Text, text

from hub.ledger.tables import metadata

__all__ = ["metadata"]

#: A campaign of a province or a ministry.
campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Text, primary_key=True),
    #: Code of the agency whose catalogue it is about.
    Column("agency", Text, nullable=False),
    Column("title", Text, nullable=False),
    #: Services at this level or above are counted, and so many of a hundred are aimed at; 0 = no share was named.
    Column("level", Integer, nullable=False),
    Column("goal_percent", Double, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("campaigns_by_time", "made_at"),
    Index("campaigns_by_agency", "agency"),
)

#: What one unit is to raise: a procedure from a level to another, by a day.
campaign_items = Table(
    "campaign_items",
    metadata,
    Column("campaign_id", Text, ForeignKey("campaigns.id"), primary_key=True),
    #: Code of the agency that offers it.
    Column("unit", Text, primary_key=True),
    Column("procedure", Text, primary_key=True),
    #: NULL: nobody has said at which level it is.
    Column("from_level", Integer),
    Column("to_level", Integer, nullable=False),
    Column("planned_day", Text, nullable=False),
    #: planned, preparing, raised, dropped (hub.rules.campaigns).
    Column("state", Text, nullable=False),
    #: From then on a test dossier counts.
    Column("prepared_at", Double),
    Column("raised_at", Double),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index(
        "campaign_items_open",
        "unit",
        "procedure",
        unique=True,
        sqlite_where=text("state IN ('planned', 'preparing')"),
        postgresql_where=text("state IN ('planned', 'preparing')"),
    ),
)

#: What no record shows, and a person has stated of an item, with where that can be seen.
campaign_ticks = Table(
    "campaign_ticks",
    metadata,
    Column("campaign_id", Text, ForeignKey("campaigns.id"), primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("procedure", Text, primary_key=True),
    #: hub.rules.campaigns.Need
    Column("need", Text, primary_key=True),
    Column("evidence", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
)

#: At which level a unit offers a procedure from a day on: provinces keep it, not the national record.
service_levels = Table(
    "service_levels",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("procedure", Text, primary_key=True),
    Column("from_day", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    #: The campaign that raised it.
    Column("campaign_id", Text, ForeignKey("campaigns.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("service_levels_by_campaign", "campaign_id"),
)

#: Dossiers that are tests, each as its first message said.
test_dossiers = Table(
    "test_dossiers",
    metadata,
    Column("key", Text, ForeignKey("dossiers.key"), primary_key=True),
    Column("procedure", Text, nullable=False),
    #: Who sent it.
    Column("endpoint", Text, nullable=False),
    #: Code of the agency that works on it; empty where the message said none.
    Column("agency", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Index("test_dossiers_by_procedure", "procedure", "received_at", "endpoint", "agency"),
)
