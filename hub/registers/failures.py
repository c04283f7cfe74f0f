"""Failures by cause: what stands still, in groups that one mending cures, and how much waits behind each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, and_, case, func, or_, select

from hub.errors import NotAllowed
from hub.ledger.tables import chains, deliveries, messages
from hub.registers.history import waiting_behind
from hub.rules.lifecycle import State

#: Identifiers shown of each group.
SAMPLES = 3
#: Refusals at the doors are looked for so far back where nothing else is said: the list is for today's work.
REFUSED_SINCE_SECONDS = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What the failures of one group have in common."""

    #: ``parked``, ``in_doubt``, ``delivered`` (and not acknowledged) or ``refused`` (at a door).
    state: str
    error_code: str
    endpoint: str
    partner_code: str = ""
    #: ``dossier/submitted`` (kind and event), or the procedure where groups were asked for by procedure.
    what: str = ""
    #: Code list, field, service, …; never a partner's address.
    error_where: str = ""

    @property
    def group(self) -> str:
        """Name the group: the same cause has the same name tomorrow and on another machine."""
        fields = [self.state, self.error_code, self.endpoint, self.partner_code, self.what, self.error_where]
        return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Failures of one cause."""

    cause: Cause
    count: int
    first_at: float
    last_at: float
    #: Deliveries that wait behind them in the same chains.
    followers: int = 0
    #: How many procedures are concerned.
    procedures: int = 0
    error_en: str = ""
    error_vi: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Everything that stands still."""

    parked: tuple[Group, ...]
    #: Apart: the partner may have these; they are asked about or settled, never simply sent again.
    in_doubt: tuple[Group, ...]
    #: The partner has these, and their chains wait for its acknowledgement, which is a message of its own.
    unacknowledged: tuple[Group, ...] = field(default=())
    refused: tuple[Group, ...] = field(default=())


def failures(
    conn: Connection, *, by: str = "event", endpoint: str = "", refused_since: float | None = None
) -> Failures:
    """Group what is parked, in doubt, not acknowledged and refused at the doors; the largest group first.

    ``by``: event or procedure.
    """
    return Failures(
        parked=_groups(conn, State.PARKED, by, endpoint),
        in_doubt=_groups(conn, State.IN_DOUBT, by, endpoint),
        unacknowledged=_groups(conn, State.DELIVERED, by, endpoint),
        refused=_refused(conn, endpoint, refused_since),
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


def _keys(by: str) -> tuple[Label[str], ...]:
    return (
        deliveries.c.error_code.label("error_code"),
        deliveries.c.endpoint.label("endpoint"),
        deliveries.c.partner_code.label("partner_code"),
        WHAT[by].label("what"),
        _PLACE.label("error_where"),
    )


def _groups(conn: Connection, state: State, by: str, endpoint: str) -> tuple[Group, ...]:
    keys = _keys(by)
    here = _standing(state, endpoint)
    counted = select(
        *keys,
        func.count().label("number"),
        func.min(deliveries.c.updated_at).label("first_at"),
        func.max(deliveries.c.updated_at).label("last_at"),
        func.sum(waiting_behind()).label("followers"),
        func.count(deliveries.c.procedure.distinct()).label("procedures"),
        func.min(deliveries.c.error_en).label("error_en"),
        func.min(deliveries.c.error_vi).label("error_vi"),
    )
    rows = conn.execute(counted.where(here).group_by(*keys)).fetchall()
    samples = _samples(conn, here, keys)
    found = (_group(row, state.value, samples.get(_key(row), ())) for row in rows)
    return tuple(sorted(found, key=lambda group: (-group.count, group.cause.group)))


def _standing(state: State, endpoint: str) -> ColumnElement[bool]:
    # State first: the index (state, lease_until) leaves only what failed.
    here = [deliveries.c.state == state.value]
    if state is State.DELIVERED:
        here.append(deliveries.c.id.in_(_unacknowledged()))
    return and_(*here, deliveries.c.endpoint == endpoint) if endpoint else and_(*here)


def _unacknowledged() -> Any:
    """Find the heads that are delivered: from the chains, of which few are open, and not from all that was delivered."""
    head = deliveries.alias("head")
    same = (head.c.endpoint == chains.c.endpoint) & (head.c.subject == chains.c.subject)
    return (
        select(head.c.id)
        .select_from(chains.join(head, same & (head.c.place == chains.c.head_place)))
        .where((chains.c.head_place < chains.c.next_place) & (head.c.state == State.DELIVERED.value))
    )


def _samples(
    conn: Connection, here: ColumnElement[bool], keys: Iterable[Label[str]]
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Give the oldest identifiers of each group, in one reading."""
    keys = tuple(keys)
    oldest = [deliveries.c.updated_at, deliveries.c.id]
    order = func.row_number().over(partition_by=[key.element for key in keys], order_by=oldest)
    ranked = select(deliveries.c.id, *keys, order.label("rank")).where(here).subquery()
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in conn.execute(select(ranked).where(ranked.c.rank <= SAMPLES).order_by(ranked.c.rank)):
        found[_key(row)] = (*found.get(_key(row), ()), row.id)
    return found


def _key(row: Any) -> tuple[str, ...]:
    return (row.error_code, row.endpoint, row.partner_code, row.what, row.error_where)


def _group(row: Any, state: str, samples: tuple[str, ...]) -> Group:
    cause = Cause(
        state=state,
        error_code=row.error_code,
        endpoint=row.endpoint,
        partner_code=row.partner_code,
        what=row.what,
        error_where=row.error_where,
    )
    return Group(
        cause=cause,
        count=row.number,
        first_at=row.first_at,
        last_at=row.last_at,
        followers=int(row.followers or 0),
        procedures=row.procedures,
        error_en=row.error_en,
        error_vi=row.error_vi,
        samples=samples,
    )


def cause_of(conn: Connection, group: str) -> tuple[Cause, str]:
    """Find the cause of a group by its name, and by what it was grouped; raise NotAllowed where nothing of it is left."""
    for by in WHAT:
        for state in (State.PARKED, State.IN_DOUBT, State.DELIVERED):
            keys = _keys(by)
            for row in conn.execute(select(*keys).where(_standing(state, "")).distinct()):
                cause = Cause(state=state.value, **dict(zip(_names(keys), _key(row), strict=True)))
                if cause.group == group:
                    return cause, by
    raise NotAllowed(
        f"no failure group {group!r}: nothing of it stands still now; see `lienthong failures`",
        f"không có nhóm lỗi {group!r}: hiện không còn lượt chuyển nào thuộc nhóm này; xem `lienthong failures`",
        where=group,
    )


def _names(keys: Iterable[Label[str]]) -> list[str]:
    return [key.name for key in keys]


def of_cause(cause: Cause, by: str) -> ColumnElement[bool]:
    """Say, as a condition, which deliveries belong to a cause."""
    values = (cause.error_code, cause.endpoint, cause.partner_code, cause.what, cause.error_where)
    same = [key.element == value for key, value in zip(_keys(by), values, strict=True)]
    return and_(_standing(State(cause.state), ""), *same)


# --- doors -------------------------------------------------------------------------------------------------------


def _refused(conn: Connection, endpoint: str, since: float | None) -> tuple[Group, ...]:
    """Group the messages that were refused at the doors: what senders get wrong."""
    keys = (messages.c.error_code, messages.c.endpoint, messages.c.error_where)
    narrowed: list[ColumnElement[bool]] = [messages.c.accepted.is_(False)]
    if since is not None:
        narrowed.append(messages.c.received_at >= since)
    if endpoint:
        narrowed.append(messages.c.endpoint == endpoint)
    here = and_(*narrowed)
    counted = select(
        *keys,
        func.count().label("number"),
        func.min(messages.c.received_at).label("first_at"),
        func.max(messages.c.received_at).label("last_at"),
    )
    rows = conn.execute(counted.where(here).group_by(*keys)).fetchall()
    samples = _refused_samples(conn, here)
    found = (_refused_group(row, samples) for row in rows)
    return tuple(sorted(found, key=lambda group: (-group.count, group.cause.group)))


def _refused_group(row: Any, samples: dict[tuple[str, ...], list[tuple[str, str]]]) -> Group:
    of_group = samples[row.error_code, row.endpoint, row.error_where]
    fault: dict[str, str] = next(iter(json.loads(of_group[0][1])), {})
    return Group(
        cause=Cause(state="refused", error_code=row.error_code, endpoint=row.endpoint, error_where=row.error_where),
        count=row.number,
        first_at=row.first_at,
        last_at=row.last_at,
        error_en=fault.get("en", ""),
        error_vi=fault.get("vi", ""),
        samples=tuple(sample for sample, _ in of_group),
    )


def _refused_samples(conn: Connection, here: ColumnElement[bool]) -> dict[tuple[str, ...], list[tuple[str, str]]]:
    keys = (messages.c.error_code, messages.c.endpoint, messages.c.error_where)
    order = func.row_number().over(partition_by=keys, order_by=[messages.c.received_at.desc(), messages.c.id])
    ranked = select(messages.c.id, messages.c.faults, *keys, order.label("rank")).where(here).subquery()
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in conn.execute(select(ranked).where(ranked.c.rank <= SAMPLES).order_by(ranked.c.rank)):
        found.setdefault((row.error_code, row.endpoint, row.error_where), []).append((row.id, row.faults))
    return found
