"""Verbs of statistics: a report is begun, gets its rows in portions, and is finished; old dossiers get their facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from hub.canonical.digests import digest_of
from hub.ledger import journal
from hub.ledger.statistics_tables import statistic_marks, statistic_reports, statistic_rows
from hub.ledger.tables import deliveries, dossiers
from hub.rules.dossier_facts import Facts, columns

#: A report that was begun so long ago and is not finished never will be: whoever made it was stopped.
STOPPED_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A report as it is begun."""

    id: str
    form: str
    period: str
    agency: str
    definition: str
    as_of: float
    actor: str
    now: float


def begin(conn: Connection, given: Begun) -> None:
    """Begin a report, which nobody sees before it is finished; clear away what others left unfinished."""
    left = select(statistic_reports.c.id).where(
        (statistic_reports.c.body == "") & (statistic_reports.c.computed_at < given.now - STOPPED_SECONDS)
    )
    ids = list(conn.execute(left).scalars())
    for each in ids:
        conn.execute(delete(statistic_rows).where(statistic_rows.c.report_id == each))
        conn.execute(delete(statistic_reports).where(statistic_reports.c.id == each))
    conn.execute(
        insert(statistic_reports).values(
            id=given.id,
            form=given.form,
            period=given.period,
            agency=given.agency,
            definition=given.definition,
            as_of=given.as_of,
            computed_at=given.now,
            actor=given.actor,
            looked=0,
            body="",
        )
    )


def add_rows(conn: Connection, report_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add some of a report's rows."""
    if rows:
        conn.execute(insert(statistic_rows), [{"report_id": report_id, **row} for row in rows])


def finish(conn: Connection, given: Begun, *, looked: int, body: str, why: str, now: float) -> None:
    """Finish a report: from now on it is seen, and never changed; the journal has its digest."""
    here = statistic_reports.c.id == given.id
    conn.execute(update(statistic_reports).where(here).values(looked=looked, body=body, computed_at=now))
    entry = {
        "report": given.id,
        "period": given.period,
        "agency": given.agency,
        "definition": given.definition,
        "digest": digest_of(body.encode()),
        "why": why,
    }
    journal.append(conn, f"statistics:{given.form}", "statistics.made", at=now, actor=given.actor, entry=entry)


# --- old dossiers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What is filled in of one dossier, as its messages say."""

    key: str
    #: As it was read: where a message came meanwhile, that message has written the facts.
    version: int
    facts: Facts
    #: Deliveries that carry a status, and since when the dossier has it.
    happened: Mapping[str, float]


def mark_of(conn: Connection, name: str) -> str:
    """Give how far a run came; empty: it begins."""
    return str(conn.execute(select(statistic_marks.c.upto).where(statistic_marks.c.name == name)).scalar() or "")


def fill(conn: Connection, filling: Sequence[Filling]) -> list[str]:
    """Fill in some dossiers; give those (their keys) to which a message came meanwhile, and of which nothing was written."""
    moved = []
    for each in filling:
        here = (dossiers.c.key == each.key) & (dossiers.c.version == each.version)
        if not conn.execute(update(dossiers).where(here).values(**columns(each.facts))).rowcount:
            moved.append(each.key)
            continue
        for delivery, at in each.happened.items():
            empty = (deliveries.c.id == delivery) & deliveries.c.happened_at.is_(None)
            conn.execute(update(deliveries).where(empty).values(happened_at=at))
    return moved


def mark(conn: Connection, name: str, upto: str, now: float) -> None:
    """Remember how far a run came."""
    conn.execute(delete(statistic_marks).where(statistic_marks.c.name == name))
    conn.execute(insert(statistic_marks).values(name=name, upto=upto, at=now))


def end_filling(conn: Connection, name: str, *, dossiers_filled: int, actor: str, why: str, now: float) -> None:
    """End a run: the next one begins anew."""
    conn.execute(delete(statistic_marks).where(statistic_marks.c.name == name))
    entry = {"dossiers": dossiers_filled, "why": why}
    journal.append(conn, f"statistics:{name}", "statistics.filled", at=now, actor=actor, entry=entry)
