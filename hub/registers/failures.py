"""Failures by cause: what stands still, in groups that one mending cures, and how much waits behind each."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, and_, case, exists, func, or_, select

from hub.errors import NotAllowed
from hub.ledger.tables import chains, deliveries
from hub.ledger.working_tables import failure_groups
from hub.registers import notes, refusals, scopes
from hub.registers.causes import SAMPLES, Cause, Collected, Failures, Group
from hub.registers.history import waiting_behind
from hub.registers.scopes import Scope
from hub.rules.lifecycle import State

__all__ = ["WHAT", "Cause", "Failures", "Group", "cause_of", "failures", "group_of", "of_cause"]

#: Rows, and identifiers, in one round to the server.
_ROWS_AT_ONCE, _IDS_AT_ONCE = 1000, 500
#: What can stand still.
STANDING = (State.PARKED, State.IN_DOUBT, State.DELIVERED)


def failures(
    conn: Connection,
    *,
    by: str = "event",
    endpoint: str = "",
    refused_since: float | None = None,
    scope: Scope = None,
    now: float = 0.0,
) -> Failures:
    """Group what is parked, in doubt, not acknowledged and refused at the doors; the largest group first.

    ``by``: event or procedure; ``scope``: only of these endpoints; ``now``: by which the new ones are counted.
    """
    parked, in_doubt, unacknowledged = (
        _groups(conn, state, by, endpoint=endpoint, scope=scope, now=now) for state in STANDING
    )
    refused = refusals.groups(conn, endpoint=endpoint, since=refused_since, scope=scope, now=now)
    care = notes.care_of(conn, [each.name for each in (*parked, *in_doubt, *unacknowledged, *refused)])

    def cared_for(groups: Iterable[Group]) -> tuple[Group, ...]:
        return tuple(notes.with_care(each, care) for each in groups)

    return Failures(
        parked=cared_for(parked),
        in_doubt=cared_for(in_doubt),
        unacknowledged=cared_for(unacknowledged),
        refused=cared_for(refused),
    )


# --- deliveries --------------------------------------------------------------------------------------------------

#: ``by`` -> the column that tells what failed.
WHAT: dict[str, ColumnElement[str]] = {
    "event": deliveries.c.kind + "/" + deliveries.c.event,
    "procedure": deliveries.c.procedure,
}

#: A partner's address says nothing that the endpoint does not; the service does.
_PLACE = case(
    (or_(deliveries.c.error_where == "", deliveries.c.error_where.like("%://%")), deliveries.c.service),
    else_=deliveries.c.error_where,
)


def cause_keys(by: str) -> tuple[Label[str], ...]:
    """Give the columns that failures of one cause have in common; ``by``: event or procedure."""
    return (
        deliveries.c.error_code.label("error_code"),
        deliveries.c.endpoint.label("endpoint"),
        deliveries.c.partner_code.label("partner_code"),
        WHAT[by].label("what"),
        _PLACE.label("error_where"),
    )


def _groups(
    conn: Connection,
    state: State,
    by: str,
    *,
    endpoint: str = "",
    scope: Scope = None,
    now: float = 0.0,
    more: Iterable[Any] = (),
) -> tuple[Group, ...]:
    """Group in one reading, row by row: that takes half of what the database needs to group and to rank."""
    here = and_(standing(state, endpoint), scopes.of_deliveries(scope), *more)
    columns = (deliveries.c.id, deliveries.c.updated_at, deliveries.c.procedure, waiting_behind())
    query = select(*columns, *cause_keys(by)).where(here)
    found: dict[tuple[str, ...], Collected] = {}
    for identifier, at, procedure, followers, *key in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        group = found.setdefault((*key,), Collected())
        group.oldest.append((at, identifier))
        group.followers += followers
        group.procedures.add(procedure)
    firsts = {key: heapq.nsmallest(SAMPLES, each.oldest) for key, each in found.items()}
    words = _words(conn, [first[0][1] for first in firsts.values()])
    groups = (
        each.group(_cause(state.value, key), now, firsts[key], *words.get(firsts[key][0][1], ("", "")))
        for key, each in found.items()
    )
    return tuple(sorted(groups, key=lambda group: (-group.count, group.cause.group)))


def _words(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Say in words why these stand still."""
    found: dict[str, tuple[str, str]] = {}
    columns = select(deliveries.c.id, deliveries.c.error_vi, deliveries.c.error_en)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = deliveries.c.id.in_(ids[start : start + _IDS_AT_ONCE])
        found |= {row.id: (row.error_vi, row.error_en) for row in conn.execute(columns.where(some))}
    return found


def standing(state: State, endpoint: str = "") -> ColumnElement[bool]:
    """Say, as a condition, which deliveries stand still in a state."""
    # State first: the index (state, lease_until) leaves only what failed.
    here = [deliveries.c.state == state.value]
    if state is State.DELIVERED:
        # Of all that was delivered only what is marked, by the same index; and of that what is still the head.
        chain = chains.alias("its_chain")
        same = (deliveries.c.endpoint == chain.c.endpoint) & (deliveries.c.subject == chain.c.subject)
        here += [deliveries.c.lease_until > 0.0, exists().where(same & (deliveries.c.place == chain.c.head_place))]
    return and_(*here, deliveries.c.endpoint == endpoint) if endpoint else and_(*here)


def _key(row: Any) -> tuple[str, ...]:
    return (row.error_code, row.endpoint, row.partner_code, row.what, row.error_where)


def _cause(state: str, key: tuple[str, ...]) -> Cause:
    error_code, endpoint, partner_code, what, error_where = key
    return Cause(
        state=state,
        error_code=error_code,
        endpoint=endpoint,
        partner_code=partner_code,
        what=what,
        error_where=error_where,
    )


# --- one group ---------------------------------------------------------------------------------------------------


def cause_of(conn: Connection, group: str) -> tuple[Cause, str]:
    """Find the cause of a group of deliveries by its name, and by what it was grouped.

    Raises NotAllowed where nothing of it is left.
    """
    if found := next((pair for pair in _standing_causes(conn) if pair[0].group == group), None):
        return found
    raise no_group(group)


def _standing_causes(conn: Connection) -> Iterator[tuple[Cause, str]]:
    """Give the causes of all that stands still, in one reading for each state."""
    for state in STANDING:
        columns = {by: what.label(by) for by, what in WHAT.items()}
        same = [key for key in cause_keys("event") if key.name != "what"]
        for row in conn.execute(select(*same, *columns.values()).where(standing(state)).distinct()):
            for by in WHAT:
                key = (row.error_code, row.endpoint, row.partner_code, getattr(row, by), row.error_where)
                yield _cause(state.value, key), by


def known_cause(conn: Connection, group: str, now: float) -> tuple[Cause, str]:
    """Find the cause of any group: one that stands now, of refusals, or one that people took or wrote about.

    Raises NotAllowed where nothing is known of it.
    """
    kept = conn.execute(select(failure_groups).where(failure_groups.c.name == group)).first()
    if kept is not None:
        return Cause(**json.loads(kept.cause)), kept.grouped_by
    refused = refusals.causes(conn, now - refusals.REFUSED_SINCE_SECONDS)
    if found := next((cause for cause in refused if cause.group == group), None):
        return found, "event"
    return cause_of(conn, group)


def group_of(conn: Connection, cause: Cause, by: str, *, scope: Scope, now: float) -> Group:
    """Give one group as it stands now; of which nothing stands, with a count of 0."""
    if cause.state == refusals.REFUSED:
        since = now - refusals.REFUSED_SINCE_SECONDS
        listed = refusals.groups(conn, endpoint=cause.endpoint, since=since, scope=scope, now=now)
    else:
        same = [deliveries.c.error_code == cause.error_code, WHAT[by] == cause.what]
        listed = _groups(conn, State(cause.state), by, endpoint=cause.endpoint, scope=scope, now=now, more=same)
    found = next((each for each in listed if each.cause == cause), None) or Group(
        cause=cause, count=0, first_at=0.0, last_at=0.0
    )
    return notes.with_care(found, notes.care_of(conn, [found.name]))


def parked_by_cause(conn: Connection) -> list[tuple[Cause, int, float]]:
    """Count what is parked by its cause, and say since when the first of each stands: what a watcher asks again and again."""
    keys = cause_keys("event")
    counted = select(*keys, func.count().label("number"), func.min(deliveries.c.updated_at).label("first_at"))
    rows = conn.execute(counted.where(standing(State.PARKED)).group_by(*keys))
    return [(_cause(State.PARKED.value, _key(row)), row.number, row.first_at) for row in rows]


def matching(conn: Connection, words: ColumnElement[bool], scope: Scope) -> list[Group]:
    """Give the groups of which some deliveries are as a condition says, with the number of these only."""
    keys, stands = cause_keys("event"), deliveries.c.updated_at
    counted = select(
        *keys,
        func.count().label("number"),
        func.min(stands).label("first_at"),
        func.max(stands).label("last_at"),
        func.min(deliveries.c.error_vi).label("error_vi"),
        func.min(deliveries.c.error_en).label("error_en"),
    ).group_by(*keys)
    return [
        Group(
            cause=_cause(state.value, _key(row)),
            count=row.number,
            first_at=row.first_at,
            last_at=row.last_at,
            error_vi=row.error_vi,
            error_en=row.error_en,
        )
        for state in STANDING
        for row in conn.execute(counted.where(standing(state) & words & scopes.of_deliveries(scope)))
    ]


def no_group(group: str) -> NotAllowed:
    """Say that nothing is known of a group."""
    return NotAllowed(
        f"no failure group {group!r}: nothing of it stands still now; see `lienthong failures`",
        f"không có nhóm lỗi {group!r}: hiện không còn lượt chuyển nào thuộc nhóm này; xem `lienthong failures`",
        where=group,
    )


def of_cause(cause: Cause, by: str) -> ColumnElement[bool]:
    """Say, as a condition, which deliveries belong to a cause."""
    values = (cause.error_code, cause.endpoint, cause.partner_code, cause.what, cause.error_where)
    same = [key.element == value for key, value in zip(cause_keys(by), values, strict=True)]
    return and_(standing(State(cause.state)), *same)
