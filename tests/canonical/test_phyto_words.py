"""What stands under the codes of phytosanitary certificates, by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.canonical.border import phyto_words as words
from hub.canonical.border.parts import Measure, Text
from hub.canonical.border.phyto import Characteristic, Classification, Note, Phyto, PhytoLine, Treatment
from hub.registers.border_units import package_name, unit_name


def note(subject: str, *texts: str) -> Note:
    return Note(subject=subject, texts=tuple(Text(text=each) for each in texts))


def phyto(*notes: Note) -> Phyto:
    return Phyto(number="A", type_code="657", status="70", notes=notes)


def test_texts_are_found_under_their_subjects_in_their_order() -> None:
    """Subjects in any capitals; what says nothing is left out."""
    notes = (note("ADEDL", "one", " "), note("adedl", "two"), note("DMCL", "mark"))

    assert [each.text for each in words.texts_under(notes, "ADEDL")] == ["one", "two"]
    assert [each.text for each in words.texts_under(notes, "DMCL", "ADEDL")] == ["one", "two", "mark"]
    assert words.said_under(notes, "ADIPEDL") == ""


def test_what_is_replaced_is_read_from_four_notes() -> None:
    """None of them: nothing is replaced."""
    said = (note("ADRPN", "B"), note("ADRPR", "vessel"), note("ADRD", "2026-01-01"), note("ADRP", "in lieu"))
    found = words.replacement(phyto(*said))

    assert found == words.Replacement(number="B", statement="in lieu", reason="vessel", dated="2026-01-01")
    assert words.replacement(phyto(note("ADEDL", "x"))) is None


@pytest.mark.parametrize(
    ("written", "ticked"),
    [("True", True), ("true ", True), ("1", True), ("False", False), ("no", False), ("maybe", None), ("", None)],
)
def test_a_box_is_ticked_not_ticked_or_not_spoken_of(written: str, ticked: bool | None) -> None:
    """Whatever is neither is not taken for one of them."""
    assert words.re_export(phyto(note("RPCPK", written))).packed is ticked


def test_each_note_of_a_re_export_has_its_own_name() -> None:
    """One note is said, one attribute is filled."""
    empty = words.re_export(phyto())
    filled = set()
    for subject in words.RE_EXPORT_SUBJECTS:
        said = words.re_export(phyto(note(subject, "True")))
        changed = [name for name in empty.__slots__ if getattr(said, name) != getattr(empty, name)]
        assert len(changed) == 1, subject
        filled.add(changed[0])

    assert filled == set(empty.__slots__)


def test_a_treatment_is_sorted_by_its_kinds() -> None:
    """A measure without text, a text, several of a kind, and what is of no kind."""

    def said(*texts: str, value: Measure | None = None) -> Characteristic:
        return Characteristic(descriptions=tuple(Text(text=each) for each in texts), value=value)

    heat, dose = Measure(value=Decimal("46.5"), unit="CEL"), Measure(value=Decimal(48), unit="A93")
    found = words.treatment_said(
        Treatment(
            type_code="ZZZ",
            characteristics=(
                said("TTL2", "vapour"),
                said("TTL1", "heat"),
                said("TTTM", value=heat),
                said("ttco", "low", value=dose),
                said("TTCH", "none", "at all"),
                said("TTFT", "Vapour heat"),
                said("TTAI", "dry"),
                said("of no kind", value=dose),
                said(value=heat),
            ),
        )
    )

    assert [each.text for each in found.types] == ["heat", "vapour"]
    assert found.temperature == (heat,)
    assert found.concentration == (Text(text="low"), dose)
    assert [each.text for each in found.chemical] == ["none", "at all"]
    assert [each.text for each in found.full_text] == ["Vapour heat"]
    assert [each.text for each in found.information] == ["dry"]
    assert found.others == (Text(text="of no kind"), dose, heat)


def test_classes_are_found_by_their_system() -> None:
    """The HS code of a line."""
    line = PhytoLine(sequence=1, classifications=(Classification(system="IPPCPCC"), Classification(system="hs", code="0810")))

    assert [each.code for each in words.class_names(line, "HS")] == ["0810"]


def test_every_code_has_both_names() -> None:
    """Tables are for people of both languages."""
    tables = (words.DOCUMENT_TYPES, words.STATUSES, words.SUBJECTS, words.TREATMENT_KINDS, words.MODES, words.SYSTEMS)

    assert all(vi and en and vi != en for table in tables for vi, en in table.values())
    assert len(words.SUBJECTS) == len(words.DOCUMENT_SUBJECTS) + len(words.LINE_SUBJECTS) + len(words.RE_EXPORT_SUBJECTS)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (unit_name("KGM", "vi"), "kg"),
        (unit_name("cel", "en"), "°C"),
        (unit_name("C62", "en"), "one (unit)"),
        (unit_name("@@@", "vi"), "@@@"),
        (package_name("CT", "vi"), "thùng các-tông"),
        (package_name("CT", "en"), "carton"),
        (package_name("", "en"), ""),
    ],
)
def test_units_and_packages_have_names_and_unknown_ones_stay(given: str, shown: str) -> None:
    """A symbol where there is one."""
    assert given == shown
