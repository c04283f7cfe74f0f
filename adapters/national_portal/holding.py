"""What the portal shows of a dossier it holds (TraCuuHoSo), and what a record of ours told it: pure readers to compare them.

A row of TraCuuHoSo is known from one provider (README.md); whichever of these names it has are read, the others tell nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.national_portal.outbound import local_number, portal_number
from adapters.national_portal.services import DOSSIER
from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.canonical.national_fields import scalar_text
from hub.canonical.national_record import read_date
from hub.contract import Outgoing
from hub.errors import Fault, InvalidMessage, bad_value

#: The service whose delivered call says everything that a look-up shows; a progress row tells no state of the record.
TELLS = frozenset({DOSSIER})
#: Longest text that is compared.
_LONGEST = 200
_NAMES: Mapping[str, tuple[str, ...]] = {
    "status": ("MaTrangThai", "TrangThaiHoSo"),
    "procedure": ("MaTTHC",),
    "agency": ("MaDonViXuLy",),
    "received_at": ("NgayTiepNhan",),
    "due_at": ("NgayHenTra",),
}


def number_of(message: DossierMessage, portal: str) -> str:
    """Give the number under which the portal has the record; empty for one that was born there and has none of ours."""
    return "" if portal_number(message.dossier, portal) else local_number(message.dossier, portal)


def told(outgoing: Outgoing) -> HeldDossier | None:
    """Read what a delivered record told the portal; None where it is no record."""
    if outgoing.service != DOSSIER:
        return None
    tree = json.loads(outgoing.body)  # the hub wrote it
    records = tree.get("data") if isinstance(tree, dict) else tree  # a relay takes the list alone
    record = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else None
    code = record.get("MaHoSo") if record is not None else None
    if record is None or not isinstance(code, str):
        return None
    return _read(record, code, b"", [])


def shown(rows: tuple[Any, ...], code: str, reply: bytes) -> HeldDossier:
    """Read the rows of a look-up, absent where there are none; raise InvalidMessage where they are no rows of this dossier."""
    if not rows:
        return HeldDossier(code=code, absent=True, shown=reply)
    faults: list[Fault] = []
    mine = [row for row in rows if isinstance(row, dict) and row.get("MaHoSo", code) == code]
    if not mine:
        vi, en = "không có dòng nào của hồ sơ được hỏi", "no row is the dossier's that was asked for"
        raise InvalidMessage([bad_value("/result", vi, en)])
    found = _read(mine[0], code, reply, faults)
    if faults:
        raise InvalidMessage(faults)
    return found


def _read(row: Mapping[str, Any], code: str, reply: bytes, faults: list[Fault]) -> HeldDossier:
    return HeldDossier(
        code=code,
        status=_text(row, "status", faults),
        procedure=_text(row, "procedure", faults),
        agency=_text(row, "agency", faults),
        received_at=_moment(row, "received_at", faults),
        due_at=_moment(row, "due_at", faults),
        shown=reply,
    )


def _text(row: Mapping[str, Any], name: str, faults: list[Fault]) -> str:
    for key in _NAMES[name]:
        before = len(faults)
        text = scalar_text(row.get(key), f"/result/0/{key}", faults).strip()
        if text or len(faults) > before:
            return text[:_LONGEST]
    return ""


def _moment(row: Mapping[str, Any], name: str, faults: list[Fault]) -> datetime | None:
    key = _NAMES[name][0]
    return read_date(row.get(key), f"/result/0/{key}", faults)

