"""The door for the portal (dossiers it gives, items of its lists), or for software that speaks to it; answers in its words."""

from __future__ import annotations

from typing import Any

import pybase64

from adapters.national_portal import agency_door
from adapters.national_portal.options import RELAY, Options
from adapters.national_portal.pulled import read_listed_dossier, read_listed_question
from adapters.national_portal.services import QUESTIONS_ASKED, SHARED_DOSSIERS
from hub.canonical.codes import Event, Status
from hub.canonical.digests import digest_of
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.national_fields import CODE, DATE, TEXT, Entry, Table, bad_type, pointer, read_record, scalar_text
from hub.canonical.party import Party, PartyKind
from hub.contract import Answer, Incoming, Opened, Outcome, Request
from hub.errors import Conflict, Fault, HubError, InvalidMessage, Unavailable, Untrusted, bad_value, missing
from hub.rules.json_door import CONTENT_TYPE, raise_faults, read_json, texts, write_json

#: The function and its older name, and the lists we pull; the portal's look-ups and files are not served here.
BORN = frozenset({"", "createdossierfromdvcqg", "addtthcKhuyenMai"})
LISTS = frozenset({SHARED_DOSSIERS, QUESTIONS_ASKED})
REQUIRED = ("MaSoThue", "MaHoSo", "MaTTHC", "TenThuongNhan")

#: Codes of the answer: accepted, there already, anything else.
ACCEPTED, DUPLICATE, ERROR = "0", "1", "-1"

_HEAD = Table(
    build=dict,
    entries=(
        Entry("MaHoSo", "code", CODE),
        Entry("MaTTHC", "procedure", CODE),
        Entry("MaSoThue", "tax_code", CODE),
        Entry("TenThuongNhan", "name", TEXT),
        Entry("NgayNopHoSo", "submitted_at", DATE),
        Entry("DienThoai", "phone", TEXT),
        Entry("Fax", "fax", TEXT),
        Entry("Email", "email", TEXT),
    ),
)
_FILES = ("TenTepDonDangKy", "TepDonDangKy", "TaiLieuNop")
_NOT_IN_FORM = frozenset({entry.name for entry in _HEAD.entries} | set(_FILES))


def open_request(request: Request, options: Options) -> Opened:
    """Take the body as it is; raise InvalidMessage for a function that is not served."""
    service = service_of(request)
    known = agency_door.SERVICES if options.door == "agency" else BORN | LISTS
    if service not in known and service not in options.raw_services:
        raise InvalidMessage([Fault("", "unknown_service", "không có dịch vụ này", "there is no such service")])
    head = {"service": service, "agency": request.query.get("MaDinhDanhDV", ""), "key": request.idempotency_key}
    return Opened(document=request.body, head=head)


def service_of(request: Request) -> str:
    """Give the service that a path names, with or without the relay's own part."""
    return request.path.strip("/").removeprefix(f"{RELAY}/")


def read_message(document: bytes, opened: Opened, options: Options) -> Incoming:
    """Read what came at the door; raise InvalidMessage with every fault."""
    record = read_json(document, max_bytes=len(document))  # how much may come is the door's to say
    service = opened.head.get("service", "")
    if options.door == "agency":
        return agency_door.read(record, document, opened.head, options)
    if service in options.raw_services:
        return agency_door.raw(record, document, opened.head)
    if service == SHARED_DOSSIERS:
        return read_listed_dossier(record, options)
    if service == QUESTIONS_ASKED:
        return read_listed_question(record)
    return _read_born(record, options)


def _read_born(record: Any, options: Options) -> Incoming:
    """Read a dossier of the promotion notice."""
    if not isinstance(record, dict):
        raise InvalidMessage([bad_type("", "đối tượng JSON", "a JSON object")])
    faults: list[Fault] = []
    head = read_record(_HEAD, record, "", faults, required=REQUIRED)
    address = _read_address(record.get("DiaChiDoanhNghiep"), faults)
    attachments = _read_files(record, faults)
    raise_faults(faults)
    dossier = Dossier(
        code=head["code"],
        numbering=options.numbering,
        procedure=ProcedureRef(code=head["procedure"]),
        status=Status.REGISTERED,
        applicant=_applicant(head, address),
        channel="2",
        submitted_on="1",
        submitted_at=head.get("submitted_at"),
        attachments=attachments,
        form=texts({name: value for name, value in record.items() if name not in _NOT_IN_FORM}),
    )
    message = DossierMessage(event=Event.SUBMITTED, dossier=dossier, native={"service": "createdossierfromdvcqg"})
    return Incoming(messages=(message,), identity=f"createdossier/{dossier.code}")


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: Options) -> Answer:
    """Write ``error_code`` and ``message`` in both languages, with all faults; HTTP 200 unless nothing could be kept."""
    error = outcome.error
    status = 503 if isinstance(error, Unavailable) else 200
    fields = _answer_fields(error)
    if request.path.strip("/").startswith(f"{RELAY}/"):
        # As a province's relay answers: its clients read the portal's own answer out of a text.
        fields = {"status": 1 if error is None else 0, "message": write_json(fields).decode()}
    return Answer(status=status, body=write_json(fields), content_type=CONTENT_TYPE)


def _answer_fields(error: HubError | None) -> dict[str, Any]:
    if error is None:
        return {"error_code": ACCEPTED, "message": "Tiếp nhận thành công / Accepted"}
    if isinstance(error, Untrusted):  # which check failed is not for the caller
        return {"error_code": ERROR, "message": "Không chấp nhận chữ ký / Signature not accepted"}
    fields: dict[str, Any] = {
        "error_code": DUPLICATE if isinstance(error, Conflict) else ERROR,
        "message": f"{error.vi} / {error.en}",
    }
    if isinstance(error, InvalidMessage):
        fields["DanhSachLoi"] = [
            {"DuongDan": fault.path, "Ma": fault.code, "MoTa": fault.vi, "MoTaEn": fault.en} for fault in error.faults
        ]
    return fields


def _applicant(head: dict[str, Any], address: str) -> Party:
    return Party(
        kind=PartyKind.BUSINESS,
        name=head["name"],
        tax_code=head["tax_code"],
        address=address,
        phone=head.get("phone", ""),
        fax=head.get("fax", ""),
        email=head.get("email", ""),
    )


def _read_address(value: object, faults: list[Fault]) -> str:
    """Read the street part; the area codes stay in the form, as the district level has ended and samples still send it."""
    if value is None or value == "":
        return ""
    if not isinstance(value, dict):
        faults.append(bad_type("/DiaChiDoanhNghiep", "đối tượng JSON", "a JSON object"))
        return ""
    return scalar_text(value.get("DiaChiChiTiet"), "/DiaChiDoanhNghiep/DiaChiChiTiet", faults)


def _read_files(record: dict[str, Any], faults: list[Fault]) -> tuple[Attachment, ...]:
    files = []
    if record.get("TenTepDonDangKy") or record.get("TepDonDangKy"):
        files.append(_read_file(record, "", ("TenTepDonDangKy", "TepDonDangKy"), "TepDonDangKy", faults))
    rows = record.get("TaiLieuNop") or []
    if not isinstance(rows, list):
        faults.append(bad_type("/TaiLieuNop", "danh sách", "a list"))
        rows = []
    for index, row in enumerate(rows):
        path = f"/TaiLieuNop/{index}"
        if isinstance(row, dict):
            files.append(_read_file(row, path, ("TenTepDinhKem", "Base64"), f"TaiLieuNop-{index + 1}", faults))
        else:
            faults.append(bad_type(path, "đối tượng JSON", "a JSON object"))
    return tuple(file for file in files if file is not None)


def _read_file(row: dict[str, Any], path: str, names: tuple[str, str], identifier: str, faults: list[Fault]) -> Attachment | None:
    """Read a name and its base64 file; the bytes stay in the received message, here goes their digest."""
    before = len(faults)
    name, content = (scalar_text(row.get(key), pointer(path, key), faults) for key in names)
    component = scalar_text(row.get("MaThanhPhanHoSo"), pointer(path, "MaThanhPhanHoSo"), faults) if path else ""
    if len(faults) > before:
        return None
    faults.extend(missing(pointer(path, key)) for key, value in zip(names, (name, content), strict=True) if not value.strip())
    data = _decoded(content)
    if data is None:
        faults.append(bad_value(pointer(path, names[1]), "không phải base64", "is not base64"))
    if data is None or len(faults) > before:
        return None
    return Attachment(id=identifier, name=name, component_code=component, digest=digest_of(data), size=len(data))


def _decoded(content: str) -> bytes | None:
    """Decode strictly; line breaks (RFC 2045) are the only thing left out."""
    text = content.replace("\r", "").replace("\n", "").strip()
    try:
        data = pybase64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if data or not text else None
