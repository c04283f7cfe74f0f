"""Schemas and registry together: every registered message has a valid sample, and is told apart from an invalid one."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from adapters.single_window.registry import GEN2, XS, registry
from adapters.single_window.samples import generator
from hub.errors import Fault
from hub.rules import signatures, xml

#: One message of each structure; its other functions have the same.
STRUCTURES = {
    (procedure.structures[row.service].file, row.root, row.beside): (procedure.document_type, row.type, row.function)
    for procedure in registry().procedures.values()
    for row in procedure.rows
}


def faults_of(document: bytes) -> tuple[Fault, ...]:
    root = xml.parse(document)
    names = [xml.text(root, f"Header/Subject/{name}") for name in ("documentType", "type", "function")]
    procedure = registry().procedures[names[0]]
    return procedure.structures[f"{names[1]}/{names[2]}"].faults(root)


@pytest.mark.parametrize("office", sorted({one.office_code for one in registry().procedures.values()}))
def test_a_sample_of_every_registered_message_is_valid(office: str) -> None:
    for procedure in registry().procedures.values():
        if procedure.office_code == office:
            for row in procedure.rows:
                assert faults_of(generator.message(procedure.document_type, row.type, row.function)) == (), row


def test_samples_of_every_structure_are_valid_whatever_the_seed() -> None:
    for names in STRUCTURES.values():
        for seed in range(2, 4):
            assert faults_of(generator.message(*names, seed=seed)) == (), names


def requires(file: Path, root: str) -> bool:
    """Say whether a structure has an element that must be there."""
    children = xml.parse(file.read_bytes()).iterfind(f"{XS}element[@name='{root}']/{XS}complexType/*/{XS}element")
    return any(child.get("minOccurs") != "0" for child in children)


def test_a_content_without_what_must_be_there_is_told() -> None:
    for (file, name, _), names in STRUCTURES.items():
        root = xml.parse(generator.message(*names))
        content = root.find("Body/Content/*")
        assert content is not None
        content[:] = []

        assert any(fault.code == "missing" for fault in faults_of(xml.serialise(root))) == requires(file, name), names


def test_agriculture_has_every_message_of_its_procedure() -> None:
    expected = {
        "to_ministry": "10/01 10/02 10/03 12/04 13/08 15/11",
        "to_gateway": "11/05 11/06 11/07 14/09 14/10 16/12 16/13 17/14 17/16 18/15 18/17 19/18",
    }
    rows = registry().procedures["BNNPTNT0600009"].rows

    assert {d: " ".join(sorted(row.service for row in rows if row.direction == d)) for d in expected} == expected
    assert not any(row.assumed for row in rows)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert generator.application(seed=5) == generator.application(seed=5)
    assert generator.application(seed=5) != generator.application(seed=6)


def test_subject_is_read_in_any_order() -> None:
    root = xml.parse(generator.application())
    subject = root.find("Header/Subject")
    assert subject is not None
    children = list(subject)
    for order in list(permutations(children))[:: len(children) * 99]:
        subject[:] = order
        assert faults_of(xml.serialise(root)) == ()


@pytest.mark.parametrize("path", ["Header/Subject/preDocumentYear", "Header/From/unitCode", "Header/Reference", "Body/Signature"])
def test_what_some_writers_leave_out_may_be_left_out(path: str) -> None:
    root = xml.parse(generator.application())
    element = root.find(path)
    assert element is not None
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)

    assert faults_of(xml.serialise(root)) == ()


def test_a_date_may_be_empty_in_content_and_not_in_the_header() -> None:
    root = xml.parse(generator.message("BNNPTNT0600009", "13", "08"))
    for path in ("Body/Content/RequestCancel/RequestDate", "Header/Subject/sendDate"):
        element = root.find(path)
        assert element is not None
        element.text = ""

    assert [fault.path for fault in faults_of(xml.serialise(root))] == ["/Envelope/Header/Subject/sendDate"]


def test_a_signature_at_the_end_of_the_envelope_is_tolerated() -> None:
    root = xml.parse(generator.application())
    root.append(xml.parse(f'<ds:Signature xmlns:ds="{signatures.DS[1:-1]}"><ds:SignedInfo/></ds:Signature>'.encode()))

    assert faults_of(xml.serialise(root)) == ()


def test_an_element_without_namespace_at_the_end_of_the_envelope_is_not() -> None:
    root = xml.parse(generator.application())
    root.append(xml.from_tree("Extra", {}))

    assert [fault.code for fault in faults_of(xml.serialise(root))] == ["unexpected"]


def test_all_eleven_faults_are_named_at_once() -> None:
    paths = [fault.path for fault in faults_of(generator.eleven_faults())]

    assert len(paths) == len(set(paths)) == 11


def test_the_receipt_schema_takes_both_answers() -> None:
    schema = xml.load_schema(GEN2 / "receipt.xsd")
    root = xml.parse(generator.application())
    content = root.find("Body/Content")
    assert content is not None
    for tree in ({"ReceiveDate": "2026-03-02 09:15:05"}, {"ErrorList": {"Error": {"ErrorCode": "ERR02_CODE", "ErrorName": "x"}}}):
        ((name, value),) = tree.items()
        content[:] = [xml.from_tree(name, value if isinstance(value, dict) else {"#text": value})]
        assert xml.faults(schema, root) == ()
    content[:] = [xml.from_tree("ReceiveDate", {"#text": "today"})]
    assert len(xml.faults(schema, root)) == 1
