"""Finds by words what stands still, and what was refused at the doors: the set that somebody must look at, never all there is."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from hub.errors import NotAllowed
from hub.ledger.tables import deliveries, messages
from hub.registers import cursors, failures, refusals, scopes
from hub.registers.causes import Cause, Group
from hub.registers.finding_names import delivery
from hub.registers.found import Hit, Sought
from hub.rules.lifecycle import State

#: Letters of a word at least.
SHORTEST_WORD = 3
#: Refused messages that are looked through, the newest.
_REFUSED = 5_000
_GROUP_NAME_DIGITS = 10
_STANDING = (State.PARKED, State.IN_DOUBT, State.WAITING)
_OF_DELIVERIES = ("error_code", "partner_code", "error_where", "error_vi", "error_en", "procedure")
_OF_MESSAGES = ("error_code", "error_where", "faults")


def by_group(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find failure groups by their name, and those in which the words stand."""
    if after or not _is_word(sought):
        return (), ""
    named = _named(conn, sought)
    hits = [_group(each) for each in named]
    found = failures.matching(conn, _has(conn, deliveries, _OF_DELIVERIES, sought), sought.scope)
    words = _has(conn, messages, _OF_MESSAGES, sought)
    found += refusals.groups(conn, since=_since(sought), scope=sought.scope, now=sought.now, words=words)
    found.sort(key=lambda each: -each.count)
    hits += [_group(each) for each in found if each.name not in {one.name for one in named}]
    return tuple(hits[:limit]), ""


def _named(conn: Connection, sought: Sought) -> list[Group]:
    if len(sought.text) != _GROUP_NAME_DIGITS:
        return []
    try:
        cause, by = failures.known_cause(conn, sought.text.lower(), sought.now)
    except NotAllowed:
        return []
    group = failures.group_of(conn, cause, by, scope=sought.scope, now=sought.now)
    return [group] if group.count else []


def _group(group: Group) -> Hit:
    cause: Cause = group.cause
    return Hit(
        kind="group",
        id=group.name,
        title=" · ".join(filter(None, (cause.error_code, cause.partner_code, cause.what, cause.error_where))),
        endpoint=cause.endpoint,
        at=group.last_at,
        state=cause.state,
        why_vi=f"{group.count} mục: {group.error_vi}",
        why_en=f"{group.count} items: {group.error_en}",
    )


def by_standing(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find deliveries that stand still, or wait to be sent again, in whose errors the words stand; the newest first."""
    if not _is_word(sought):
        return (), ""
    states = deliveries.c.state.in_([state.value for state in _STANDING])
    here = and_(states, _has(conn, deliveries, _OF_DELIVERIES, sought), scopes.of_deliveries(sought.scope))
    if (place := cursors.before(cursors.read(after, float, str), deliveries.c.updated_at, deliveries.c.id)) is not None:
        here = and_(here, place)
    newest = select(deliveries).where(here).order_by(deliveries.c.updated_at.desc(), deliveries.c.id.desc())
    rows = conn.execute(newest.limit(limit + 1)).fetchall()
    hits = tuple(delivery(row, (row.error_vi, row.error_en)) for row in rows[:limit])
    return hits, cursors.written(rows[limit - 1].updated_at, rows[limit - 1].id) if len(rows) > limit else ""


def by_refused(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find messages that were refused lately, in whose faults the words stand; the newest first."""
    if not _is_word(sought):
        return (), ""
    lately = [messages.c.accepted.is_(False), messages.c.received_at >= _since(sought)]
    if sought.scope is not None:
        lately.append(messages.c.endpoint.in_(sorted(sought.scope)))
    if (place := cursors.before(cursors.read(after, float, str), messages.c.received_at, messages.c.id)) is not None:
        lately.append(place)
    some = select(messages).where(and_(*lately)).order_by(messages.c.received_at.desc(), messages.c.id.desc())
    looked = some.limit(_REFUSED).subquery()
    newest = select(looked).where(_has(conn, looked, _OF_MESSAGES, sought))
    rows = conn.execute(newest.order_by(looked.c.received_at.desc(), looked.c.id.desc()).limit(limit + 1)).fetchall()
    hits = tuple(_refused(row) for row in rows[:limit])
    return hits, cursors.written(rows[limit - 1].received_at, rows[limit - 1].id) if len(rows) > limit else ""


def _refused(row: Any) -> Hit:
    fault: dict[str, str] = next(iter(json.loads(row.faults)), {})
    return Hit(
        kind="message",
        id=row.id,
        title=row.error_where or row.error_code,
        endpoint=row.endpoint,
        at=row.received_at,
        state=refusals.REFUSED,
        why_vi=fault.get("vi", ""),
        why_en=fault.get("en", ""),
    )


def _since(sought: Sought) -> float:
    return sought.now - refusals.REFUSED_SINCE_SECONDS


def _is_word(sought: Sought) -> bool:
    return len(sought.text) >= SHORTEST_WORD and not sought.number


def _has(conn: Connection, table: Any, names: tuple[str, ...], sought: Sought) -> ColumnElement[bool]:
    """Say, as a condition, in which rows the words stand, in small or capital letters."""
    words: ColumnElement[str] = table.c[names[0]]
    for name in names[1:]:
        words = words + " " + table.c[name]
    if conn.dialect.name == "postgresql" or sought.text.isascii():
        return words.icontains(sought.text, autoescape=True)
    # SQLite's lower() knows the letters of ASCII only.
    text = sought.text
    spellings = dict.fromkeys((text, text.lower(), text.upper(), text.capitalize()))
    return or_(*(func.instr(words, each) > 0 for each in spellings))
