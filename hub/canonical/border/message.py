"""What is said about a border document: issued, cancelled, answered by the other side, where it is on its way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from hub.canonical.base import Frozen
from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.origin import OriginCertificate
from hub.canonical.border.parts import Measure
from hub.canonical.border.phyto import Phyto


class BorderDocument(StrEnum):
    """Which document it is."""

    #: Phytosanitary certificate (UNTDID 1001: 851, 657).
    PHYTO = "phyto"
    #: Certificate of origin Form D (ATIGA).
    ORIGIN = "origin"
    #: ASEAN Customs Declaration Document.
    DECLARATION = "declaration"


class BorderEvent(StrEnum):
    """What is said about it."""

    #: A document, new; one that replaces another names it in ``supersedes``.
    ISSUED = "issued"
    #: Withdrawn, or cancelled.
    CANCELLED = "cancelled"
    #: The other side has lost a document and asks for it again (Rule 29), and the same document again.
    COPY_ASKED = "copy_asked"
    COPIED = "copied"
    #: The other side's business answer.
    ANSWERED = "answered"
    #: Where it is on its way: a word of a gateway or of the hub between, never of who it is for.
    TRACKED = "tracked"


class AnswerResult(StrEnum):
    """What the other side says about a document."""

    #: Available there (RES-REC), and not received there for a technical cause (RES-NOT).
    AVAILABLE = "available"
    NOT_RECEIVED = "not_received"
    #: Customs: preference given, for some items, or not.
    GIVEN = "given"
    PARTLY_GIVEN = "partly_given"
    NOT_GIVEN = "not_given"
    #: Plant protection: accepted, or rejected (SPSAcknowledgement).
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class TechnicalState(StrEnum):
    """How far the transport is, as the next one on the way tells it."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    DELIVERED_WITH_WARNINGS = "delivered_with_warnings"
    NOT_READABLE = "not_readable"
    FAILED = "failed"
    UNKNOWN = "unknown"


#: Names, as an official reads them: Vietnamese, English.
DOCUMENT_NAMES: Mapping[BorderDocument, tuple[str, str]] = {
    BorderDocument.PHYTO: ("Giấy chứng nhận kiểm dịch thực vật", "phytosanitary certificate"),
    BorderDocument.ORIGIN: ("Giấy chứng nhận xuất xứ mẫu D", "certificate of origin Form D"),
    BorderDocument.DECLARATION: ("Tờ khai hải quan ASEAN (ACDD)", "ASEAN customs declaration document"),
}
BORDER_EVENT_NAMES: Mapping[BorderEvent, tuple[str, str]] = {
    BorderEvent.ISSUED: ("Cấp chứng từ", "issued"),
    BorderEvent.CANCELLED: ("Hủy, thu hồi chứng từ", "cancelled"),
    BorderEvent.COPY_ASKED: ("Đề nghị truyền lại", "asked for again"),
    BorderEvent.COPIED: ("Truyền lại chứng từ", "sent again on request"),
    BorderEvent.ANSWERED: ("Phản hồi của nước nhập khẩu", "answered by the importing country"),
    BorderEvent.TRACKED: ("Trạng thái truyền nhận", "transport status"),
}
RESULT_NAMES: Mapping[AnswerResult, tuple[str, str]] = {
    AnswerResult.AVAILABLE: ("Hải quan nước nhập khẩu đã nhận", "available to the importing side"),
    AnswerResult.NOT_RECEIVED: ("Nước nhập khẩu chưa nhận được (lỗi kỹ thuật)", "not received there (technical error)"),
    AnswerResult.GIVEN: ("Cho hưởng ưu đãi", "preference given"),
    AnswerResult.PARTLY_GIVEN: ("Cho hưởng ưu đãi một phần", "preference given in part"),
    AnswerResult.NOT_GIVEN: ("Không cho hưởng ưu đãi", "preference not given"),
    AnswerResult.ACCEPTED: ("Chấp nhận", "accepted"),
    AnswerResult.REJECTED: ("Không chấp nhận", "rejected"),
}
TECHNICAL_NAMES: Mapping[TechnicalState, tuple[str, str]] = {
    TechnicalState.PENDING: ("Đang chờ chuyển", "waits to be delivered"),
    TechnicalState.SENT: ("Đã gửi", "sent"),
    TechnicalState.DELIVERED: ("Đã tới nơi", "delivered"),
    TechnicalState.DELIVERED_WITH_WARNINGS: ("Đã tới nơi, có cảnh báo", "delivered, with warnings"),
    TechnicalState.NOT_READABLE: ("Nơi nhận không đọc được", "could not be read there"),
    TechnicalState.FAILED: ("Không chuyển được", "delivery failed"),
    TechnicalState.UNKNOWN: ("Chưa rõ", "not known"),
}


class ItemAnswer(Frozen):
    """What customs say about one item, and how much of it was used with this import."""

    number: int
    result: Literal["given", "not_given"]
    used: Measure | None = None
    reason_code: str = ""
    reason: str = ""


class BorderAnswer(Frozen):
    """The other side's business answer."""

    result: AnswerResult
    #: The import declaration with which the certificate was used; several may follow each other.
    declaration_number: str = ""
    declared_on: date | None = None
    items: tuple[ItemAnswer, ...] = ()
    reason_code: str = ""
    reason: str = ""


#: Hops of a document on its way between two single windows, in their order.
HOPS = ("AS1", "AS2", "AS3", "AS4")


class Tracking(Frozen):
    """Where a document is on its way."""

    technical: TechnicalState = TechnicalState.UNKNOWN
    #: ``AS1`` to ``AS4``; empty: this word is about none of them.
    hop: Literal["", "AS1", "AS2", "AS3", "AS4"] = ""
    #: The next one's number for it, its own word for the state (exact), and what it adds.
    number: str = ""
    code: str = ""
    text: str = ""
    at: datetime | None = None


class BorderMessage(Frozen):
    """A canonical message about one border document."""

    kind: Literal["border"] = "border"
    event: BorderEvent
    document: BorderDocument
    #: The document's number as its issuer writes it; opaque.
    number: str
    #: ISO 3166-1 alpha-2.
    issuing_country: str
    importing_country: str = ""
    #: The document itself: one of these, with ``issued`` and ``copied`` always, with ``cancelled`` where it came with it.
    phyto: Phyto | None = None
    origin: OriginCertificate | None = None
    declaration: ExportDeclaration | None = None
    answer: BorderAnswer | None = None
    tracking: Tracking | None = None
    #: The document that this one takes the place of, and the one that took its place.
    supersedes: str = ""
    superseded_by: str = ""
    reason: str = ""
    #: Key of the dossier that it belongs to (``numbering:number``), where its sender says so.
    dossier: str = ""
    #: What the sender's protocol said and a later answer needs.
    native: dict[str, str] = Field(default_factory=dict)
    sent_at: datetime | None = None

    @property
    def subject(self) -> str:
        return f"border:{self.document}:{self.issuing_country}:{self.number}"

    @property
    def content(self) -> Phyto | OriginCertificate | ExportDeclaration | None:
        """The document itself, where it came with the message."""
        return self.phyto or self.origin or self.declaration
