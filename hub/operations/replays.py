"""Verbs on many deliveries: a plan is frozen and shown before anything is sent, and then runs exactly as it was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from hub.app import Hub
from hub.errors import NotAllowed
from hub.operations.said import require
from hub.registers import plans
from hub.registers.plans import Choice, Item, Plan

log = structlog.get_logger()

#: Verbs that a plan can carry out.
PLAN_VERBS = ("release", "rebuild")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What running a plan came to, item by item."""

    plan: Plan
    done: int
    skipped: int
    #: Items whose delivery had changed since the plan was frozen: left alone.
    changed: int


def plan(hub: Hub, choice: Choice, verb: str, *, actor: str, why: str) -> Plan:
    """Freeze which deliveries a verb will be carried out on, in which order, and say of each other one why not.

    Nothing is sent yet; what is frozen is exactly what ``run_plan`` touches, and only where it has not changed since.
    """
    require(actor, why)
    if verb not in PLAN_VERBS:
        raise NotAllowed(
            f"a plan can {' or '.join(PLAN_VERBS)}, not {verb}",
            f"kế hoạch chỉ dùng cho {', '.join(PLAN_VERBS)}, không dùng cho {verb}",
            where=verb,
        )
    with hub.ledger.read() as conn:
        found = plans.candidates(conn, choice)
        why_not = plans.skips(found, plans.restraints(conn, hub.now()))
    plan_id = hub.new_id()
    hub.ledger.freeze_plan(
        plan_id,
        verb=verb,
        chosen_by=choice.as_text(),
        items=[(each.id, each.epoch, skip) for each, skip in zip(found, why_not, strict=True)],
        actor=actor,
        why=why,
        now=hub.now(),
    )
    log.info("plan.frozen", plan=plan_id, verb=verb, items=len(found), goes=sum(not skip for skip in why_not), actor=actor)
    return show_plan(hub, plan_id)


def show_plan(hub: Hub, plan_id: str) -> Plan:
    """Give a frozen plan with its items and their results; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        return plans.find(conn, plan_id)


def run_plan(hub: Hub, plan_id: str, *, actor: str, progress: Callable[[Item, str], Any] = lambda item, result: None) -> Ran:
    """Carry out a frozen plan once, item by item in its order; an item whose delivery changed since is left alone.

    Raises NotAllowed where it was run before: of two operators only one runs it.
    """
    require(actor, "-")
    frozen = show_plan(hub, plan_id)
    hub.ledger.start_plan(frozen.id, actor=actor, now=hub.now())
    counts = {"done": 0, "skipped": 0, "changed": 0}
    for item in frozen.items:
        result = hub.ledger.run_item(frozen.id, item.number, actor=actor, now=hub.now())
        counts[result.partition(":")[0]] += 1
        progress(item, result)
        hub.bus.wake(item.endpoint)
    log.info("plan.run", plan=frozen.id, actor=actor, **counts)
    return Ran(plan=show_plan(hub, frozen.id), **counts)
