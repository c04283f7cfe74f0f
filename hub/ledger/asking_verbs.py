"""Verbs of what people ask partners by hand: who asked what and why, and codes that were taken over from an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select, update

from hub.canonical.compact_json import compact
from hub.ledger import journal, payloads
from hub.ledger.code_verbs import count_change
from hub.ledger.working_tables import code_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is taken over of one list of a partner's."""

    list_name: str
    endpoint: str
    service: str
    #: Code -> name, of what is new and of what is called otherwise now.
    new: Mapping[str, str]
    renamed: Mapping[str, str]
    #: Codes that the partner does not have any more.
    gone: Sequence[str]
    #: First day on which this holds, as 2026-03-02; and of codes in a list that had no rows at all: empty, from ever.
    day: str
    first_day: str


def note_look_up(
    conn: Connection, endpoint: str, *, service: str, fields: Sequence[str], actor: str, why: str, now: float
) -> None:
    """Write down that somebody is about to ask a partner; by which fields, never with what values."""
    entry = {"endpoint": endpoint, "service": service, "fields": sorted(fields), "why": why}
    journal.append(conn, f"endpoint:{endpoint}", "operator.look_up", at=now, actor=actor, entry=entry)


def note_codes_pulled(
    conn: Connection, endpoint: str, *, lists: Sequence[str], take: bool, actor: str, why: str, now: float
) -> None:
    """Write down that somebody is about to fetch a partner's lists of codes."""
    entry = {"endpoint": endpoint, "lists": sorted(lists), "take": take, "why": why}
    journal.append(conn, f"endpoint:{endpoint}", "operator.codes_pull", at=now, actor=actor, entry=entry)


def note_figures_sent(
    conn: Connection, endpoint: str, *, period: str, report: str, agencies: int, actor: str, why: str, now: float
) -> None:
    """Write down that somebody is about to send a partner the figures of a month; each message of it tells the rest."""
    entry = {"endpoint": endpoint, "period": period, "report": report, "agencies": agencies, "why": why}
    journal.append(conn, f"endpoint:{endpoint}", "statistics.sent", at=now, actor=actor, entry=entry)


def take_codes(conn: Connection, given: Taken, *, actor: str, why: str, now: float) -> int:
    """Lay what a partner's list says now over the hub's list, from a day on; rows before it stay. Give how many changed.

    What was taken over already is not taken again, so two at once, or the same once more, change nothing twice.
    """
    count_change(conn, given.list_name, actor, now)
    rows = {row.code: row for row in conn.execute(_open(given)).all()}
    coming = _coming(conn, given)
    changed = {code: name for code, name in {**given.new, **given.renamed}.items() if code not in rows or rows[code].name != name}
    ended = [code for code in (*changed, *given.gone) if code in rows]
    _end(conn, given, ended)
    origin = f"{given.endpoint}/{given.service}: {why}"
    laid = [
        {
            "list_name": given.list_name,
            "code": code,
            "value": code,
            "name": name,
            "valid_from": given.first_day if code not in rows else given.day,
            "valid_to": coming.get(code, ""),
            "changed_at": now,
            "changed_by": actor,
            "why": origin,
        }
        for code, name in changed.items()
    ]
    if laid:
        conn.execute(insert(code_rows), laid)
    gone = [code for code in given.gone if code in rows]
    if laid or gone:
        _note(conn, given, changed, gone, actor, why, now)
    return len(laid) + len(gone)


def _open(given: Taken) -> Any:
    """Ask for the ledger's rows that hold on the day."""
    begun = code_rows.c.valid_from <= given.day
    holds = (code_rows.c.valid_to == "") | (code_rows.c.valid_to > given.day)
    return select(code_rows.c.code, code_rows.c.name, code_rows.c.valid_from).where(
        (code_rows.c.list_name == given.list_name) & begun & holds
    )


def _coming(conn: Connection, given: Taken) -> dict[str, str]:
    """Give the first later day on which somebody has laid a row already, by code."""
    later = (code_rows.c.list_name == given.list_name) & (code_rows.c.valid_from > given.day)
    query = select(code_rows.c.code, code_rows.c.valid_from).where(later).order_by(code_rows.c.valid_from.desc())
    return {row.code: row.valid_from for row in conn.execute(query)}


def _end(conn: Connection, given: Taken, codes: Sequence[str]) -> None:
    """Let rows end on the day; one that began on it held on no day, and goes."""
    for code in codes:
        here = and_(code_rows.c.list_name == given.list_name, code_rows.c.code == code)
        conn.execute(delete(code_rows).where(here & (code_rows.c.valid_from == given.day)))
        holds = (code_rows.c.valid_from < given.day) & ((code_rows.c.valid_to == "") | (code_rows.c.valid_to > given.day))
        conn.execute(update(code_rows).where(here & holds).values(valid_to=given.day))


def _note(
    conn: Connection, given: Taken, changed: Mapping[str, str], gone: Sequence[str], actor: str, why: str, now: float
) -> None:
    whole = {"set": dict(changed), "ended": list(gone), "day": given.day}
    entry = {
        "list": given.list_name,
        "endpoint": given.endpoint,
        "service": given.service,
        "set": len(changed),
        "ended": len(gone),
        # What exactly: kept beside the journal, since it may be thousands of codes.
        "changes": payloads.put(conn, compact(whole).encode(), now),
        "why": why,
    }
    journal.append(conn, f"codes:{given.list_name}", "codes.pulled", at=now, actor=actor, entry=entry)
