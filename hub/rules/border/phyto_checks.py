"""What a phytosanitary certificate is looked at for: one small function for each row of ``phyto_rules``.

Each gives the places in the certificate at which its row's sentence is not true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from hub.canonical.border.parts import BorderParty, Measure
from hub.canonical.border.phyto import Note, Phyto, PhytoLine
from hub.rules.border import moments
from hub.rules.border.finding import absent, later, repeated, where

#: UNTDID 1001.
EXPORT, REEXPORT = "851", "657"
#: UNTDID 4405 (not 1373, which has the same numbers for other things).
STATUSES = frozenset({"39", "40", "41", "42", "44", "47", "64", "70", "71"})
#: Subjects of notes: replacement (statement, number, reason, date), packaging as text, other quantity and its unit.
REPLACES, REPLACED_NUMBER = frozenset({"ADRP", "ADRPR", "ADRD"}), "ADRPN"
PACKAGING, OTHER_QUANTITY, OTHER_UNIT = "OPTND", "OQV", "OQU"
#: Subjects that only a certificate for re-export has, and the one that names the original's number.
REEXPORT_PREFIX, ORIGINAL_NUMBER = "RPC", "RPCRF"
#: Relationship of the document that is the original certificate.
ORIGINAL = "AWR"
#: The only kind of process that is a treatment, and the description that every treatment has: its whole text.
TREATMENT, FULL_TEXT = "ZZZ", "TTFT"
#: What a public sample has where nothing was to be said.
NOTHING = frozenset({"NULL", "null"})


@dataclass(frozen=True, slots=True)
class PhytoCase:
    """A certificate as the rules look at it."""

    certificate: Phyto
    #: None: days are not held against a clock.
    today: date | None

    @property
    def lines(self) -> Iterator[tuple[str, PhytoLine]]:
        """Give the lines of goods, each with its place."""
        for number, item in enumerate(self.certificate.items):
            for index, line in enumerate(item.lines):
                yield f"items.{number}.lines.{index}", line


def _said(notes: tuple[Note, ...]) -> frozenset[str]:
    """Give the subjects under which something stands."""
    return frozenset(note.subject for note in notes if any(text.text.strip() for text in note.texts))


def _nameless(party: BorderParty | None) -> bool:
    return party is None or not party.name.strip() or not any(line.strip() for line in party.lines)


# --- the document --------------------------------------------------------------------------------------------------


def type_code(case: PhytoCase) -> Iterator[str]:
    """Check P01."""
    return where("type_code", case.certificate.type_code not in (EXPORT, REEXPORT))


def status(case: PhytoCase) -> Iterator[str]:
    """Check P02."""
    return where("status", case.certificate.status not in STATUSES)


def issued_at(case: PhytoCase) -> Iterator[str]:
    """Check P03."""
    issued = moments.day(case.certificate.issued_at)
    return where("issued_at", issued is None or later(issued, case.today))


def signed(case: PhytoCase) -> Iterator[str]:
    """Check P04."""
    signing = case.certificate.signing
    if signing is None:
        return where("signing", True)
    return absent("signing", officer=signing.officer, place=signing.place.name or signing.place.code)


def clauses(case: PhytoCase) -> Iterator[str]:
    """Check P05."""
    signing = case.certificate.signing
    certified = signing is not None and any(clause.id == 1 for clause in signing.clauses)
    return where("signing.clauses", case.certificate.type_code == EXPORT and not certified)


def parties(case: PhytoCase) -> Iterator[str]:
    """Check P06."""
    yield from where("consignor", _nameless(case.certificate.consignor))
    yield from where("consignee", _nameless(case.certificate.consignee))


def countries(case: PhytoCase) -> Iterator[str]:
    """Check P07."""
    exporting, importing = case.certificate.export_country.code, case.certificate.import_country.code
    yield from absent("export_country", code=exporting)
    yield from where("import_country.code", not importing or importing == exporting)


def conveyance(case: PhytoCase) -> Iterator[str]:
    """Check P08."""
    yield from where("movements", not any(movement.mode for movement in case.certificate.movements))


def point_of_entry(case: PhytoCase) -> Iterator[str]:
    """Check P09."""
    entry = case.certificate.unloading
    return where("unloading", entry is None or not (entry.name or entry.code))


# --- replacement and re-export --------------------------------------------------------------------------------------


def replaced_number(case: PhytoCase) -> Iterator[str]:
    """Check P10."""
    said = _said(case.certificate.notes)
    return where("notes", bool(said & REPLACES) and REPLACED_NUMBER not in said)


def replaces_itself(case: PhytoCase) -> Iterator[str]:
    """Check P11."""
    for index, note in enumerate(case.certificate.notes):
        own = any(text.text.strip() == case.certificate.number for text in note.texts)
        yield from where(f"notes.{index}", note.subject == REPLACED_NUMBER and own)


def original_named(case: PhytoCase) -> Iterator[str]:
    """Check P12."""
    certificate = case.certificate
    referred = any(each.relationship == ORIGINAL and (each.number or each.file) for each in certificate.references)
    named = referred or ORIGINAL_NUMBER in _said(certificate.notes)
    return where("references", certificate.type_code == REEXPORT and not named)


def reexport_notes(case: PhytoCase) -> Iterator[str]:
    """Check P13."""
    for index, note in enumerate(case.certificate.notes):
        reexport = note.subject.startswith(REEXPORT_PREFIX)
        yield from where(f"notes.{index}", reexport and case.certificate.type_code == EXPORT)


# --- goods ----------------------------------------------------------------------------------------------------------


def no_lines(case: PhytoCase) -> Iterator[str]:
    """Check P14."""
    return where("items", next(case.lines, None) is None)


def line_numbers(case: PhytoCase) -> Iterator[str]:
    """Check P15."""
    for number, item in enumerate(case.certificate.items):
        yield from repeated(f"items.{number}.lines", (line.sequence for line in item.lines))


def goods_named(case: PhytoCase) -> Iterator[str]:
    """Check P16."""
    for place, line in case.lines:
        names = (*line.descriptions, *line.common_names, *line.scientific_names)
        yield from where(place, not any(name.text.strip() for name in names))


def botanical_name(case: PhytoCase) -> Iterator[str]:
    """Check P17."""
    for place, line in case.lines:
        yield from where(f"{place}.scientific_names", not any(name.text.strip() for name in line.scientific_names))


def origin_named(case: PhytoCase) -> Iterator[str]:
    """Check P18."""
    for place, line in case.lines:
        yield from where(f"{place}.origins", not any(origin.code for origin in line.origins))


def quantity(case: PhytoCase) -> Iterator[str]:
    """Check P19."""
    for place, line in case.lines:
        counted = any(package.count is not None and package.count > 0 for package in line.packages)
        measured = any(measure is not None and measure.value > 0 for measure in _measures(line))
        yield from where(place, not (counted or measured or OTHER_QUANTITY in _said(line.notes)))


def units(case: PhytoCase) -> Iterator[str]:
    """Check P20."""
    for place, line in case.lines:
        yield from where(place, any(measure is not None and not measure.unit for measure in _measures(line)))


def net_and_gross(case: PhytoCase) -> Iterator[str]:
    """Check P21."""
    for place, line in case.lines:
        yield from where(f"{place}.net_weight", _above(line.net_weight, line.gross_weight))
        yield from where(f"{place}.net_volume", _above(line.net_volume, line.gross_volume))


def _measures(line: PhytoLine) -> tuple[Measure | None, ...]:
    return line.net_weight, line.gross_weight, line.net_volume, line.gross_volume


def _above(net: Measure | None, gross: Measure | None) -> bool:
    return net is not None and gross is not None and net.unit == gross.unit and net.value > gross.value


def packed_twice(case: PhytoCase) -> Iterator[str]:
    """Check P22."""
    for place, line in case.lines:
        yield from where(f"{place}.packages", bool(line.packages) and PACKAGING in _said(line.notes))


def not_packed(case: PhytoCase) -> Iterator[str]:
    """Check P23."""
    for place, line in case.lines:
        yield from where(f"{place}.packages", not line.packages and PACKAGING not in _said(line.notes))


def other_quantity(case: PhytoCase) -> Iterator[str]:
    """Check P24."""
    for place, line in case.lines:
        said = _said(line.notes)
        yield from where(f"{place}.notes", (OTHER_QUANTITY in said) != (OTHER_UNIT in said))


# --- treatments -----------------------------------------------------------------------------------------------------


def treatment_text(case: PhytoCase) -> Iterator[str]:
    """Check P25."""
    for place, line in case.lines:
        for index, treatment in enumerate(line.treatments):
            kinds = {each.descriptions[0].text for each in treatment.characteristics if len(each.descriptions) > 1}
            whole = treatment.type_code == TREATMENT and FULL_TEXT in kinds
            yield from where(f"{place}.treatments.{index}", not whole)


def treatment_period(case: PhytoCase) -> Iterator[str]:
    """Check P26."""
    for place, line in case.lines:
        for index, treatment in enumerate(line.treatments):
            begun, ended = moments.moment(treatment.starts_at), moments.moment(treatment.ends_at)
            yield from where(f"{place}.treatments.{index}", begun is not None and ended is not None and ended < begun)


# --- texts ----------------------------------------------------------------------------------------------------------


def says_null(case: PhytoCase) -> Iterator[str]:
    """Check P27."""
    return _nulls(case.certificate.model_dump(mode="json"), "")


def _nulls(value: object, place: str) -> Iterator[str]:
    if isinstance(value, str):
        yield from where(place.removeprefix("."), value.strip() in NOTHING)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _nulls(part, f"{place}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _nulls(part, f"{place}.{index}")
