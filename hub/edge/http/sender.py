"""The sender's own view: what became of its messages, and its notices."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.app import UNROUTED, Hub
from hub.canonical.base import local
from hub.edge.http.bodies import Bodies
from hub.edge.http.identity import Gate
from hub.edge.http.routes import Guarded
from hub.edge.http.turned_away import BadCall, NotThere
from hub.errors import Fault, InvalidMessage
from hub.registers import fates
from hub.registers.fates import DeliveryFate, Fate, Told
from hub.rules import json_door

#: A cursor is a row number of the ledger.
LAST_CURSOR = 2**63 - 1
MOST_NOTICES = 1000
MOST_ACK_BYTES = 10_000
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
#: Title of the place where messages wait that no rule matched.
_UNROUTED_TITLE = "Trục liên thông (chờ xác định nơi nhận)"


class Words(BaseModel):
    """A state, as a code and in both languages."""

    code: str = Field(examples=["delivered"])
    vi: str = Field(examples=["nơi nhận đã nhận"])
    en: str = Field(examples=["the recipient has it"])


class FaultView(BaseModel):
    """One fault: where, which, what to do."""

    path: str = Field(description="Vị trí: con trỏ JSON hoặc XPath", examples=["/HoSo/MaTTHC"])
    code: str = Field(examples=["missing"])
    vi: str
    en: str


class ErrorView(BaseModel):
    """Why a delivery stands still, where the sender is the one to act."""

    code: str = Field(examples=["refused"])
    partner_code: str = Field("", description="Mã lỗi của chính nơi nhận, nếu có")
    vi: str
    en: str


class Recipient(BaseModel):
    """A system that a message goes to."""

    name: str
    title: str = Field(description="Tên nơi nhận")


class DeliveryView(BaseModel):
    """One delivery of a message."""

    id: str
    recipient: Recipient
    service: str = Field(description="Dịch vụ được gọi tại nơi nhận")
    state: Words
    attempts: int = Field(description="Số lần đã gửi")
    updated_at: datetime
    error: ErrorView | None = Field(None, description="Chỉ có khi đơn vị gửi là bên cần xử lý")


class MessageView(BaseModel):
    """What became of one message."""

    id: str
    door: str = Field(description="Cửa tiếp nhận đã nhận thông điệp")
    received_at: datetime
    accepted: bool
    subject: str = Field(description="Hồ sơ hoặc danh mục mà thông điệp nói tới")
    kind: str
    event: str
    procedure: str = Field(description="Mã thủ tục hành chính")
    repeats: int = Field(description="Số lần thông điệp này được gửi lặp lại")
    error_code: str = Field("", description="Lý do không tiếp nhận")
    faults: list[FaultView]
    warnings: list[str]
    deliveries: list[DeliveryView]


class NoticeView(BaseModel):
    """One notice: what became of one delivery."""

    cursor: int
    message_id: str
    delivery_id: str
    subject: str
    recipient: Recipient
    outcome: Words
    error: ErrorView | None = None
    at: datetime
    acknowledged: bool


class NoticeList(BaseModel):
    """Notices in the order in which they were recorded."""

    notices: list[NoticeView]
    next: int = Field(description="Con trỏ cho lần đọc tiếp theo (since) và để xác nhận đã nhận (up_to)")
    more: bool = Field(description="Còn thông báo chưa trả về")


class Acknowledgement(BaseModel):
    """The sender has kept every notice up to here."""

    model_config = ConfigDict(extra="forbid", strict=True)

    up_to: int = Field(ge=0, le=LAST_CURSOR, description="Con trỏ của thông báo cuối cùng đã lưu", examples=[42])


class Acknowledged(BaseModel):
    """How many notices became acknowledged by this call; 0 when it is repeated."""

    up_to: int
    acknowledged: int


class SenderApi:
    """The routes of the sender's view; the proof of identity is the same as at the door."""

    def __init__(self, hub: Hub, gate: Gate, bodies: Bodies) -> None:
        self._hub = hub
        self._gate = gate
        self._bodies = bodies

    def router(self) -> APIRouter:
        """Make the routes; each identifies the caller before anything else of the call is looked at."""
        router = APIRouter(route_class=Guarded, tags=["Tra cứu của đơn vị gửi"])

        async def senders(request: Request) -> tuple[str, ...]:
            return self._hub.lines_of(self._gate.names(request))

        known = Depends(senders)

        async def small_body(request: Request, names: tuple[str, ...] = known) -> AsyncIterator[bytes]:
            async with self._bodies.read(request, f"ack:{names[0]}", MOST_ACK_BYTES) as body:
                yield body

        whole = Depends(small_body)

        def message(
            message_id: Annotated[str, Path(description="MaThongDiep trong trả lời của cửa tiếp nhận")],
            names: tuple[str, ...] = known,
        ) -> MessageView:
            """Cho biết thông điệp được tiếp nhận hay không, và từng lượt chuyển đang ở đâu."""
            return self.message(message_id, names)

        def notices(
            names: tuple[str, ...] = known,
            since: Annotated[
                int | None,
                Query(ge=0, le=LAST_CURSOR, description="Con trỏ đã đọc tới; bỏ trống: các thông báo chưa xác nhận"),
            ] = None,
            limit: Annotated[int, Query(ge=1, le=MOST_NOTICES, description="Số thông báo tối đa")] = 100,
        ) -> NoticeList:
            """Kết quả chuyển các thông điệp của đơn vị gửi, theo thứ tự ghi nhận."""
            return self.notices(names, since, limit)

        def acknowledge(names: tuple[str, ...] = known, body: bytes = whole) -> Acknowledged:
            """Xác nhận đã lưu các thông báo; gọi lặp lại không thay đổi gì."""
            return self.acknowledge(names, body)

        router.get("/messages/{message_id}", summary="Thông điệp của tôi", operation_id="xemThongDiep")(message)
        router.get("/notices", summary="Thông báo kết quả", operation_id="xemThongBao")(notices)
        router.post(
            "/notices/ack",
            summary="Xác nhận đã nhận thông báo",
            operation_id="xacNhanThongBao",
            openapi_extra={"requestBody": _json_body(Acknowledgement)},
        )(acknowledge)
        return router

    def message(self, message_id: str, names: tuple[str, ...]) -> MessageView:
        """Tell what became of a message; raise NotThere for another sender's as for one that does not exist."""
        if not _ID.fullmatch(message_id):
            raise NotThere
        with self._hub.ledger.read() as conn:
            fate = fates.find(conn, message_id, names)
        if fate is None:
            raise NotThere
        return self._message_view(fate)

    def notices(self, names: tuple[str, ...], since: int | None, limit: int) -> NoticeList:
        """List notices after the cursor; without one, those that were not acknowledged."""
        settled = self._hub.ledger.settled_notices()
        with self._hub.ledger.read() as conn:
            rows = fates.told(conn, names, since=since, settled=settled, limit=limit + 1)
        shown = rows[:limit]
        following = shown[-1].cursor if shown else since or 0
        return NoticeList(notices=[self._notice_view(row) for row in shown], next=following, more=len(rows) > limit)

    def acknowledge(self, names: tuple[str, ...], body: bytes) -> Acknowledged:
        """Record that the sender has kept its notices; raise BadCall beyond the last one, which it cannot have seen."""
        up_to = _up_to(body)
        with self._hub.ledger.read() as conn:
            last = fates.last_cursor(conn, names)
        if up_to > last:
            raise BadCall((beyond(last),))
        count = sum(self._hub.ledger.take_notices(name, up_to, self._hub.now()) for name in names)
        return Acknowledged(up_to=up_to, acknowledged=count)

    # --- what is shown

    def _message_view(self, fate: Fate) -> MessageView:
        return MessageView(
            id=fate.message_id,
            door=fate.endpoint,
            received_at=_moment(fate.received_at),
            accepted=fate.accepted,
            subject=fate.subject,
            kind=fate.kind,
            event=fate.event,
            procedure=fate.procedure,
            repeats=fate.repeats,
            error_code=fate.error_code,
            faults=[FaultView.model_validate(fault) for fault in fate.faults],
            warnings=list(fate.warnings),
            deliveries=[self._delivery_view(delivery) for delivery in fate.deliveries],
        )

    def _delivery_view(self, fate: DeliveryFate) -> DeliveryView:
        vi, en = fates.STATE_WORDS[fate.state]
        error = ErrorView(code=fate.error_code, partner_code=fate.partner_code, vi=fate.vi, en=fate.en)
        return DeliveryView(
            id=fate.id,
            recipient=self._recipient(fate.recipient),
            service=fate.service,
            state=Words(code=fate.state.value, vi=vi, en=en),
            attempts=fate.attempts,
            updated_at=_moment(fate.updated_at),
            error=error if fate.error_code else None,
        )

    def _notice_view(self, row: Told) -> NoticeView:
        vi, en = fates.OUTCOME_WORDS.get(row.outcome, (row.outcome, row.outcome))
        return NoticeView(
            cursor=row.cursor,
            message_id=row.message_id,
            delivery_id=row.delivery_id,
            subject=row.subject,
            recipient=self._recipient(row.recipient),
            outcome=Words(code=row.outcome, vi=vi, en=en),
            error=ErrorView(code=row.code, vi=row.vi, en=row.en) if row.code else None,
            at=_moment(row.at),
            acknowledged=row.taken,
        )

    def _recipient(self, name: str) -> Recipient:
        if name == UNROUTED:
            return Recipient(name=name, title=_UNROUTED_TITLE)
        endpoint = self._hub.endpoints.get(name)
        # An endpoint whose file was taken away since still has a name in the ledger.
        return Recipient(name=name, title=endpoint.title if endpoint else name)


def _json_body(model: type[BaseModel]) -> dict[str, object]:
    schema = {**model.model_json_schema(), "title": "Xác nhận"}
    schema.pop("description")
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _moment(seconds: float) -> datetime:
    return local(datetime.fromtimestamp(seconds, UTC))


def _up_to(body: bytes) -> int:
    try:
        return Acknowledgement.model_validate(json_door.read_json(body, max_bytes=MOST_ACK_BYTES)).up_to
    except InvalidMessage as error:
        raise BadCall(error.faults) from None
    except ValidationError as error:
        rows = error.errors(include_input=False)
        raise BadCall(tuple(_ack_fault(str(row["loc"][0]) if row["loc"] else "", str(row["msg"])) for row in rows)) from None


def _ack_fault(name: str, en: str) -> Fault:
    vi = 'phải là {"up_to": con trỏ của thông báo cuối cùng đã lưu}'
    return Fault(f"/{name}" if name else "", "bad_value", vi, en)


def beyond(last: int) -> Fault:
    """Say that a cursor is beyond the last notice."""
    return Fault(
        "/up_to",
        "beyond_last",
        f"thông báo mới nhất có con trỏ {last}; không thể xác nhận thông báo chưa được gửi ra",
        f"the newest notice has cursor {last}; what was not given out cannot be acknowledged",
    )
