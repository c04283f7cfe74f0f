"""What intake must know of a border document before it judges a message: the register's row, its lines, who takes part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, select

from hub.canonical.base import VIETNAM
from hub.canonical.border.message import AnswerResult, BorderMessage, TechnicalState
from hub.canonical.message import from_json
from hub.ledger import payloads
from hub.ledger.border_tables import border_documents, border_events, border_items, border_named, border_uses
from hub.ledger.border_values import BorderRow, Clocks
from hub.ledger.sql import Statement
from hub.ledger.tables import chains
from hub.rules.border.axes import Axes, Certified, Standing, Use

#: Messages that came before their document, and are told when it comes, at most.
MOST_AWAITING = 50
_ROW = Statement(select(border_documents).where(border_documents.c.key == bindparam("document")))
_USES = Statement(select(border_uses).where(border_uses.c.key == bindparam("document")))
_ITEMS = Statement(select(border_items).where(border_items.c.key == bindparam("document")))
_RECIPIENTS = Statement(select(chains.c.endpoint).where(chains.c.subject == bindparam("document")))
_NAMED = Statement(
    select(border_named.c.dossier)
    .where((border_named.c.number_key == bindparam("number")) & (border_named.c.document == bindparam("kind")))
    .order_by(border_named.c.dossier)
    .limit(2)
)

#: Documents whose numbers are compared as one, the first of them.
_OF_NUMBER = Statement(
    select(border_documents.c.key, border_documents.c.issuing_country, border_documents.c.number)
    .where((border_documents.c.number_key == bindparam("number")) & (border_documents.c.document == bindparam("kind")))
    .order_by(border_documents.c.key)
    .limit(20)
)
_IS_NAMED = Statement(
    select(border_named.c.dossier).where(
        (border_named.c.number_key == bindparam("number"))
        & (border_named.c.document == bindparam("kind"))
        & (border_named.c.dossier == bindparam("dossier_key"))
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the register holds of one document."""

    row: BorderRow
    version: int
    certified: Certified
    #: Endpoints that got deliveries about it.
    recipients: tuple[str, ...]

    @property
    def origin(self) -> str:
        return self.row.origin

    @property
    def begun(self) -> datetime:
        """Say when the hub first heard of it."""
        return datetime.fromtimestamp(self.row.first_at, VIETNAM)


def known(conn: Connection, key: str) -> Known | None:
    """Look a document up by its key; None where nobody ever spoke of it."""
    row = _ROW.run(conn, document=key).first()
    if row is None:
        return None
    uses = uses_of(conn, key)
    return Known(
        row=_row(row, uses),
        version=row.version,
        certified={item.number: _amounts(item.certified) for item in _ITEMS.run(conn, document=key)},
        recipients=tuple(_RECIPIENTS.run(conn, document=key).scalars()),
    )


def uses_of(conn: Connection, key: str) -> dict[tuple[str, int], Use]:
    """Give the newest word on each item with each import declaration."""
    return {use.place: use for use in map(_use, _USES.run(conn, document=key))}


def _row(row: Any, uses: dict[tuple[str, int], Use]) -> BorderRow:
    axes = Axes(
        technical=TechnicalState(row.technical),
        technical_code=row.technical_code,
        technical_at=row.technical_at,
        hops=json.loads(row.hops),
        uses=uses,
        available_at=row.available_at,
        standing=Standing(row.standing),
        cancelled_at=row.cancelled_at,
        superseded_by=row.superseded_by,
    )
    return BorderRow(
        key=row.key,
        document=row.document,
        issuing_country=row.issuing_country,
        importing_country=row.importing_country,
        number=row.number,
        number_key=row.number_key,
        outgoing=bool(row.outgoing),
        origin=row.origin,
        dossier=row.dossier,
        content_digest=row.content_digest,
        canonical_digest=row.canonical_digest,
        content_message=row.content_message,
        issued_on=row.issued_on,
        axes=axes,
        supersedes=row.supersedes,
        clocks=Clocks(answer_due=row.answer_due, hop_due=row.hop_due, expires_at=row.expires_at),
        late_accepted_at=row.late_accepted_at,
        first_at=row.first_at,
    )


def _use(row: Any) -> Use:
    return Use(
        declaration=row.declaration,
        item=row.item,
        result=AnswerResult(row.result),
        used=Decimal(row.used) if row.used else None,
        unit=row.unit,
        reason_code=row.reason_code,
        declared_on=row.declared_on,
        at=row.at,
        message=row.message_id,
    )


def _amounts(certified: str) -> tuple[tuple[Decimal, str], ...]:
    return tuple((Decimal(value), unit) for value, unit in json.loads(certified))


def named_by(conn: Connection, document: str, number_key: str, dossier: str) -> bool:
    """Say whether it is known that a dossier names a number."""
    return _IS_NAMED.run(conn, number=number_key, kind=document, dossier_key=dossier).first() is not None


def naming(conn: Connection, document: str, number_key: str) -> tuple[str, ...]:
    """Give the keys of the dossiers that name a number; of more than one, two."""
    return tuple(_NAMED.run(conn, number=number_key, kind=document).scalars())


def of_number(conn: Connection, document: str, number_key: str) -> tuple[tuple[str, str, str], ...]:
    """Give key, issuing country and number of the documents that have this number, however it is written."""
    rows = _OF_NUMBER.run(conn, number=number_key, kind=document)
    return tuple((row.key, row.issuing_country, row.number) for row in rows)


def stored(conn: Connection, digest: str) -> BorderMessage | None:
    """Give a message that is kept; None where retention has deleted it."""
    body = payloads.get(conn, digest) if digest else None
    message = from_json(body) if body else None
    return message if isinstance(message, BorderMessage) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """What was said of a document before it was here, and by whom."""

    endpoint: str
    message: BorderMessage
    #: When that was.
    at: float


def awaiting(conn: Connection, key: str) -> Sequence[Awaiting]:
    """Give what was said of a document before it came, in the order of recording."""
    table = border_events.c
    statement = (
        select(table.endpoint, table.canonical_digest, table.at)
        .where(table.key == key, table.effect == "awaiting")
        .order_by(table.id)
        .limit(MOST_AWAITING)
    )
    found = ((row, stored(conn, row.canonical_digest)) for row in conn.execute(statement).all())
    return [Awaiting(endpoint=row.endpoint, message=message, at=row.at) for row, message in found if message is not None]
