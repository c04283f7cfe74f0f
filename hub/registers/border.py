"""Border documents as people see them: lists by state, country, document, clock, mark; one with axes, items, history, links."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, not_, or_, select, true
from sqlalchemy.engine import Row

from hub.canonical.border.message import HOPS, BorderMessage
from hub.canonical.message import from_json
from hub.ledger import payloads
from hub.ledger.border_tables import border_documents, border_events, border_items, border_marks, border_uses
from hub.ledger.tables import chains
from hub.registers import border_known, cursors
from hub.registers.border_rows import CLOCKS, EXPIRED, MAY_EXPIRE, BorderRow, Clock, late, marks_of, row_of
from hub.registers.found import AFTER_ALL
from hub.registers.scopes import Scope
from hub.rules.border import axes, facts

__all__ = ["Asked", "BorderPage", "BorderRow", "BorderShown", "Clock"]

#: Rows of a page, history lines and uses of one document that are shown, at most.
MOST_ROWS, MOST_EVENTS, MOST_USES = 200, 200, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list is asked for; empty: all."""

    #: The business axis in one word (``axes.STATES``).
    state: str = ""
    #: The other country.
    country: str = ""
    #: ``phyto``, ``origin`` or ``declaration``.
    document: str = ""
    #: By this clock: what runs out first stands first. Not together with ``mark``.
    clock: Clock = ""
    #: Only what ends before this moment; only with ``clock``.
    before: float | None = None
    #: Only what has this mark open (``marks.Mark``), the oldest first.
    mark: str = ""
    #: Beginning of a number, however it is typed; then the list is in the order of numbers. Not together with ``mark``.
    number: str = ""
    after: str = ""
    rows: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderPage:
    """One page of a list."""

    rows: tuple[BorderRow, ...]
    #: What asks for the next page; empty: there is none.
    following: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A quantity with its unit."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemShown:
    """One item, how much of it is certified and how much was used."""

    number: int
    hs_code: str
    #: Each certified by itself (weight, pieces …).
    certified: tuple[Amount, ...]
    #: Sum over all import declarations, by unit.
    used: tuple[Amount, ...]
    #: More was used than is certified.
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UseShown:
    """What was said of one item with one import declaration; item 0: of the whole document."""

    declaration: str
    item: int
    result: str
    used: Amount | None
    reason_code: str
    declared_on: str
    at: float
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventShown:
    """One thing that was said of it."""

    at: float
    recorded_at: float
    #: ``issued`` …, or ``decided`` where a person did.
    event: str
    detail: str
    #: ``applied``, ``late``, ``repeated``, ``differs``, ``awaiting``.
    effect: str
    endpoint: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkShown:
    """What an officer must look at, or did."""

    mark: str
    since: float
    detail: str
    message_id: str
    #: None: it is open.
    closed_at: float | None
    closed_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShown:
    """Another border document that this one took the place of, or that took its place."""

    #: ``supersedes`` or ``superseded_by``.
    relation: str
    key: str
    number: str
    #: False: the hub never heard of it.
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HopShown:
    """A hop on the way, and when it was first told; None: not told."""

    hop: str
    at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderShown:
    """All that the register has of one document; never its content."""

    row: BorderRow
    version: int
    technical_code: str
    technical_at: float | None
    hops: tuple[HopShown, ...]
    result_at: float | None
    cancelled_at: float | None
    available_at: float | None
    late_accepted_at: float | None
    first_at: float
    #: Digest of the canonical message that has the content, and our number of that message; empty: it is not here.
    canonical_digest: str
    content_message: str
    items: tuple[ItemShown, ...]
    uses: tuple[UseShown, ...]
    #: There are more uses than are shown.
    more_uses: bool
    history: tuple[EventShown, ...]
    more_history: bool
    marks: tuple[MarkShown, ...]
    links: tuple[LinkShown, ...]


def listed(conn: Connection, asked: Asked, now: float, *, scope: Scope = None) -> BorderPage:
    """List documents, newest change first; by a clock or a mark, what is most urgent first. Raises NotAllowed (cursor)."""
    most = min(max(asked.rows, 1), MOST_ROWS)
    if asked.mark:
        return _by_mark(conn, asked, most, now, scope)
    table = border_documents.c
    conditions = [*_filters(asked, now), in_scope(scope)]
    if asked.number:
        return _by_number(conn, asked, most, now, conditions)
    order = CLOCKS[asked.clock] if asked.clock else table.updated_at
    place = cursors.read(asked.after, float, str)
    behind = cursors.after(place, order, table.key) if asked.clock else cursors.before(place, order, table.key)
    if asked.clock:
        conditions += [order.is_not(None), *([order < asked.before] if asked.before is not None else [])]
    conditions += [behind] if behind is not None else []
    by = (order, table.key) if asked.clock else (order.desc(), table.key.desc())
    found = conn.execute(select(border_documents).where(*conditions).order_by(*by).limit(most + 1)).all()
    name = order.key
    return _page(conn, found, most, now, lambda row: cursors.written(float(getattr(row, name)), row.key))


def _by_number(conn: Connection, asked: Asked, most: int, now: float, conditions: Sequence[ColumnElement[bool]]) -> BorderPage:
    """List by the beginning of a number, in the order of numbers: so that no more is read than is found."""
    table, begins = border_documents.c, facts.number_key(asked.number)
    behind = cursors.after(cursors.read(asked.after, str, str), table.number_key, table.key)
    here = [table.number_key >= begins, table.number_key < begins + AFTER_ALL, *conditions]
    here += [behind] if behind is not None else []
    query = select(border_documents).where(*here).order_by(table.number_key, table.key).limit(most + 1)
    return _page(conn, conn.execute(query).all(), most, now, lambda row: cursors.written(row.number_key, row.key))


def _filters(asked: Asked, now: float) -> Iterable[ColumnElement[bool]]:
    table = border_documents.c
    if asked.state == EXPIRED:
        yield table.state.in_(MAY_EXPIRE)
        yield late(now)
    elif asked.state:
        yield table.state == asked.state
        if asked.state in MAY_EXPIRE:
            yield not_(late(now))
    if asked.country:
        yield table.partner == asked.country
    if asked.document:
        yield table.document == asked.document


def in_scope(scope: Scope) -> ColumnElement[bool]:
    """Say which documents a person sees: those that came from, or went to, what it works on."""
    if scope is None:
        return true()
    names = sorted(scope)
    went = exists().where((chains.c.subject == border_documents.c.key) & chains.c.endpoint.in_(names))
    return or_(border_documents.c.origin.in_(names), went)


def is_seen(conn: Connection, key: str, scope: Scope) -> bool:
    """Say whether there is a document that a person sees."""
    query = select(border_documents.c.key).where((border_documents.c.key == key) & in_scope(scope))
    return conn.execute(query).first() is not None


def _by_mark(conn: Connection, asked: Asked, most: int, now: float, scope: Scope) -> BorderPage:
    marks, table = border_marks.c, border_documents.c
    place = cursors.after(cursors.read(asked.after, float, str), marks.since, marks.key)
    conditions = [marks.mark == asked.mark, marks.closed_at.is_(None), *_filters(asked, now), in_scope(scope)]
    statement = (
        select(border_documents, marks.since.label("mark_since"))
        .join(border_documents, table.key == marks.key)
        .where(*conditions, *([place] if place is not None else []))
        .order_by(marks.since, marks.key)
        .limit(most + 1)
    )
    return _page(conn, conn.execute(statement).all(), most, now, lambda row: cursors.written(float(row.mark_since), row.key))


def _page(conn: Connection, found: Sequence[Row[Any]], most: int, now: float, place: Any) -> BorderPage:
    shown = found[:most]
    marks = marks_of(conn, [row.key for row in shown])
    rows = tuple(row_of(row, now, marks.get(row.key, ())) for row in shown)
    return BorderPage(rows=rows, following=place(shown[-1]) if len(found) > most else "")


def shown(conn: Connection, key: str, now: float) -> BorderShown | None:
    """Show one document; None where nobody ever spoke of it."""
    row = conn.execute(select(border_documents).where(border_documents.c.key == key)).first()
    if row is None:
        return None
    uses = conn.execute(
        select(border_uses)
        .where(border_uses.c.key == key)
        .order_by(border_uses.c.declaration, border_uses.c.item)
        .limit(MOST_USES + 1)
    ).all()
    events = conn.execute(
        select(border_events).where(border_events.c.key == key).order_by(border_events.c.id.desc()).limit(MOST_EVENTS + 1)
    ).all()
    marks = conn.execute(select(border_marks).where(border_marks.c.key == key).order_by(border_marks.c.since)).all()
    hops = json.loads(row.hops)
    return BorderShown(
        row=row_of(row, now, tuple(each.mark for each in marks if each.closed_at is None)),
        version=row.version,
        technical_code=row.technical_code,
        technical_at=row.technical_at,
        hops=tuple(HopShown(hop=hop, at=hops.get(hop)) for hop in HOPS) if row.document != "phyto" or hops else (),
        result_at=row.result_at,
        cancelled_at=row.cancelled_at,
        available_at=row.available_at,
        late_accepted_at=row.late_accepted_at,
        first_at=row.first_at,
        canonical_digest=row.canonical_digest,
        content_message=row.content_message,
        items=_items(conn, key),
        uses=tuple(_use(each) for each in uses[:MOST_USES]),
        more_uses=len(uses) > MOST_USES,
        history=tuple(_event(each) for each in events[:MOST_EVENTS]),
        more_history=len(events) > MOST_EVENTS,
        marks=tuple(_mark(each) for each in marks),
        links=tuple(_links(conn, row)),
    )


def _items(conn: Connection, key: str) -> tuple[ItemShown, ...]:
    used: dict[int, dict[str, Decimal]] = {}
    for use in axes.drawn(border_known.uses_of(conn, key).values()):
        of_item = used.setdefault(use.item, {})
        of_item[use.unit] = of_item.get(use.unit, Decimal(0)) + (use.used or Decimal(0))
    rows = conn.execute(select(border_items).where(border_items.c.key == key).order_by(border_items.c.number)).all()
    return tuple(_item(row, used.get(row.number, {})) for row in rows)


def _item(row: Any, used: dict[str, Decimal]) -> ItemShown:
    certified = tuple(Amount(value=Decimal(value), unit=unit) for value, unit in json.loads(row.certified))
    most = {each.unit: each.value for each in certified}
    return ItemShown(
        number=row.number,
        hs_code=row.hs_code,
        certified=certified,
        used=tuple(Amount(value=value, unit=unit) for unit, value in sorted(used.items())),
        over=any(value > most[unit] for unit, value in used.items() if unit in most),
    )


def _use(row: Any) -> UseShown:
    return UseShown(
        declaration=row.declaration,
        item=row.item,
        result=row.result,
        used=Amount(value=Decimal(row.used), unit=row.unit) if row.used else None,
        reason_code=row.reason_code,
        declared_on=row.declared_on,
        at=row.at,
        message_id=row.message_id,
    )


def _event(row: Any) -> EventShown:
    return EventShown(
        at=row.at,
        recorded_at=row.recorded_at,
        event=row.event,
        detail=row.detail,
        effect=row.effect,
        endpoint=row.endpoint,
        message_id=row.message_id,
    )


def _mark(row: Any) -> MarkShown:
    return MarkShown(
        mark=row.mark,
        since=row.since,
        detail=row.detail,
        message_id=row.message_id,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        why=row.why,
    )


def _links(conn: Connection, row: Any) -> Iterable[LinkShown]:
    table = border_documents.c
    for relation, number in (("supersedes", row.supersedes), ("superseded_by", row.superseded_by)):
        if number:
            key = f"border:{row.document}:{row.issuing_country}:{number}"
            known = conn.execute(select(table.key).where(table.key == key)).first() is not None
            yield LinkShown(relation=relation, key=key, number=number, known=known)


def history_of_dossier(conn: Connection, keys: Sequence[str], most: int = 200) -> tuple[tuple[str, EventShown], ...]:
    """Give what was said of these documents, each with its key, in the order of recording."""
    if not keys:
        return ()
    statement = select(border_events).where(border_events.c.key.in_(keys)).order_by(border_events.c.id.desc()).limit(most)
    return tuple((row.key, _event(row)) for row in reversed(conn.execute(statement).all()))


def content(conn: Connection, key: str) -> BorderMessage | None:
    """Give the message that has a document's content; None where there is none, or retention has deleted it."""
    digest = conn.execute(select(border_documents.c.canonical_digest).where(border_documents.c.key == key)).scalar()
    body = payloads.get(conn, digest) if digest else None
    message = from_json(body) if body else None
    return message if isinstance(message, BorderMessage) else None
