"""One failure group: its members page by page, a sample of what stands there, and what may be done about all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select
from sqlalchemy.engine import Row

from hub.ledger import payloads
from hub.ledger.tables import attempts, deliveries, messages
from hub.registers import cursors, failures, masking, notes, possible, refusals, scopes
from hub.registers.causes import Cause, Group
from hub.registers.history import waiting_behind
from hub.registers.notes import Note
from hub.registers.scopes import Scope
from hub.rules.lifecycle import State

#: Gives what may be done about a doubt at an endpoint's service and variant: ask, resend, park.
OnDoubt = Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One delivery that stands still, or one message that was refused."""

    #: ``delivery`` or ``message``.
    kind: str
    id: str
    message_id: str
    #: Empty for a message that was refused: nobody knows what it is about.
    subject: str
    origin: str
    endpoint: str
    event: str
    procedure: str
    state: str
    since_at: float
    attempts: int = 0
    followers: int = 0
    partner_code: str = ""
    error_where: str = ""
    error_vi: str = ""
    error_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the oldest member is about, without persons."""

    id: str
    #: The canonical message; None where nothing of it could be read, or retention has deleted it.
    canonical: Any = None
    #: What was wrong with it at the door.
    faults: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShown:
    """One group with a page of its members."""

    group: Group
    #: ``event`` or ``procedure``.
    by: str
    members: tuple[Member, ...]
    #: Where the next page begins; empty: there is none.
    next: str
    notes: tuple[Note, ...]
    #: What may be done about every one of them, as it is typed.
    verbs: tuple[str, ...]
    sample: Sample | None


def show(
    conn: Connection, name: str, *, after: str, limit: int, scope: Scope, on_doubt: OnDoubt, now: float
) -> GroupShown:
    """Show a group; raises NotAllowed where nothing is known of it."""
    cause, by = failures.known_cause(conn, name, now)
    of_refusals = cause.state == refusals.REFUSED
    read = _refused_members if of_refusals else _members
    listed, following = read(conn, cause, by, after, limit, scope, now)
    first = listed[0] if listed and not after else None
    return GroupShown(
        group=failures.group_of(conn, cause, by, scope=scope, now=now),
        by=by,
        members=listed,
        next=following,
        notes=notes.of_group(conn, name),
        verbs=() if of_refusals or not listed else _verbs(conn, cause, by, on_doubt),
        sample=_sample(conn, first) if first else None,
    )


# --- deliveries --------------------------------------------------------------------------------------------------


def _members(
    conn: Connection, cause: Cause, by: str, after: str, limit: int, scope: Scope, _now: float
) -> tuple[tuple[Member, ...], str]:
    """Give a page of deliveries, those that stand longest first."""
    query = select(deliveries, waiting_behind().label("behind")).where(
        failures.of_cause(cause, by) & scopes.of_deliveries(scope)
    )
    place = cursors.after(cursors.read(after, float, str), deliveries.c.updated_at, deliveries.c.id)
    if place is not None:
        query = query.where(place)
    rows = conn.execute(query.order_by(deliveries.c.updated_at, deliveries.c.id).limit(limit + 1)).fetchall()
    page = tuple(_member(row) for row in rows[:limit])
    return page, cursors.written(page[-1].since_at, page[-1].id) if len(rows) > limit else ""


def _member(row: Row[Any]) -> Member:
    return Member(
        kind="delivery",
        id=row.id,
        message_id=row.message_id,
        subject=row.subject,
        origin=row.origin,
        endpoint=row.endpoint,
        event=row.event or row.kind,
        procedure=row.procedure,
        state=row.state,
        since_at=row.updated_at,
        attempts=row.attempts,
        followers=row.behind,
        partner_code=row.partner_code,
        error_where=row.error_where,
        error_vi=row.error_vi,
        error_en=row.error_en,
    )


def _verbs(conn: Connection, cause: Cause, by: str, on_doubt: OnDoubt) -> tuple[str, ...]:
    """List what may be done about all of a group."""
    here = failures.of_cause(cause, by)
    tried = exists().where(
        (attempts.c.delivery_id == deliveries.c.id) & attempts.c.outcome.in_(possible.MAY_HAVE_ARRIVED)
    )
    doubted = conn.execute(select(deliveries.c.id).where(here & tried).limit(1)).first() is not None
    policies = set()
    if cause.state == State.IN_DOUBT.value:
        services = conn.execute(select(deliveries.c.service, deliveries.c.variant).where(here).distinct())
        policies = {on_doubt(cause.endpoint, row.service, row.variant) for row in services}
    return possible.for_all(State(cause.state), may_have_arrived=doubted, on_doubt=policies)


# --- messages ----------------------------------------------------------------------------------------------------


def _refused_members(
    conn: Connection, cause: Cause, _by: str, after: str, limit: int, scope: Scope, now: float
) -> tuple[tuple[Member, ...], str]:
    """Give a page of refused messages, the newest first: what matters is whether they go on being wrong."""
    since = now - refusals.REFUSED_SINCE_SECONDS
    query = select(messages).where(refusals.of_cause(cause, since, scope))
    place = cursors.before(cursors.read(after, float, str), messages.c.received_at, messages.c.id)
    if place is not None:
        query = query.where(place)
    rows = conn.execute(query.order_by(messages.c.received_at.desc(), messages.c.id.desc()).limit(limit + 1)).fetchall()
    page = tuple(_refused_member(row) for row in rows[:limit])
    return page, cursors.written(page[-1].since_at, page[-1].id) if len(rows) > limit else ""


def _refused_member(row: Row[Any]) -> Member:
    fault: Mapping[str, str] = next(iter(json.loads(row.faults)), {})
    return Member(
        kind="message",
        id=row.id,
        message_id=row.id,
        subject="",
        origin=row.endpoint,
        endpoint=row.endpoint,
        event="",
        procedure="",
        state=refusals.REFUSED,
        since_at=row.received_at,
        error_where=row.error_where,
        error_vi=fault.get("vi", ""),
        error_en=fault.get("en", ""),
    )


# --- the sample --------------------------------------------------------------------------------------------------


def _sample(conn: Connection, member: Member) -> Sample:
    if member.kind == "message":
        faults = conn.execute(select(messages.c.faults).where(messages.c.id == member.id)).scalar_one()
        return Sample(id=member.id, faults=tuple(json.loads(faults)))
    digest = conn.execute(select(deliveries.c.canonical_digest).where(deliveries.c.id == member.id)).scalar_one()
    return Sample(id=member.id, canonical=masked(conn, digest))


def masked(conn: Connection, digest: str) -> Any:
    """Give a canonical message without persons; None where retention has deleted it."""
    body = payloads.get(conn, digest) if digest else None
    return masking.masked(json.loads(body)) if body else None
