"""Border documents in a ministry's JSON: issued, cancelled, sent again, answered by customs; the same object both ways.

The shape is ours (assumed). ``NoiDung``, ``TraLoi`` and ``TruyenNhan`` are the canonical JSON of the hub, so nothing is lost
between a ministry's system and the document that goes abroad.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import BorderAnswer, BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.origin import OriginCertificate
from hub.canonical.border.phyto import Phyto
from hub.canonical.national_fields import (
    CODE,
    DATE,
    TEXT,
    Entry,
    Table,
    bad_type,
    choice,
    pointer,
    read_record,
    scalar_text,
    write_date,
)
from hub.canonical.national_message import NUMBERINGS, SYSTEMS
from hub.errors import Fault, bad_value, missing
from hub.rules.border.origin_facts import DE_MINIMIS_SHARE
from hub.rules.json_door import write_json

FIELD = "ChungTu"
#: What a ministry or customs may say; where a document is on its way is only told to them.
EVENTS = (BorderEvent.ISSUED, BorderEvent.CANCELLED, BorderEvent.COPY_ASKED, BorderEvent.COPIED, BorderEvent.ANSWERED)
CONTENTS: Mapping[str, type[BaseModel]] = {
    BorderDocument.PHYTO: Phyto,
    BorderDocument.ORIGIN: OriginCertificate,
    BorderDocument.DECLARATION: ExportDeclaration,
}
#: Name on the wire of what an event must bring.
_MUST_BRING: Mapping[str, str] = {BorderEvent.ISSUED: "NoiDung", BorderEvent.COPIED: "NoiDung", BorderEvent.ANSWERED: "TraLoi"}
_SHARES = "TyLeKhongChuyenDoi"

_HEAD = Table(
    build=dict,
    entries=(
        Entry("MaThongDiep", "MaThongDiep", CODE),
        Entry("SuKien", "event", choice(*EVENTS)),
        Entry("Loai", "document", choice(*BorderDocument)),
        Entry("So", "number", CODE),
        Entry("NuocCap", "issuing_country", CODE),
        Entry("NuocNhap", "importing_country", CODE),
        Entry("ThoiDiem", "sent_at", DATE),
        Entry("ThayChoSo", "supersedes", CODE),
        Entry("DuocThayBangSo", "superseded_by", CODE),
        Entry("LyDo", "reason", TEXT),
        Entry("HeThong", "system", choice(*SYSTEMS)),
        Entry("MaHoSo", "code", CODE),
    ),
)
REQUIRED = ("SuKien", "Loai", "So", "NuocCap", "ThoiDiem")
_NAMES = frozenset({entry.name for entry in _HEAD.entries} | {"NoiDung", "TraLoi", _SHARES})


# --- reading -----------------------------------------------------------------------------------------------------


def read_border(tree: dict[str, Any], faults: list[Fault]) -> BorderMessage | None:
    """Read what is said of one border document; None where it has any fault, and all of them are appended."""
    before = len(faults)
    path, said = pointer("", FIELD), tree[FIELD]
    values = read_record(_HEAD, said, path, faults, required=REQUIRED)
    if not isinstance(said, dict):
        return None
    faults.extend(_unknown(pointer(path, name)) for name in said if name not in _NAMES)
    document, bring = values.get("document", ""), _MUST_BRING.get(values.get("event", ""))
    if bring and not said.get(bring):
        faults.append(missing(pointer(path, bring)))
    content = _canonical(CONTENTS.get(document), said.get("NoiDung"), pointer(path, "NoiDung"), faults)
    answer = _canonical(BorderAnswer, said.get("TraLoi"), pointer(path, "TraLoi"), faults)
    native = _native(values, said, path, faults)
    dossier = _dossier(values, path, faults)
    if len(faults) > before:
        return None
    more = {document: content} if content is not None else {}
    return BorderMessage(answer=answer, native=native, dossier=dossier, **values, **more)


def _canonical(model: type[BaseModel] | None, part: object, path: str, faults: list[Fault]) -> Any:
    """Read a part that is canonical JSON, strictly: a number is no text, and a name that it does not know is a fault."""
    if model is None or part in (None, "", {}):
        return None
    if not isinstance(part, dict):
        faults.append(bad_type(path, "đối tượng JSON", "a JSON object"))
        return None
    try:
        return model.model_validate_json(write_json(part), strict=True)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            faults.append(_fault(each["type"], _place(path, each["loc"])))
    return None


def _place(path: str, names: tuple[str | int, ...]) -> str:
    for name in names:
        path = pointer(path, name)
    return path


def _fault(kind: str, path: str) -> Fault:
    """Say what is wrong without repeating the value."""
    if kind == "missing":
        return missing(path)
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind.endswith("_type"):
        return bad_type(path, f"đúng kiểu ({kind})", f"of the right type ({kind})")
    return bad_value(path, f"giá trị không hợp lệ ({kind})", f"is not a value of this field ({kind})")


def _unknown(path: str) -> Fault:
    return Fault(path, "unknown_field", "không có trường này", "there is no such field")


def _native(values: dict[str, Any], said: Mapping[str, Any], path: str, faults: list[Fault]) -> dict[str, str]:
    """Keep the sender's own number, and the shares that stand in no box of a Form D."""
    native = {"MaThongDiep": values.pop("MaThongDiep")} if "MaThongDiep" in values else {}
    shares = said.get(_SHARES) or {}
    if not isinstance(shares, dict):
        faults.append(bad_type(pointer(path, _SHARES), "đối tượng JSON", "a JSON object"))
        return native
    for number, share in shares.items():
        place = pointer(pointer(path, _SHARES), number)
        if not (number.isascii() and number.isdigit() and len(number) <= len("9999")):
            faults.append(bad_value(place, "tên trường là số thứ tự dòng hàng", "the name is the number of an item"))
        native[f"{DE_MINIMIS_SHARE}{number}"] = scalar_text(share, place, faults)[:40]
    return native


def _dossier(values: dict[str, Any], path: str, faults: list[Fault]) -> str:
    """Give the key of the dossier that it belongs to; system and number come together or not at all."""
    system, code = values.pop("system", ""), values.pop("code", "")
    if bool(system) != bool(code):
        faults.append(missing(pointer(path, "MaHoSo" if system else "HeThong")))
    return f"{SYSTEMS[system]}:{code}" if system and code else ""


# --- writing -----------------------------------------------------------------------------------------------------


def write_border(message: BorderMessage) -> dict[str, Any]:
    """Write what is said of a border document; what has its default in the canonical form is left out of it."""
    numbering, _, code = message.dossier.partition(":")
    content = message.content
    return {
        "SuKien": message.event.value,
        "Loai": message.document.value,
        "So": message.number,
        "NuocCap": message.issuing_country,
        "NuocNhap": message.importing_country,
        "ThoiDiem": write_date(message.sent_at),
        "ThayChoSo": message.supersedes,
        "DuocThayBangSo": message.superseded_by,
        "LyDo": message.reason,
        "HeThong": NUMBERINGS.get(numbering, numbering) if code else "",
        "MaHoSo": code,
        "NoiDung": _written(content),
        "TraLoi": _written(message.answer),
        "TruyenNhan": _written(message.tracking),
    }


def _written(part: BaseModel | None) -> dict[str, Any]:
    return {} if part is None else part.model_dump(mode="json", exclude_defaults=True)
