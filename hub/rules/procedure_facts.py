"""What a procedure's record says of itself: how many papers, steps, days; what is filled in. The record may be anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: KENH of CACHTHUCTHUCHIEN: submitted online.
ONLINE_CHANNEL = "2"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
#: DONVITINH: part of the unit's name -> days.
_UNITS = (("giờ", 1 / 8), ("phút", 1 / 480), ("tháng", 30.0), ("năm", 365.0))
#: Longer than any procedure takes; what stands there is a slip.
_MOST_DAYS = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """What one record says."""

    name: str = ""
    active: bool = False
    #: Papers of a dossier, of all cases.
    components: int = 0
    #: Papers that name a form, and of these those without a file.
    forms: int = 0
    forms_without_file: int = 0
    steps: int = 0
    #: Agencies that carry it out or work along.
    agencies: int = 0
    #: The longest time that it may take; None: it says none.
    days: float | None = None
    #: It names a fee above 0.
    fee: bool = False
    #: It names the online channel.
    online: bool = False
    #: It passes between agencies (một cửa liên thông).
    inter_agency: bool = False
    #: It is received at the one-stop desk; the record has no such field, provinces' own lists do (MOTCUA; assumed).
    one_stop: bool = False


def read(record: Any) -> RecordFacts:
    """Read a record (hub.canonical.procedure.Procedure as a tree); what is not as it should be counts as not there."""
    tree = record if isinstance(record, dict) else {}
    details = tree.get("details")
    details = details if isinstance(details, dict) else {}
    papers = [paper for case in _rows(details.get("THANHPHANHOSO")) for paper in _rows(case.get("GIAYTO"))]
    forms = [paper for paper in papers if _text(paper, "TENMAUDON")]
    ways = list(_rows(details.get("CACHTHUCTHUCHIEN")))
    times = [time for way in ways for time in _rows(way.get("THOIGIAN"))]
    return RecordFacts(
        name=_text(tree, "name"),
        active=tree.get("active") is True,
        components=sum(1 for paper in papers if _text(paper, "TENGIAYTO")),
        forms=len(forms),
        forms_without_file=sum(1 for form in forms if not _text(form, "URL")),
        steps=_steps(details),
        agencies=len(list(_rows(tree.get("agencies")))) + len(list(_rows(details.get("COQUANPHOIHOP")))),
        days=max((days for days in map(_days, times) if days is not None), default=None),
        fee=any(_money(_text(fee, "SOTIEN")) for part in (*ways, *times) for fee in _rows(part.get("PHILEPHI"))),
        online=any(_text(way, "KENH") == ONLINE_CHANNEL for way in ways),
        inter_agency=bool(_listed(details.get("TTHCLIENTHONG"))),
        one_stop=_text(details, "MOTCUA") == "1",
    )


def _listed(value: Any) -> list[Any]:
    return [each for each in value if each not in ("", None, {}, [])] if isinstance(value, list) else []


def _rows(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _steps(details: Mapping[str, Any]) -> int:
    cases = [list(_rows(case.get("TRINHTU"))) for case in _rows(details.get("TRINHTUTHUCHIEN"))]
    return max((len(case) for case in cases), default=0)


def _days(time: Mapping[str, Any]) -> float | None:
    found = _NUMBER.fullmatch(_text(time, "THOIGIANGIAIQUYET"))
    if found is None or len(found.group()) > 12:
        return None
    unit = _text(time, "DONVITINH").casefold()
    factor = next((factor for word, factor in _UNITS if word in unit), 1.0)
    days = float(found.group().replace(",", ".")) * factor
    return days if 0 < days <= _MOST_DAYS else None


def _money(text: str) -> bool:
    """Say whether an amount is above 0, however its thousands are parted."""
    return bool(re.search(r"[1-9]", text))
