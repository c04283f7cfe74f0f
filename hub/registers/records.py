"""What Message History shows of a message, a delivery, a dossier: frozen values, bytes by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.registers.names import Named
from hub.rules.lifecycle import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of messages is narrowed to; an empty text or None does not narrow."""

    endpoint: str = ""
    #: A dossier's number, or any subject.
    subject: str = ""
    procedure: str = ""
    #: Seconds since 1970 UTC.
    since: float | None = None
    accepted: bool | None = None
    #: Code of the refusal, or of what a delivery of the message stands still for.
    error: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message in a list."""

    id: str
    endpoint: str
    received_at: float
    accepted: bool
    subject: str
    kind: str
    event: str
    procedure: str
    error_code: str
    error_where: str
    warnings: tuple[str, ...]
    repeats: int
    #: State -> number of its deliveries in that state, without the calls that only tell the sender.
    deliveries: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetail:
    """One message with everything the ledger keeps of it, by digest."""

    row: MessageRow
    identity: str
    verdict: Mapping[str, Any]
    faults: tuple[Mapping[str, str], ...]
    raw_digest: str
    signed_digest: str
    certificate_digest: str
    #: A detached signature that came beside the document.
    signature_digest: str
    canonical_digests: tuple[str, ...]
    answer_status: int
    answer_type: str
    answer_headers: Mapping[str, str]
    answer_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One try."""

    number: int
    epoch: int
    started_at: float
    ended_at: float | None
    outcome: str
    error_code: str
    partner_code: str
    #: The partner's own words stand here: evidence, never in a list.
    text: str
    reply_status: int
    business_digest: str
    sent_digest: str
    reply_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDetail:
    """One delivery, its place in the chain and its attempts."""

    id: str
    message_id: str
    origin: str
    endpoint: str
    subject: str
    place: int
    #: Place of the first delivery of the chain that is not done.
    head_place: int
    #: Deliveries that wait behind this one.
    followers: int
    kind: str
    event: str
    procedure: str
    service: str
    variant: str
    part: Mapping[str, str]
    state: str
    epoch: int
    due_at: float
    doubt: str
    error_code: str
    error_where: str
    error_en: str
    error_vi: str
    partner_code: str
    native_id: str
    canonical_digest: str
    business_digest: str
    head: Mapping[str, str]
    created_at: float
    updated_at: float
    attempts: tuple[AttemptRow, ...] = ()

    @property
    def unacknowledged(self) -> bool:
        """Delivered, but its chain goes on only when the partner has acknowledged it by a later message."""
        return self.state == State.DELIVERED.value and self.place == self.head_place


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """One row of the append-only history."""

    subject: str
    number: int
    at: float
    actor: str
    event: str
    entry: Mapping[str, Any]
    #: The entry's text as it was hashed.
    text: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRow:
    """A dossier as the register holds it."""

    key: str
    codes: tuple[str, ...]
    procedure: str
    status: str
    origin: str
    updated_at: float
    #: A test dossier: never sent on, never counted.
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """What a sender was told about one delivery."""

    endpoint: str
    delivery_id: str
    recipient: str
    outcome: str
    code: str
    vi: str
    en: str
    at: float
    taken_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything about one message, delivery or dossier, in the order in which it happened."""

    named: Named
    dossier: DossierRow | None
    messages: tuple[MessageDetail, ...]
    deliveries: tuple[DeliveryDetail, ...]
    notices: tuple[NoticeRow, ...]
    journal: tuple[JournalRow, ...]
