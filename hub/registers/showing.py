"""One message or one delivery with everything that is kept of it, by digest, and what may be done about it; without persons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from hub.errors import NotAllowed
from hub.ledger.tables import deliveries, messages, notices, payloads
from hub.registers import history, masking, names, possible, scopes
from hub.registers.group_members import masked
from hub.registers.records import DeliveryDetail, MessageDetail, NoticeRow
from hub.registers.scopes import Scope
from hub.registers.signed_files import SignedFile
from hub.rules.lifecycle import State

#: Deliveries shown of one message, and of those that wait behind one, at most.
MOST, BEHIND = 200, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Bytes that are kept, or were."""

    role: str
    #: The message, the delivery, or a delivery's attempt (``<delivery>/<number>``) that they belong to.
    of: str
    digest: str
    size: int
    #: When retention deleted them; None while they are there.
    deleted_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A delivery that waits behind another one."""

    id: str
    place: int
    event: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryShown:
    """One delivery, and what may be done about it."""

    #: Partners' own words are hidden; heads are left out.
    detail: DeliveryDetail
    verbs: tuple[str, ...]
    #: What its service declares about doubts: ask, resend, park.
    on_doubt: str
    behind: tuple[Behind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message with its deliveries, or one delivery with its message."""

    #: ``message`` or ``delivery``.
    kind: str
    id: str
    subject: str
    message: MessageDetail
    #: Its canonical messages without persons; None where retention has deleted one.
    canonical: tuple[Any, ...]
    deliveries: tuple[DeliveryShown, ...]
    notices: tuple[NoticeRow, ...]
    bytes: tuple[Kept, ...]
    #: Result files of the message that the hub holds, with the signatures in them; filled by who may read files.
    files: tuple[SignedFile, ...] = ()


def show(conn: Connection, given: str, *, scope: Scope, on_doubt: Callable[[str, str, str], str]) -> Shown:
    """Show a message or a delivery by its identifier, whole or its beginning; raises NotAllowed where there is none."""
    message_id = names.by_id(conn, messages.c.id, given)
    delivery_id = "" if message_id else names.by_id(conn, deliveries.c.id, given)
    if delivery_id:
        message_id = conn.execute(select(deliveries.c.message_id).where(deliveries.c.id == delivery_id)).scalar_one()
    if not message_id or not _is_in_scope(conn, message_id, delivery_id, scope):
        raise NotAllowed(
            f"no message or delivery is called {given!r}",
            f"không có thông điệp hay lượt chuyển nào mang mã {given!r}",
            where=given,
        )
    return _shown(conn, message_id, delivery_id, scope, on_doubt)


def _is_in_scope(conn: Connection, message_id: str, delivery_id: str, scope: Scope) -> bool:
    if scope is None:
        return True
    if delivery_id:
        query = select(deliveries.c.id).where((deliveries.c.id == delivery_id) & scopes.of_deliveries(scope))
    else:
        query = select(messages.c.id).where((messages.c.id == message_id) & scopes.of_messages(scope))
    return conn.execute(query).first() is not None


def _shown(
    conn: Connection, message_id: str, delivery_id: str, scope: Scope, on_doubt: Callable[[str, str, str], str]
) -> Shown:
    (message,) = history.message_details(conn, (message_id,))
    listed = (delivery_id,) if delivery_id else _of_message(conn, message_id, scope)
    details = history.delivery_details(conn, listed)
    subject = details[0].subject if delivery_id else message.row.subject
    return Shown(
        kind="delivery" if delivery_id else "message",
        id=delivery_id or message_id,
        subject=subject,
        message=_without_signer(message),
        canonical=tuple(masked(conn, digest) for digest in message.canonical_digests),
        deliveries=tuple(
            _delivery(conn, each, on_doubt(each.endpoint, each.service, each.variant)) for each in details
        ),
        notices=_notices(conn, message_id, set(listed)),
        bytes=tuple(_kept(conn, [*_of_the_message(message), *_of_deliveries(details)])),
    )


def _of_message(conn: Connection, message_id: str, scope: Scope) -> Sequence[str]:
    here = (deliveries.c.message_id == message_id) & scopes.of_deliveries(scope)
    query = select(deliveries.c.id).where(here).order_by(deliveries.c.endpoint, deliveries.c.subject, deliveries.c.place)
    return list(conn.execute(query.limit(MOST)).scalars())


def _without_signer(message: MessageDetail) -> MessageDetail:
    verdict = dict(message.verdict)
    verdict["signer"] = masking.organisation(str(verdict.get("signer", "")))
    return replace(message, verdict=verdict)


def _delivery(conn: Connection, detail: DeliveryDetail, declared: str) -> DeliveryShown:
    hidden = tuple(replace(each, text=masking.HIDDEN if each.text else "") for each in detail.attempts)
    return DeliveryShown(
        detail=replace(detail, attempts=hidden, head={}),
        verbs=possible.verbs(detail, declared),
        on_doubt=declared,
        behind=_behind(conn, detail) if detail.followers else (),
    )


def _behind(conn: Connection, detail: DeliveryDetail) -> tuple[Behind, ...]:
    here = (deliveries.c.endpoint == detail.endpoint) & (deliveries.c.subject == detail.subject)
    later = here & (deliveries.c.place > detail.place) & (deliveries.c.state == State.HELD.value)
    rows = conn.execute(select(deliveries).where(later).order_by(deliveries.c.place).limit(BEHIND))
    return tuple(Behind(id=row.id, place=row.place, event=row.event or row.kind, state=row.state) for row in rows)


def _notices(conn: Connection, message_id: str, listed: set[str]) -> tuple[NoticeRow, ...]:
    rows = conn.execute(select(notices).where(notices.c.message_id == message_id).order_by(notices.c.seq))
    return tuple(
        NoticeRow(**{name: getattr(row, name) for name in NoticeRow.__slots__}) for row in rows if row.delivery_id in listed
    )


# --- bytes -------------------------------------------------------------------------------------------------------


def _of_the_message(message: MessageDetail) -> Iterator[tuple[str, str, str]]:
    for role in ("raw", "signed", "signature", "certificate", "answer"):
        yield role, message.row.id, getattr(message, f"{role}_digest")
    yield from (("canonical", message.row.id, digest) for digest in message.canonical_digests)
    # Only of what was taken from a partner's list.
    yield "page", message.row.id, str(message.verdict.get("page_digest", ""))


def _of_deliveries(details: Sequence[DeliveryDetail]) -> Iterator[tuple[str, str, str]]:
    for each in details:
        yield "canonical", each.id, each.canonical_digest
        yield "business", each.id, each.business_digest
        for attempt in each.attempts:
            for role in ("business", "sent", "reply"):
                yield role, f"{each.id}/{attempt.number}", getattr(attempt, f"{role}_digest")


def _kept(conn: Connection, named: Sequence[tuple[str, str, str]]) -> Iterator[Kept]:
    wanted = sorted({digest for *_, digest in named if digest})
    columns = select(payloads.c.digest, payloads.c.size, payloads.c.deleted_at)
    rows = {row.digest: row for row in conn.execute(columns.where(payloads.c.digest.in_(wanted)))} if wanted else {}
    for role, of, digest in named:
        if digest in rows:
            yield Kept(role=role, of=of, digest=digest, size=rows[digest].size, deleted_at=rows[digest].deleted_at)
