"""Real messages for a dry run, the newest first: in windows, so that neither memory nor a statement grows with the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select
from sqlalchemy.engine import Row

from hub.ledger.tables import chains, deliveries, dossiers, messages
from hub.registers import failures, scopes
from hub.registers.scopes import Scope
from hub.rules.test_dossiers import WARNING

#: Messages in one window, of those that are looked at and of those that are given.
WINDOW = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages; an empty text does not narrow."""

    #: Sender or recipient.
    endpoint: str = ""
    procedure: str = ""
    scope: Scope = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """One canonical message as the ledger has it, and what is known about its dossier."""

    message_id: str
    endpoint: str
    received_at: float
    procedure: str
    subject: str
    canonical_digest: str
    #: Where its dossier began.
    origin: str
    #: Recipient -> what it is known to hold.
    held: Mapping[str, Mapping[str, str]]
    #: Of a delivery that stands still: its endpoint, else empty.
    stands_at: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Messages of one window, and where the next one begins; None: there are no more."""

    found: tuple[Real, ...]
    after: tuple[float, str] | None


def window(conn: Connection, wanted: Wanted, after: tuple[float, str] | None) -> Window:
    """Read a window of accepted messages, those that came before a place."""
    here: list[ColumnElement[bool]] = [messages.c.accepted.is_(True), messages.c.kind.in_(("dossier", "catalogue"))]
    if wanted.procedure:
        here.append(messages.c.procedure == wanted.procedure)
    if after is not None:
        here += [messages.c.received_at <= after[0], or_(messages.c.received_at < after[0], messages.c.id < after[1])]
    order = (messages.c.received_at.desc(), messages.c.id.desc())
    # Narrowed further only within the window: a statement that looks for a rare recipient would read all there is.
    rows = conn.execute(select(messages).where(and_(*here)).order_by(*order).limit(WINDOW)).fetchall()
    if not rows:
        return Window((), None)
    kept = _narrowed(conn, [row.id for row in rows], wanted)
    # A test dossier goes nowhere, before the change and after it.
    found = tuple(_real(conn, [row for row in rows if row.id in kept and WARNING not in json.loads(row.warnings)]))
    return Window(found, (rows[-1].received_at, rows[-1].id) if len(rows) == WINDOW else None)


def _narrowed(conn: Connection, ids: Sequence[str], wanted: Wanted) -> set[str]:
    if not wanted.endpoint and wanted.scope is None:
        return set(ids)
    query = select(messages.c.id).where(messages.c.id.in_(ids) & scopes.of_messages(wanted.scope))
    if wanted.endpoint:
        given = exists().where((deliveries.c.message_id == messages.c.id) & (deliveries.c.endpoint == wanted.endpoint))
        query = query.where(or_(messages.c.endpoint == wanted.endpoint, given))
    return set(conn.execute(query).scalars())


def _real(conn: Connection, rows: Sequence[Row[Any]]) -> Iterator[Real]:
    subjects = _subjects(conn, [row.id for row in rows])
    told = {(row.id, digest): subjects.get((row.id, digest), row.subject) for row in rows for digest in json.loads(row.canonical)}
    origins, held = _known(conn, set(told.values()))
    for row in rows:
        for digest in json.loads(row.canonical):
            subject = told[row.id, digest]
            yield Real(
                message_id=row.id,
                endpoint=row.endpoint,
                received_at=row.received_at,
                procedure=row.procedure,
                subject=subject,
                canonical_digest=digest,
                origin=origins.get(subject, row.endpoint),
                held=held.get(subject, {}),
            )


def _subjects(conn: Connection, ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """Give the chain's subject of each canonical message: a dossier's key, whichever of its numbers the message has."""
    columns = (deliveries.c.message_id, deliveries.c.canonical_digest, deliveries.c.subject)
    query = select(*columns).where(deliveries.c.message_id.in_(ids) & (deliveries.c.kind != "notice"))
    return {(row.message_id, row.canonical_digest): row.subject for row in conn.execute(query)}


def _known(conn: Connection, subjects: set[str]) -> tuple[dict[str, str], dict[str, dict[str, dict[str, str]]]]:
    listed = sorted(subjects)
    begun = select(dossiers.c.key, dossiers.c.origin).where(dossiers.c.key.in_(listed))
    origins = {row.key: row.origin for row in conn.execute(begun)}
    open_ones = select(chains.c.subject, chains.c.endpoint, chains.c.held).where(chains.c.subject.in_(listed))
    held: dict[str, dict[str, dict[str, str]]] = {}
    for row in conn.execute(open_ones):
        held.setdefault(row.subject, {})[row.endpoint] = json.loads(row.held)
    return origins, held


def of_group(conn: Connection, group: str, count: int, scope: Scope) -> tuple[Real, ...]:
    """Give the content of deliveries of a failure group, those that stand still for the shortest time first.

    Raises NotAllowed where nothing of the group is left.
    """
    cause, by = failures.cause_of(conn, group)
    query = (
        select(deliveries, messages.c.endpoint.label("source"), messages.c.received_at)
        .join(messages, messages.c.id == deliveries.c.message_id)
        .where(failures.of_cause(cause, by) & scopes.of_deliveries(scope))
        .order_by(deliveries.c.updated_at.desc(), deliveries.c.id)
        .limit(count)
    )
    rows = conn.execute(query).fetchall()
    origins: dict[str, str] = {}
    held: dict[str, dict[str, dict[str, str]]] = {}
    for start in range(0, len(rows), WINDOW):
        more = _known(conn, {row.subject for row in rows[start : start + WINDOW]})
        origins |= more[0]
        held |= more[1]
    return tuple(
        Real(
            message_id=row.message_id,
            endpoint=row.source,
            received_at=row.received_at,
            procedure=row.procedure,
            subject=row.subject,
            canonical_digest=row.canonical_digest,
            origin=origins.get(row.subject, row.source),
            held=held.get(row.subject, {}),
            stands_at=row.endpoint,
        )
        for row in rows
    )
