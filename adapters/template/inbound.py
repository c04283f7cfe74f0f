"""Read what the sample system sends, and answer it in its own words (Messaging Mapper)."""

import json
from typing import Any

from adapters.template.codes import EVENTS, STATUSES
from adapters.template.options import TemplateOptions
from adapters.template.reading import Fields, parse
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.party import Party
from hub.contract import Answer, Incoming, Opened, Outcome, Request
from hub.errors import Conflict, Fault, InvalidMessage, NotPermitted, Untrusted

#: README, section 2: HTTP status, code and text of the answer; the first class that fits the error counts.
ANSWERS = (
    (Conflict, 409, "11", "Mã thông điệp đã được dùng cho nội dung khác"),
    (NotPermitted, 403, "12", "Đơn vị gửi không có quyền với hồ sơ này"),
    (InvalidMessage, 422, "10", "Thông điệp có lỗi"),
    (Untrusted, 403, "91", "Không xác thực được thông điệp"),
    (Exception, 503, "90", "Chưa nhận được, đề nghị gửi lại sau"),
)
ACCEPTED = (200, "00", "Đã nhận")
JSON = "application/json; charset=utf-8"


def open_request(request: Request, options: TemplateOptions) -> Opened:
    """Take the document out of its wrapping; here the body is the document, and its signature comes in a header."""
    return Opened(document=request.body, jws=request.jws)


def read_message(document: bytes, opened: Opened, options: TemplateOptions) -> Incoming:
    """Read one message; raise InvalidMessage with every fault in it."""
    faults: list[Fault] = []
    fields = Fields(parse(document), "", faults)
    identity = fields.text("maThongDiep", required=True)
    message = DossierMessage(
        event=fields.code("suKien", EVENTS),
        dossier=_dossier(fields.object("hoSo")),
        steps=tuple(_step(step) for step in fields.objects("tienTrinh")),
        sent_at=fields.moment("guiLuc"),
    )
    if faults:
        raise InvalidMessage(faults)
    return Incoming(messages=(message,), identity=identity)


def _dossier(fields: Fields) -> Dossier:
    procedure = fields.object("thuTuc")
    return Dossier(
        code=fields.text("soHoSo", required=True),
        procedure=ProcedureRef(code=procedure.text("ma", required=True), name=procedure.text("ten")),
        status=fields.code("trangThai", STATUSES),
        applicant=_party(fields.object("nguoiNop")),
        submitted_at=fields.moment_or_none("ngayNop"),
        attachments=tuple(
            Attachment(name=file.text("ten", required=True), url=file.text("duongDan", required=True))
            for file in fields.objects("tep")
        ),
    )


def _party(fields: Fields) -> Party:
    return Party(
        name=fields.text("hoTen", required=True),
        identity_number=fields.text("soGiayTo"),
        address=fields.text("diaChi"),
        phone=fields.text("dienThoai"),
        email=fields.text("thuDienTu"),
    )


def _step(fields: Fields) -> Step:
    return Step(
        status=fields.code("trangThai", STATUSES),
        actor=fields.text("nguoiXuLy"),
        note=fields.text("noiDung"),
        at=fields.moment("luc"),
    )


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: TemplateOptions) -> Answer:
    """Write the answer: what became of the message, and each fault by its place."""
    status, code, text = ACCEPTED
    if outcome.error is not None:
        status, code, text = next(row[1:] for row in ANSWERS if isinstance(outcome.error, row[0]))
    tree: dict[str, Any] = {"ma": code, "thongBao": text, "maTiepNhan": outcome.message_id}
    if isinstance(outcome.error, InvalidMessage):
        tree["loi"] = [{"cho": fault.path, "ma": fault.code, "moTa": fault.vi} for fault in outcome.error.faults]
    return Answer(status=status, body=json.dumps(tree, ensure_ascii=False).encode(), content_type=JSON)
