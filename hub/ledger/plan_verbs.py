"""Verbs of replay plans: frozen, started once, carried out item by item by whoever holds the run; paused, resumed, cancelled.

A run is a row (``plan_runs``) that every verb here locks first, so that after a pause nothing more is carried out, whoever was
about to. An item is a compare-and-set by the epoch that was seen: two plans, or a plan and an operator, never act twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.engine import Row

from hub.canonical.base import local
from hub.canonical.compact_json import compact
from hub.errors import NotAllowed
from hub.ledger import journal, operator_verbs
from hub.ledger.sql import insert_new
from hub.ledger.tables import chains, deliveries, plan_items, plans
from hub.ledger.working_tables import plan_carried, plan_runners, plan_runs, plan_summaries
from hub.rules import canary, pace
from hub.rules.canary import Course, Decision, Stand
from hub.rules.lifecycle import State

#: Who carries a plan out and says nothing for so long is taken for dead.
LEASE_SECONDS = 30.0
#: Rows in one INSERT.
_AT_ONCE = 1000
#: A process that has not been at work for so long is forgotten.
_FORGOTTEN_SECONDS = 3600.0
_NEW_RUNNER = insert_new(plan_runners, "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a plan comes to, as it is kept with it."""

    goes: int
    follows: int
    skipped: Mapping[str, int]
    more: bool
    endpoints: tuple[str, ...]
    #: JSON.
    estimate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One item that was looked at: ``result`` is ``done`` or ``changed:<state>``."""

    number: int
    delivery_id: str
    endpoint: str
    result: str


# --- frozen ------------------------------------------------------------------------------------------------------


def freeze(
    conn: Connection,
    plan_id: str,
    *,
    verb: str,
    chosen_by: str,
    items: Sequence[tuple[str, int, str]],
    summary: Summary,
    actor: str,
    why: str,
    now: float,
) -> None:
    """Freeze a replay plan: (delivery, epoch, why skipped) in the order in which it will run."""
    conn.execute(
        insert(plans).values(id=plan_id, verb=verb, actor=actor, why=why, chosen_by=chosen_by, created_at=now, run_at=None)
    )
    for rows in _item_rows(plan_id, items):
        conn.execute(insert(plan_items), rows)
    conn.execute(insert(plan_summaries).values(plan_id=plan_id, **_summary_row(summary)))
    going = [f"{delivery_id} {epoch}" for delivery_id, epoch, skip in items if not skip]
    digest = f"sha256:{hashlib.sha256(chr(10).join(going).encode()).hexdigest()}"
    _note(conn, plan_id, "plan.frozen", now, actor, {"verb": verb, "why": why, "goes": len(going), "digest": digest})


def _item_rows(plan_id: str, items: Sequence[tuple[str, int, str]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(items), _AT_ONCE):
        yield [
            {"plan_id": plan_id, "number": number, "delivery_id": delivery_id, "epoch": epoch, "skip": skip, "result": ""}
            for number, (delivery_id, epoch, skip) in enumerate(items[start : start + _AT_ONCE], start=start + 1)
        ]


def _summary_row(summary: Summary) -> dict[str, Any]:
    return {
        "goes": summary.goes,
        "follows": summary.follows,
        "skipped": compact(dict(summary.skipped)),
        "more": summary.more,
        "endpoints": compact(list(summary.endpoints)),
        "estimate": summary.estimate,
    }


# --- started, paused, resumed, cancelled -------------------------------------------------------------------------


def start(conn: Connection, plan_id: str, course: Course, *, actor: str, why: str, now: float) -> None:
    """Begin to run a plan; raise NotAllowed, naming who was first, where it was begun before."""
    changed = conn.execute(update(plans).where((plans.c.id == plan_id) & plans.c.run_at.is_(None)).values(run_at=now))
    if not changed.rowcount:
        raise _begun(conn, plan_id)
    goes = select(func.count()).where((plan_items.c.plan_id == plan_id) & (plan_items.c.skip == ""))
    begun = {"state": "running", "watched": True, "actor": actor, "started_at": now, "changed_by": actor, "changed_at": now}
    given = {"steps": compact(list(course.steps)), "stop_after": course.stop_after, "per_minute": course.per_minute}
    counts = dict.fromkeys(("step_carried", "step_failed", "carried", "done", "failed", "changed", "reached"), 0)
    conn.execute(
        insert(plan_runs).values(
            plan_id=plan_id,
            goes=conn.execute(goes).scalar_one(),
            why=why,
            stop_en="",
            stop_vi="",
            step=1,
            rung=1,
            paced_until=0.0,
            holder="",
            lease_until=0.0,
            **begun,
            **given,
            **counts,
        )
    )
    entry = {"why": why, "steps": list(course.steps), "stop_after": course.stop_after, "per_minute": course.per_minute}
    _note(conn, plan_id, "plan.started", now, actor, entry)


def _begun(conn: Connection, plan_id: str) -> NotAllowed:
    run = conn.execute(select(plan_runs).where(plan_runs.c.plan_id == plan_id)).first()
    if run is None:
        return NotAllowed(
            f"plan {plan_id} does not exist or was run before",
            f"kế hoạch {plan_id} không tồn tại hoặc đã được thực hiện",
            where=plan_id,
        )
    began = local(datetime.fromtimestamp(run.started_at, UTC)).isoformat(sep=" ", timespec="seconds")
    return NotAllowed(
        f"plan {plan_id} was started by {run.actor} at {began} and is {run.state}; a plan runs once",
        f"kế hoạch {plan_id} đã được thực hiện: {run.actor} bắt đầu lúc {began}, nay {STATES[run.state][0]}; "
        "mỗi kế hoạch chỉ chạy một lần",
        where=plan_id,
    )


#: State of a run -> Vietnamese, English.
STATES: Mapping[str, tuple[str, str]] = {
    "running": ("đang thực hiện", "running"),
    "paused": ("đang tạm dừng", "paused"),
    "stopped": ("đã tự dừng", "stopped by itself"),
    "done": ("đã xong", "done"),
    "cancelled": ("đã hủy", "cancelled"),
}
#: Verb -> states from which it leads, and where to.
_SWITCHES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "pause": (("running",), "paused"),
    "resume": (("paused", "stopped"), "running"),
    "cancel": (("running", "paused", "stopped"), "cancelled"),
}
_EVENTS = {"pause": "plan.paused", "resume": "plan.resumed", "cancel": "plan.cancelled"}


def switch(conn: Connection, plan_id: str, verb: str, *, actor: str, why: str, now: float) -> None:
    """Pause, resume or cancel a run; raise NotAllowed where it is not in a state for that.

    After an automatic stop it begins again with the smallest step, and what failed before no longer counts.
    """
    run = locked(conn, plan_id)
    before, state = _SWITCHES[verb]
    if run.state not in before:
        raise NotAllowed(
            f"a plan that is {STATES[run.state][1]} cannot {verb}",
            f"kế hoạch {STATES[run.state][0]} thì không thể {verb}",
            where=run.state,
        )
    values = {"state": state, "changed_by": actor, "changed_at": now, "why": why, "stop_en": "", "stop_vi": ""}
    if run.state == "stopped" and verb == "resume":
        values |= _next_step(run, rung=1)
    _set(conn, run, watched=state == "running" or _going(run) > 0, **values)
    entry = {"why": why, "from": run.state, "carried": run.carried, "failed": run.failed, "left": _left(run)}
    _note(conn, plan_id, _EVENTS[verb], now, actor, entry)


def locked(conn: Connection, plan_id: str) -> Row[Any]:
    """Lock a run until the commit; raise NotAllowed where the plan was never started."""
    run = conn.execute(select(plan_runs).where(plan_runs.c.plan_id == plan_id).with_for_update()).first()
    if run is None:
        raise NotAllowed(f"plan {plan_id} does not run", f"kế hoạch {plan_id} chưa được thực hiện", where=plan_id)
    return run


# --- carried out -------------------------------------------------------------------------------------------------


def advance(conn: Connection, plan_id: str, holder: str, ended: Mapping[int, str], *, now: float) -> Decision:
    """Write down how items ended, and say what its holder does next: ``carry``, ``wait``, or ``leave`` it alone.

    ``ended``: number of an item -> its outcome. Whoever comes first when nobody holds the run becomes its holder.
    """
    run = locked(conn, plan_id)
    if not run.watched or _is_anothers(run, holder, now):
        return Decision("leave")
    values = _ended(conn, run, ended, now)
    stand = {**_fields(run), **values}
    decision = _decide(stand)
    if run.state == "running":
        values |= _turned(conn, run, stand, decision, now)
        if decision.action == "step":
            decision = _decide({**stand, **values})
    if run.state != "running" or decision.action in ("stop", "end"):
        decision = Decision("wait" if _going_of(stand) else "leave")
        values["watched"] = decision.action == "wait"
    if values or run.holder != holder or run.lease_until - now < LEASE_SECONDS / 2:
        _set(conn, run, holder=holder, lease_until=now + LEASE_SECONDS, **values)
    return _paced(run, decision, now)


def _is_anothers(run: Row[Any], holder: str, now: float) -> bool:
    # A lease that is further away was written by a clock that was wrong.
    return run.holder not in ("", holder) and 0 < run.lease_until - now <= LEASE_SECONDS


def _ended(conn: Connection, run: Row[Any], ended: Mapping[int, str], now: float) -> dict[str, Any]:
    """Write outcomes, each once; give the counts that this changes."""
    counts = {name: getattr(run, name) for name in ("done", "failed", "step_failed")}
    for number, outcome in sorted(ended.items()):
        here = (plan_carried.c.plan_id == run.plan_id) & (plan_carried.c.number == number) & (plan_carried.c.outcome == "")
        row = conn.execute(select(plan_carried.c.step).where(here)).first()
        if row is None:
            continue
        conn.execute(update(plan_carried).where(here).values(outcome=outcome, ended_at=now))
        failed = canary.is_failure(outcome)
        counts["failed" if failed else "done"] += 1
        counts["step_failed"] += failed and row.step == run.step
    return {name: value for name, value in counts.items() if value != getattr(run, name)}


def _decide(run: Mapping[str, Any]) -> Decision:
    course = Course(steps=tuple(json.loads(run["steps"])), stop_after=run["stop_after"], per_minute=run["per_minute"])
    stand = Stand(
        rung=run["rung"],
        carried=run["step_carried"],
        failed=run["step_failed"],
        going=_going_of(run),
        left=run["goes"] - run["carried"] - run["changed"],
    )
    return canary.decide(course, stand)


def _turned(conn: Connection, run: Row[Any], stand: Mapping[str, Any], decision: Decision, now: float) -> dict[str, Any]:
    """Give what a decision changes of the run; write what it comes to into the journal."""
    told = {"carried": stand["carried"], "failed": stand["failed"], "left": _left(run)}
    if decision.action == "step":
        following = _next_step(run, rung=run.rung + 1)
        _note(conn, run.plan_id, "plan.step", now, "hub", {"step": following["step"], **told})
        return following
    if decision.action == "stop":
        _note(conn, run.plan_id, "plan.stopped", now, "hub", {"step": run.step, **told})
        return {"state": "stopped", "changed_by": "hub", "changed_at": now, "why": "", **_why_stopped(stand)}
    if decision.action == "end":
        _note(conn, run.plan_id, "plan.done", now, "hub", told)
        return {"state": "done", "changed_by": "hub", "changed_at": now, "why": ""}
    return {}


def _why_stopped(stand: Mapping[str, Any]) -> dict[str, str]:
    step, failed, carried = stand["step"], stand["step_failed"], stand["step_carried"]
    return {
        "stop_en": f"in step {step}, {failed} of {carried} failed again",
        "stop_vi": f"ở bước {step}, {failed} trong {carried} lượt lại bị lỗi",
    }


def _paced(run: Row[Any], decision: Decision, now: float) -> Decision:
    if decision.action != "carry" or not run.per_minute:
        return decision
    allowed = min(decision.count, pace.allowed(run.paced_until, now, run.per_minute))
    return Decision("carry", allowed) if allowed > 0 else Decision("wait")


def carry(conn: Connection, plan_id: str, holder: str, *, now: float, whole: bool = False) -> Carried | None:
    """Carry out the next item of a run, if its delivery still stands as it was seen; None where that is not to be done now.

    ``whole``: without steps, whatever is left.
    """
    run = locked(conn, plan_id)
    if run.state != "running" or run.holder != holder or not (whole or _decide(_fields(run)).action == "carry"):
        return None
    item = conn.execute(
        select(plan_items)
        .where((plan_items.c.plan_id == plan_id) & (plan_items.c.number > run.reached) & (plan_items.c.skip == ""))
        .order_by(plan_items.c.number)
        .limit(1)
    ).first()
    if item is None:
        return None
    plan = conn.execute(select(plans).where(plans.c.id == plan_id)).one()
    row = conn.execute(select(deliveries).where(deliveries.c.id == item.delivery_id).with_for_update()).one()
    result = _act(conn, plan, item, row, run.actor, now)
    conn.execute(update(plan_items).where(_this(item)).values(result=result))
    values: dict[str, Any] = {"reached": item.number, "lease_until": now + LEASE_SECONDS}
    if result == "done":
        _keep_carried(conn, item, row, run.step, now)
        values |= {"carried": run.carried + 1, "step_carried": run.step_carried + 1}
        values["paced_until"] = pace.after(run.paced_until, now, run.per_minute, 1) if run.per_minute else 0.0
    else:
        values["changed"] = run.changed + 1
    _set(conn, run, **values)
    return Carried(number=item.number, delivery_id=item.delivery_id, endpoint=row.endpoint, result=result)


def _act(conn: Connection, plan: Row[Any], item: Row[Any], row: Row[Any], actor: str, now: float) -> str:
    if row.epoch != item.epoch or row.state != State.PARKED.value:
        return f"changed:{row.state}"
    verb = {"release": operator_verbs.release, "rebuild": operator_verbs.rebuild}[plan.verb]
    try:
        verb(conn, item.delivery_id, actor=actor, why=plan.why, now=now)
    except NotAllowed:
        # Refused before it wrote anything: an attempt of it may have arrived.
        return f"changed:{row.state}"
    return "done"


def _keep_carried(conn: Connection, item: Row[Any], row: Row[Any], step: int, now: float) -> None:
    chain = (chains.c.endpoint == row.endpoint) & (chains.c.subject == row.subject)
    upto = conn.execute(select(chains.c.next_place).where(chain)).scalar_one() - 1
    kept = {"plan_id": item.plan_id, "number": item.number, "delivery_id": item.delivery_id, "step": step, "upto": upto}
    conn.execute(insert(plan_carried).values(**kept, carried_at=now, outcome="", ended_at=None))


def let_go(conn: Connection, plan_id: str, holder: str) -> None:
    """Give a run back, for whoever comes next."""
    here = (plan_runs.c.plan_id == plan_id) & (plan_runs.c.holder == holder)
    conn.execute(update(plan_runs).where(here).values(holder="", lease_until=0.0))


# --- who carries plans out ---------------------------------------------------------------------------------------


def seen(conn: Connection, name: str, *, now: float) -> None:
    """Write down that a process that carries plans out is at work; forget those that are long gone."""
    conn.execute(delete(plan_runners).where(plan_runners.c.seen_at < now - _FORGOTTEN_SECONDS))
    if not conn.execute(update(plan_runners).where(plan_runners.c.name == name).values(seen_at=now)).rowcount:
        _NEW_RUNNER.run(conn, name=name, seen_at=now)


def gone(conn: Connection, name: str) -> None:
    """Write down that a process no longer carries plans out, and give back what it held."""
    conn.execute(delete(plan_runners).where(plan_runners.c.name == name))
    conn.execute(update(plan_runs).where(text("watched") & (plan_runs.c.holder == name)).values(holder="", lease_until=0.0))


# --- parts -------------------------------------------------------------------------------------------------------


def _next_step(run: Row[Any], *, rung: int) -> dict[str, Any]:
    return {"step": run.step + 1, "rung": rung, "step_carried": 0, "step_failed": 0}


def _fields(run: Row[Any]) -> dict[str, Any]:
    return dict(run._mapping)


def _going(run: Row[Any]) -> int:
    return _going_of(_fields(run))


def _going_of(run: Mapping[str, Any]) -> int:
    return int(run["carried"] - run["done"] - run["failed"])


def _left(run: Row[Any]) -> int:
    return int(run.goes - run.carried - run.changed)


def _this(item: Row[Any]) -> Any:
    return (plan_items.c.plan_id == item.plan_id) & (plan_items.c.number == item.number)


def _set(conn: Connection, run: Row[Any], **values: Any) -> None:
    conn.execute(update(plan_runs).where(plan_runs.c.plan_id == run.plan_id).values(**values))


def _note(conn: Connection, plan_id: str, event: str, now: float, actor: str, entry: dict[str, Any]) -> None:
    journal.append(conn, f"plan:{plan_id}", event, at=now, actor=actor, entry={"plan": plan_id, **entry})
