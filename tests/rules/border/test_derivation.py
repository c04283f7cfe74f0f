"""Border documents out of dossiers: what is there is taken over, what is not there is found by the rules, nothing breaks."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.message import BorderDocument, BorderMessage
from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import from_json, to_json
from hub.rules.border import derivation, facts, judging
from hub.rules.border.derivation import DERIVATIONS, Derived

EXPORT, IMPORT = "BNN&PTNT0300002", "BNNPTNT0300004"
FORM: dict[str, Any] = {
    "TypeCer": "1",
    "CountryExportName": "Indonesia",
    "CountryExportCode": "id",
    "DispatchNo": "VN-TEST-26-000017",
    "ExporterName": "Cong ty Mau",
    "ExporterAddress": "1 Duong Thu Nghiem, Can Tho",
    "ConsigneeName": "PT Contoh",
    "ConsigneeAddress": "Jalan Uji 2, Surabaya",
    "QuantityOfPackage": "2300",
    "TypeOfPackageCode": "CT",
    "LevelOfPackage": "1",
    "Marks": "LOT 7",
    "CodeOfOriginCountry": "VN",
    "NameOfOriginCountry": "Viet Nam",
    "NameOfOriginLocation": "Can Tho",
    "ModeOfTransport": "1",
    "NameOfMeanTransport": "MV TEST STAR",
    "TransportNumber": "V0042",
    "EntryPoint": "Surabaya",
    "ProductList": {
        "Product": [
            {
                "ProductName": "Dragon fruit",
                "BotanicalName": "Selenicereus undatus",
                "NetWeight": "18400.50",
                "NetWeightUnitCode": "KGM",
            },
            {"ProductName": "Longan", "BotanicalName": "Dimocarpus longan", "NetWeight": "2", "NetWeightUnitCode": "TNE"},
        ]
    },
    "AddDeclaration": "Free of fruit flies",
    "TreatmentName": "Vapour heat",
    "Duration": "40 min",
    "Date": "28/02/2026",
    "PlaceOfIssue": "Hai Phong",
    "DateIssue": "02/03/2026",
    "NameOfOfficer": "Nguyen Thu Nghiem",
}


def message(form: Any, event: Event = Event.LICENCE_ISSUED, procedure: str = EXPORT) -> DossierMessage:
    return DossierMessage(
        event=event, dossier=Dossier(code="QG26", numbering="vnsw", procedure=ProcedureRef(code=procedure), form=form)
    )


def derived(**changed: Any) -> Derived:
    found = derivation.derive(message({"PhytosanitaryCer": {**FORM, **changed}}), "VN")
    assert found is not None
    return found


def made(**changed: Any) -> BorderMessage:
    found = derived(**changed).message
    assert found is not None
    return found


def test_a_whole_form_becomes_a_certificate_that_keeps_the_rules() -> None:
    found = made()
    # The form counts the packages of all lines together.
    assert [each.path for each in judging.judge(found, date(2026, 3, 2))] == ["phyto.items.0.lines.1.packages"]
    assert not list(judging.refusing(judging.judge(found, date(2026, 3, 2))))
    assert (found.subject, found.importing_country) == ("border:phyto:VN:VN-TEST-26-000017", "ID")
    assert found.phyto is not None
    assert [line.sequence for line in found.phyto.items[0].lines] == [1, 2]
    assert str(found.phyto.items[0].lines[0].net_weight.value) == "18400.50"  # type: ignore[union-attr]
    assert (
        found.phyto.issued_at == "2026-03-02"
        and found.phyto.signing is not None
        and found.phyto.signing.place.name == "Hai Phong"
    )
    assert {note.subject: note.texts[0].text for note in found.phyto.notes} == {"ADEDL": "Free of fruit flies", "DMCL": "LOT 7"}
    assert found.phyto.items[0].lines[0].treatments[0].starts_at == "2026-02-28"


def test_a_certificate_for_re_export_names_the_original() -> None:
    found = made(TypeCer="2", FromCountry="Thailand", PhytoCerNo="TH-1", Repacked="1", Packed="0", CodeOfOriginCountry="TH")
    assert found.phyto is not None and found.phyto.type_code == "657"
    assert found.phyto.references[0].number == "TH-1"
    notes = {note.subject: note.texts[0].text for note in found.phyto.notes}
    assert (notes["RPCRF"], notes["RPCRP"], notes["RPCPK"]) == ("TH-1", "True", "False")
    assert not list(judging.refusing(judging.judge(found, date(2026, 3, 2))))


def test_one_product_need_not_stand_in_a_list() -> None:
    found = made(ProductList={"Product": FORM["ProductList"]["Product"][0]})
    assert found.phyto is not None and len(found.phyto.items[0].lines) == 1


@pytest.mark.parametrize(
    ("changed", "lacks"), [({"DispatchNo": ""}, "DispatchNo"), ({"CountryExportCode": None}, "CountryExportCode")]
)
def test_without_number_or_country_there_is_none(changed: dict[str, Any], lacks: str) -> None:
    assert derived(**changed) == Derived(lacks=lacks)


@pytest.mark.parametrize("value", ["NaN", "-1", "1e400", "9" * 40, "1E-40", "x", "", None, ["1"], {"a": 1}])
def test_a_number_that_is_none_is_left_out(value: Any) -> None:
    found = made(QuantityOfPackage=value, ProductList={"Product": [{"ProductName": "x", "NetWeight": value}]})
    assert found.phyto is not None
    line = found.phyto.items[0].lines[0]
    assert line.net_weight is None and (not line.packages or line.packages[0].count is None)


_any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FORM, "Product", "PhytoCerNo"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*FORM]), _any, max_size=12))
def test_whatever_stands_in_a_form_makes_a_value_or_says_what_lacks(changed: dict[str, Any]) -> None:
    found = derived(**changed)
    assert (found.message is None) == bool(found.lacks)
    if found.message is not None:
        assert from_json(to_json(found.message)) == found.message
        judging.judge(found.message, date(2026, 3, 2))
        facts.lines(found.message)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "PhytoCerNo"]), _any, max_size=4))
def test_numbers_are_found_in_any_form(form: dict[str, Any]) -> None:
    for document, number in derivation.numbers(message(form, Event.SUBMITTED, IMPORT)):
        assert document is BorderDocument.PHYTO and number


def test_a_number_is_found_at_any_depth_and_compared_without_blanks_and_case() -> None:
    form = {"A": [{"B": {"PhytoCerNo": " id-01 / 2026 "}}], "PhytoCerNo": "ID012026"}
    assert derivation.numbers(message(form, Event.SUBMITTED, IMPORT)) == ((BorderDocument.PHYTO, "ID012026"),)


def test_a_form_as_deep_as_a_well_is_looked_into_only_so_far() -> None:
    form: dict[str, Any] = {"PhytoCerNo": "X1"}
    for _ in range(5000):
        form = {"a": form}
    assert derivation.numbers(message(form, Event.SUBMITTED, IMPORT)) == ()


def test_other_procedures_and_events_mean_nothing() -> None:
    assert derivation.derive(message({"PhytosanitaryCer": FORM}, Event.RECEIVED), "VN") is None
    assert derivation.derive(message({"PhytosanitaryCer": FORM}, procedure="BCT1"), "VN") is None
    assert not derivation.concerns(message({}, procedure="BCT1")) and derivation.concerns(message({}))
    assert derivation.numbers(message({"PhytoCerNo": "X"}, Event.SUBMITTED, "BCT1")) == ()


def test_all_that_ships_is_marked_assumed() -> None:
    assert DERIVATIONS.gives and DERIVATIONS.names
    assert all(each.assumed for each in (*DERIVATIONS.gives, *DERIVATIONS.names))


@pytest.mark.parametrize(("one", "other"), [("VN-ID 26/09/00017", "vnid260900017"), ("ＶＮ１", "vn1"), ("Đ-1", "1")])
def test_numbers_are_compared_by_capitals_and_digits(one: str, other: str) -> None:
    assert facts.number_key(one) == facts.number_key(other)


def test_a_number_without_any_is_compared_as_it_is() -> None:
    assert facts.number_key("测试") == "测试" and facts.number_key("--") == "--"
