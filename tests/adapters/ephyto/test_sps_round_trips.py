"""What is written is read again without loss, in both forms, and what was read is written as it stood."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from adapters.ephyto import sps
from hub.canonical.border.phyto import Phyto
from hub.errors import InvalidMessage
from tests.adapters.ephyto.phytos import certificate, phytos

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@QUICK
@given(phytos)
def test_every_certificate_is_read_as_it_was_written(phyto: Phyto) -> None:
    """A value, its bytes, and the value again; the bytes hold to the schema, in both forms."""
    written, typed = sps.write_certificate(phyto), sps.write_certificate(phyto, typed=True)

    assert sps.read_certificate(written) == phyto
    assert sps.read_certificate(typed) == phyto
    assert written == sps.write_certificate(phyto)
    assert sps.schema_faults(written) == ()
    assert sps.schema_faults(typed) == ()


@QUICK
@given(phytos)
def test_a_certificate_is_judged_whatever_it_says(phyto: Phyto) -> None:
    """Nothing that can be written makes the judge fail; each finding has its place and both languages."""
    for found in sps.judge(phyto):
        assert found.field
        assert found.vi
        assert found.en


@pytest.mark.parametrize("name", ["export_851", "re_export_657"])
def test_a_certificate_of_others_is_written_with_all_that_it_said(name: str) -> None:
    """Every text and every attribute of the document that came is in the one that is written, at the same place."""
    came = certificate(name)
    phyto, files = sps.read_with_files(came)
    contents = {file.digest: b"".join(file.pieces()) for file in files}

    written = sps.write_certificate(phyto, contents)

    assert phyto.unplaced == ()
    assert set(_said(came)) <= set(_said(written))
    assert [each for each in _said(came) if each[1]] == [each for each in _said(written) if each[1]]


def _said(document: bytes) -> list[tuple[str, str]]:
    """Give every path by local names, with the text and the attributes there."""
    root = etree.fromstring(document)
    found = []
    for element in root.iter("*"):
        above = [etree.QName(each).localname for each in element.iterancestors()]
        path = "/".join([*reversed(above), etree.QName(element).localname])
        found.append((path, "" if len(element) else element.text or ""))
        found.extend((f"{path}/@{name}", str(value)) for name, value in sorted(element.items()))
    return found


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"issuer": "a\x00b"}, "/phyto/issuer"),
        ({"number": "\ud800"}, "/phyto/number"),
        ({"examination": "\x0b"}, "/phyto/examination"),
    ],
)
def test_what_xml_cannot_hold_is_told_with_its_place(change: dict[str, str], path: str) -> None:
    """No exception but ours, and all at once."""
    phyto = sps.read_certificate(certificate("re_export_657")).model_copy(update={**change, "name": "\x01"})

    with pytest.raises(InvalidMessage) as refused:
        sps.write_certificate(phyto)

    assert {fault.path for fault in refused.value.faults} == {path, "/phyto/name"}
    assert {fault.code for fault in refused.value.faults} == {"bad_character"}


def test_more_lines_of_an_address_than_there_is_room_for_are_refused() -> None:
    """A line is never left out."""
    phyto = sps.read_certificate(certificate("re_export_657"))
    assert phyto.consignor is not None
    long = phyto.consignor.model_copy(update={"lines": tuple("abcdef")})

    with pytest.raises(InvalidMessage) as refused:
        sps.write_certificate(phyto.model_copy(update={"consignor": long}))

    assert [(fault.path, fault.code) for fault in refused.value.faults] == [("/phyto/consignor/lines", "too_many")]


def test_the_form_of_the_contract_has_four_elements_in_no_namespace() -> None:
    """Only those, and only in that form."""
    phyto, files = sps.read_with_files(certificate("export_851"))
    contents = {file.digest: b"".join(file.pieces()) for file in files}

    def bare(document: bytes) -> list[str]:
        return [str(each.tag) for each in etree.fromstring(document).iter("*") if "}" not in str(each.tag)]

    assert bare(sps.write_certificate(phyto, contents)) == []
    assert bare(sps.write_certificate(phyto, contents, typed=True)) == ["ID", "ID", "NatureIdentificationSPSCargo", "TypeCode"]


def test_a_certificate_is_never_written_without_its_file() -> None:
    """The file's bytes are not there: nothing is written."""
    phyto, _ = sps.read_with_files(certificate("export_851"))

    with pytest.raises(InvalidMessage) as refused:
        sps.write_certificate(phyto)

    assert [(fault.path, fault.code) for fault in refused.value.faults] == [("/phyto/references/0/file", "without_content")]
    assert sps.file_names(phyto) == (phyto.references[0].file.url,)  # type: ignore[union-attr]
