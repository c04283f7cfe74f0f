"""Replay plans: what is frozen, how far it has been carried out, and what became of each delivery."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.tables import chains, deliveries, endpoint_states, plan_items, plans
from hub.ledger.working_tables import plan_carried, plan_runners, plan_runs, plan_summaries
from hub.registers import names
from hub.rules import canary, pace
from hub.rules.canary import Course
from hub.rules.lifecycle import State

#: Items that are given at once where nothing else is said.
PAGE = 100
#: A process that carries plans out says so at least this often, or is taken for dead.
RUNNER_SECONDS = 30.0


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
    #: Empty, ``done``, or ``changed:<state>``: it no longer stood as it was seen, and was left alone.
    result: str
    #: State of the delivery now.
    state: str
    #: What became of it, and of those behind it; empty while that is open. See hub.rules.canary.outcome.
    outcome: str = ""
    #: The step in which it was carried out; 0 = it was not.
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a plan comes to."""

    goes: int = 0
    #: Wait behind those that go, and go by themselves after them; whether they are listed or not.
    follows: int = 0
    #: Reason -> how many are skipped for it; see ``reason``. Who goes with its head is none of them, but one that follows.
    skipped: Mapping[str, int] = field(default_factory=dict)
    #: The choice means more than the plan holds; the oldest are in it.
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long a plan will take, and on what that is built."""

    seconds: float = 0.0
    #: Median of recent calls at the slowest of its endpoints, and how many calls were looked at.
    call_seconds: float = 0.0
    measured: int = 0
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """How far a plan has been carried out."""

    plan_id: str
    #: running, paused, stopped (by itself), done or cancelled.
    state: str
    #: Who started it.
    actor: str
    started_at: float
    #: Who changed its state last, when and why.
    changed_by: str
    changed_at: float
    why: str
    #: Why it stopped by itself; empty where it did not.
    stop_vi: str
    stop_en: str
    #: Sizes of the steps; the last one is repeated.
    steps: tuple[int, ...]
    #: Failures in one step that stop it; 0 = none do.
    stop_after: int
    per_minute: int
    #: The step that it is in, from 1, its size, and what was carried out and has ended in it.
    step: int
    step_size: int
    step_carried: int
    step_ended: int
    #: 0: there is none.
    next_step_size: int
    goes: int
    #: Ended well; carried out and not ended; failed again; had changed since and was left alone; not carried out yet.
    done: int
    going: int
    failed: int
    changed: int
    left: int
    #: Who carries plans out now; empty: nobody does, no ``lienthong serve`` runs.
    runner: str
    #: Why it does not move: no_runner, paused, breaker_open (an endpoint of what goes), rate; else empty.
    held_up: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen plan: what was seen is what is sent."""

    id: str
    verb: str
    actor: str
    why: str
    #: JSON of what it was chosen by.
    chosen_by: str
    created_at: float
    run_at: float | None
    counts: Counts = Counts()
    endpoints: tuple[str, ...] = ()
    estimate: Estimate = Estimate()
    #: None: it was not run yet.
    run: RunState | None = None
    #: A page of them.
    items: tuple[Item, ...] = field(default=())
    #: Bytes of the first that go (hub.registers.plan_preview.Sample); only while it was not run.
    samples: tuple[Any, ...] = field(default=())


def head_of(conn: Connection, endpoint: str, subject: str) -> tuple[str, str] | None:
    """Give identifier and state of a chain's head; None where everything in it is done."""
    chain = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)
    row = conn.execute(
        select(deliveries.c.id, deliveries.c.state)
        .join(chains, chain & (chains.c.head_place == deliveries.c.place))
        .where((deliveries.c.endpoint == endpoint) & (deliveries.c.subject == subject))
    ).first()
    return (row.id, row.state) if row else None


# --- words -------------------------------------------------------------------------------------------------------


#: What stands before the first colon of a skip -> Vietnamese, English; {0}, {1}, {2} are the parts after it.
SKIPS: Mapping[str, tuple[str, str]] = {
    "paused": ("điểm kết nối đang tạm dừng; hãy tiếp tục (resume) trước", "its endpoint is paused; resume it first"),
    "breaker_open": (
        "đối tác đang mất kết nối, trục đang chờ; lập kế hoạch lại khi kết nối trở lại",
        "the partner cannot be reached and is left alone for now; plan again when it is back",
    ),
    "certificate_expired": (
        "không ký được: chứng thư số của khoá ký đã hết hạn hoặc chưa có hiệu lực; hãy thêm khoá mới",
        "cannot be signed: the certificate of its signer has ended, or its time has not come; add a new key",
    ),
    "may_have_arrived": (
        "một lần gửi trước có thể đã đến nơi, không dựng lại được; chỉ gửi lại đúng nội dung cũ (release)",
        "an earlier attempt may have arrived, so it cannot be rebuilt; release sends the same bytes",
    ),
    "superseded": (
        "nơi nhận đã tự báo trạng thái muộn hơn ({0}); gửi lượt này sẽ kéo lùi hồ sơ: hãy từ bỏ (abandon)",
        "its recipient has told us a later status ({0}) itself; this one would take the dossier back: abandon it",
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


def reason(name: str) -> tuple[str, str]:
    """Give what a reason is called where deliveries are counted by it, Vietnamese and English."""
    return REASONS[name]


#: Reason -> in a few words, Vietnamese and English.
REASONS: Mapping[str, tuple[str, str]] = {
    "paused": ("đối tác đang tạm dừng", "endpoint paused"),
    "breaker_open": ("đối tác đang mất kết nối", "partner cannot be reached"),
    "certificate_expired": ("không ký được", "cannot be signed"),
    "may_have_arrived": ("có thể đã đến nơi", "may have arrived"),
    "superseded": ("nơi nhận đã có trạng thái muộn hơn", "superseded by a later status"),
    "in_doubt": ("chưa rõ kết quả", "in doubt"),
    "goes_with": ("tự gửi theo lượt đầu chuỗi", "goes by itself after its head"),
    "cannot_go_alone": ("lượt đầu chuỗi đang dừng", "its head stands still"),
    "waits_for": ("chờ lượt đầu chuỗi đang đi", "waits for its head"),
    "waits_for_acknowledgement": ("chờ đối tác xác nhận lượt trước", "waits for an acknowledgement"),
    "unacknowledged": ("đối tác đã nhận, chưa xác nhận", "delivered, not acknowledged"),
    "ended": ("đã kết thúc", "has ended"),
    "under_way": ("đang đi", "under way"),
}


# --- frozen plans ------------------------------------------------------------------------------------------------


def listing(conn: Connection, now: float, *, limit: int = 20, scope: frozenset[str] | None = None) -> tuple[Plan, ...]:
    """List plans, the newest first, without their items; ``scope``: only those that touch no other endpoint."""
    rows = conn.execute(_whole().order_by(plans.c.created_at.desc(), plans.c.id).limit(limit if scope is None else 10 * limit))
    found = (_plan(conn, row, now) for row in rows)
    return tuple(plan for plan in found if scope is None or scope.issuperset(plan.endpoints))[:limit]


def find(conn: Connection, plan_id: str, now: float, *, after: int = 0, limit: int = PAGE) -> Plan:
    """Find a frozen plan with a page of its items; raise NotAllowed where there is none of this name."""
    row = conn.execute(_whole().where(plans.c.id == known(conn, plan_id))).one()
    return _plan(conn, row, now, _items(conn, row.id, after, limit))


def known(conn: Connection, plan_id: str) -> str:
    """Give a plan's whole identifier; raise NotAllowed where there is none of this name."""
    found = names.by_id(conn, plans.c.id, plan_id)
    if not found:
        raise NotAllowed(f"no plan {plan_id!r}", f"không có kế hoạch {plan_id!r}", where=plan_id)
    return found


def endpoints_of(conn: Connection, plan_id: str) -> tuple[str, ...]:
    """Give the endpoints of a plan's deliveries; raise NotAllowed where there is no such plan."""
    whole = known(conn, plan_id)
    given = conn.execute(select(plan_summaries.c.endpoints).where(plan_summaries.c.plan_id == whole)).scalar()
    return _unsummed(conn, whole) if given is None else tuple(json.loads(given))


def _unsummed(conn: Connection, plan_id: str) -> tuple[str, ...]:
    """Give the endpoints of a plan that was made by a version which did not sum plans up."""
    items = plan_items.join(deliveries, deliveries.c.id == plan_items.c.delivery_id)
    query = select(deliveries.c.endpoint).select_from(items).where(plan_items.c.plan_id == plan_id)
    return tuple(sorted(conn.execute(query.distinct()).scalars()))


def _whole() -> Any:
    summary = [plan_summaries.c[name] for name in ("goes", "follows", "skipped", "more", "endpoints", "estimate")]
    return select(plans, *summary).outerjoin(plan_summaries, plan_summaries.c.plan_id == plans.c.id)


def _passed_over(skipped: str) -> dict[str, int]:
    """Give what was skipped, by reason, without those that are counted as followers."""
    return {reason: number for reason, number in json.loads(skipped).items() if reason != "goes_with"}


def _plan(conn: Connection, row: Row[Any], now: float, items: tuple[Item, ...] = ()) -> Plan:
    same: dict[str, Any] = {name: getattr(row, name) for name in ("id", "verb", "actor", "why", "chosen_by")}
    summed: dict[str, Any] = {"endpoints": _unsummed(conn, row.id)} if row.goes is None else {}
    if row.goes is not None:
        counts = Counts(goes=row.goes, follows=row.follows, skipped=_passed_over(row.skipped), more=bool(row.more))
        estimate = Estimate(**json.loads(row.estimate))
        summed = {"counts": counts, "endpoints": tuple(json.loads(row.endpoints)), "estimate": estimate}
    run = run_state(conn, row.id, now) if row.run_at is not None else None
    return Plan(**same, created_at=row.created_at, run_at=row.run_at, run=run, items=items, **summed)


def _items(conn: Connection, plan_id: str, after: int, limit: int) -> tuple[Item, ...]:
    carried = (plan_carried.c.plan_id == plan_items.c.plan_id) & (plan_carried.c.number == plan_items.c.number)
    of_delivery = (deliveries.c.endpoint, deliveries.c.subject, deliveries.c.event, deliveries.c.state)
    became = (func.coalesce(plan_carried.c.outcome, "").label("outcome"), func.coalesce(plan_carried.c.step, 0).label("step"))
    rows = conn.execute(
        select(plan_items, *of_delivery, *became)
        .join(deliveries, deliveries.c.id == plan_items.c.delivery_id)
        .outerjoin(plan_carried, carried)
        .where((plan_items.c.plan_id == plan_id) & (plan_items.c.number > after))
        .order_by(plan_items.c.number)
        .limit(limit)
    )
    return tuple(Item(**{name: getattr(row, name) for name in Item.__slots__}) for row in rows)


def first_going(conn: Connection, plan_id: str, limit: int) -> tuple[str, ...]:
    """Give the first deliveries of a plan that go."""
    here = (plan_items.c.plan_id == plan_id) & (plan_items.c.skip == "")
    return tuple(conn.execute(select(plan_items.c.delivery_id).where(here).order_by(plan_items.c.number).limit(limit)).scalars())


# --- runs --------------------------------------------------------------------------------------------------------


def watched(conn: Connection) -> tuple[str, ...]:
    """Give the plans that somebody has to look at: they run, or what they carried out has not ended."""
    # Written as the index has it: SQLite takes no other way to say so for the same.
    return tuple(conn.execute(select(plan_runs.c.plan_id).where(text("watched")).order_by(plan_runs.c.plan_id)).scalars())


def run_state(conn: Connection, plan_id: str, now: float) -> RunState | None:
    """Say how far a plan has been carried out; None where it was never started, or by a version that kept no record."""
    row = conn.execute(select(plan_runs).where(plan_runs.c.plan_id == plan_id)).first()
    if row is None:
        return None
    course = Course(steps=tuple(json.loads(row.steps)), stop_after=row.stop_after, per_minute=row.per_minute)
    open_now = _open(conn, plan_id, row.step)
    left = row.goes - row.carried - row.changed
    same: dict[str, Any] = {name: getattr(row, name) for name in RunState.__slots__ if name in row._fields and name != "steps"}
    ended = {"step_ended": row.step_carried - open_now, "next_step_size": min(course.size(row.rung + 1), _after(row, course))}
    runner = _runner(conn, row, now)
    return RunState(
        **same,
        **ended,
        steps=course.steps,
        step_size=course.size(row.rung),
        going=row.carried - row.done - row.failed,
        left=left,
        runner=runner,
        held_up=_held_up(conn, row, runner, left, now),
    )


def _open(conn: Connection, plan_id: str, step: int) -> int:
    here = (plan_carried.c.plan_id == plan_id) & (plan_carried.c.outcome == "") & (plan_carried.c.step == step)
    return int(conn.execute(select(func.count()).where(here)).scalar_one())


def _after(row: Row[Any], course: Course) -> int:
    """Count what is left for the next step."""
    left_here: int = course.size(row.rung) - row.step_carried
    left: int = row.goes - row.carried - row.changed - max(0, left_here)
    return max(0, left)


def _runner(conn: Connection, row: Row[Any], now: float) -> str:
    if row.holder and 0 < row.lease_until - now <= RUNNER_SECONDS:
        return str(row.holder)
    return alive(conn, now)


def alive(conn: Connection, now: float) -> str:
    """Name a process that carries plans out now; an empty text where there is none."""
    recent = (plan_runners.c.seen_at > now - RUNNER_SECONDS) & (plan_runners.c.seen_at < now + RUNNER_SECONDS)
    return str(conn.execute(select(plan_runners.c.name).where(recent).order_by(plan_runners.c.name).limit(1)).scalar() or "")


def _held_up(conn: Connection, row: Row[Any], runner: str, left: int, now: float) -> str:
    if row.state != "running":
        return ""
    if not runner:
        return "no_runner"
    touched = json.loads(
        conn.execute(select(plan_summaries.c.endpoints).where(plan_summaries.c.plan_id == row.plan_id)).scalar() or "[]"
    )
    for state in conn.execute(select(endpoint_states).where(endpoint_states.c.endpoint.in_(touched))):
        if state.paused or state.open_until > now:
            return "paused" if state.paused else "breaker_open"
    waits = row.per_minute and left and pace.allowed(row.paced_until, now, row.per_minute) < 1
    return "rate" if waits else ""


def ended(conn: Connection, plan_id: str) -> dict[int, str]:
    """Find what was carried out and has ended since: number of the item -> what became of it."""
    head = deliveries.alias("head")
    chain = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)
    first = (head.c.endpoint == chains.c.endpoint) & (head.c.subject == chains.c.subject)
    rows = conn.execute(
        select(plan_carried.c.number, plan_carried.c.upto, deliveries.c.state, head.c.state.label("head"), chains.c.head_place)
        .join(deliveries, deliveries.c.id == plan_carried.c.delivery_id)
        .join(chains, chain)
        .outerjoin(head, first & (head.c.place == chains.c.head_place))
        .where((plan_carried.c.plan_id == plan_id) & (plan_carried.c.outcome == ""))
    )
    found = {}
    for row in rows:
        state = State(row.head) if row.head else None
        if became := canary.outcome(State(row.state), row.upto, state, row.head_place):
            found[row.number] = became
    return found
