"""Messages that were refused at the doors, in groups: what senders get wrong."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, case, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from hub.ledger.tables import messages
from hub.registers.causes import DAY_SECONDS, SAMPLES, Cause, Collected, Group
from hub.registers.scopes import Scope

#: Refusals are looked for so far back where nothing else is said: the list is for today's work.
REFUSED_SINCE_SECONDS = 7 * DAY_SECONDS
#: State of their causes.
REFUSED = "refused"
#: Rows, and identifiers, in one round to the server.
_ROWS_AT_ONCE, _IDS_AT_ONCE = 1000, 500


class _FirstCode(FunctionElement[str]):
    """Code of the first fault in a JSON list of faults; empty where it has none."""

    type = Text()
    inherit_cache = True


@compiles(_FirstCode, "sqlite")
def _first_code_in_sqlite(element: _FirstCode, compiler: Any, **given: Any) -> str:
    return f"coalesce(json_extract({compiler.process(element.clauses, **given)}, '$[0].code'), '')"


@compiles(_FirstCode, "postgresql")
def _first_code_in_postgresql(element: _FirstCode, compiler: Any, **given: Any) -> str:
    return f"coalesce(CAST({compiler.process(element.clauses, **given)} AS json) #>> '{{0,code}}', '')"


_FIRST = _FirstCode(messages.c.faults)
#: Senders mend one thing after the other: what is missing and what is badly written in the same place are two causes.
_FAULT = case((messages.c.error_code == _FIRST, ""), else_=_FIRST).label("fault")
_KEYS = (messages.c.error_code, messages.c.endpoint, messages.c.error_where, _FAULT)


def groups(
    conn: Connection,
    *,
    endpoint: str = "",
    since: float | None = None,
    scope: Scope = None,
    now: float = 0.0,
    words: ColumnElement[bool] | None = None,
) -> tuple[Group, ...]:
    """Group the messages that were refused, in one reading; the largest group first. ``words``: only those that are so."""
    here = _refused(endpoint, since, scope)
    query = select(messages.c.id, messages.c.received_at, *_KEYS).where(here if words is None else here & words)
    found: dict[tuple[str, ...], Collected] = {}
    for identifier, at, *key in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        found.setdefault((*key,), Collected()).oldest.append((at, identifier))
    newest = {key: heapq.nlargest(SAMPLES, each.oldest) for key, each in found.items()}
    faults = _faults(conn, [first[0][1] for first in newest.values()])
    made = (_group(key, each, now, newest[key], faults[newest[key][0][1]]) for key, each in found.items())
    return tuple(sorted(made, key=lambda group: (-group.count, group.cause.group)))


def of_cause(cause: Cause, since: float | None, scope: Scope = None) -> ColumnElement[bool]:
    """Say, as a condition, which messages belong to a cause."""
    same = [messages.c.error_code == cause.error_code, messages.c.error_where == cause.error_where, _FAULT.element == cause.fault]
    return and_(_refused(cause.endpoint, since, scope), *same)


def _refused(endpoint: str, since: float | None, scope: Scope) -> ColumnElement[bool]:
    narrowed = [messages.c.accepted.is_(False), messages.c.received_at >= (since or 0.0)]
    if endpoint:
        narrowed.append(messages.c.endpoint == endpoint)
    if scope is not None:
        narrowed.append(messages.c.endpoint.in_(sorted(scope)))
    return and_(*narrowed)


def causes(conn: Connection, since: float) -> tuple[Cause, ...]:
    """Give the causes for which messages were refused since a moment."""
    rows = conn.execute(select(*_KEYS).where(_refused("", since, None)).distinct())
    return tuple(_cause(row) for row in rows)


def _cause(row: Sequence[str]) -> Cause:
    error_code, endpoint, error_where, fault = row
    return Cause(state=REFUSED, error_code=error_code, endpoint=endpoint, error_where=error_where, fault=fault)


def _group(
    key: Sequence[str], collected: Collected, now: float, newest: Sequence[tuple[float, str]], faults: str
) -> Group:
    fault: dict[str, str] = next(iter(json.loads(faults)), {})
    return collected.group(_cause(key), now, newest, fault.get("vi", ""), fault.get("en", ""))


def _faults(conn: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Give what was wrong with these."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = messages.c.id.in_(ids[start : start + _IDS_AT_ONCE])
        found |= {row.id: row.faults for row in conn.execute(select(messages.c.id, messages.c.faults).where(some))}
    return found
