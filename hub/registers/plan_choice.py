"""What a replay plan is chosen by: which deliveries a choice means, which of them can go, and why the others cannot."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select
from sqlalchemy.engine import Row

from hub.canonical.codes import Status
from hub.errors import NotAllowed
from hub.ledger import payloads
from hub.ledger.tables import attempts, chains, deliveries, endpoint_states, messages
from hub.registers import failures, names
from hub.rules import lifecycle
from hub.rules.lifecycle import ENDED, FAILED, State

#: Identifiers in one statement (SQLite allows 32,766 variables).
_AT_ONCE = 500
#: Deliveries in one plan; of more the oldest are taken, and the plan says that there are more.
MOST = 20_000
#: Outcomes of an attempt that may have arrived.
_MAY_HAVE_ARRIVED = ("doubt", "sending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a plan is made of; what is given narrows, and something must be given."""

    #: Name of a failure group.
    group: str = ""
    endpoint: str = ""
    procedure: str = ""
    #: Agency code of a province or ministry: what its systems send, and what they are given.
    province: str = ""
    #: Any number of a dossier.
    dossier: str = ""
    #: Code of what the delivery stands still for.
    error: str = ""
    #: The partner's own code.
    partner_code: str = ""
    #: Kind of message (dossier, catalogue, …), and event of a dossier.
    kind: str = ""
    event: str = ""
    #: ``key=value`` of what was recorded beside the bytes that were last written (``Outgoing.head``), exactly.
    header: str = ""
    #: Stood still since, and before; seconds since 1970 UTC.
    since: float | None = None
    until: float | None = None
    #: Exactly these, whatever their state: the plan then says why each that cannot go does not.
    ids: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Say what was given, for the plan's record."""
        given = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) not in ("", None, ())}
        return json.dumps(given, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Which endpoints a choice can mean; None = all."""

    #: Those whose deliveries the person who chooses may act on.
    scope: frozenset[str] | None = None
    #: Those of the province that was chosen, as sender or recipient.
    province: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A delivery that a choice means, and the head of its chain."""

    id: str
    endpoint: str
    subject: str
    place: int
    epoch: int
    state: str
    created_at: float
    head_id: str = ""
    head_state: str = ""
    head_error: str = ""
    #: Nothing was written for it yet.
    unwritten: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a choice means, in the order in which it would run: oldest chain first, each chain in its order."""

    found: tuple[Candidate, ...]
    #: There are more than a plan can hold.
    more: bool = False


# --- choosing ----------------------------------------------------------------------------------------------------


def candidates(conn: Connection, choice: Choice, within: Within = Within(), *, most: int = MOST) -> Chosen:
    """Find what a choice means: what failed, and, where the choice means these too, what waits behind it.

    Raises NotAllowed where nothing was given, or where a group or a number is not known.
    """
    if choice == Choice():
        raise NotAllowed(
            "say what to choose: a group, an endpoint, a procedure, a dossier, a time or identifiers",
            "hãy nêu phạm vi: nhóm lỗi, điểm kết nối, thủ tục, hồ sơ, thời gian hoặc danh sách mã",
            where="choice",
        )
    read = list(_read(conn, choice, within, most + 1))
    found = {each.id: each for each in read[:most]}
    if not (choice.ids or choice.group or choice.dossier):
        # They go by themselves, and are counted all: only as many are listed as there is room for.
        found |= {each.id: each for each in _behind_these(conn, tuple(found), choice, within, most - len(found))}
    return Chosen(tuple(_in_order(found.values())), more=len(read) > most)


def _in_order(found: Iterable[Candidate]) -> list[Candidate]:
    listed = list(found)
    begun: dict[tuple[str, str], float] = {}
    for each in listed:
        chain = (each.endpoint, each.subject)
        begun[chain] = min(each.created_at, begun.get(chain, each.created_at))
    return sorted(listed, key=lambda each: (begun[each.endpoint, each.subject], each.endpoint, each.subject, each.place))


def _read(conn: Connection, choice: Choice, within: Within, most: int) -> Iterator[Candidate]:
    query = _narrowed(_with_heads(), conn, choice, within).order_by(deliveries.c.created_at, deliveries.c.id).limit(most)
    if choice.dossier and not (choice.ids or choice.group):
        # Looked through here: of a dossier there are few, of what is held perhaps a million, by an index that looks as good.
        yield from (each for each in _candidates(conn, query, choice) if State(each.state) in {*FAILED, State.HELD})
        return
    if not choice.ids:
        yield from _candidates(conn, query.where(_standing(conn, choice)), choice)
        return
    wanted = [names.delivery_id(conn, given) for given in dict.fromkeys(choice.ids[:most])]
    for some in portions(wanted):
        yield from _candidates(conn, query.where(deliveries.c.id.in_(some)), choice)


def _standing(conn: Connection, choice: Choice) -> ColumnElement[bool]:
    if choice.group:
        return failures.of_cause(*failures.cause_of(conn, choice.group))
    # What waits is looked for behind what failed: there may be a million that wait for a partner to come back.
    return deliveries.c.state.in_(sorted(state.value for state in FAILED))


def _behind_these(
    conn: Connection, heads: Sequence[str], choice: Choice, within: Within, most: int
) -> Iterator[Candidate]:
    """Give those that wait behind these and belong to the choice themselves, ``most`` at most."""
    behind = (deliveries.c.endpoint == _HEAD.c.endpoint) & (deliveries.c.subject == _HEAD.c.subject)
    wanted = select(*_COLUMNS).join(_HEAD, behind & (deliveries.c.place > _HEAD.c.place))
    # Their endpoint is that of the heads, which was asked for already; said again, all that is held there would be looked at.
    more, province = replace(choice, endpoint=""), Within(province=within.province)
    query = _narrowed(wanted, conn, more, province).where(deliveries.c.state == State.HELD.value)
    left = most
    for some in portions(heads):
        if left <= 0:
            return
        for each in _candidates(conn, query.where(_HEAD.c.id.in_(some)).limit(left), choice):
            left -= 1
            yield each


_HEAD = deliveries.alias("head")
_COLUMNS = (
    *(deliveries.c[name] for name in Candidate.__slots__ if name in deliveries.c),
    deliveries.c.head,
    (deliveries.c.business_digest == "").label("unwritten"),
    _HEAD.c.id.label("head_id"),
    _HEAD.c.state.label("head_state"),
    _HEAD.c.error_code.label("head_error"),
)


def _with_heads() -> Select[Any]:
    chain = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)
    first = (_HEAD.c.endpoint == chains.c.endpoint) & (_HEAD.c.subject == chains.c.subject)
    return select(*_COLUMNS).join(chains, chain).outerjoin(_HEAD, first & (_HEAD.c.place == chains.c.head_place))


def _narrowed(query: Select[Any], conn: Connection, choice: Choice, within: Within) -> Select[Any]:
    same = ("endpoint", "procedure", "partner_code", "kind", "event")
    for name in same:
        if value := getattr(choice, name):
            query = query.where(deliveries.c[name] == value)
    if choice.error:
        query = query.where(deliveries.c.error_code == choice.error)
    if choice.dossier:
        query = query.where(deliveries.c.subject == _key(conn, choice.dossier))
    if choice.header:
        query = query.where(deliveries.c.head.contains(_member(choice.header), autoescape=True))
    if choice.since is not None:
        query = query.where(deliveries.c.updated_at >= choice.since)
    if choice.until is not None:
        query = query.where(deliveries.c.updated_at < choice.until)
    if within.scope is not None:
        query = query.where(deliveries.c.endpoint.in_(sorted(within.scope)))
    if within.province is not None:
        there = sorted(within.province)
        query = query.where(or_(deliveries.c.endpoint.in_(there), deliveries.c.origin.in_(there)))
    return query


def _key(conn: Connection, code: str) -> str:
    if key := names.dossier_key(conn, code):
        return key
    raise NotAllowed(f"no dossier has the number {code!r}", f"không có hồ sơ nào mang mã {code!r}", where=code)


def _pair(header: str) -> tuple[str, str]:
    key, equals, value = header.partition("=")
    if not equals or not key.strip():
        raise NotAllowed(f"{header!r} is not key=value", f"{header!r} không có dạng khóa=giá_trị", where="header")
    return key.strip(), value


def _member(header: str) -> str:
    """Write a member as the ledger's JSON has it: what stands inside of a text has its quotes escaped, and is another."""
    return ":".join(json.dumps(part, ensure_ascii=False) for part in _pair(header))


def _candidates(conn: Connection, query: Select[Any], choice: Choice) -> Iterator[Candidate]:
    for row in conn.execute(query):
        if choice.header and not _has(row, *_pair(choice.header)):
            continue
        yield _candidate(row)


def _has(row: Row[Any], key: str, value: str) -> bool:
    # SQLite's LIKE makes no difference between upper and lower case.
    return bool(json.loads(row.head).get(key) == value)


def _candidate(row: Row[Any]) -> Candidate:
    heads: dict[str, Any] = {name: getattr(row, name) or "" for name in ("head_id", "head_state", "head_error")}
    same: dict[str, Any] = {name: getattr(row, name) for name in Candidate.__slots__ if name not in (*heads, "unwritten")}
    return Candidate(**same, **heads, unwritten=bool(row.unwritten))


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give identifiers in portions that fit into one statement."""
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


# --- why one cannot go -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hindrances:
    """What keeps parked deliveries from being sent by a plan: by endpoint, and by delivery; each as a skip."""

    endpoints: Mapping[str, str] = field(default_factory=dict)
    #: Endpoints for which nothing can be signed now; what was signed before can go.
    unsigned: Collection[str] = ()
    deliveries: Mapping[str, str] = field(default_factory=dict)

    def of(self, each: Candidate, *, anew: bool) -> str:
        """Give the skip of a parked delivery; empty where nothing hinders it."""
        if each.endpoint in self.endpoints:
            return self.endpoints[each.endpoint]
        if each.endpoint in self.unsigned and (anew or each.unwritten):
            return "certificate_expired"
        return self.deliveries.get(each.id, "")


def restraints(conn: Connection, now: float) -> dict[str, str]:
    """Give the endpoints that dispatch leaves alone now: ``paused`` or ``breaker_open``."""
    found = {}
    for row in conn.execute(select(endpoint_states)):
        if row.paused:
            found[row.endpoint] = "paused"
        elif row.open_until > now:
            found[row.endpoint] = "breaker_open"
    return found


def unsettled(conn: Connection, found: Sequence[Candidate]) -> dict[str, str]:
    """Find what must not be written anew: an earlier attempt may have arrived."""
    query = select(attempts.c.delivery_id).where(attempts.c.outcome.in_(_MAY_HAVE_ARRIVED))
    return {
        delivery: "may_have_arrived"
        for some in portions(_parked(found))
        for delivery in conn.execute(query.where(attempts.c.delivery_id.in_(some))).scalars()
    }


def superseded(conn: Connection, found: Sequence[Candidate]) -> dict[str, str]:
    """Find what its recipient has already gone beyond: it told us itself, later, of a status that this one would take back.

    A later status that waits behind a delivery supersedes nothing: the recipient gets both, in order.
    """
    latest: dict[str, Any] = {}
    later = messages.c.accepted & (messages.c.received_at > deliveries.c.created_at)
    told_by = (messages.c.canonical, messages.c.endpoint.label("told_by"))
    query = (
        select(deliveries.c.id, deliveries.c.endpoint, deliveries.c.canonical_digest, *told_by)
        .join(messages, (messages.c.subject == deliveries.c.subject) & later)
        .where(deliveries.c.kind == "dossier")
        .order_by(messages.c.received_at)
    )
    for some in portions(_parked(found)):
        for row in conn.execute(query.where(deliveries.c.id.in_(some))):
            # Compared here: of a dossier there are few messages, of an endpoint a million, by an index that looks as good.
            if row.told_by == row.endpoint:
                latest[row.id] = row
    return {delivery: skip for delivery, row in latest.items() if (skip := _superseded(conn, row))}


def _superseded(conn: Connection, row: Any) -> str:
    ours = _status(conn, row.canonical_digest)
    theirs = next((status for digest in json.loads(row.canonical) if (status := _status(conn, digest))), None)
    if ours is None or theirs is None or lifecycle.recorded(theirs, ours) is ours:
        return ""
    return f"superseded:{theirs.value}"


def _status(conn: Connection, digest: str) -> Status | None:
    """Give the status in a canonical message; None where it is no dossier's, or retention has deleted it."""
    tree = json.loads(payloads.get(conn, digest) or b"{}")
    given = tree.get("dossier", {}).get("status") if tree.get("kind") == "dossier" else None
    return Status(given) if given else None


def _parked(found: Sequence[Candidate]) -> list[str]:
    return [each.id for each in found if each.state == State.PARKED.value]


def skips(found: Sequence[Candidate], hindrances: Hindrances, *, anew: bool) -> tuple[str, ...]:
    """Say of each candidate why it cannot be sent by a plan; empty where it can. ``anew``: it would be written anew."""
    why = {each.id: hindrances.of(each, anew=anew) for each in found if each.state == State.PARKED.value}
    going = {delivery for delivery, skip in why.items() if not skip}
    return tuple(why[each.id] if each.id in why else _skip(each, going) for each in found)


def _skip(each: Candidate, going: set[str]) -> str:
    state = State(each.state)
    if state is State.IN_DOUBT:
        return "in_doubt"
    if state is State.HELD:
        return f"{_behind(each, going)}:{each.head_id}:{each.head_state}:{each.head_error}"
    if state is State.DELIVERED and each.id == each.head_id:
        return "unacknowledged"
    return f"{'ended' if state in ENDED else 'under_way'}:{state.value}"


def _behind(each: Candidate, going: set[str]) -> str:
    if each.head_id in going:
        return "goes_with"
    if each.head_state == State.DELIVERED.value:
        return "waits_for_acknowledgement"
    return "cannot_go_alone" if each.head_state in {state.value for state in FAILED} else "waits_for"


def followers(conn: Connection, going: Sequence[str]) -> dict[str, int]:
    """Count, by endpoint, what waits behind these and goes by itself after them."""
    behind = deliveries.alias("behind")
    chain = (behind.c.endpoint == deliveries.c.endpoint) & (behind.c.subject == deliveries.c.subject)
    query = (
        select(deliveries.c.endpoint, func.count().label("number"))
        .join(behind, chain & (behind.c.place > deliveries.c.place) & (behind.c.state == State.HELD.value))
        .group_by(deliveries.c.endpoint)
    )
    counts: dict[str, int] = {}
    for some in portions(going):
        for row in conn.execute(query.where(deliveries.c.id.in_(some))):
            counts[row.endpoint] = counts.get(row.endpoint, 0) + row.number
    return counts
