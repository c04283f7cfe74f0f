"""Replay plans: which deliveries a choice means, which of them can go and why the others cannot, and frozen plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.tables import chains, deliveries, endpoint_states, plan_items, plans
from hub.registers import failures, names
from hub.rules.lifecycle import ENDED, FAILED, State

#: Identifiers in one statement (SQLite allows 32,766 variables).
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a plan is made of; what is given narrows, and something must be given."""

    #: Name of a failure group.
    group: str = ""
    endpoint: str = ""
    procedure: str = ""
    #: Any number of a dossier.
    dossier: str = ""
    #: Code of what the delivery stands still for.
    error: str = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One delivery of a frozen plan."""

    number: int
    delivery_id: str
    endpoint: str
    subject: str
    event: str
    epoch: int
    #: Empty: will be carried out; else why not, see ``explain``.
    skip: str
    result: str
    #: State of the delivery now.
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen plan: what was seen is what is sent."""

    id: str
    verb: str
    actor: str
    why: str
    chosen_by: str
    created_at: float
    run_at: float | None
    items: tuple[Item, ...] = field(default=())


# --- choosing ----------------------------------------------------------------------------------------------------


def candidates(conn: Connection, choice: Choice) -> tuple[Candidate, ...]:
    """Find what a choice means, in the order in which it would run: oldest chain first, each chain in its order.

    Raises NotAllowed where nothing was given, or where a group or a number is not known.
    """
    if choice == Choice():
        raise NotAllowed(
            "say what to choose: a group, an endpoint, a procedure, a dossier, a time or identifiers",
            "hãy nêu phạm vi: nhóm lỗi, điểm kết nối, thủ tục, hồ sơ, thời gian hoặc danh sách mã",
            where="choice",
        )
    found = list(_read(conn, choice))
    begun: dict[tuple[str, str], float] = {}
    for each in found:
        chain = (each.endpoint, each.subject)
        begun[chain] = min(each.created_at, begun.get(chain, each.created_at))
    found.sort(key=lambda each: (begun[each.endpoint, each.subject], each.endpoint, each.subject, each.place))
    return tuple(found)


def _read(conn: Connection, choice: Choice) -> Iterable[Candidate]:
    query = _with_heads()
    for condition in _conditions(conn, choice):
        query = query.where(condition)
    if not choice.ids:
        return [_candidate(row) for row in conn.execute(query)]
    wanted = [names.delivery_id(conn, given) for given in dict.fromkeys(choice.ids)]
    return [
        _candidate(row)
        for start in range(0, len(wanted), _AT_ONCE)
        for row in conn.execute(query.where(deliveries.c.id.in_(wanted[start : start + _AT_ONCE])))
    ]


def _with_heads() -> Select[Any]:
    head = deliveries.alias("head")
    chain = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)
    first = (head.c.endpoint == chains.c.endpoint) & (head.c.subject == chains.c.subject)
    return (
        select(
            deliveries,
            head.c.id.label("head_id"),
            head.c.state.label("head_state"),
            head.c.error_code.label("head_error"),
        )
        .join(chains, chain)
        .outerjoin(head, first & (head.c.place == chains.c.head_place))
    )


def _conditions(conn: Connection, choice: Choice) -> Iterable[ColumnElement[bool]]:
    if choice.group:
        yield failures.of_cause(*failures.cause_of(conn, choice.group))
    elif not choice.ids:
        # What failed, and what waits behind it: the plan says of each follower with whom it goes.
        yield deliveries.c.state.in_([State.PARKED.value, State.IN_DOUBT.value, State.HELD.value])
    if choice.endpoint:
        yield deliveries.c.endpoint == choice.endpoint
    if choice.procedure:
        yield deliveries.c.procedure == choice.procedure
    if choice.dossier:
        yield deliveries.c.subject == _key(conn, choice.dossier)
    if choice.error:
        yield deliveries.c.error_code == choice.error
    if choice.since is not None:
        yield deliveries.c.updated_at >= choice.since
    if choice.until is not None:
        yield deliveries.c.updated_at < choice.until


def _key(conn: Connection, code: str) -> str:
    if key := names.dossier_key(conn, code):
        return key
    raise NotAllowed(f"no dossier has the number {code!r}", f"không có hồ sơ nào mang mã {code!r}", where=code)


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(
        id=row.id,
        endpoint=row.endpoint,
        subject=row.subject,
        place=row.place,
        epoch=row.epoch,
        state=row.state,
        created_at=row.created_at,
        head_id=row.head_id or "",
        head_state=row.head_state or "",
        head_error=row.head_error or "",
    )


def head_of(conn: Connection, endpoint: str, subject: str) -> tuple[str, str] | None:
    """Give identifier and state of a chain's head; None where everything in it is done."""
    chain = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)
    row = conn.execute(
        select(deliveries.c.id, deliveries.c.state)
        .join(chains, chain & (chains.c.head_place == deliveries.c.place))
        .where((deliveries.c.endpoint == endpoint) & (deliveries.c.subject == subject))
    ).first()
    return (row.id, row.state) if row else None


def restraints(conn: Connection, now: float) -> dict[str, str]:
    """Give the endpoints that dispatch leaves alone now: ``paused`` or ``breaker_open``."""
    found = {}
    for row in conn.execute(select(endpoint_states)):
        if row.paused:
            found[row.endpoint] = "paused"
        elif row.open_until > now:
            found[row.endpoint] = "breaker_open"
    return found


# --- why one cannot go -------------------------------------------------------------------------------------------


def skips(found: Sequence[Candidate], restrained: Mapping[str, str]) -> tuple[str, ...]:
    """Say of each candidate why it cannot be sent by a plan; empty where it can."""
    going = {each.id for each in found if each.state == State.PARKED.value and each.endpoint not in restrained}
    return tuple(_skip(each, going, restrained) for each in found)


def _skip(each: Candidate, going: set[str], restrained: Mapping[str, str]) -> str:
    state = State(each.state)
    if state is State.PARKED:
        return restrained.get(each.endpoint, "")
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


#: What stands before the first colon of a skip -> Vietnamese, English; {0}, {1}, {2} are the parts after it.
SKIPS: Mapping[str, tuple[str, str]] = {
    "paused": ("điểm kết nối đang tạm dừng; hãy tiếp tục (resume) trước", "its endpoint is paused; resume it first"),
    "breaker_open": (
        "đối tác đang mất kết nối, trục đang chờ; lập kế hoạch lại khi kết nối trở lại",
        "the partner cannot be reached and is left alone for now; plan again when it is back",
    ),
    "in_doubt": (
        "chưa rõ đối tác đã nhận hay chưa: hãy hỏi (ask) hoặc xác nhận (settle), không gửi lại",
        "in doubt: the partner may have it; ask or settle, never send again",
    ),
    "goes_with": (
        "đi sau lượt đầu chuỗi {0} trong kế hoạch này, tự gửi theo thứ tự",
        "follows its head {0}, which is in this plan: goes by itself, in order",
    ),
    "cannot_go_alone": (
        "không thể gửi riêng: lượt đầu chuỗi {0} đang là {1} ({2}); hãy xử lý hoặc từ bỏ (abandon) lượt đó",
        "cannot go alone: its head {0} is {1} ({2}); mend or abandon that one",
    ),
    "waits_for": (
        "chờ lượt đầu chuỗi {0} đang đi ({1}), sau đó tự gửi",
        "waits for its head {0}, which is under way ({1}): goes by itself after it",
    ),
    "waits_for_acknowledgement": (
        "chờ đối tác xác nhận lượt đầu chuỗi {0}; nếu biết chắc kết quả, hãy ghi nhận (settle) lượt đó",
        "waits until the partner acknowledges its head {0}; settle that one where you know its answer",
    ),
    "unacknowledged": (
        "đối tác đã nhận nhưng chưa xác nhận; không gửi lại, nếu biết chắc kết quả thì ghi nhận (settle)",
        "the partner has it and has not acknowledged it: never send again; settle where you know its answer",
    ),
    "ended": ("đã kết thúc: {0}", "has ended: {0}"),
    "under_way": ("không dừng chờ xử lý mà đang đi: {0}", "is not parked but under way: {0}"),
}


def explain(skip: str, named: Callable[[str], str] = lambda delivery_id: delivery_id) -> tuple[str, str]:
    """Say a skip in words, Vietnamese and English; ``named``: how a delivery's identifier is shown."""
    kind, *parts = skip.split(":")
    vi, en = SKIPS[kind]
    filled = [part or "-" for part in parts]
    if len(filled) > 1:
        filled[0] = named(filled[0])
    return vi.format(*filled), en.format(*filled)


# --- frozen plans ------------------------------------------------------------------------------------------------


def listing(conn: Connection, limit: int = 20) -> tuple[tuple[Plan, int], ...]:
    """List plans, the newest first, each with the number of its items that can go."""
    goes = select(func.count()).where((plan_items.c.plan_id == plans.c.id) & (plan_items.c.skip == "")).scalar_subquery()
    rows = conn.execute(select(plans, goes.label("goes")).order_by(plans.c.created_at.desc()).limit(limit))
    return tuple((_plan(row), row.goes) for row in rows)


def find(conn: Connection, plan_id: str) -> Plan:
    """Find a frozen plan with its items; raise NotAllowed where there is none of this name."""
    found = names.by_id(conn, plans.c.id, plan_id)
    if not found:
        raise NotAllowed(f"no plan {plan_id!r}", f"không có kế hoạch {plan_id!r}", where=plan_id)
    return _plan(conn.execute(select(plans).where(plans.c.id == found)).one(), _items(conn, found))


def _plan(row: Row[Any], items: tuple[Item, ...] = ()) -> Plan:
    return Plan(
        id=row.id,
        verb=row.verb,
        actor=row.actor,
        why=row.why,
        chosen_by=row.chosen_by,
        created_at=row.created_at,
        run_at=row.run_at,
        items=items,
    )


def _items(conn: Connection, plan_id: str) -> tuple[Item, ...]:
    rows = conn.execute(
        select(plan_items, deliveries.c.endpoint, deliveries.c.subject, deliveries.c.event, deliveries.c.state)
        .join(deliveries, deliveries.c.id == plan_items.c.delivery_id)
        .where(plan_items.c.plan_id == plan_id)
        .order_by(plan_items.c.number)
    )
    return tuple(Item(**{name: getattr(row, name) for name in Item.__slots__}) for row in rows)
