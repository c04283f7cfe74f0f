"""The rules on phytosanitary certificates: each is broken by one change, and each boundary is where the sentence says it is."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.parts import BorderParty, Country, Measure, Package, Text
from hub.canonical.border.phyto import (
    Characteristic,
    Clause,
    Note,
    Phyto,
    PhytoItem,
    PhytoLine,
    ReferencedDocument,
    Signing,
    Treatment,
)
from hub.rules.border import moments, phyto_rules
from hub.rules.border.phyto_checks import STATUSES
from tests.rules.border.border_samples import CERTIFICATE, TODAY, kilograms, line, phyto, treatment

AMOUNTS = st.none() | st.decimals(min_value=0, max_value=10**6, places=2)


def broken(certificate: Phyto, today: date | None = TODAY) -> list[tuple[str, str]]:
    return [(found.rule, found.path) for found in phyto_rules.judge_phyto(certificate, today, outgoing=True)]


def rules(certificate: Phyto, today: date | None = TODAY) -> set[str]:
    return {rule for rule, _ in broken(certificate, today)}


def lines(*given_lines: PhytoLine) -> Phyto:
    return phyto(items=(PhytoItem(lines=given_lines),))


def note(subject: str, text: str = "x") -> Note:
    return Note(subject=subject, texts=(Text(text=text),))


def original(**values: Any) -> ReferencedDocument:
    return ReferencedDocument(**({"relationship": "AWR", "number": "TH-1"} | values))


BREAKS: dict[str, tuple[Phyto, str]] = {
    "P01": (phyto(type_code="853"), "type_code"),
    "P02": (phyto(status="99"), "status"),
    "P03": (phyto(issued_at="hôm qua"), "issued_at"),
    "P04": (phyto(signing=Signing(officer="Nguyễn Thử Nghiệm", clauses=(Clause(id=1),))), "signing.place"),
    "P05": (phyto(signing=phyto().signing.model_copy(update={"clauses": ()})), "signing.clauses"),  # type: ignore[union-attr]
    "P06": (phyto(consignee=BorderParty(name="PT CONTOH PENERIMA")), "consignee"),
    "P07": (phyto(import_country=Country(code="VN")), "import_country.code"),
    "P08": (phyto(movements=()), "movements"),
    "P09": (phyto(unloading=None), "unloading"),
    "P10": (phyto(notes=(note("ADRPR", "sai tên khoa học"),)), "notes"),
    "P11": (phyto(notes=(note("ADRP"), note("ADRPN", f" {CERTIFICATE}"))), "notes.1"),
    "P12": (phyto(type_code="657"), "references"),
    "P13": (phyto(notes=(note("RPCOC", "True"),)), "notes.0"),
    "P14": (phyto(items=(PhytoItem(),)), "items"),
    "P15": (lines(line(1), line(1)), "items.0.lines.1"),
    "P16": (lines(line(1, descriptions=(Text(text=" "),), scientific_names=())), "items.0.lines.0"),
    "P17": (lines(line(1, scientific_names=())), "items.0.lines.0.scientific_names"),
    "P18": (lines(line(1, origins=(Country(),))), "items.0.lines.0.origins"),
    "P19": (lines(line(1, net_weight=None, gross_weight=None, packages=(Package(kind="CT"),))), "items.0.lines.0"),
    "P20": (lines(line(1, net_volume=Measure(value=Decimal(3)))), "items.0.lines.0"),
    "P21": (lines(line(1, net_weight=kilograms(20011))), "items.0.lines.0.net_weight"),
    "P22": (lines(line(1, notes=(note("OPTND", "2300 thùng"),))), "items.0.lines.0.packages"),
    "P23": (lines(line(1, packages=())), "items.0.lines.0.packages"),
    "P24": (lines(line(1, notes=(note("OQV", "2300"),))), "items.0.lines.0.notes"),
    "P25": (lines(line(1, treatments=(treatment(characteristics=()),))), "items.0.lines.0.treatments.0"),
    "P26": (lines(line(1, treatments=(treatment(ends_at="2026-03-01"),))), "items.0.lines.0.treatments.0"),
    "P27": (lines(line(1, common_names=(Text(text="NULL"),))), "items.0.lines.0.common_names.0.text"),
}
#: Broken by the same change: goods without any name have no botanical one.
ALSO = {"P16": [("P17", "items.0.lines.0.scientific_names")]}


def test_a_certificate_that_keeps_every_rule_has_no_finding() -> None:
    assert broken(phyto()) == []


def test_every_rule_is_broken_below() -> None:
    assert list(BREAKS) == [rule.number for rule in phyto_rules.RULES]


@pytest.mark.parametrize("number", BREAKS)
def test_one_change_breaks_one_rule_in_its_place(number: str) -> None:
    certificate, place = BREAKS[number]

    assert broken(certificate) == [(number, place), *ALSO.get(number, [])]


@pytest.mark.parametrize("number", BREAKS)
def test_what_goes_out_is_refused_and_what_comes_in_is_told_as_the_table_says(number: str) -> None:
    certificate, _ = BREAKS[number]
    (rule,) = (each for each in phyto_rules.RULES if each.number == number)

    for outgoing, level in ((True, rule.outgoing), (False, rule.incoming)):
        found = phyto_rules.judge_phyto(certificate, TODAY, outgoing=outgoing)
        assert [each.level for each in found if each.rule == number] == [level]


@given(st.text("0123456789 ", max_size=3))
@settings(max_examples=150, deadline=None)
def test_types_and_statuses_are_those_of_the_lists(code: str) -> None:
    assert ("P01" in rules(phyto(type_code=code, references=(original(),)))) == (code not in ("851", "657"))
    assert ("P02" in rules(phyto(status=code))) == (code not in STATUSES)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(-12, 14), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_day_is_as_it_is_written_whatever_its_zone(at: datetime, hours: int, whole: bool) -> None:
    zone = timezone(timedelta(hours=hours))
    text = at.date().isoformat() if whole else at.replace(tzinfo=zone).isoformat()

    assert moments.day(text) == at.date()
    assert ("P03" in rules(phyto(issued_at=text), TODAY)) == (at.date() > TODAY)
    assert "P03" not in rules(phyto(issued_at=text), None)


@given(AMOUNTS, AMOUNTS, st.sampled_from(["KGM", "TNE"]))
@settings(max_examples=200, deadline=None)
def test_net_is_not_above_gross_in_one_unit(net: Decimal | None, gross: Decimal | None, unit: str) -> None:
    one = None if net is None else kilograms(str(net))
    other = None if gross is None else Measure(value=gross, unit=unit)

    found = rules(lines(line(1, net_weight=one, gross_weight=other)))

    assert ("P21" in found) == (net is not None and gross is not None and unit == "KGM" and net > gross)


@given(AMOUNTS, AMOUNTS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_line_says_how_much_there_is(weight: Decimal | None, count: Decimal | None, other: bool) -> None:
    notes = (note("OQV", "20"), note("OQU", "bó")) if other else ()
    packed = (Package(kind="CT", count=count),)
    weighed = None if weight is None else kilograms(str(weight))

    found = rules(lines(line(1, net_weight=weighed, gross_weight=None, packages=packed, notes=notes)))

    assert ("P19" in found) == (not (bool(weight) or bool(count) or other))


@given(st.booleans(), st.booleans())
def test_packaging_is_said_one_way(coded: bool, in_words: bool) -> None:
    packages = (Package(kind="CT", count=Decimal(1)),) if coded else ()
    notes = (note("OPTND", "xếp rời"),) if in_words else ()

    found = rules(lines(line(1, packages=packages, notes=notes)))

    assert found == {(True, True): {"P22"}, (False, False): {"P23"}}.get((coded, in_words), set())


@given(st.sets(st.sampled_from(["ADRP", "ADRPN", "ADRPR", "ADRD"])), st.sampled_from(["VN-OLD-1", " "]))
@settings(max_examples=60, deadline=None)
def test_what_replaces_names_what_it_replaces(subjects: set[str], text: str) -> None:
    """A note without a text says nothing."""
    said = subjects if text.strip() else set()

    found = rules(phyto(notes=tuple(note(subject, text) for subject in sorted(subjects))))

    assert ("P10" in found) == (bool(said & {"ADRP", "ADRPR", "ADRD"}) and "ADRPN" not in said)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"references": (original(),)}, True),
        ({"references": (original(number=""),)}, False),
        ({"references": (original(relationship="ZZZ"),)}, False),
        ({"notes": (note("RPCRF", "TH-1"),)}, True),
        ({"notes": (note("RPCNC", "True"),)}, False),
    ],
)
def test_a_certificate_for_reexport_refers_to_the_original(changed: dict[str, Any], named: bool) -> None:
    assert ("P12" in rules(phyto(type_code="657", **changed))) == (not named)


@given(st.integers(-3000, 3000), st.integers(-12, 12))
@settings(max_examples=100, deadline=None)
def test_a_treatment_ends_after_it_starts_whatever_its_zones(minutes: int, hours: int) -> None:
    begun = datetime(2026, 3, 2, 8, tzinfo=timezone(timedelta(hours=7)))
    ended = (begun + timedelta(minutes=minutes)).astimezone(timezone(timedelta(hours=hours)))
    treated = treatment(starts_at=begun.isoformat(), ends_at=ended.isoformat())

    assert ("P26" in rules(lines(line(1, treatments=(treated,))))) == (minutes < 0)


@pytest.mark.parametrize(
    ("treated", "whole"),
    [
        (treatment(), True),
        (treatment(type_code="1"), False),
        (Treatment(type_code="ZZZ", characteristics=(Characteristic(descriptions=(Text(text="TTFT"),)),)), False),
        (Treatment(type_code="ZZZ", characteristics=(Characteristic(descriptions=(Text(text="TTCH"), Text(text="x"))),)), False),
    ],
)
def test_a_treatment_has_its_whole_text(treated: Treatment, whole: bool) -> None:
    assert ("P25" in rules(lines(line(1, treatments=(treated,))))) == (not whole)


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_text_of_a_moment_makes_the_rules_fail(text: str) -> None:
    rules(phyto(issued_at=text, items=(PhytoItem(lines=(line(1, treatments=(treatment(starts_at=text, ends_at=text),)),)),)))
