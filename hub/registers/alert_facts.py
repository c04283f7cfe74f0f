"""What alerts are judged by: figures of the ledger as of one moment."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from hub.errors import Conflict
from hub.ledger.tables import deliveries, dossiers, messages
from hub.ledger.working_tables import alert_posts, plan_runs, plan_summaries
from hub.registers import failures, measures, reconciliations, seals
from hub.registers.causes import Cause
from hub.registers.measures import CLOSED
from hub.registers.processes import last_of_each, processes
from hub.rules.alert_conditions import Awaited, Facts, Reconciled, Silent, Standstill, Stopped
from hub.rules.lifecycle import State

#: A plan that nobody took up for so long is no news any more.
_PLAN_SECONDS = 30 * 86_400.0
#: A reconciliation of so long ago says nothing of today.
RUN_SECONDS = 40 * 86_400.0
#: Business answers are looked at that are due within so many days, the most that a rule may name before; and so many of them.
AWAITED_DAYS, _MOST_AWAITED = 30, 10_000
#: Conflicts of so long ago are over; of what was refused meanwhile the last ones are looked at.
CONFLICT_SECONDS, _MOST_REFUSED = 3600.0, 10_000
#: What is parked on purpose until a partner is live (hub.operations.partners).
_ON_PURPOSE = ("trial",)


def facts(conn: Connection, configured: Collection[str], now: float) -> Facts:
    """Look at the ledger."""
    found = measures.measure(conn, configured, now)
    sealed = seals.measure(conn, now)
    return replace(
        _machines(conn, now),
        parked=_parked(conn),
        doubts=_doubts(conn),
        conflicts=_conflicts(conn, now),
        oldest_due={name: now - seconds for name, seconds in found.oldest_due.items() if seconds > 0},
        down=frozenset(name for name, breaker in found.breakers.items() if breaker != CLOSED),
        paused=frozenset(name for name, paused in found.paused.items() if paused),
        unsealed_since=now - sealed.unsealed_seconds if sealed.unsealed_seconds else None,
        unstamped_since=now - sealed.unstamped_seconds if sealed.unstamped_seconds else None,
        stopped=_stopped(conn, now),
        reconciled=_reconciled(conn, configured, now),
        awaited=_awaited(conn, now),
        untold={
            row.recipient: row.failing_since
            for row in conn.execute(select(alert_posts).where(alert_posts.c.failing_since.is_not(None)))
        },
    )


def _machines(conn: Connection, now: float) -> Facts:
    there = processes(conn, now)
    last = last_of_each(there)
    at_work = sorted((each for each in there if each.is_at_work), key=lambda one: one.seen_at)
    return Facts(
        silent=tuple(
            Silent(role=role, host=host, seen_at=each.seen_at) for (role, host), each in last.items() if each.ended_at is None
        ),
        disks={each.host: each.free_bytes for each in at_work if each.free_bytes is not None},
    )


def _parked(conn: Connection) -> tuple[Standstill, ...]:
    """Count what is parked by cause, and no more: this is asked all the time."""
    keys = failures.cause_keys("event")
    counted = select(*keys, func.count().label("number"), func.min(deliveries.c.updated_at).label("first_at"))
    purposely = deliveries.c.error_code.in_(_ON_PURPOSE)
    rows = conn.execute(counted.where(failures.standing(State.PARKED) & ~purposely).group_by(*keys))
    return tuple(_standstill(row) for row in rows)


def _standstill(row: Any) -> Standstill:
    cause = Cause(
        state=State.PARKED.value,
        error_code=row.error_code,
        endpoint=row.endpoint,
        partner_code=row.partner_code,
        what=row.what,
        error_where=row.error_where,
    )
    return Standstill(
        endpoint=row.endpoint,
        count=row.number,
        since=row.first_at,
        group=cause.group,
        error_code=row.error_code,
        partner_code=row.partner_code,
        where=row.error_where,
    )


def _conflicts(conn: Connection, now: float) -> tuple[Standstill, ...]:
    """Count what was refused of late as the same identifier with other content: a range of the index over what was refused."""
    refused = messages.c.accepted.is_(False) & (messages.c.received_at > now - CONFLICT_SECONDS)
    first = (
        select(messages.c.endpoint, messages.c.received_at, messages.c.error_code)
        .where(refused)
        .order_by(messages.c.received_at.desc())
        .limit(_MOST_REFUSED)
        .subquery()
    )
    counted = select(first.c.endpoint, func.count().label("number"), func.min(first.c.received_at).label("first_at"))
    rows = conn.execute(counted.where(first.c.error_code == Conflict.code).group_by(first.c.endpoint))
    return tuple(Standstill(endpoint=row.endpoint, count=row.number, since=row.first_at) for row in rows)


def _doubts(conn: Connection) -> tuple[Standstill, ...]:
    counted = select(
        deliveries.c.endpoint, func.count().label("number"), func.min(deliveries.c.updated_at).label("first_at")
    )
    rows = conn.execute(counted.where(deliveries.c.state == State.IN_DOUBT.value).group_by(deliveries.c.endpoint))
    return tuple(Standstill(endpoint=row.endpoint, count=row.number, since=row.first_at) for row in rows)


def _reconciled(conn: Connection, configured: Collection[str], now: float) -> tuple[Reconciled, ...]:
    runs = reconciliations.last_of_each(conn, configured, now - RUN_SECONDS)
    return tuple(
        Reconciled(
            endpoint=run.endpoint,
            run=run.id,
            at=run.asked_at,
            findings=run.findings,
            vi=run.note_vi if run.state == "stopped" and run.changed_by == "hub" else "",
            en=run.note_en if run.state == "stopped" and run.changed_by == "hub" else "",
        )
        for run in runs
    )


def _awaited(conn: Connection, now: float) -> tuple[Awaited, ...]:
    """Count the business answers that are due soon or late, the first ones: a range of an index over those alone."""
    due = dossiers.c.answer_due
    within = due.is_not(None) & (due < now + AWAITED_DAYS * 86_400.0)
    first = select(dossiers.c.origin, dossiers.c.procedure, due).where(within).order_by(due).limit(_MOST_AWAITED).subquery()
    rows = conn.execute(
        select(first.c.origin, first.c.procedure, func.count().label("number"), func.min(first.c.answer_due).label("due"))
        .group_by(first.c.origin, first.c.procedure)
    )
    return tuple(Awaited(endpoint=row.origin, procedure=row.procedure, count=row.number, due=row.due) for row in rows)


def _stopped(conn: Connection, now: float) -> tuple[Stopped, ...]:
    """Find the plans that stopped by themselves, and that nobody resumed or cancelled."""
    rows = conn.execute(
        select(plan_runs.c.plan_id, plan_runs.c.stop_vi, plan_runs.c.stop_en, plan_summaries.c.endpoints)
        .join(plan_summaries, plan_summaries.c.plan_id == plan_runs.c.plan_id)
        .where((plan_runs.c.state == "stopped") & (plan_runs.c.changed_at > now - _PLAN_SECONDS))
    )
    return tuple(
        Stopped(plan=row.plan_id, endpoints=tuple(json.loads(row.endpoints)), vi=row.stop_vi, en=row.stop_en) for row in rows
    )
