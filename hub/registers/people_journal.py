"""The journal of verbs: what people did, newest first, by person, verb, subject and time; each page by one index."""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, text, tuple_
from sqlalchemy.engine import Row

from hub.ledger.tables import BY_PEOPLE, deliveries, journal, messages
from hub.registers.words import EVENTS, called

#: Rows that one page looks at, where not all of them are wanted; the page is short then, and says where to go on.
LOOKED_AT = 1000
#: Verb -> the events that it leaves in the journal.
EVENTS_OF: Mapping[str, tuple[str, ...]] = {
    "settle": (
        "operator.settle_arrived",
        "operator.settle_not_arrived",
        "operator.settle_acknowledged",
        "operator.settle_refused",
    ),
    "reveal": ("person.revealed",),
    "person add": ("person.added",),
    "person change": ("person.changed",),
    "person password": ("person.password_set",),
    "token make": ("token.made",),
    "token end": ("token.ended",),
    "evidence export": ("evidence.exported",),
    "group take": ("group.taken",),
    "group leave": ("group.left",),
    "group note": ("group.noted",),
    "replay plan": ("plan.frozen",),
    "replay run": ("plan.started",),
    "replay pause": ("plan.paused",),
    "replay resume": ("plan.resumed",),
    "replay cancel": ("plan.cancelled",),
    "edit propose": ("edit.proposed",),
    "edit approve": ("edit.approved",),
    "edit reject": ("edit.rejected",),
    "mapping set": ("codes.set",),
    "mapping remove": ("codes.removed",),
    "partner test": ("operator.test",),
    "partner onboard": ("operator.onboard", "operator.trial", "operator.live"),
    "partner succeed": ("operator.succeed",),
    "alert mute": ("operator.alert_mute", "operator.alert_unmute"),
    "alert test": ("operator.alert_test",),
    "link end": ("operator.link_end",),
    "pull now": ("operator.pull_now",),
    "partner lookup": ("operator.look_up",),
    "codes pull": ("operator.codes_pull", "codes.pulled"),
    "border print": ("border.printed",),
    "border copy": ("message.received",),
    "border decide": ("border.decided",),
    "procedures import": ("message.received",),
    "procedures pull": ("procedures.pull", "procedures.pulled"),
    "procedures files": ("procedures.files",),
    "procedures plan": ("procedures.planned",),
    "procedures mend": ("procedures.mended",),
    "procedures claim": ("procedures.claimed",),
    "campaign make": ("campaign.made",),
    "campaign item": ("campaign.planned", "campaign.preparing", "campaign.dropped"),
    "campaign tick": ("campaign.ticked", "campaign.unticked"),
    "campaign raise": ("campaign.raised",),
    "reconcile run": ("reconcile.started",),
    "reconcile stop": ("reconcile.stopped",),
    "reconcile resume": ("reconcile.resumed",),
    "reconcile mend": ("reconcile.mended",),
    "reconcile report": ("reconcile.reported",),
    "statistics make": ("statistics.made",),
    "statistics send": ("statistics.sent",),
    "statistics fill": ("statistics.filled",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """One thing that somebody did."""

    seq: int
    subject: str
    at: float
    actor: str
    event: str
    entry: Mapping[str, Any]
    #: What the event is called.
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Some entries, the newest first."""

    rows: tuple[JournalRow, ...]
    #: Ask for what is before this one; 0: there is no more.
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for."""

    person: str = ""
    #: A verb, or the name of an event.
    verb: str = ""
    subject: str = ""
    since: float | None = None
    until: float | None = None
    before: int = 0
    limit: int = 50


def events_of(verb: str) -> tuple[str, ...]:
    """Name the events of a verb; a name that is no verb's is that of an event."""
    return EVENTS_OF.get(verb, (verb if "." in verb else f"operator.{verb}",))


def journal_page(conn: Connection, wanted: Wanted, *, scope: frozenset[str] | None = None) -> JournalPage:
    """Give one page; of what is outside of a scope nothing is said."""
    events = frozenset(events_of(wanted.verb)) if wanted.verb else None
    all_count = scope is None and not (wanted.person and events) and not wanted.subject
    most = wanted.limit + 1 if all_count else LOOKED_AT
    looked = _looked_at(conn, wanted, events, most)
    fitting = [row for row in looked if _fits(row, wanted, events)]
    shown = fitting if scope is None else _seen(conn, fitting, scope)
    page = tuple(shown[: wanted.limit])
    # Where not enough fitted, one goes on behind what was looked at.
    last = page if len(shown) > wanted.limit else looked if len(looked) == most else ()
    return JournalPage(rows=tuple(_row(each) for each in page), before=last[-1].seq if last else 0)


def _looked_at(conn: Connection, wanted: Wanted, events: Collection[str] | None, most: int) -> list[Row[Any]]:
    """Read by the index that fits best: that of a subject, of a person, of an event, or of time."""
    if wanted.subject:
        return _some(conn, _of_subject(wanted), most)
    query = _placed(conn, wanted)
    if wanted.person:
        return _some(conn, query.where(journal.c.actor == wanted.person), most)
    if events is not None:
        each = (_some(conn, query.where(journal.c.event == event), most) for event in sorted(events))
        merged: Iterable[Row[Any]] = heapq.merge(*each, key=lambda row: (-row.at, -row.seq))
        return list(islice(merged, most))
    return _some(conn, query, most)


def _some(conn: Connection, query: Select[Any], most: int) -> list[Row[Any]]:
    return list(conn.execute(query.limit(most)))


def _placed(conn: Connection, wanted: Wanted) -> Select[Any]:
    """Ask for rows of people in their order, within the times that are asked for and before the page before."""
    query = select(journal).where(text(BY_PEOPLE)).order_by(journal.c.at.desc(), journal.c.seq.desc())
    for bound in _bounds(conn, wanted):
        query = query.where(bound)
    return query


def _of_subject(wanted: Wanted) -> Select[Any]:
    """Ask for rows of one subject, by their numbers, which are in the order of time."""
    query = select(journal).where((journal.c.subject == wanted.subject) & text(BY_PEOPLE)).order_by(journal.c.number.desc())
    if wanted.before:
        query = query.where(journal.c.seq < wanted.before)
    for bound in _times(wanted):
        query = query.where(bound)
    return query


def _bounds(conn: Connection, wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    yield from _times(wanted)
    last = conn.execute(select(journal.c.at).where(journal.c.seq == wanted.before)).scalar() if wanted.before else None
    if last is not None:
        yield tuple_(journal.c.at, journal.c.seq) < tuple_(last, wanted.before)


def _times(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    if wanted.since is not None:
        yield journal.c.at >= wanted.since
    if wanted.until is not None:
        yield journal.c.at < wanted.until


def _fits(row: Row[Any], wanted: Wanted, events: Collection[str] | None) -> bool:
    return (not wanted.person or row.actor == wanted.person) and (events is None or row.event in events)


def _seen(conn: Connection, rows: Sequence[Row[Any]], scope: frozenset[str]) -> list[Row[Any]]:
    """Keep what is about endpoints of a scope, or about dossiers that came from there or went there."""
    subjects = {row.subject for row in rows}
    seen = {subject for subject in subjects if subject.removeprefix("endpoint:") in scope and subject.startswith("endpoint:")}
    for column, endpoint in ((deliveries.c.subject, deliveries.c.endpoint), (messages.c.subject, messages.c.endpoint)):
        here = column.in_(sorted(subjects - seen)) & endpoint.in_(sorted(scope))
        seen |= set(conn.execute(select(column).where(here).distinct()).scalars())
    return [row for row in rows if row.subject in seen]


def _row(row: Row[Any]) -> JournalRow:
    vi, en = called(EVENTS, row.event)
    entry = json.loads(row.entry)
    return JournalRow(seq=row.seq, subject=row.subject, at=row.at, actor=row.actor, event=row.event, entry=entry, vi=vi, en=en)
