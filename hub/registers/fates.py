"""What became of messages: to each sender its own and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from hub.errors import every_error
from hub.ledger.tables import deliveries, messages, notices
from hub.rules.lifecycle import State

#: State of a delivery as its sender reads it: Vietnamese, English.
STATE_WORDS: Mapping[State, tuple[str, str]] = {
    State.HELD: ("chờ thông điệp trước của cùng hồ sơ", "waits for an earlier message of the same dossier"),
    State.PENDING: ("chờ gửi", "waits to be sent"),
    State.QUEUED: ("đã xếp hàng chờ gửi", "queued to be sent"),
    State.CLAIMED: ("đang chuẩn bị gửi", "is being prepared"),
    State.SENDING: ("đang gửi", "is being sent"),
    State.IN_DOUBT: (
        "chưa rõ nơi nhận đã nhận hay chưa, trục đang xác minh",
        "not known whether the recipient has it; being looked into",
    ),
    State.WAITING: ("chưa kết nối được với nơi nhận, trục sẽ gửi lại", "the recipient cannot be reached now; will be sent again"),
    State.PARKED: ("tạm dừng, chờ xử lý", "stopped until someone acts"),
    State.DELIVERED: ("nơi nhận đã nhận", "the recipient has it"),
    State.ACKNOWLEDGED: ("nơi nhận đã xác nhận", "the recipient has acknowledged it"),
    State.REFUSED_LATE: ("nơi nhận từ chối sau khi đã nhận", "the recipient refused it after taking it"),
    State.ABANDONED: ("đã dừng hẳn, không gửi nữa", "given up; will not be sent"),
}

#: Outcome in a notice: names of states, and ``refused`` for what the recipient or its writer refused.
OUTCOME_WORDS: Mapping[str, tuple[str, str]] = {
    **{state.value: words for state, words in STATE_WORDS.items()},
    "refused": ("nơi nhận từ chối, đơn vị gửi cần sửa và gửi lại", "refused; the sender must correct it and send again"),
}

#: States in which an error is why the delivery stands there; elsewhere it is what an earlier attempt left.
_STOPPED = (State.PARKED.value, State.ABANDONED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFate:
    """Where one delivery of a message stands."""

    id: str
    recipient: str
    service: str
    state: State
    attempts: int
    updated_at: float
    #: Filled only where the sender is the one to act; what else went wrong is the operator's.
    error_code: str = ""
    partner_code: str = ""
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one message."""

    message_id: str
    endpoint: str
    received_at: float
    accepted: bool
    #: The dossier's key, or what else the message is about; empty where it was refused.
    subject: str
    kind: str
    event: str
    procedure: str
    #: How often the same message came again.
    repeats: int
    error_code: str
    #: Every fault with its path, where the sender is the one to act.
    faults: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...]
    deliveries: tuple[DeliveryFate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One notice to a sender."""

    cursor: int
    message_id: str
    delivery_id: str
    subject: str
    recipient: str
    outcome: str
    code: str
    vi: str
    en: str
    at: float
    taken: bool


def find(conn: Connection, message_id: str, senders: Sequence[str]) -> Fate | None:
    """Tell what became of a message; None where there is none of this id from these senders."""
    row = conn.execute(
        select(messages).where((messages.c.id == message_id) & messages.c.endpoint.in_(senders))
    ).first()
    return _fate(row, _deliveries(conn, message_id)) if row else None


def _sender_acts() -> set[str]:
    """Give the codes of errors that the sender can mend; what else went wrong is told to the operator, not to it."""
    return {error.code for error in every_error() if error.who == "sender"}


def _fate(row: Row[Any], found: Iterable[DeliveryFate]) -> Fate:
    return Fate(
        message_id=row.id,
        endpoint=row.endpoint,
        received_at=row.received_at,
        accepted=bool(row.accepted),
        subject=row.subject if row.accepted else "",
        kind=row.kind,
        event=row.event,
        procedure=row.procedure,
        repeats=row.repeats,
        error_code=row.error_code,
        faults=tuple(json.loads(row.faults)) if row.error_code in _sender_acts() else (),
        warnings=tuple(json.loads(row.warnings)),
        deliveries=tuple(found),
    )


def _deliveries(conn: Connection, message_id: str) -> Iterable[DeliveryFate]:
    """Give the message's deliveries, without the calls that only tell the sender itself."""
    rows = conn.execute(
        select(deliveries)
        .where((deliveries.c.message_id == message_id) & (deliveries.c.kind != "notice"))
        .order_by(deliveries.c.endpoint, deliveries.c.subject, deliveries.c.place)
    )
    mendable = _sender_acts()
    return (_delivery(row, told=row.state in _STOPPED and row.error_code in mendable) for row in rows)


def _delivery(row: Row[Any], *, told: bool) -> DeliveryFate:
    return DeliveryFate(
        id=row.id,
        recipient=row.endpoint,
        service=row.service,
        state=State(row.state),
        attempts=row.attempts,
        updated_at=row.updated_at,
        error_code=row.error_code if told else "",
        partner_code=row.partner_code if told else "",
        vi=row.error_vi if told else "",
        en=row.error_en if told else "",
    )


def told(conn: Connection, senders: Sequence[str], *, since: int | None, settled: int, limit: int) -> tuple[Told, ...]:
    """List notices after a cursor, the oldest first; ``since`` None: those that were not acknowledged yet.

    ``settled``: what the ledger gave for ``settled_notices`` before ``conn`` was opened; what lies above is not shown
    yet, since another one may come in below it.
    """
    after = notices.c.taken_at.is_(None) if since is None else notices.c.seq > since
    rows = conn.execute(
        select(notices)
        .where(notices.c.endpoint.in_(senders) & after & (notices.c.seq <= settled))
        .order_by(notices.c.seq)
        .limit(limit)
    )
    return tuple(
        Told(
            cursor=row.seq,
            message_id=row.message_id,
            delivery_id=row.delivery_id,
            subject=row.subject,
            recipient=row.recipient,
            outcome=row.outcome,
            code=row.code,
            vi=row.vi,
            en=row.en,
            at=row.at,
            taken=row.taken_at is not None,
        )
        for row in rows
    )


def last_cursor(conn: Connection, senders: Sequence[str]) -> int:
    """Give the cursor of the newest notice to these senders; 0 where there is none."""
    return int(conn.execute(select(func.max(notices.c.seq)).where(notices.c.endpoint.in_(senders))).scalar() or 0)
