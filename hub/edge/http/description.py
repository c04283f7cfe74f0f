"""The OpenAPI document and its page: what integrators of one-stop software and ministries read.

The examples are the adapters' own samples, read by this hub's own endpoints when the document is made, so that none is
shown which the doors would refuse. Names of endpoints do not appear: they are for those who have a token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.canonical.border.message import BORDER_EVENT_NAMES, DOCUMENT_NAMES, BorderMessage
from hub.canonical.codes import EVENT_NAMES, STATUS_NAMES
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message
from hub.contract import JWS_HEADER, Adapter, Answer, Incoming, Opened, Outcome, Request
from hub.edge.http import content_digest
from hub.edge.http.doors import DOOR
from hub.edge.http.outbox import OUTBOX, SettledOtherwise
from hub.edge.http.sender import beyond
from hub.edge.http.turned_away import (
    BadCall,
    BodyTooLarge,
    BodyTooSlow,
    Deleted,
    NotReady,
    NotThere,
    TurnedAway,
    Unidentified,
    answer,
)
from hub.endpoint import Endpoint
from hub.errors import Conflict, Fault, HubError, InvalidMessage, bad_value, missing
from hub.registers.fates import OUTCOME_WORDS

#: A sample larger than this shows nothing that a smaller one does not.
LARGEST_EXAMPLE_BYTES = 20_000

_KEY = "4f6f1c0a-5b2e-4d0e-9a63-2f1f0d7c8e11"
_MESSAGE_ID = "0b7c9a52-9d0f-4a35-8b7e-3f2f8f1f6d10"
_AT = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)

#: A message that lies ready for a partner, invented.
_READY: Mapping[str, Any] = {
    "id": "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10",
    "message_id": "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10",
    "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "service": "nhanHoSo",
    "content_type": "application/json",
    "size": 2,
    "attempt": 1,
    "given": 0,
    "ready_at": "2026-03-02T09:15:04+07:00",
    "signature": "",
    "content": "{}",
    "content_base64": None,
    "href": "/doors/bo_moi_truong/outbox/7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10",
}

#: What a sender is told of one of its messages, invented.
_NOTICE: Mapping[str, Any] = {
    "cursor": 42,
    "message_id": _MESSAGE_ID,
    "delivery_id": _READY["id"],
    "subject": "000.00.00.H55-260302-0001",
    "recipient": {"name": "bo_moi_truong", "title": "Hệ thống của bộ"},
    "outcome": {"code": "delivered", **dict(zip(("vi", "en"), OUTCOME_WORDS["delivered"], strict=True))},
    "error": None,
    "at": _READY["ready_at"],
    "acknowledged": False,
}

_ABOUT = """Cửa tiếp nhận của trục liên thông. Mỗi hệ thống có một cửa riêng và một mã truy cập (token) riêng, gửi trong
tiêu đề Authorization: Bearer. Mỗi thông điệp gửi tới cửa JSON có một Idempotency-Key: gửi lại cùng nội dung với cùng
mã sẽ nhận lại đúng trả lời cũ, không tạo thông điệp thứ hai. Trả lời chỉ được gửi đi sau khi đã ghi sổ: nhận được 2xx
nghĩa là trục đã giữ thông điệp; nhận 503 hoặc mất kết nối thì gửi lại với cùng Idempotency-Key."""

_KINDS = {
    "catalogue": "Danh mục thủ tục hành chính",
    "procedure": "Một thủ tục hành chính",
    "notice": "Thông báo",
    "question": "Hỏi đáp",
    "statistics": "Số liệu thống kê hồ sơ",
    "raw": "Dịch vụ chưa rõ cấu trúc",
}

#: Titles of the answers' shapes; their docstrings speak to the developers of the hub.
_SHAPES = {
    "Acknowledged": "Kết quả xác nhận",
    "AttachmentView": "Một tệp mà trục đang giữ",
    "DeliveryView": "Một lượt chuyển tới một nơi nhận",
    "ErrorView": "Lý do, khi đơn vị gửi là bên cần xử lý",
    "FaultView": "Một lỗi trong thông điệp",
    "Item": "Một thông điệp chờ lấy",
    "MessageView": "Một thông điệp và kết quả chuyển",
    "NoticeList": "Danh sách thông báo",
    "NoticeView": "Một thông báo kết quả",
    "Ready": "Các thông điệp chờ lấy",
    "Recipient": "Nơi nhận",
    "Settled": "Kết quả đã ghi nhận",
    "Words": "Trạng thái, bằng mã và bằng lời",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One body that a door of this hub takes."""

    adapter: str
    name: str
    title: str
    tree: Any


def document(app: FastAPI, hub: Hub, public_url: str) -> dict[str, Any]:
    """Make the OpenAPI document of the doors and of the sender's view."""
    made: dict[str, Any] = get_openapi(
        title="Trục liên thông – Cửa tiếp nhận",
        version="1",
        description=" ".join(_ABOUT.split()),
        routes=app.routes,
        servers=[{"url": public_url}],
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, title in _SHAPES.items():
        schemas[name]["title"] = title
        schemas[name].pop("description", None)
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]
    shown = list(_doors_shown(hub))
    for operations in made["paths"].values():
        for operation in operations.values():
            _common_answers(operation)
    _describe_sender(made["paths"])
    _describe_attachments(made["paths"])
    _describe_outbox(made["paths"])
    _describe_door(made["paths"][DOOR]["post"], shown)
    return made


def _common_answers(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    for done in ("200", "201"):
        if done in answers:
            answers[done]["description"] = "Thành công"
    answers["401"] = _turned_away("Không xác định được bên gọi", Unidentified())
    answers["503"] = _turned_away("Chưa ghi nhận được; gửi lại sau", NotReady())


def _turned_away(description: str, error: TurnedAway) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": json.loads(bytes(answer(error).body))}}}


def _describe_sender(paths: dict[str, Any]) -> None:
    wrong = BadCall((bad_value("query/limit", "giá trị không hợp lệ", "is not a possible value"),))
    paths["/messages/{message_id}"]["get"]["responses"]["404"] = _turned_away("Không có thông điệp này", NotThere())
    listed, kept = paths["/notices"]["get"], paths["/notices/ack"]["post"]
    listed["responses"]["400"] = _turned_away("Tham số không đúng", wrong)
    last = _NOTICE["cursor"]
    listed["responses"]["200"]["content"]["application/json"]["example"] = {"notices": [_NOTICE], "next": last, "more": False}
    kept["description"] = (
        "Xác nhận mọi thông báo tới con trỏ này, sau khi đã lưu. Gọi lặp lại không thay đổi gì: số được xác nhận khi đó là 0. "
        "Thông báo chưa xác nhận luôn được trả về khi đọc không kèm since."
    )
    kept["requestBody"]["content"]["application/json"]["example"] = {"up_to": last}
    kept["responses"]["200"]["content"]["application/json"]["example"] = {"up_to": last, "acknowledged": 1}
    kept["responses"]["400"] = _turned_away("Con trỏ lớn hơn thông báo cuối cùng", BadCall((beyond(last),)))


def _describe_attachments(paths: dict[str, Any]) -> None:
    binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    give, fetch = paths["/attachments"]["post"], paths["/attachments/{digest}"]["get"]
    give["description"] = (
        "Gửi nguyên nội dung tệp (không base64, không multipart) trước khi gửi thông điệp; sau đó ghi địa chỉ nhận được vào "
        "trường đường dẫn tải tệp của thông điệp (ví dụ DuongDanTaiTepTin). Tệp được lưu theo mã băm SHA-256."
    )
    give["requestBody"] = {"required": True, "content": binary}
    give["parameters"] = [_digest_parameter()]
    mismatch = Fault(content_digest.HEADER, "digest_mismatch", "nội dung nhận được không khớp", "not what was stated")
    give["responses"]["400"] = _turned_away("Tệp rỗng, hoặc không khớp với mã băm đã nêu", BadCall((mismatch,)))
    give["responses"]["408"] = _turned_away("Tệp đến quá chậm", BodyTooSlow(1800))
    give["responses"]["413"] = _turned_away("Tệp lớn hơn mức trục nhận", BodyTooLarge(200_000_000))
    fetch["responses"]["200"]["content"] = binary
    fetch["responses"]["404"] = _turned_away("Không có tệp này đối với bên gọi", NotThere())
    fetch["responses"]["410"] = _turned_away("Tệp đã hết thời hạn lưu", Deleted())


def _describe_outbox(paths: dict[str, Any]) -> None:
    of_one = f"{OUTBOX}/{{delivery_id}}"
    listed, one, said = paths[OUTBOX]["get"], paths[of_one]["get"], paths[f"{of_one}/ack"]["post"]
    listed["description"] = (
        "Dành cho hệ thống chỉ có thể tự hỏi (polling). Thông điệp của cùng một hồ sơ chỉ xuất hiện khi thông điệp trước đã được "
        "xác nhận. Một thông điệp có thể được đưa ra nhiều lần: loại bản trùng theo message_id và digest. Chỉ xác nhận sau khi "
        "đã lưu; quá thời hạn chưa xác nhận, trục báo cho người vận hành và vẫn tiếp tục đưa ra."
    )
    one["responses"]["200"]["content"] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    wrong = BadCall((bad_value("/outcome", "giá trị không hợp lệ", "is not a possible value"),))
    for operation in (listed, one, said):
        operation["responses"]["404"] = _turned_away("Không có hộp thư, hoặc không có thông điệp này", NotThere())
    said["responses"]["400"] = _turned_away("Nội dung xác nhận không đúng", wrong)
    listed["responses"]["200"]["content"]["application/json"]["example"] = {"messages": [_READY], "waiting": 1}
    digest = _READY["digest"]
    no = {"outcome": "refused", "digest": digest, "code": "E-7", "reason": "thiếu thành phần hồ sơ"}
    said["requestBody"]["content"]["application/json"]["examples"] = {
        "taken": {"summary": "Đã lưu", "value": {"outcome": "taken", "digest": digest}},
        "refused": {"summary": "Từ chối", "value": no},
    }
    settled = {"id": _READY["id"], "outcome": "taken", "repeated": False}
    said["responses"]["200"]["content"]["application/json"]["example"] = settled
    fault = Fault("/outcome", "settled_otherwise", "đã ghi nhận kết quả khác", "something else is recorded already")
    said["responses"]["409"] = _turned_away("Đã ghi nhận kết quả khác, hoặc nội dung đã thay đổi", SettledOtherwise(fault))


def _digest_parameter() -> dict[str, Any]:
    return {
        "name": content_digest.HEADER,
        "in": "header",
        "required": False,
        "description": "Mã băm của nội dung (RFC 9530): trục so sánh với nội dung nhận được và từ chối nếu khác",
        "schema": {"type": "string"},
        "example": "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:",
    }


# --- the door ----------------------------------------------------------------------------------------------------


def _describe_door(operation: dict[str, Any], shown: list[tuple[Endpoint, Adapter, list[_Sample]]]) -> None:
    operation["description"] = (
        "Gửi một thông điệp vào cửa của hệ thống mình. Hình dạng nội dung theo loại hệ thống; xem các ví dụ. "
        "Cửa SOAP có hợp đồng tại ?wsdl. Phần đường dẫn sau tên cửa được chuyển nguyên vẹn cho bộ chuyển đổi."
    )
    operation["parameters"] = [_door_parameter(), _key_parameter(), _signature_parameter()]
    samples = [sample for _, _, some in shown for sample in some]
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {"schema": {}, "examples": _examples((s.adapter, s.name, s.title, s.tree) for s in samples)},
            "text/xml": {"schema": {"type": "string"}},
            "application/soap+xml": {"schema": {"type": "string"}},
        },
    }
    answers = operation["responses"]
    answers.pop("200", None)
    answers["413"] = _turned_away("Nội dung lớn hơn mức cửa này nhận", BodyTooLarge(30_000_000))
    for endpoint, adapter, some in shown:
        for title, said in _answers(endpoint, adapter, some[0]):
            _add_answer(answers, adapter, title, said)


def _door_parameter() -> dict[str, Any]:
    about = "Tên cửa tiếp nhận đã cấp cho hệ thống"
    return {"name": "endpoint", "in": "path", "required": True, "description": about, "schema": {"type": "string"}}


def _key_parameter() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Bắt buộc ở cửa JSON: mã do bên gửi đặt cho thông điệp, không quá 200 ký tự ASCII; gửi lại thì giữ nguyên",
        "schema": {"type": "string", "maxLength": 200},
        "example": _KEY,
    }


def _signature_parameter() -> dict[str, Any]:
    return {
        "name": JWS_HEADER,
        "in": "header",
        "required": False,
        "description": "Chữ ký số tách rời (JWS, RFC 7797) trên nội dung gửi; bắt buộc nếu cửa tiếp nhận yêu cầu ký",
        "schema": {"type": "string"},
    }


def _examples(rows: Iterable[tuple[str, str, str, Any]]) -> dict[str, Any]:
    return {f"{adapter}.{name}": {"summary": title, "value": tree} for adapter, name, title, tree in rows}


def _add_answer(answers: dict[str, Any], adapter: Adapter, title: str, said: Answer) -> None:
    kind = said.content_type.partition(";")[0]
    place = answers.setdefault(str(said.status), {"description": title, "content": {}})
    examples = place["content"].setdefault(kind, {}).setdefault("examples", {})
    # Two adapters may answer with the same status.
    examples.update(_examples([(adapter.name, "answer", f"{adapter.title}: {title}", json.loads(said.body))]))


def _answers(endpoint: Endpoint, adapter: Adapter, sample: _Sample) -> Iterator[tuple[str, Answer]]:
    """Let the adapter itself say what it answers: accepted, with faults, the same key with other content."""
    request = _request(endpoint, json.dumps(sample.tree).encode())
    opened = adapter.open_request(request, endpoint.options)
    outcomes = (
        ("Đã tiếp nhận", None),
        ("Thông điệp có lỗi; nêu đủ mọi lỗi cùng vị trí", _faults(endpoint, adapter, opened)),
        ("Idempotency-Key đã dùng cho nội dung khác", _conflict()),
    )
    for title, error in outcomes:
        outcome = Outcome(message_id=_MESSAGE_ID, received_at=_AT, error=error)
        yield title, adapter.answer(outcome, opened, request, endpoint.options)


def _faults(endpoint: Endpoint, adapter: Adapter, opened: Opened) -> HubError:
    """Give what this endpoint finds wrong in an empty document."""
    try:
        adapter.read_message(b"{}", opened, endpoint.options)
    except InvalidMessage as error:
        return error
    return InvalidMessage((missing("", "nội dung"),))


def _conflict() -> Conflict:
    vi, en = "mã này đã dùng cho thông điệp có nội dung khác", "this key was used for other content"
    return Conflict((Fault("Idempotency-Key", "conflict", vi, en),))


def _request(endpoint: Endpoint, body: bytes) -> Request:
    return Request(endpoint=endpoint.name, body=body, content_type="application/json", idempotency_key=_KEY)


# --- samples -----------------------------------------------------------------------------------------------------


def _doors_shown(hub: Hub) -> Iterator[tuple[Endpoint, Adapter, list[_Sample]]]:
    """Give one endpoint of each adapter with JSON samples that this endpoint takes."""
    seen: set[str] = set()
    for endpoint in hub.endpoints.values():
        if endpoint.inbound is None or endpoint.adapter in seen:
            continue
        adapter = hub.adapter(endpoint)
        # One for each thing that may be said; further samples of the same kind are for the adapter's own tests.
        samples = {sample.title: sample for sample in reversed(list(_samples(endpoint, adapter)))}
        if samples:
            seen.add(endpoint.adapter)
            yield endpoint, adapter, list(reversed(samples.values()))


def _samples(endpoint: Endpoint, adapter: Adapter) -> Iterator[_Sample]:
    for name, body in _bodies(endpoint.adapter):
        incoming = _read(endpoint, adapter, body)
        if incoming is not None:
            title = f"{adapter.title}: {_title(incoming.messages[0])}"
            yield _Sample(adapter=endpoint.adapter, name=name, title=title, tree=json.loads(body))


def _bodies(adapter: str) -> Iterator[tuple[str, bytes]]:
    for point in entry_points(group="lienthong.adapters", name=adapter):
        folder = files(point.module) / "samples" / "in"
        if not folder.is_dir():
            continue
        for file in sorted(folder.iterdir(), key=lambda each: each.name):
            name = file.name.removesuffix(".json")
            if name != file.name and not name.endswith((".expected", ".request")):
                body = file.read_bytes()
                if len(body) <= LARGEST_EXAMPLE_BYTES:
                    yield name, body


def _read(endpoint: Endpoint, adapter: Adapter, body: bytes) -> Incoming | None:
    request = _request(endpoint, body)
    try:
        opened: Opened = adapter.open_request(request, endpoint.options)
        return adapter.read_message(opened.document, opened, endpoint.options)
    except HubError:
        # This endpoint asks for more than the sample has, or its door takes no such body.
        return None


def _title(message: Message) -> str:
    if isinstance(message, DossierMessage):
        return f"{EVENT_NAMES[message.event]} ({STATUS_NAMES[message.dossier.status]})"
    if isinstance(message, BorderMessage):
        return f"{DOCUMENT_NAMES[message.document][0]}: {BORDER_EVENT_NAMES[message.event][0]}"
    return _KINDS[message.kind]
