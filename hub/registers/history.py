"""Message History: what came, what was decided, sent and answered; lists without personal data, bytes by digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.engine import Row

from hub.ledger import payloads
from hub.ledger.tables import attempts, chains, deliveries, dossier_codes, dossiers, journal, messages, notices
from hub.registers import names
from hub.registers.names import Named
from hub.registers.records import (
    AttemptRow,
    DeliveryDetail,
    DossierRow,
    Filters,
    JournalRow,
    MessageDetail,
    MessageRow,
    NoticeRow,
    Timeline,
)
from hub.rules.lifecycle import FAILED, State

#: Identifiers in one statement (SQLite allows 32,766 variables).
_AT_ONCE = 500

# --- the list ----------------------------------------------------------------------------------------------------


def listing(conn: Connection, filters: Filters) -> tuple[MessageRow, ...]:
    """List messages, the newest first."""
    query = _narrowed(conn, filters)
    if filters.error:
        query = query.where(messages.c.id.in_(_with_error(conn, query, filters)))
    rows = conn.execute(query.order_by(messages.c.received_at.desc()).limit(filters.limit)).fetchall()
    return _message_rows(conn, rows)


def _narrowed(conn: Connection, filters: Filters) -> Select[Any]:
    query = select(messages)
    if filters.endpoint:
        query = query.where(messages.c.endpoint == filters.endpoint)
    if filters.subject:
        query = query.where(messages.c.id.in_(names.resolve(conn, filters.subject).messages))
    if filters.procedure:
        query = query.where(messages.c.procedure == filters.procedure)
    if filters.since is not None:
        query = query.where(messages.c.received_at >= filters.since)
    if filters.accepted is not None:
        query = query.where(messages.c.accepted.is_(filters.accepted))
    return query


def _with_error(conn: Connection, query: Select[Any], filters: Filters) -> list[str]:
    """Name the newest messages that were refused for an error, or of which a delivery stands still for it.

    Each sought by itself, among the few that failed: asked for at once, the database would read all messages.
    """
    newest = query.with_only_columns(messages.c.id).order_by(messages.c.received_at.desc()).limit(filters.limit)
    refused = newest.where(messages.c.accepted.is_(False) & (messages.c.error_code == filters.error))
    states = [*(state.value for state in FAILED), State.WAITING.value]
    stands = deliveries.c.state.in_(states) & (deliveries.c.error_code == filters.error)
    standing = newest.join(deliveries, deliveries.c.message_id == messages.c.id).where(stands).distinct()
    standing = standing.add_columns(messages.c.received_at)
    return [*conn.execute(refused).scalars(), *(row.id for row in conn.execute(standing))]


def _message_rows(conn: Connection, rows: Iterable[Row[Any]]) -> tuple[MessageRow, ...]:
    found = list(rows)
    states: dict[str, dict[str, int]] = {}
    for some in _portions([row.id for row in found]):
        counted = (
            select(deliveries.c.message_id, deliveries.c.state, func.count().label("number"))
            .where(deliveries.c.message_id.in_(some) & (deliveries.c.kind != "notice"))
            .group_by(deliveries.c.message_id, deliveries.c.state)
        )
        for each in conn.execute(counted):
            states.setdefault(each.message_id, {})[each.state] = each.number
    return tuple(_message_row(row, states.get(row.id, {})) for row in found)


def _message_row(row: Row[Any], states: Mapping[str, int]) -> MessageRow:
    return MessageRow(
        id=row.id,
        endpoint=row.endpoint,
        received_at=row.received_at,
        accepted=bool(row.accepted),
        subject=row.subject,
        kind=row.kind,
        event=row.event,
        procedure=row.procedure,
        error_code=row.error_code,
        error_where=row.error_where,
        warnings=tuple(json.loads(row.warnings)),
        repeats=row.repeats,
        deliveries=states,
    )


# --- the timeline ------------------------------------------------------------------------------------------------


def timeline(conn: Connection, given: str) -> Timeline:
    """Tell what happened to a message, a delivery or a dossier; raise NotAllowed where nothing has this name."""
    named = names.resolve(conn, given)
    return Timeline(
        named=named,
        dossier=dossier(conn, named.subjects[-1]),
        messages=message_details(conn, named.messages),
        deliveries=delivery_details(conn, named.deliveries),
        notices=_notices(conn, named),
        journal=_journal(conn, named),
    )


def dossier(conn: Connection, key: str) -> DossierRow | None:
    """Give a dossier as the register holds it; None where there is none of this key."""
    row = conn.execute(select(dossiers).where(dossiers.c.key == key)).first()
    if row is None:
        return None
    codes = conn.execute(select(dossier_codes.c.code).where(dossier_codes.c.key == key).order_by(dossier_codes.c.code))
    return DossierRow(
        key=row.key,
        codes=tuple(codes.scalars()),
        procedure=row.procedure,
        status=row.status,
        origin=row.origin,
        updated_at=row.updated_at,
        test=bool(row.test),
    )


def message_details(conn: Connection, ids: Iterable[str]) -> tuple[MessageDetail, ...]:
    """Give messages with everything that is kept of them, the oldest first."""
    rows: list[Row[Any]] = []
    for some in _portions(tuple(ids)):
        rows.extend(conn.execute(select(messages).where(messages.c.id.in_(some))))
    rows.sort(key=lambda row: (row.received_at, row.id))
    return tuple(_message_detail(*pair) for pair in zip(rows, _message_rows(conn, rows), strict=True))


def _message_detail(row: Row[Any], shown: MessageRow) -> MessageDetail:
    return MessageDetail(
        row=shown,
        identity=row.identity,
        verdict=json.loads(row.verdict),
        faults=tuple(json.loads(row.faults)),
        raw_digest=row.raw_digest,
        signed_digest=row.signed_digest,
        certificate_digest=row.certificate_digest,
        signature_digest=row.signature_digest,
        canonical_digests=tuple(json.loads(row.canonical)),
        answer_status=row.answer_status,
        answer_type=row.answer_type,
        answer_headers=json.loads(row.answer_headers),
        answer_digest=row.answer_digest,
    )


def delivery_details(conn: Connection, ids: Iterable[str]) -> tuple[DeliveryDetail, ...]:
    """Give deliveries with their attempts, chain by chain, in order."""
    rows: list[Row[Any]] = []
    for some in _portions(tuple(ids)):
        here = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)
        query = select(deliveries, chains.c.head_place, waiting_behind().label("followers")).join(chains, here)
        rows.extend(conn.execute(query.where(deliveries.c.id.in_(some))))
    rows.sort(key=lambda row: (row.subject, row.endpoint, row.place))
    return tuple(_delivery_detail(row, _attempts(conn, row.id)) for row in rows)


def followers(conn: Connection, delivery: DeliveryDetail) -> tuple[DeliveryDetail, ...]:
    """Give the deliveries that are HELD behind one in its chain, in order."""
    chain = (deliveries.c.endpoint == delivery.endpoint) & (deliveries.c.subject == delivery.subject)
    behind = (deliveries.c.place > delivery.place) & (deliveries.c.state == State.HELD.value)
    return delivery_details(conn, conn.execute(select(deliveries.c.id).where(chain & behind)).scalars())


def waiting_behind() -> Any:
    """Count the deliveries HELD behind one: they stand later in the same chain."""
    behind = deliveries.alias("behind")
    return (
        select(func.count())
        .select_from(behind)
        .where((behind.c.endpoint == deliveries.c.endpoint) & (behind.c.subject == deliveries.c.subject))
        .where((behind.c.place > deliveries.c.place) & (behind.c.state == State.HELD.value))
        .scalar_subquery()
    )


def _delivery_detail(row: Row[Any], tries: tuple[AttemptRow, ...]) -> DeliveryDetail:
    same = {
        name: getattr(row, name)
        for name in DeliveryDetail.__slots__
        if name not in ("part", "head", "attempts")
    }
    return DeliveryDetail(**same, part=json.loads(row.part), head=json.loads(row.head), attempts=tries)


def _attempts(conn: Connection, delivery: str) -> tuple[AttemptRow, ...]:
    rows = conn.execute(select(attempts).where(attempts.c.delivery_id == delivery).order_by(attempts.c.number))
    return tuple(AttemptRow(**{name: getattr(row, name) for name in AttemptRow.__slots__}) for row in rows)


def _notices(conn: Connection, named: Named) -> tuple[NoticeRow, ...]:
    wanted = set(named.deliveries)
    rows: list[Row[Any]] = []
    for some in _portions(named.messages):
        rows.extend(conn.execute(select(notices).where(notices.c.message_id.in_(some)).order_by(notices.c.seq)))
    return tuple(
        NoticeRow(**{name: getattr(row, name) for name in NoticeRow.__slots__}) for row in rows if row.delivery_id in wanted
    )


def _journal(conn: Connection, named: Named) -> tuple[JournalRow, ...]:
    rows = [row for subject in named.subjects for row in journal_of(conn, subject)]
    if named.kind != "subject":
        wanted = {*named.messages, *named.deliveries}
        rows = [row for row in rows if {row.entry.get("message"), row.entry.get("delivery")} & wanted]
    return tuple(sorted(rows, key=lambda row: (row.at, row.subject, row.number)))


def journal_of(conn: Connection, subject: str) -> tuple[JournalRow, ...]:
    """Give one subject's whole chain of journal rows."""
    rows = conn.execute(select(journal).where(journal.c.subject == subject).order_by(journal.c.number))
    return tuple(
        JournalRow(
            subject=row.subject,
            number=row.number,
            at=row.at,
            actor=row.actor,
            event=row.event,
            entry=json.loads(row.entry),
            text=row.entry,
            previous=row.previous,
            hash=row.hash,
        )
        for row in rows
    )


def body(conn: Connection, digest: str) -> bytes | None:
    """Give the exact bytes of a digest; None where retention has deleted them or none were kept."""
    return payloads.get(conn, digest)


def deleted_at(conn: Connection, message: MessageDetail) -> float | None:
    """Say when retention last deleted bytes of a message; None where all are there."""
    digests = (message.raw_digest, message.signed_digest, message.signature_digest, *message.canonical_digests)
    found = [moment for digest in digests if (moment := payloads.deleted_at(conn, digest)) is not None]
    return max(found, default=None)


def _portions(ids: Iterable[str]) -> Iterable[list[str]]:
    listed = list(ids)
    return (listed[start : start + _AT_ONCE] for start in range(0, len(listed), _AT_ONCE))
