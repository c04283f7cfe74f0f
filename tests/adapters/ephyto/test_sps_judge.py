"""What the profile says of a certificate, place by place."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any

import pytest

from adapters.ephyto import sps, sps_codes
from hub.canonical.border.parts import Country, Measure, Package, Place, Text
from hub.canonical.border.phyto import Characteristic, Classification, Clause, Movement, Note, Phyto, ReferencedDocument
from tests.adapters.ephyto.phytos import certificate

EXPORT = sps.read_certificate(certificate("export_851"))
RE_EXPORT = sps.read_certificate(certificate("re_export_657"))


def said(phyto: Phyto) -> set[tuple[str, str]]:
    return {(each.field, each.level) for each in sps.judge(phyto)}


def note(subject: str, text: str) -> Note:
    return Note(subject=subject, texts=(Text(text=text),))


@pytest.mark.parametrize("phyto", [EXPORT, RE_EXPORT])
def test_nothing_severe_is_said_of_a_right_certificate(phyto: Phyto) -> None:
    """Neither of one for export nor of one for re-export."""
    assert sps.severe(sps.judge(phyto)) == []


WHOLE: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "subject": ({"notes": (note("XYZ", "a"),)}, ("notes.0.subject", "WARNING")),
    "line subject on the document": ({"notes": (note("OPTND", "a"),)}, ("notes.0.subject", "WARNING")),
    "liability": ({"notes": (note("SPSFL", "the first"),)}, ("notes", "WARNING")),
    "box": ({"notes": (note("RPCPK", "maybe"),)}, ("notes", "WARNING")),
    "relationship": (
        {"references": (ReferencedDocument(type_code="851", relationship="ABC"),)},
        ("references.0.relationship", "WARNING"),
    ),
    "moment": ({"references": (ReferencedDocument(issued_at="27/02/2026"),)}, ("references.0.issued_at", "WARNING")),
    "country": ({"export_country": Country(code="vn")}, ("export_country.code", "SEVERE")),
    "port": ({"unloading": Place(code="SURABAYA")}, ("unloading.code", "WARNING")),
    "mode": ({"movements": (Movement(mode="99"),)}, ("movements.0.mode", "WARNING")),
    "status": ({"status": "11"}, ("status", "SEVERE")),
    "type": ({"type_code": "852"}, ("type_code", "SEVERE")),
}


@pytest.mark.parametrize("case", WHOLE)
def test_the_document_is_held_against_its_lists(case: str) -> None:
    """One thing is wrong, and it is said at its place; it was not said before."""
    change, expected = WHOLE[case]

    assert expected not in said(EXPORT)
    assert expected in said(EXPORT.model_copy(update=change))


LINE: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "subject": ({"notes": (note("ADEDL", "a"),)}, ("notes.0.subject", "WARNING")),
    "unit": ({"net_weight": Measure(value=Decimal(1), unit="QQQ")}, ("net_weight", "WARNING")),
    "unit of something else": ({"net_weight": Measure(value=Decimal(1), unit="LTR")}, ("net_weight", "WARNING")),
    "package": ({"packages": (Package(kind="@@", count=Decimal(1)),)}, ("packages.0.kind", "WARNING")),
    "system": ({"classifications": (Classification(system="CN"),)}, ("classifications.0.system", "WARNING")),
    "origin": ({"origins": (Country(code="Vietnam"),)}, ("origins.0.code", "SEVERE")),
}


@pytest.mark.parametrize("case", LINE)
def test_lines_are_held_against_their_lists(case: str) -> None:
    """As the document is."""
    change, (field, level) = LINE[case]
    item = EXPORT.items[0]
    line = item.lines[0].model_copy(update=change)
    phyto = EXPORT.model_copy(update={"items": (item.model_copy(update={"lines": (line,)}),)})

    assert (f"items.0.lines.0.{field}", level) in said(phyto) - said(EXPORT)


def test_clauses_and_treatments_are_held_against_their_lists() -> None:
    """A third clause, a process of another type, a characteristic without kind, a duration in kilograms."""
    item = EXPORT.items[0]
    treatment = item.lines[0].treatments[0].model_copy(
        update={
            "type_code": "1",
            "duration": Measure(value=Decimal(1), unit="KGM"),
            "starts_at": "yesterday",
            "characteristics": (Characteristic(descriptions=(Text(text="heat"),)),),
        }
    )
    line = item.lines[0].model_copy(update={"treatments": (treatment,)})
    assert EXPORT.signing is not None
    signing = EXPORT.signing.model_copy(update={"clauses": (Clause(id=1), Clause(id=3))})
    phyto = EXPORT.model_copy(
        update={"signing": signing, "items": (item.model_copy(update={"lines": (line,)}),)}
    )
    at = "items.0.lines.0.treatments.0"

    assert {field for field, _ in said(phyto) - said(EXPORT)} >= {
        "signing.clauses",
        f"{at}.type_code",
        f"{at}.duration",
        f"{at}.starts_at",
        f"{at}.characteristics.0",
    }


def test_what_cannot_be_written_of_a_party_is_told() -> None:
    """The electronic certificate has no field for a tax number."""
    assert EXPORT.consignor is not None
    consignor = EXPORT.consignor.model_copy(update={"tax_id": "0000000000", "country": "VN"})

    assert said(EXPORT.model_copy(update={"consignor": consignor})) - said(EXPORT) == {
        ("consignor.country", "INFO"),
        ("consignor.tax_id", "INFO"),
    }


@pytest.mark.parametrize("name", ["units", "packages"])
def test_code_lists_name_each_code_once_in_both_languages(name: str) -> None:
    """A list with two rows for a code would say one of them by chance."""
    with (sps_codes._CODES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert len({row["code"] for row in rows}) == len(rows)
    assert all(row["vi"] and row["en"] and None not in row for row in rows)
