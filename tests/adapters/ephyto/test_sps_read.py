"""Certificates as they come: drift is read, what has no place is listed, what is wrong is told all at once."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from adapters.ephyto import sps
from adapters.ephyto.sps_read_elements import MOST_FILES, MOST_UNPLACED
from hub.canonical.border.phyto import Phyto
from hub.errors import InvalidMessage
from tests.adapters.ephyto.phytos import certificate

EXPORT, RE_EXPORT = certificate("export_851"), certificate("re_export_657")


def changed(old: str, new: str, document: bytes = EXPORT) -> bytes:
    text = document.decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def refused(document: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        sps.read_certificate(document)
    assert all(fault.vi and fault.en for fault in caught.value.faults)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def test_the_whole_tree_has_a_place() -> None:
    """Each box of a certificate for export."""
    phyto, files = sps.read_with_files(EXPORT)
    line = phyto.items[0].lines[0]

    assert phyto.unplaced == ()
    assert (phyto.number, phyto.type_code, phyto.status) == ("VN-THU-2026-000101", "851", "70")
    assert phyto.issued_at == "2026-02-27T09:15:00+07:00"
    assert [text.language for text in phyto.notes[1].texts] == ["en", "vi"]
    assert phyto.signing is not None
    assert (phyto.signing.at, phyto.signing.place.code, phyto.signing.officer) == ("", "VNHPH", "Nguyễn Thử Nghiệm")
    assert [clause.id for clause in phyto.signing.clauses] == [1, 2]
    assert phyto.consignor is not None
    assert phyto.consignor.types == (("GROWER", "Chain"),)
    assert phyto.consignee is not None
    assert phyto.consignee.lines == ("Jalan Uji 2", "", "Surabaya")
    assert [each.code for each in phyto.transit_countries] == ["SG"]
    assert phyto.equipment[0].seals == ("SEAL-01",)
    assert phyto.items[0].cargo_types == ("12",)
    assert line.net_weight is not None
    assert str(line.net_weight.value) == "18400.50"
    assert line.origins[0].subdivision == "Bình Thuận"
    assert line.treatments[0].duration is not None
    assert line.treatments[0].characteristics[1].value is not None
    assert line.treatments[0].characteristics[1].value.value == Decimal("46.5")
    assert [file.size for file in files] == [23]
    assert phyto.references[0].file is not None
    assert phyto.references[0].file.digest == files[0].digest
    assert (phyto.references[0].media_type, phyto.references[0].issued_at) == ("text/plain", "2026-02-26")


def test_the_unqualified_form_and_an_empty_clause_are_read() -> None:
    """Re-export, as a client of the service's contract writes it; the clause has no number."""
    phyto = sps.read_certificate(RE_EXPORT)

    assert phyto.unplaced == ()
    assert (phyto.equipment[0].id, phyto.equipment[0].seals) == ("TEST0000002", ("SEAL-02",))
    assert phyto.items[0].cargo_types == ("11",)
    assert phyto.signing is not None
    assert [clause.id for clause in phyto.signing.clauses] == [0]


def _escaped(document: bytes) -> bytes:
    text = document.decode()
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").encode()


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda document: document,
    "escaped": _escaped,
    "escaped twice": lambda document: _escaped(_escaped(document)),
    "CDATA": lambda document: b"\n<![CDATA[" + document + b"]]> ",
    "Base64": base64.b64encode,
    "Base64 in lines": base64.encodebytes,
    "BOM": lambda document: b"\xef\xbb\xbf" + document,
    "UTF-16 said of a text": lambda document: document.replace(b'encoding="UTF-8"', b'encoding="utf-16"'),
    "other prefixes": lambda document: document.replace(b"ram:", b"x-1:").replace(b"xmlns:ram", b"xmlns:x-1"),
    "other capitals": lambda document: re.sub(
        rb"(</?ram:)(\w+)", lambda found: found[1] + found[2].replace(b"SPS", b"Sps").replace(b"ID", b"Id"), document
    ),
    "capital S of the qualified types": lambda document: document.replace(
        b"urn:un:unece:uncefact:data:standard:UnqualifiedDataType:21",
        b"urn:un:unece:uncefact:data:Standard:QualifiedDataType:21",
    ),
    "DateTime": lambda document: document.replace(b"udt:DateTimeString", b"udt:DateTime"),
    "comments": lambda document: document.replace(b"VN-THU-", b"VN<!-- -->-THU-"),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_drift_is_read_as_the_same_certificate(wrapping: str) -> None:
    """Whatever is around it, and however its names are spelt."""
    assert sps.read_certificate(WRAPPINGS[wrapping](EXPORT)) == sps.read_certificate(EXPORT)


@pytest.mark.parametrize("written", ["", "2026-02-27", "2026-02-27T09:15:00", "2026-02-27T09:15:00-05:00", "27 FEB 2026"])
def test_a_moment_is_kept_as_it_is_written(written: str) -> None:
    """No hour is added, no offset moved, nothing refused."""
    phyto = sps.read_certificate(changed("2026-02-27T09:15:00+07:00", written))

    assert phyto.issued_at == written


UNPLACED = {
    "an element of a later edition": (
        "<ram:IssuerSPSParty>",
        "<ram:CopyIndicator>false</ram:CopyIndicator><ram:IssuerSPSParty>",
        [("/SPSCertificate/SPSExchangedDocument/CopyIndicator", "false")],
    ),
    "an attribute": (
        "<ram:TypeCode>851",
        '<ram:TypeCode listID="1001">851',
        [("/SPSCertificate/SPSExchangedDocument/TypeCode/@listID", "1001")],
    ),
    "a second one of what is there once": (
        "<ram:Name/>\n",
        "<ram:Name>One</ram:Name><ram:Name>Two</ram:Name>\n",
        [("/SPSCertificate/SPSExchangedDocument/Name[2]", "Two")],
    ),
    "the same name in another namespace": (
        "<ram:Name/>\n",
        '<Name xmlns="urn:example:other">Else</Name>\n',
        [("/SPSCertificate/SPSExchangedDocument/Name", "Else")],
    ),
    "a unit without quantity": (
        '<ram:GrossWeightMeasure unitCode="KGM">20010.5</ram:GrossWeightMeasure>',
        '<ram:GrossWeightMeasure unitCode="KGM"/>',
        [
            (
                "/SPSCertificate/SPSConsignment/IncludedSPSConsignmentItem/IncludedSPSTradeLineItem/GrossWeightMeasure/@unitCode",
                "KGM",
            )
        ],
    ),
    "a text between elements": (
        "<rsm:SPSConsignment>",
        "<rsm:SPSConsignment>stray",
        [("/SPSCertificate/SPSConsignment/text()", "stray")],
    ),
    "a tree, with all that is below it": (
        "<rsm:SPSConsignment>",
        "<rsm:SPSConsignment><ram:New><ram:A>1</ram:A><ram:A x='2'>3</ram:A></ram:New>",
        [
            ("/SPSCertificate/SPSConsignment/New/A[1]", "1"),
            ("/SPSCertificate/SPSConsignment/New/A[2]/@x", "2"),
            ("/SPSCertificate/SPSConsignment/New/A[2]", "3"),
        ],
    ),
}


@pytest.mark.parametrize("case", UNPLACED)
def test_what_has_no_place_is_listed(case: str) -> None:
    """Never dropped without a word; the certificate is read all the same."""
    old, new, listed = UNPLACED[case]
    phyto = sps.read_certificate(changed(old, new))

    assert [(each.path, each.text) for each in phyto.unplaced] == listed
    assert {"INFO"} == {each.level for each in sps.judge(phyto) if each.area == "Schema"}


def test_elements_inside_a_text_are_listed_with_the_text_after_them() -> None:
    """The text before them is the text; the rest is not lost."""
    phyto = sps.read_certificate(changed("Indonesia</ram:Name>", "Indo<ram:b>ne</ram:b>sia</ram:Name>"))

    assert phyto.import_country.names[0].text == "Indo"
    assert [each.text for each in phyto.unplaced] == ["ne", "sia"]


def test_a_flood_of_strange_elements_is_counted() -> None:
    """Some are listed, the others counted, and it takes no time."""
    phyto = sps.read_certificate(changed("<rsm:SPSConsignment>", "<rsm:SPSConsignment>" + "<ram:Z>1</ram:Z>" * 5_000))

    assert len(phyto.unplaced) == MOST_UNPLACED + 1
    assert phyto.unplaced[-1].text == f"+ {5_000 - MOST_UNPLACED}"


def test_every_fault_of_a_real_kind_of_sample_is_named() -> None:
    """An undeclared prefix does not hide what else is wrong in the same document."""
    item = "/SPSCertificate/SPSConsignment/IncludedSPSConsignmentItem/IncludedSPSTradeLineItem"

    assert refused(certificate("prefixes_and_nulls")) == [
        ("line 3", "not_well_formed"),
        ("/SPSCertificate/SPSExchangedDocument/StatusCode", "bad_value"),
        ("/SPSCertificate/SPSExchangedDocument/IssuerSPSParty/Name", "bad_value"),
        (f"{item}/SequenceNumeric", "bad_type"),
        (f"{item}/NetWeightMeasure", "bad_type"),
    ]


FAULTS = {
    "not XML, not Base64": (b"hello world, this is text", [("/", "not_well_formed")]),
    "empty": (b"  ", [("/", "missing")]),
    "another document": (b"<Invoice/>", [("/", "unexpected")]),
    "an entity": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><SPSCertificate>&x;</SPSCertificate>', [("/", "dtd")]),
    "cut": (EXPORT[:2000], [("line 27", "not_well_formed")]),
    "no sections": (
        b"<SPSCertificate/>",
        [("/SPSCertificate/SPSExchangedDocument", "missing"), ("/SPSCertificate/SPSConsignment", "missing")],
    ),
    "two numbers": (
        changed("<ram:ID>VN-THU-2026-000101</ram:ID>", "<ram:ID>A</ram:ID><ram:ID>B</ram:ID>"),
        [("/SPSCertificate/SPSExchangedDocument/ID[2]", "repeated")],
    ),
    "no number, no status": (
        changed("VN-THU-2026-000101", "", changed("<ram:StatusCode>70</ram:StatusCode>", "")),
        [("/SPSCertificate/SPSExchangedDocument/ID", "missing"), ("/SPSCertificate/SPSExchangedDocument/StatusCode", "missing")],
    ),
    "NULL in an attribute": (
        changed('listName="Chain"', 'listName="NULL"'),
        [("/SPSCertificate/SPSConsignment/ConsignorSPSParty/TypeCode/@listName", "bad_value")],
    ),
    "a file that is no Base64": (
        changed("UGFja2luZyBsaXN0LCBpbnZlbnRlZC4=", "%%%"),
        [("/SPSCertificate/SPSExchangedDocument/ReferenceSPSReferencedDocument/AttachmentBinaryObject", "bad_value")],
    ),
    "too many digits": (
        changed("18400.50", "1" * 30),
        [
            (
                "/SPSCertificate/SPSConsignment/IncludedSPSConsignmentItem/IncludedSPSTradeLineItem/NetWeightMeasure",
                "too_precise",
            )
        ],
    ),
    "numbers that Python takes and XML does not": (
        changed("18400.50", "1_000", changed("<ram:SequenceNumeric>1<", "<ram:SequenceNumeric>٣<")),
        [
            (f"/SPSCertificate/SPSConsignment/IncludedSPSConsignmentItem/IncludedSPSTradeLineItem/{name}", "bad_type")
            for name in ("SequenceNumeric", "NetWeightMeasure")
        ],
    ),
    "a clause with a word for number": (
        changed("<ram:IncludedSPSClause><ram:ID>1<", "<ram:IncludedSPSClause><ram:ID>one<"),
        [("/SPSCertificate/SPSExchangedDocument/SignatorySPSAuthentication/IncludedSPSClause[1]/ID", "bad_type")],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_told_with_their_places(case: str) -> None:
    """All of them, in both languages."""
    document, faults = FAULTS[case]

    assert refused(document) == faults


def test_no_value_of_a_person_stands_in_a_fault() -> None:
    """The field is told, never what stood there."""
    document = changed("18400.50", "secret weight", changed("Nguyễn Thử Nghiệm", "NULL"))

    with pytest.raises(InvalidMessage) as caught:
        sps.read_certificate(document)
    told = "".join(fault.vi + fault.en for fault in caught.value.faults)

    assert "secret" not in told


def test_so_many_files_are_too_many() -> None:
    """Each would be kept by a commit of its own."""
    file = "<ram:AttachmentBinaryObject>{}</ram:AttachmentBinaryObject>"
    one = f"<ram:ReferenceSPSReferencedDocument>{file}</ram:ReferenceSPSReferencedDocument>"
    files = "".join(one.format(base64.b64encode(str(number).encode()).decode()) for number in range(MOST_FILES))

    assert [code for _, code in refused(changed("<ram:SignatorySPS", files + "<ram:SignatorySPS"))] == ["too_many_files"]


def test_a_reference_with_two_files_is_told_twice() -> None:
    """No file is left out where the canonical form has one place."""
    two = "</ram:AttachmentBinaryObject><ram:AttachmentBinaryObject filename='b'>YWJj</ram:AttachmentBinaryObject>"
    phyto, files = sps.read_with_files(changed("</ram:AttachmentBinaryObject>", two))

    assert [each.number for each in phyto.references] == ["PL-0001", "PL-0001"]
    assert [each.file.name for each in phyto.references if each.file] == ["packing-list.txt", "b"]
    assert len(files) == 2


@pytest.mark.parametrize("place", range(0, len(EXPORT), 397))
def test_a_certificate_that_is_cut_anywhere_is_refused(place: int) -> None:
    """Never half of it, and never another exception."""
    assert refused(EXPORT[:place])


def test_each_byte_may_be_another_one() -> None:
    """What is read then is a certificate; what is not is refused."""
    for place in range(0, len(EXPORT), 61):
        for byte in (b"<", b"\x00", b"\xff", b"&"):
            try:
                assert isinstance(sps.read_certificate(EXPORT[:place] + byte + EXPORT[place + 1 :]), Phyto)
            except InvalidMessage as error:
                assert error.faults
