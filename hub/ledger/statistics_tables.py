"""Tables of statistics: reports as they were made, their rows, and how far old dossiers have been filled.

A finished report is never changed: made anew, it stands beside the one before, so that it shows what late messages changed.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, Text

from hub.ledger.tables import metadata

__all__ = ["metadata"]

statistic_reports = Table(
    "statistic_reports",
    metadata,
    Column("id", Text, primary_key=True),
    #: II.06a, ages, services, 766 or honesty.
    Column("form", Text, nullable=False),
    #: 2026, 2026-Q1 or 2026-03.
    Column("period", Text, nullable=False),
    #: Code of the agency that it is about, with those below it; empty: everything.
    Column("agency", Text, nullable=False),
    #: Which definitions it was made by: their first day and digest.
    Column("definition", Text, nullable=False),
    #: Up to which moment it counts: the end of the period, or now.
    Column("as_of", Double, nullable=False),
    Column("computed_at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    #: Dossiers, deliveries or services that were looked at.
    Column("looked", Integer, nullable=False),
    #: What it says beside its rows, JSON; codes, dates and numbers of dossiers, no personal data. Empty: not finished yet.
    Column("body", Text, nullable=False),
    Index("statistic_reports_by_form", "form", "agency", "period", "computed_at"),
    Index("statistic_reports_by_time", "computed_at"),
)

#: Rows of form II.06a, by everything it is asked by; its columns by their numbers.
statistic_rows = Table(
    "statistic_rows",
    metadata,
    Column("report_id", Text, ForeignKey("statistic_reports.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    #: Endpoint that made the dossiers known.
    Column("origin", Text, nullable=False),
    #: Ministry or province that the agency belongs to.
    Column("owner", Text, nullable=False),
    Column("agency_code", Text, nullable=False),
    Column("agency_name", Text, nullable=False),
    Column("field_code", Text, nullable=False),
    Column("field_name", Text, nullable=False),
    #: Level of the service, 0: not known.
    Column("level", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("c4", "c5", "c6", "c8", "c9", "c10", "c12", "c13")),
    #: Of these, dossiers without any due date, and those of which the clock stands.
    Column("without_due", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Index("statistic_rows_by_owner", "report_id", "owner", "agency_code"),
)

#: How far a run over old dossiers came; it goes on from there.
statistic_marks = Table(
    "statistic_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("upto", Text, nullable=False),
    Column("at", Double, nullable=False),
)
