"""The codes of phytosanitary certificates, each with its name in Vietnamese and English, and readers of what stands under them.

Numbers and subjects are those of the ePhyto profile of ISPM 12; what a re-export subject means is read from its name and from
the boxes of the model certificate, and is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.canonical.border.parts import Measure, Text
from hub.canonical.border.phyto import Classification, Note, Phyto, PhytoLine, Treatment

Names = Mapping[str, tuple[str, str]]

#: UNTDID 1001.
EXPORT, RE_EXPORT = "851", "657"
TYPES: Names = {
    EXPORT: ("Giấy chứng nhận kiểm dịch thực vật", "Phytosanitary certificate"),
    RE_EXPORT: ("Giấy chứng nhận kiểm dịch thực vật tái xuất khẩu", "Phytosanitary certificate for re-export"),
}

#: UNTDID 1001: documents that certificates refer to.
DOCUMENT_TYPES: Names = {
    **TYPES,
    "271": ("Phiếu đóng gói", "Packing list"),
    "380": ("Hóa đơn thương mại", "Commercial invoice"),
    "705": ("Vận đơn đường biển", "Bill of lading"),
    "740": ("Vận đơn hàng không", "Air waybill"),
    "811": ("Giấy phép xuất khẩu", "Export licence"),
    "830": ("Tờ khai hàng hóa xuất khẩu", "Goods declaration for export"),
    "852": ("Giấy chứng nhận vệ sinh", "Sanitary certificate"),
    "853": ("Giấy chứng nhận thú y", "Veterinary certificate"),
    "861": ("Giấy chứng nhận xuất xứ", "Certificate of origin"),
    "862": ("Khai báo xuất xứ", "Declaration of origin"),
    "864": ("Giấy chứng nhận xuất xứ ưu đãi", "Preference certificate of origin"),
    "865": ("Giấy chứng nhận xuất xứ mẫu A (GSP)", "Certificate of origin form A (GSP)"),
    "911": ("Giấy phép nhập khẩu", "Import licence"),
    "929": ("Tờ khai hàng hóa nhập khẩu", "Goods declaration for import"),
}

#: UNTDID 4405; the numbers mean something else in list 1373.
APPROVED, WITHDRAWN, REJECTED, PENDING, REPLACED, DRAFT, ISSUED = "39", "40", "41", "42", "44", "47", "70"
STATUSES: Names = {
    APPROVED: ("Đã chấp thuận", "approved"),
    WITHDRAWN: ("Đã thu hồi", "withdrawn"),
    REJECTED: ("Bị từ chối", "rejected"),
    PENDING: ("Chờ chấp thuận", "approval pending"),
    REPLACED: ("Đã được thay thế", "replaced"),
    DRAFT: ("Bản nháp", "draft"),
    "64": ("Đã hủy yêu cầu", "order or request cancelled"),
    ISSUED: ("Đã cấp", "issued"),
    "71": ("Sẵn sàng để yêu cầu", "available for ordering"),
}

#: Notes of the whole certificate.
DOCUMENT_SUBJECTS: Names = {
    "SPSFL": ("Điều khoản trách nhiệm tài chính", "financial liability clause"),
    "ADEDL": ("Khai báo bổ sung", "additional declaration"),
    "ADIPEDL": ("Giấy phép nhập khẩu", "import permit"),
    "ADDIEDL": ("Ngày kiểm tra", "inspection date"),
    "ADAOEDL": ("Thông tin chính thức khác", "additional official information"),
    "DMCL": ("Ký mã hiệu", "distinguishing marks"),
    "ADRP": ("Nội dung thay thế", "replacement statement"),
    "ADRPN": ("Số giấy chứng nhận được thay thế", "number of the certificate that is replaced"),
    "ADRPR": ("Lý do thay thế", "reason for the replacement"),
    "ADRD": ("Ngày của giấy chứng nhận được thay thế", "date of the certificate that is replaced"),
}
#: Notes of one line of goods.
LINE_SUBJECTS: Names = {
    "ADTLIL": ("Khai báo bổ sung", "additional declaration"),
    "ADIPTLIL": ("Giấy phép nhập khẩu", "import permit"),
    "ADDITLIL": ("Ngày kiểm tra", "inspection date"),
    "ADAOTLIL": ("Thông tin chính thức khác", "additional official information"),
    "DMTLIL": ("Ký mã hiệu", "distinguishing marks"),
    "OPTND": ("Mô tả bao gói", "description of packages"),
    "OQV": ("Số lượng khác", "other quantity"),
    "OQU": ("Đơn vị của số lượng khác", "unit of the other quantity"),
}
#: Notes of a certificate for re-export; their meanings are assumed.
RE_EXPORT_SUBJECTS: Names = {
    "RPCST": ("Nội dung xác nhận tái xuất khẩu", "re-export statement"),
    "RPCCO": ("Nước xuất xứ", "country of origin"),
    "RPCRF": ("Số giấy chứng nhận gốc", "number of the original certificate"),
    "RPCOR": ("Kèm bản gốc", "original attached"),
    "RPCTC": ("Kèm bản sao có chứng thực", "certified true copy attached"),
    "RPCPK": ("Đã đóng gói", "packed"),
    "RPCRP": ("Đã đóng gói lại", "repacked"),
    "RPCOC": ("Trong bao bì gốc", "in original containers"),
    "RPCNC": ("Trong bao bì mới", "in new containers"),
    "RPCPC": ("Căn cứ giấy chứng nhận gốc", "based on the original certificate"),
    "RPCAI": ("Có kiểm tra bổ sung", "additional inspection"),
}
SUBJECTS: Names = {**DOCUMENT_SUBJECTS, **LINE_SUBJECTS, **RE_EXPORT_SUBJECTS}

#: First description of a characteristic of a treatment.
TREATMENT_KINDS: Names = {
    "TTL1": ("Loại xử lý", "type of treatment"),
    "TTL2": ("Loại xử lý chi tiết", "type of treatment, in detail"),
    "TTCH": ("Hóa chất (hoạt chất)", "chemical (active ingredient)"),
    "TTTM": ("Nhiệt độ", "temperature"),
    "TTCO": ("Nồng độ", "concentration"),
    "TTAI": ("Thông tin thêm", "additional information"),
    "TTFT": ("Toàn văn", "full text"),
}
#: The only type that a treatment has.
TREATMENT_TYPE = "ZZZ"

#: Recommendation 19.
MODES: Names = {
    "1": ("Đường biển", "sea"),
    "2": ("Đường sắt", "rail"),
    "3": ("Đường bộ", "road"),
    "4": ("Đường hàng không", "air"),
    "5": ("Bưu chính", "mail"),
    "6": ("Vận tải đa phương thức", "multimodal"),
    "7": ("Thiết bị cố định", "fixed installation"),
    "8": ("Đường thủy nội địa", "inland water"),
    "9": ("Phương thức khác", "other"),
}
SYSTEMS: Names = {
    "HS": ("Mã HS", "HS code"),
    "IPPCPCVP": ("Loại hàng hóa, bộ phận thực vật", "commodity class"),
    "IPPCPCC": ("Tình trạng hàng hóa", "condition"),
}
ORIGINAL_CERTIFICATE, OTHER_DOCUMENT = "AWR", "ZZZ"
RELATIONSHIPS: Names = {
    ORIGINAL_CERTIFICATE: ("Giấy chứng nhận gốc", "original certificate"),
    OTHER_DOCUMENT: ("Chứng từ khác", "other document"),
}


# --- what stands under a subject ----------------------------------------------------------------------------------


def texts_under(notes: Iterable[Note], *subjects: str) -> tuple[Text, ...]:
    """Give all texts under some subjects, in their order; those without content are left out."""
    wanted = {subject.upper() for subject in subjects}
    return tuple(text for note in notes if note.subject.upper() in wanted for text in note.texts if text.text.strip())


def said_under(notes: Iterable[Note], subject: str) -> str:
    """Give what is said first under a subject; empty where nothing is."""
    return next((text.text.strip() for text in texts_under(notes, subject)), "")


def class_names(line: PhytoLine, system: str) -> tuple[Classification, ...]:
    """Give a line's classes in one system."""
    return tuple(each for each in line.classifications if each.system.upper() == system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What a certificate says of the one whose place it takes."""

    number: str
    statement: str
    reason: str
    dated: str


def replacement(phyto: Phyto) -> Replacement | None:
    """Say which certificate this one replaces; None where it replaces none."""
    found = Replacement(
        number=said_under(phyto.notes, "ADRPN"),
        statement=said_under(phyto.notes, "ADRP"),
        reason=said_under(phyto.notes, "ADRPR"),
        dated=said_under(phyto.notes, "ADRD"),
    )
    return found if found.number or found.statement or found.reason or found.dated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReExport:
    """What a certificate for re-export says; a box is ticked, not ticked, or (None) not spoken of."""

    statement: str
    origin: str
    original_number: str
    original_attached: bool | None
    copy_attached: bool | None
    packed: bool | None
    repacked: bool | None
    original_containers: bool | None
    new_containers: bool | None
    by_original: bool | None
    additional_inspection: bool | None


_TICKED: Mapping[str, bool] = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def ticked(notes: Iterable[Note], subject: str) -> bool | None:
    """Read a box that is written as a word, ``True`` or ``False``; None where it is neither."""
    return _TICKED.get(said_under(notes, subject).lower())


def re_export(phyto: Phyto) -> ReExport:
    """Read the notes of a certificate for re-export."""
    notes = phyto.notes
    return ReExport(
        statement=said_under(notes, "RPCST"),
        origin=said_under(notes, "RPCCO"),
        original_number=said_under(notes, "RPCRF"),
        original_attached=ticked(notes, "RPCOR"),
        copy_attached=ticked(notes, "RPCTC"),
        packed=ticked(notes, "RPCPK"),
        repacked=ticked(notes, "RPCRP"),
        original_containers=ticked(notes, "RPCOC"),
        new_containers=ticked(notes, "RPCNC"),
        by_original=ticked(notes, "RPCPC"),
        additional_inspection=ticked(notes, "RPCAI"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentSaid:
    """What a treatment is, by the kinds of its characteristics."""

    types: tuple[Text, ...]
    chemical: tuple[Text, ...]
    temperature: tuple[Measure | Text, ...]
    concentration: tuple[Measure | Text, ...]
    information: tuple[Text, ...]
    full_text: tuple[Text, ...]
    #: Characteristics whose kind is in no list, whole.
    others: tuple[Measure | Text, ...]


def kind_of(descriptions: tuple[Text, ...]) -> str:
    """Give the kind of a characteristic, its first description; empty where that is no kind."""
    first = descriptions[0].text.strip().upper() if descriptions else ""
    return first if first in TREATMENT_KINDS else ""


def treatment_said(treatment: Treatment) -> TreatmentSaid:
    """Sort what is said of a treatment by its kinds."""
    found: dict[str, list[Measure | Text]] = {}
    for each in treatment.characteristics:
        kind = kind_of(each.descriptions)
        told = found.setdefault(kind, [])
        told.extend(each.descriptions[1:] if kind else each.descriptions)
        if each.value is not None:
            told.append(each.value)

    def texts(*kinds: str) -> tuple[Text, ...]:
        return tuple(_as_text(each) for kind in kinds for each in found.get(kind, ()))

    return TreatmentSaid(
        types=texts("TTL1", "TTL2"),
        chemical=texts("TTCH"),
        temperature=tuple(found.get("TTTM", ())),
        concentration=tuple(found.get("TTCO", ())),
        information=texts("TTAI"),
        full_text=texts("TTFT"),
        others=tuple(found.get("", ())),
    )


def _as_text(said: Measure | Text) -> Text:
    return said if isinstance(said, Text) else Text(text=f"{said.value:f} {said.unit}".strip())
