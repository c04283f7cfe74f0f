"""What lies ready for a partner that asks (Polling Consumer at its side): given until it says of each what it did with it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from hub import delivery
from hub.app import Hub
from hub.canonical.base import local
from hub.contract import JWS_HEADER, Reply
from hub.edge.http.bodies import Bodies
from hub.edge.http.identity import Gate
from hub.edge.http.pressure import Pressure
from hub.edge.http.routes import Guarded
from hub.edge.http.turned_away import BadCall, NotReady, NotThere
from hub.endpoint import Endpoint, outbox_of
from hub.errors import Damaged, Fault, InvalidMessage, Refused
from hub.ledger import delivery_verbs, outbox_verbs, payloads
from hub.ledger.delivery_verbs import ClaimLost
from hub.ledger.outbox_verbs import Giving
from hub.rules import folder_names, json_door
from hub.rules.lifecycle import State

log = structlog.get_logger()

#: The address, as descriptions have it.
OUTBOX = "/doors/{endpoint}/outbox"
_OF_OUTBOX = re.compile(r"/doors/[^/]+/outbox(/.*)?")

MOST_ITEMS, USUAL_ITEMS = 100, 10
MOST_ACK_BYTES = 10_000
#: Bodies in one list together; further ones are fetched by their own addresses.
MOST_INLINE_BYTES = 10_000_000
LONGEST_REASON = 500
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
DeliveryId = Annotated[str, Path(description="Mã lượt chuyển (id)")]
_DIGEST = r"^sha256:[0-9a-f]{64}$"

#: The partner has it, whatever it said of it later.
_TAKEN = frozenset({State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE})


class Item(BaseModel):
    """One message that lies ready."""

    id: str = Field(description="Mã lượt chuyển; dùng để lấy nội dung và xác nhận")
    message_id: str = Field(description="Mã thông điệp; gửi lại cùng nội dung thì giữ nguyên, dùng để loại bản trùng")
    digest: str = Field(description="Mã băm của nội dung; ghi lại khi xác nhận", examples=["sha256:" + 64 * "0"])
    service: str = Field(description="Tên dịch vụ của hệ thống nhận")
    content_type: str = Field(examples=["application/json"])
    size: int = Field(description="Số byte của nội dung")
    attempt: int = Field(description="Lần gửi thứ mấy")
    given: int = Field(description="Số lần đã được lấy trước lần này")
    ready_at: datetime
    signature: str = Field("", description="Chữ ký số tách rời (JWS) trên nội dung, nếu có")
    content: str | None = Field(None, description="Nội dung dạng chữ (UTF-8); bỏ trống nếu quá lớn hoặc không phải chữ")
    content_base64: str | None = Field(None, description="Nội dung không phải chữ, dạng base64")
    href: str = Field(description="Địa chỉ lấy nguyên nội dung")


#: A delivery's row, and what the partner is told of it.
_Listed = tuple[Any, Item]


class Ready(BaseModel):
    """What lies ready, in the order in which it is to be taken."""

    messages: list[Item]
    waiting: int = Field(description="Số thông điệp chưa được xác nhận, kể cả những thông điệp không có trong danh sách này")


class Said(BaseModel):
    """What the partner did with a message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    outcome: Literal["taken", "refused"] = Field(description="taken: đã lưu; refused: từ chối, không gửi lại")
    digest: str = Field(pattern=_DIGEST, description="Mã băm của nội dung đã nhận")
    code: str = Field("", max_length=50, description="Mã lý do từ chối của hệ thống nhận")
    reason: str = Field("", max_length=LONGEST_REASON, description="Lý do từ chối; không ghi dữ liệu cá nhân")


class Settled(BaseModel):
    """What was recorded."""

    id: str
    outcome: Literal["taken", "refused"]
    repeated: bool = Field(description="Đã được ghi nhận từ trước; không có gì thay đổi")


class SettledOtherwise(BadCall):
    """Something else is recorded of this delivery, or something else lies ready now."""

    code = "settled_otherwise"

    def __init__(self, fault: Fault) -> None:
        super().__init__((fault,), status=409)


def is_outbox(path: str) -> bool:
    """Say whether a call below a door is about what lies ready there."""
    return "/outbox" in path and _OF_OUTBOX.fullmatch(path) is not None


class OutboxDoor:
    """The routes; the proof of identity is the door's."""

    def __init__(self, hub: Hub, gate: Gate, bodies: Bodies, pressure: Pressure) -> None:
        self._hub, self._gate, self._bodies, self._pressure = hub, gate, bodies, pressure

    def router(self) -> APIRouter:
        """Make the routes; each identifies the caller before anything else of the call is looked at."""
        router = APIRouter(route_class=Guarded, tags=["Hộp thư đi"])

        async def partner(request: Request, endpoint: Annotated[str, Path(description="Tên cửa tiếp nhận")]) -> Endpoint:
            found = self._gate.endpoint(request, endpoint)
            request.state.door = found.name
            if found.outbox is None:
                raise NotThere
            self._pressure.check(found.name)
            return found

        known = Depends(partner)

        async def small_body(request: Request, partner: Endpoint = known) -> AsyncIterator[bytes]:
            async with self._bodies.read(request, partner.name, MOST_ACK_BYTES) as body:
                yield body

        whole = Depends(small_body)

        async def ready(
            partner: Endpoint = known,
            limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Số thông điệp tối đa")] = USUAL_ITEMS,
        ) -> Ready:
            """Các thông điệp chờ hệ thống tự lấy, theo thứ tự; lặp lại cho đến khi được xác nhận."""
            return await self._pressure.record(partner.name, self.ready, partner, limit)

        async def content(delivery_id: DeliveryId, partner: Endpoint = known) -> Response:
            """Nguyên nội dung của một thông điệp, từng byte như đã ghi sổ."""
            return await run_in_threadpool(self.content, partner, delivery_id)

        async def settle(delivery_id: DeliveryId, partner: Endpoint = known, body: bytes = whole) -> Settled:
            """Xác nhận đã lưu, hoặc từ chối; gọi lặp lại không thay đổi gì."""
            return await self._pressure.record(partner.name, self.settle, partner, delivery_id, body)

        router.get(OUTBOX, summary="Lấy thông điệp chờ", operation_id="layThongDiepCho")(ready)
        router.get(
            f"{OUTBOX}/{{delivery_id}}",
            summary="Nội dung một thông điệp",
            operation_id="layNoiDungThongDiep",
            response_class=Response,
        )(content)
        router.post(
            f"{OUTBOX}/{{delivery_id}}/ack",
            summary="Xác nhận thông điệp đã lấy",
            operation_id="xacNhanThongDiep",
            openapi_extra={"requestBody": _body_of(Said)},
        )(settle)
        return router

    # --- giving

    def ready(self, partner: Endpoint, limit: int) -> Ready:
        """List what lies ready, and record that it was given."""
        hub, policy, now = self._hub, outbox_of(partner), self._hub.now()
        names = hub.line_of(partner.name)
        with hub.ledger.read() as conn:
            ready = partial(outbox_verbs.ready, conn, names, limit=limit, now=now)
            listed = _listed(ready, lambda rows: _items(conn, partner.name, rows, policy.inline_bytes))
            waiting = outbox_verbs.count_ready(conn, names)
        if listed:
            # Before it leaves: what a partner has may be told as given once too often, never once too little.
            given = [Giving(row=row, hidden_until=now + policy.hidden_seconds) for row, _ in listed]
            hub.ledger.change(partial(outbox_verbs.given, items=given, now=now), min(row.subject for row, _ in listed))
        return Ready(messages=[item for _, item in listed], waiting=waiting)

    def content(self, partner: Endpoint, delivery_id: str) -> Response:
        """Give a message's own bytes; raise NotThere where it is settled, or another's, and NotReady where they are lost."""
        row = self._found(partner, delivery_id)
        if State(row.state) not in outbox_verbs.OPEN:
            raise NotThere
        with self._hub.ledger.read() as conn:
            body = payloads.get(conn, row.business_digest)
        if body is None:
            _note_lost(row)
            raise NotReady
        digest = base64.b64encode(bytes.fromhex(row.business_digest[-64:])).decode()
        headers = {"Content-Type": folder_names.content_type_of(body), "Content-Digest": f"sha-256=:{digest}:"}
        signature = json.loads(row.head).get("jws", "")
        headers |= {JWS_HEADER: signature} if signature else {}
        return Response(body, headers={**headers, "X-Content-Type-Options": "nosniff"})

    def _found(self, partner: Endpoint, delivery_id: str) -> Any:
        row = None
        if _ID.fullmatch(delivery_id):
            # Before a reader is taken: the book of successions looks into the ledger itself now and then.
            line = self._hub.line_of(partner.name)
            with self._hub.ledger.read() as conn:
                row = outbox_verbs.find(conn, line, delivery_id)
        if row is None or not row.business_digest:
            raise NotThere
        return row

    # --- settling

    def settle(self, partner: Endpoint, delivery_id: str, body: bytes) -> Settled:
        """Record what a partner did with a message; raise BadCall where something else is recorded already."""
        said = _said(body)
        row = self._found(partner, delivery_id)
        if row.business_digest != said.digest:
            raise SettledOtherwise(_other_content(row.business_digest))
        # Its time may end at this very moment: then it is in doubt, and the word still counts.
        if State(row.state) in outbox_verbs.OPEN and (self._settle(row, said, body) or self._settle(row, said, body)):
            return Settled(id=row.id, outcome=said.outcome, repeated=False)
        return self._repeated(partner, delivery_id, said)

    def _settle(self, row: Any, said: Said, body: bytes) -> bool:
        """Settle a delivery; False where somebody else did meanwhile. Raises NotReady where its bytes are lost."""
        try:
            with self._hub.ledger.read() as conn:
                held = delivery_verbs.awaited(conn, row.id, row.epoch)
        except Damaged:
            _note_lost(row)
            raise NotReady from None
        if held is None:
            return False
        reply = Reply(status=200, body=body, sent=_shown(row, held.business or b""), handed_over=True)
        try:
            delivery.answered(self._hub, held, reply, _refusal(held.service, said) if said.outcome == "refused" else None)
        except ClaimLost:
            return False
        return True

    def _repeated(self, partner: Endpoint, delivery_id: str, said: Said) -> Settled:
        """Give the same answer to the same word; raise BadCall where it is another, or nobody waits for one."""
        row = self._found(partner, delivery_id)
        state = State(row.state)
        same = state in _TAKEN if said.outcome == "taken" else state is State.PARKED and row.error_code == Refused.code
        if not same:
            raise SettledOtherwise(_settled(row.state))
        return Settled(id=row.id, outcome=said.outcome, repeated=True)


def _listed(ready: Callable[..., Sequence[Any]], items: Callable[[Sequence[Any]], Iterator[_Listed]]) -> list[_Listed]:
    """List the first that are not lost: however many are, they hide nothing that stands behind them."""
    passed = 0
    while rows := ready(after=passed):
        if listed := list(items(rows)):
            return listed
        passed += len(rows)
    return []


def _items(conn: Connection, door: str, rows: Sequence[Any], most: int) -> Iterator[_Listed]:
    """Write the list, without what is lost; of large messages no more than one is held at a time."""
    left = MOST_INLINE_BYTES
    for row in rows:
        body = payloads.get(conn, row.business_digest)
        if body is None:
            _note_lost(row)
            continue
        inline = len(body) <= min(most, left)
        left -= len(body) if inline else 0
        yield row, _item(door, row, body, inline=inline)


def _note_lost(row: Any) -> None:
    """Tell the operator that the ledger has lost what a partner asks for; an empty body would be taken for the message."""
    log.error("outbox.lost", delivery=row.id, digest=row.business_digest)


def _item(door: str, row: Any, body: bytes, *, inline: bool) -> Item:
    text = None
    if inline:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = None
    return Item(
        id=row.id,
        message_id=row.native_id,
        digest=row.business_digest,
        service=row.service,
        content_type=folder_names.content_type_of(body),
        size=len(body),
        attempt=row.attempts,
        given=row.times or 0,
        ready_at=local(datetime.fromtimestamp(row.updated_at, UTC)),
        signature=json.loads(row.head).get("jws", ""),
        content=text,
        content_base64=base64.b64encode(body).decode() if inline and text is None else None,
        href=f"/doors/{door}/outbox/{row.id}",
    )


def _shown(row: Any, body: bytes) -> bytes:
    """Write a message for the record, as it was given."""
    lines = [f"GIVEN doors/{row.endpoint}/outbox/{row.id}", f"service: {row.service}", f"message-id: {row.native_id}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _refusal(service: str, said: Said) -> Refused:
    """Make the partner's no: its own code; its words stay in the evidence, since they may name a person."""
    return Refused(
        "the partner refuses it; its words stand in the attempt's reply",
        "đối tác từ chối; lý do nằm trong trả lời của lượt gửi",
        where=service,
        partner_code=said.code,
    )


def _said(body: bytes) -> Said:
    try:
        said = Said.model_validate(json_door.read_json(body, max_bytes=MOST_ACK_BYTES))
    except InvalidMessage as error:
        raise BadCall(error.faults) from None
    except ValidationError as error:
        rows = error.errors(include_input=False)
        raise BadCall(tuple(_fault("/".join(str(part) for part in row["loc"]), str(row["msg"])) for row in rows)) from None
    if said.outcome == "refused" and not (said.code or said.reason):
        raise BadCall((_fault("reason", "say why: code, reason, or both"),))
    return said


def _fault(name: str, en: str) -> Fault:
    vi = 'phải là {"outcome": "taken" hoặc "refused", "digest": mã băm, và khi từ chối "code" hoặc "reason"}'
    return Fault(f"/{name}" if name else "", "bad_value", vi, en)


def _other_content(digest: str) -> Fault:
    return Fault(
        "/digest",
        "digest_mismatch",
        f"nội dung hiện nay có mã băm {digest}; hãy lấy lại trước khi xác nhận",
        f"what lies ready now has the digest {digest}; fetch it before you say what you did with it",
    )


def _settled(state: str) -> Fault:
    return Fault(
        "/outcome",
        "settled_otherwise",
        f"lượt chuyển này đã ở trạng thái {state}; không ghi nhận thêm",
        f"this delivery is {state} already; nothing more is recorded",
    )


def _body_of(model: type[BaseModel]) -> dict[str, object]:
    schema = {**model.model_json_schema(), "title": "Kết quả xử lý"}
    schema.pop("description")
    return {"required": True, "content": {"application/json": {"schema": schema}}}

