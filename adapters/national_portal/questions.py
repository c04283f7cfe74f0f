"""Questions and answers, and an agency's figures, in the portal's fields (3.8 and the statistics feed of its interface)."""

from __future__ import annotations

from typing import Any

from hub.canonical.figures import Figures
from hub.canonical.national_fields import CODE, DATE, TEXT, WHOLE, Entry, Table, nested, read_record, write_date, write_record
from hub.canonical.question import Question
from hub.errors import Fault, missing

#: As the portal gives a question; DongBoHoiDap writes MaLinhVuc in mixed case.
_ASKED = Table(
    build=lambda values: Question(**nested(values)),
    blank={"id": ""},
    entries=(
        Entry("HOIDAPID", "id", CODE),
        Entry("MALINHVUC", "field_code", CODE),
        Entry("MATTHCDP", "procedure", CODE),
        Entry("NOIDUNG", "content", TEXT),
        Entry("MADONVI", "agency.code", CODE),
        Entry("TENDONVI", "agency.name", TEXT),
        Entry("HOVATEN", "asker.name", TEXT),
        Entry("DIACHI", "asker.address", TEXT),
        Entry("THUDIENTU", "asker.email", TEXT),
        Entry("SODIENTHOAI", "asker.phone", TEXT),
        Entry("TRALOIID", "answer_id", CODE),
        Entry("NOIDUNGTRALOI", "answer", TEXT),
    ),
)
_PUBLISHED = Table(
    build=_ASKED.build,
    blank={"id": ""},
    entries=(
        Entry("HOIDAPID", "id", CODE),
        Entry("MaLinhVuc", "field_code", CODE),
        Entry("NOIDUNG", "content", TEXT),
        Entry("MADONVI", "agency.code", CODE),
        Entry("TENDONVI", "agency.name", TEXT),
    ),
)
_ANSWERED = Table(
    build=_ASKED.build,
    blank={"id": ""},
    entries=(
        Entry("HOIDAPID", "id", CODE),
        Entry("MADONVI", "agency.code", CODE),
        Entry("NGUOITRALOI", "answered_by", TEXT),
        Entry("CHUCVUNGUOITRALOI", "answerer_position", TEXT),
        Entry("NGAYTRALOI", "answered_at", DATE),
        Entry("NOIDUNGTRALOI", "answer", TEXT),
    ),
)
PUBLISHED_REQUIRED = ("HOIDAPID", "MaLinhVuc", "NOIDUNG", "MADONVI")
ANSWERED_REQUIRED = ("HOIDAPID", "MADONVI", "NGUOITRALOI", "NGAYTRALOI", "NOIDUNGTRALOI")


def read_question(row: Any, path: str, faults: list[Fault]) -> Question | None:
    """Read a question as the portal gives it."""
    return _read(_ASKED, row, path, faults, ("HOIDAPID", "NOIDUNG"))


def read_published(row: Any, path: str, faults: list[Fault]) -> Question | None:
    """Read a question that an agency publishes (DongBoHoiDap)."""
    return _read(_PUBLISHED, row, path, faults, PUBLISHED_REQUIRED)


def read_answered(row: Any, path: str, faults: list[Fault]) -> Question | None:
    """Read an agency's answer (DongBoKetQuaHoiDapGuiTuDVCQG)."""
    return _read(_ANSWERED, row, path, faults, ANSWERED_REQUIRED)


def _read(table: Table, row: Any, path: str, faults: list[Fault], required: tuple[str, ...]) -> Question | None:
    before = len(faults)
    values = read_record(table, row, path, faults, required=required)
    if len(faults) > before:
        return None
    question: Question = table.build(values)
    return question


def write_published(question: Question) -> dict[str, Any]:
    """Write a question for DongBoHoiDap."""
    return write_record(_PUBLISHED, question)


def write_answered(question: Question) -> dict[str, Any]:
    """Write an answer for DongBoKetQuaHoiDapGuiTuDVCQG."""
    return write_record(_ANSWERED, question) | {"NGAYTRALOI": write_date(question.answered_at)}


# --- figures ------------------------------------------------------------------------------------------------------

#: Sums and shares are not read: they follow from these, and are compared where they are said.
_FIGURES = Table(
    build=lambda values: Figures(**nested(values)),
    entries=(
        Entry("Thang", "month", WHOLE),
        Entry("Nam", "year", WHOLE),
        Entry("Madonvi", "agency.code", CODE),
        Entry("TenDonVi", "agency.name", TEXT),
        Entry("LoaiThongKe", "kind", CODE),
        Entry("SoNhanTrongKy", "received", WHOLE),
        Entry("SoTonKyTruoc", "carried_over", WHOLE),
        Entry("TongXuLyDungHan", "done_on_time", WHOLE),
        Entry("TongXuLyTreHan", "done_late", WHOLE),
        Entry("TongChuaXuLyTrongHan", "open_on_time", WHOLE),
        Entry("TongChuaXuLyTreHan", "open_late", WHOLE),
        Entry("GhiChu", "note", TEXT),
    ),
)
FIGURES_REQUIRED = ("Thang", "Nam", "Madonvi")
_SUMS = {"TongSoXuLy": "total", "TongDaXuLy": "done", "TongChuaXuLy": "open"}


def read_figures(row: Any, path: str, faults: list[Fault]) -> Figures | None:
    """Read an agency's figures; a sum that is not the sum of its parts is a fault."""
    before = len(faults)
    values = read_record(_FIGURES, row, path, faults, required=FIGURES_REQUIRED)
    if len(faults) > before:
        return None
    for name, found, allowed in (("Thang", values["month"], range(1, 13)), ("Nam", values["year"], range(2000, 2200))):
        if found not in allowed:
            faults.append(_not(f"{path}/{name}", "tháng hoặc năm", "a month or a year"))
    if len(faults) > before:
        return None
    figures: Figures = _FIGURES.build({"agency.code": "", **values})
    faults.extend(_wrong_sums(row, path, figures))
    return figures if len(faults) == before else None


def _wrong_sums(row: dict[str, Any], path: str, figures: Figures) -> list[Fault]:
    said = {name: str(row.get(name, "")).strip() for name in _SUMS}
    return [
        _not(f"{path}/{name}", "tổng của các số thành phần", "the sum of its parts")
        for name, attribute in _SUMS.items()
        if said[name] and said[name] != str(getattr(figures, attribute))
    ]


def _not(path: str, vi: str, en: str) -> Fault:
    return Fault(path, "bad_value", f"không phải {vi}", f"is not {en}")


def write_figures(figures: Figures) -> tuple[dict[str, str], list[Fault]]:
    """Write an agency's figures in the feed's own order, with what the feed could not take."""
    faults = [missing("/data/0/Madonvi")] if not figures.agency.code else []
    row = {
        "Thang": str(figures.month),
        "Nam": str(figures.year),
        "Madonvi": figures.agency.code,
        "TenDonVi": figures.agency.name,
        "LoaiThongKe": figures.kind,
        "SoNhanTrongKy": str(figures.received),
        "SoTonKyTruoc": str(figures.carried_over),
        "TongSoXuLy": str(figures.total),
        "TongDaXuLy": str(figures.done),
        "TongXuLyDungHan": str(figures.done_on_time),
        "PhanTramXuLyDungHan": percent(figures.done_on_time, figures.done),
        "TongXuLyTreHan": str(figures.done_late),
        "PhanTramXuLyTreHan": percent(figures.done_late, figures.done),
        "TongChuaXuLy": str(figures.open),
        "TongChuaXuLyTrongHan": str(figures.open_on_time),
        "PhanTramChuaXuLyTrongHan": percent(figures.open_on_time, figures.open),
        "TongChuaXuLyTreHan": str(figures.open_late),
        "PhanTramChuaXuLyTreHan": percent(figures.open_late, figures.open),
        "GhiChu": figures.note,
    }
    return row, faults


def percent(part: int, whole: int) -> str:
    """Write a share with two decimals, as the index does; of nothing it is 0."""
    if not whole:
        return "0.00"
    hundredths = (part * 20_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"

