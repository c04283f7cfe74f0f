"""A certificate held against the profile: what the Hub's own validation would say, before it is sent or after it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.ephyto import sps_codes as codes
from hub.canonical.border.parts import BorderParty, Country, Measure
from hub.canonical.border.phyto import Note, Phyto, PhytoLine, Treatment
from hub.canonical.border.phyto_words import texts_under, ticked
from hub.rules.border import moments
from hub.rules.border.phyto_rules import judge_phyto

Area = Literal["MandatoryElements", "Mapping", "Schema"]
Level = Literal["SEVERE", "WARNING", "INFO"]

#: Rules that ask for something to be there; the others ask how it is written.
_MANDATORY = frozenset({"P03", "P04", "P06", "P07", "P08", "P09", "P14", "P16", "P17", "P18", "P19", "P23", "P25"})
#: What each measure of a line must measure.
_KINDS = {"net_weight": "WEIGHT", "gross_weight": "WEIGHT", "net_volume": "VOLUME", "gross_volume": "VOLUME"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One thing that is said of a certificate, in the words of the Hub's ValidationResult."""

    area: Area
    #: Where in the canonical certificate: ``items.0.lines.1.packages``.
    field: str
    level: Level
    vi: str
    en: str


def judge(phyto: Phyto, *, outgoing: bool = True) -> list[Judged]:
    """Hold a certificate against the rules of the profile and its code lists; ``outgoing``: as hard as its issuer must."""
    return [*_by_rules(phyto, outgoing), *_document(phyto), *_consignment(phyto), *_unplaced(phyto)]


def severe(found: list[Judged]) -> list[Judged]:
    """Give what makes a certificate one that should not be sent."""
    return [each for each in found if each.level == "SEVERE"]


def _by_rules(phyto: Phyto, outgoing: bool) -> Iterator[Judged]:
    for each in judge_phyto(phyto, None, outgoing=outgoing):
        area: Area = "MandatoryElements" if each.rule in _MANDATORY else "Mapping"
        level: Level = "SEVERE" if each.level == "refuse" else "WARNING"
        yield Judged(area=area, field=each.path, level=level, vi=each.vi, en=each.en)


def _mapping(field: str, level: Level, vi: str, en: str) -> Judged:
    return Judged(area="Mapping", field=field, level=level, vi=vi, en=en)


def _warned(field: str, wrong: bool, vi: str, en: str) -> Iterator[Judged]:
    if wrong:
        yield _mapping(field, "WARNING", vi, en)


# --- the document -------------------------------------------------------------------------------------------------


def _document(phyto: Phyto) -> Iterator[Judged]:
    known = {**codes.DOCUMENT_SUBJECTS, **codes.RE_EXPORT_SUBJECTS}
    yield from _subjects(phyto.notes, frozenset(known), "notes")
    liability = texts_under(phyto.notes, "SPSFL")
    wrong = any(not codes.LIABILITY.fullmatch(each.text.strip()) for each in liability)
    vi, en = "SPSFL phải là số thứ tự của điều khoản", "SPSFL must be the number of a clause"
    yield from _warned("notes", wrong, vi, en)
    for subject in sorted(codes.TICKED):
        said = texts_under(phyto.notes, subject)
        vi, en = f"{subject} phải là True hoặc False", f"{subject} must be True or False"
        yield from _warned("notes", bool(said) and ticked(phyto.notes, subject) is None, vi, en)
    for index, reference in enumerate(phyto.references):
        wrong = bool(reference.relationship) and reference.relationship not in codes.RELATIONSHIPS
        vi, en = "quan hệ với chứng từ chỉ là AWR hoặc ZZZ", "the relationship of a document is AWR or ZZZ only"
        yield from _warned(f"references.{index}.relationship", wrong, vi, en)
    yield from _moments(phyto)
    yield from _clauses(phyto)


def _subjects(notes: tuple[Note, ...], known: frozenset[str], place: str) -> Iterator[Judged]:
    for index, note in enumerate(notes):
        vi, en = "mã chủ đề ghi chú không có trong danh mục", "the subject of the note is in no list"
        yield from _warned(f"{place}.{index}.subject", note.subject not in known, vi, en)


def _moments(phyto: Phyto) -> Iterator[Judged]:
    said = {"signing.at": phyto.signing.at if phyto.signing else ""}
    said |= {f"references.{index}.issued_at": each.issued_at for index, each in enumerate(phyto.references)}
    for index, item in enumerate(phyto.items):
        for number, line in enumerate(item.lines):
            for place, treatment in enumerate(line.treatments):
                at = f"items.{index}.lines.{number}.treatments.{place}"
                said |= {f"{at}.starts_at": treatment.starts_at, f"{at}.ends_at": treatment.ends_at}
    for field, written in said.items():
        vi, en = "ngày giờ không theo ISO 8601", "the moment is not written as ISO 8601 asks"
        yield from _warned(field, bool(written) and moments.day(written) is None, vi, en)


def _clauses(phyto: Phyto) -> Iterator[Judged]:
    if phyto.signing is None:
        return
    numbers = {clause.id for clause in phyto.signing.clauses if clause.id}
    vi, en = "điều khoản chứng nhận chỉ có số 1 và 2", "clauses that are certified are 1 and 2 only"
    yield from _warned("signing.clauses", bool(numbers - codes.CLAUSES), vi, en)


# --- the consignment ----------------------------------------------------------------------------------------------


def _consignment(phyto: Phyto) -> Iterator[Judged]:
    countries = {"export_country": phyto.export_country, "import_country": phyto.import_country}
    countries |= {f"transit_countries.{index}": each for index, each in enumerate(phyto.transit_countries)}
    yield from _countries(countries)
    unloading = phyto.unloading.code if phyto.unloading else ""
    vi, en = "mã cửa khẩu không theo UN/LOCODE", "the code of the point of entry is no UN/LOCODE"
    yield from _warned("unloading.code", bool(unloading) and not codes.port_shape(unloading), vi, en)
    for index, movement in enumerate(phyto.movements):
        vi, en = "phương thức vận tải không có trong Khuyến nghị 19", "the mode is not one of Recommendation 19"
        yield from _warned(f"movements.{index}.mode", movement.mode not in codes.MODES, vi, en)
    yield from _not_written(phyto.consignor, "consignor")
    yield from _not_written(phyto.consignee, "consignee")
    for index, item in enumerate(phyto.items):
        for number, line in enumerate(item.lines):
            yield from _line(line, f"items.{index}.lines.{number}")


def _countries(said: dict[str, Country]) -> Iterator[Judged]:
    for field, country in said.items():
        wrong = bool(country.code) and not codes.country_shape(country.code)
        if wrong:
            vi, en = "mã nước phải theo ISO 3166 (2 chữ in hoa)", "a country must be an ISO 3166 code (2 capitals)"
            yield _mapping(f"{field}.code", "SEVERE", vi, en)


def _not_written(party: BorderParty | None, field: str) -> Iterator[Judged]:
    """Tell of what a party has and the certificate has no element for."""
    for name in ("country", "tax_id") if party else ():
        if getattr(party, name):
            vi, en = "giấy chứng nhận điện tử không có trường này", "the electronic certificate has no field for this"
            yield _mapping(f"{field}.{name}", "INFO", vi, en)


def _line(line: PhytoLine, place: str) -> Iterator[Judged]:
    yield from _subjects(line.notes, frozenset(codes.LINE_SUBJECTS), f"{place}.notes")
    yield from _countries({f"{place}.origins.{index}": each for index, each in enumerate(line.origins)})
    for field, kind in _KINDS.items():
        yield from _unit(getattr(line, field), f"{place}.{field}", kind)
    for index, package in enumerate(line.packages):
        vi, en = "mã bao gói không có trong danh mục", "the kind of package is not in the list"
        yield from _warned(f"{place}.packages.{index}.kind", not codes.knows(codes.PACKAGES, package.kind), vi, en)
    for index, each in enumerate(line.classifications):
        vi, en = "hệ thống phân loại không có trong danh mục", "the classification system is in no list"
        yield from _warned(f"{place}.classifications.{index}.system", each.system not in codes.SYSTEMS, vi, en)
    for index, treatment in enumerate(line.treatments):
        yield from _treatment(treatment, f"{place}.treatments.{index}")


def _unit(measure: Measure | None, field: str, kind: str) -> Iterator[Judged]:
    if measure is None or not measure.unit:
        return
    found = codes.kind_of_unit(measure.unit)
    vi, en = "đơn vị tính không có trong danh mục", "the unit is not in the list"
    yield from _warned(field, not found, vi, en)
    vi, en = "đơn vị tính không đúng loại đại lượng", "the unit measures something else"
    yield from _warned(field, bool(found) and found != kind, vi, en)


def _treatment(treatment: Treatment, place: str) -> Iterator[Judged]:
    vi, en = "loại quá trình phải là ZZZ", "the type of the process must be ZZZ"
    yield from _warned(f"{place}.type_code", treatment.type_code != codes.TREATMENT_TYPE, vi, en)
    yield from _unit(treatment.duration, f"{place}.duration", "DURATION")
    for index, each in enumerate(treatment.characteristics):
        kind = each.descriptions[0].text.strip() if each.descriptions else ""
        vi, en = "mô tả đầu tiên phải là mã TT…", "the first description must be a code TT…"
        yield from _warned(f"{place}.characteristics.{index}", kind not in codes.TREATMENT_KINDS, vi, en)


def _unplaced(phyto: Phyto) -> Iterator[Judged]:
    for each in phyto.unplaced:
        vi, en = "không có chỗ trong dạng chuẩn; chỉ lưu và liệt kê", "has no place in the canonical form; it is kept and listed"
        yield Judged(area="Schema", field=each.path, level="INFO", vi=vi, en=en)
