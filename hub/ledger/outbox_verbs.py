"""Verbs of what lies ready for a partner that fetches it itself: numbered, laid out, given, found again.

Such a delivery is SENDING from when its bytes are kept until the partner says what it did with them: its reply is only slow.
What it says is recorded by the verbs of every other reply.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.engine import Row

from hub.contract import FILE_NAME
from hub.ledger import journal
from hub.ledger.delivery_verbs import claim_lost
from hub.ledger.dispatch_verbs import AWAITED
from hub.ledger.outbox_tables import file_numbers, outbox
from hub.ledger.sql import fixed, insert_new
from hub.ledger.tables import deliveries
from hub.ledger.values import Delivery
from hub.rules.lifecycle import State

#: A partner may still say what it did with what it was given.
OPEN = (State.SENDING, State.IN_DOUBT)

_NEW_NUMBER = insert_new(file_numbers, "endpoint")
_NEW_ROW = insert_new(outbox, "delivery_id")
_OPEN = fixed(state.value for state in OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """One item that is given to its partner: the delivery's row, and when it may be given again."""

    row: Any
    hidden_until: float


def next_number(conn: Connection, endpoint: str) -> int:
    """Give the next number for a file's name; none is given twice, and one may be left out."""
    _NEW_NUMBER.run(conn, endpoint=endpoint, last=0)
    here = file_numbers.c.endpoint == endpoint
    conn.execute(update(file_numbers).where(here).values(last=file_numbers.c.last + 1))
    return int(conn.execute(select(file_numbers.c.last).where(here)).scalar_one())


def lay_out(conn: Connection, held: Delivery, *, name: str, until: float, now: float) -> None:
    """Record that a delivery lies where its partner fetches it, which may take until then.

    ClaimLost where the partner was faster, or somebody else has the delivery.
    """
    here = (deliveries.c.id == held.id) & (deliveries.c.epoch == held.epoch) & (deliveries.c.state == State.SENDING.value)
    changed = conn.execute(update(deliveries).where(here).values(lease_until=until, doubt=AWAITED, updated_at=now))
    if not changed.rowcount:
        raise claim_lost(held)
    _forget_ended(conn, held.endpoint)
    _put(conn, held.id, held.endpoint, epoch=held.epoch, name=name, laid_at=now)
    entry = {"delivery": held.id, "epoch": held.epoch, "attempt": held.attempts}
    journal.append(conn, held.subject, "delivery.laid_out", at=now, actor="hub", entry=entry)


def _forget_ended(conn: Connection, endpoint: str) -> None:
    """Drop the rows of what was settled since: so there are never more of them than deliveries under way, and a few."""
    still = select(deliveries.c.id).where((deliveries.c.endpoint == endpoint) & deliveries.c.state.in_(_OPEN))
    conn.execute(delete(outbox).where((outbox.c.endpoint == endpoint) & outbox.c.delivery_id.not_in(still)))


def _put(conn: Connection, delivery_id: str, endpoint: str, *, epoch: int, name: str, laid_at: float) -> None:
    blank = {"epoch": epoch, "name": name, "laid_at": laid_at, "given_at": None, "times": 0, "hidden_until": 0.0}
    if not _NEW_ROW.run(conn, delivery_id=delivery_id, endpoint=endpoint, **blank).rowcount:
        conn.execute(update(outbox).where(outbox.c.delivery_id == delivery_id).values(endpoint=endpoint, **blank))


def ready(conn: Connection, endpoints: Sequence[str], *, limit: int, now: float, after: int = 0) -> Sequence[Row[Any]]:
    """Give what lies ready for a partner at its door, the oldest first, after so many; what was given and is hidden is left out.

    One that is in doubt is given as well: nobody but the partner can say what became of it.
    """
    hidden = outbox.c.hidden_until > now
    found: list[Row[Any]] = []
    for endpoint in endpoints:
        for state in OPEN:
            query = (
                select(deliveries, outbox.c.times)
                .outerjoin(outbox, (outbox.c.delivery_id == deliveries.c.id) & (outbox.c.epoch == deliveries.c.epoch))
                .where((deliveries.c.endpoint == endpoint) & (deliveries.c.state == state.value))
                .where(outbox.c.delivery_id.is_(None) | ~hidden)
                .order_by(deliveries.c.priority, deliveries.c.due_at, deliveries.c.place)
                .limit(after + limit)
            )
            found += conn.execute(query).all()
    return sorted(found, key=lambda row: (row.priority, row.due_at, row.place))[after : after + limit]


def count_ready(conn: Connection, endpoints: Sequence[str]) -> int:
    """Say how many deliveries a partner has not settled yet, hidden ones too."""
    here = deliveries.c.endpoint.in_(list(endpoints)) & deliveries.c.state.in_(_OPEN)
    return int(conn.execute(select(func.count()).select_from(deliveries).where(here)).scalar_one())


def given(conn: Connection, items: Iterable[Giving], *, now: float) -> None:
    """Record that a partner is given these; the first time of each stands in the journal."""
    for item in sorted(items, key=lambda each: (each.row.subject, each.row.id)):
        row = item.row
        here = (outbox.c.delivery_id == row.id) & (outbox.c.epoch == row.epoch)
        known = conn.execute(select(outbox.c.times).where(here)).first()
        if known is None:
            _put(conn, row.id, row.endpoint, epoch=row.epoch, name="", laid_at=now)
        more = {"times": outbox.c.times + 1, "given_at": func.coalesce(outbox.c.given_at, now)}
        conn.execute(update(outbox).where(here).values(hidden_until=item.hidden_until, **more))
        if known is None or not known.times:
            entry = {"delivery": row.id, "epoch": row.epoch, "attempt": row.attempts}
            journal.append(conn, row.subject, "delivery.given", at=now, actor=row.endpoint, entry=entry)


def find(conn: Connection, endpoints: Sequence[str], delivery_id: str) -> Row[Any] | None:
    """Find a partner's delivery; None where it has none of this identifier."""
    here = (deliveries.c.id == delivery_id) & deliveries.c.endpoint.in_(list(endpoints))
    return conn.execute(select(deliveries).where(here)).first()


def found_lying(conn: Connection, held: Delivery, *, name: str, now: float) -> None:
    """Record that a file about which there was a doubt lies in its folder: from now on the partner is waited for."""
    _put(conn, held.id, held.endpoint, epoch=held.epoch, name=name, laid_at=now)


def named(conn: Connection, endpoint: str, *, limit: int) -> list[Any]:
    """Give the files of an endpoint that were laid out and not settled, the oldest first: ``id``, ``epoch`` and ``name``.

    One that is being sent again is left out until it is known to lie there; one in doubt may have been asked about since.
    """
    laid = (outbox.c.epoch == deliveries.c.epoch) | (deliveries.c.state == State.IN_DOUBT.value)
    query = (
        select(deliveries.c.id, deliveries.c.epoch, deliveries.c.head, outbox.c.name)
        .join(outbox, outbox.c.delivery_id == deliveries.c.id)
        .where((outbox.c.endpoint == endpoint) & (outbox.c.name != "") & deliveries.c.state.in_(_OPEN) & laid)
        .order_by(outbox.c.name)
        .limit(limit)
    )
    # A rebuilt one has another name; what lay there under the old one says nothing of it.
    return [row for row in conn.execute(query).all() if json.loads(row.head).get(FILE_NAME) == row.name]
