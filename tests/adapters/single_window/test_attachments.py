"""Files of a message: every shape is read, what stands inside is taken out, and nothing is written without its content."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from lxml import etree

from adapters.single_window import ADAPTER, attachments
from adapters.single_window.options import Options
from adapters.single_window.registry import Structure
from adapters.single_window.registry_keys import AttachmentNames
from adapters.single_window.samples import generator
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.message import Message
from hub.contract import Opened

FILE = b"%PDF-1.7 giay phep thu nghiem " * 50
BASE64 = base64.b64encode(FILE).decode()
DIGEST = f"sha256:{hashlib.sha256(FILE).hexdigest()}"
SHA1 = hashlib.sha1(FILE).hexdigest()
LINKED = AttachmentNames(
    list="AttachmentList",
    item="Attachment",
    id="AttachmentId",
    code="AttachmentTypeCode",
    name="NameOfAttachment",
    link="LinkFile",
)
GROUPS = tuple(
    AttachmentNames(
        list=f"{name}List" if name != "Packing" else "PackingList",
        item=name,
        id=f"{name}AttachmentId",
        name=f"{name}Name",
        link=f"{name}FileLink",
        kind=kind,
    )
    for name, kind in (("Contract", "100"), ("Invoice", "101"), ("Packing", "102"))
)
FEE_OF_ROOT = AttachmentNames(item="Result", id="AttachmentId", name="FileName", link="FileLink")
LISTED = AttachmentNames(item="AttachmentList", code="AttachmentType", name="Description")
PERMIT = AttachmentNames(
    item="AttachedFile",
    code="AttachedTypeCode",
    name="FullFileName",
    content="Base64FileContent",
    sha1="SHA1FileContent",
    link="FileURL",
)


def content(inside: str, root: str = "Result") -> etree._Element:
    envelope = etree.fromstring(f"<Envelope><Body><Content><{root}>{inside}</{root}></Content></Body></Envelope>")
    return envelope


def told(taken: attachments.Taken) -> list[tuple[str, str, str, str]]:
    return [(one.id, one.component_code, one.name, one.url) for one in taken.attachments]


@pytest.mark.parametrize(
    ("inside", "shapes", "expected"),
    [
        pytest.param(
            "<AttachmentList><Attachment><AttachmentId>1</AttachmentId><AttachmentTypeCode>7</AttachmentTypeCode>"
            "<NameOfAttachment>a.pdf</NameOfAttachment><LinkFile>https://x.example/1</LinkFile></Attachment></AttachmentList>",
            (LINKED,),
            [("1", "7", "a.pdf", "https://x.example/1")],
            id="links of an application",
        ),
        pytest.param(
            "<ContractList><Contract><ContractAttachmentId>1</ContractAttachmentId><ContractName>c</ContractName>"
            "<ContractFileLink>https://x.example/c</ContractFileLink></Contract></ContractList><PackingList><Packing>"
            "<PackingName>p</PackingName><PackingFileLink>https://x.example/p</PackingFileLink></Packing></PackingList>",
            GROUPS,
            [("1", "100", "c", "https://x.example/c"), ("", "102", "p", "https://x.example/p")],
            id="typed groups",
        ),
        pytest.param(
            "<AttachmentId>5</AttachmentId><FileName>r.pdf</FileName><FileLink>https://x.example/r</FileLink>",
            (FEE_OF_ROOT,),
            [("5", "", "r.pdf", "https://x.example/r")],
            id="in the content's own element",
        ),
        pytest.param(
            "<AttachmentList><AttachmentType>12</AttachmentType><CertificateNo>1/TT</CertificateNo>"
            "<Description>Giấy chứng nhận</Description></AttachmentList>",
            (LISTED,),
            [("", "12", "Giấy chứng nhận", "")],
            id="only listed",
        ),
        pytest.param(
            f"<Attachment><FileName>bl.pdf</FileName><FileByte>{BASE64}</FileByte></Attachment>",
            (),
            [("", "", "bl.pdf", DIGEST)],
            id="inside, of no known shape",
        ),
        pytest.param(
            f"<Attachments><Attachment><AttachTypeCode>3</AttachTypeCode><FileName>x</FileName><FileByte>{BASE64}</FileByte>"
            "</Attachment></Attachments>",
            (AttachmentNames(list="Attachments", item="Attachment", name="FileName", code="AttachTypeCode"),),
            [("", "3", "x", DIGEST)],
            id="a known shape whose content nobody named",
        ),
        pytest.param(
            f"<AttachedFile><AttachedTypeCode>200</AttachedTypeCode><Base64FileContent>{BASE64}</Base64FileContent>"
            f"<SHA1FileContent>{SHA1.upper()}</SHA1FileContent><FullFileName>gp.pdf</FullFileName></AttachedFile>",
            (PERMIT,),
            [("", "200", "gp.pdf", DIGEST)],
            id="a permit, with its SHA-1 in capitals",
        ),
        pytest.param(
            f"<AttachmentId>1</AttachmentId><AttachmentCode>HD</AttachmentCode><AttachmentName>h.pdf</AttachmentName>"
            f"<Base64FileContent>{BASE64[:76]}\r\n{BASE64[76:]}</Base64FileContent>",
            (),
            [("1", "HD", "h.pdf", DIGEST)],
            id="food safety, in lines",
        ),
        pytest.param(f"<FileAttack>{BASE64}</FileAttack>", (), [("", "", "FileAttack", DIGEST)], id="an element that is a file"),
        pytest.param("<A><FileName>x</FileName><FileByte/></A>", (), [("", "", "x", "")], id="an empty content is no file"),
        pytest.param("<Other>1</Other>", (LINKED, *GROUPS), [], id="none"),
    ],
)
def test_each_shape_is_read(
    inside: str, shapes: tuple[AttachmentNames, ...], expected: list[tuple[str, str, str, str]]
) -> None:
    read = content(inside)

    taken = attachments.take(read, shapes)

    assert told(taken) == expected
    assert taken.faults == ()
    assert [file.digest for file in taken.files] == [DIGEST] * (DIGEST in str(expected))
    assert BASE64[:60] not in etree.tostring(read).decode()


def test_a_file_that_was_taken_out_gives_its_bytes_piece_by_piece_and_its_digest_stays_in_its_place() -> None:
    large = bytes(range(256)) * 4_000
    read = content(f"<FileName>x</FileName><FileByte>{base64.b64encode(large).decode()}</FileByte>")

    (file,) = attachments.take(read, ()).files

    pieces = list(file.pieces())
    assert b"".join(pieces) == large == b"".join(file.pieces())
    assert len(pieces) > 1 and file.size == len(large)
    assert read.findtext(".//FileByte") == file.digest


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<FileByte>không phải</FileByte>", [("/Envelope/Body/Content/Result/FileByte", "bad_value")]),
        ("<FileByte>YWJ=YWJj</FileByte>", [("/Envelope/Body/Content/Result/FileByte", "bad_value")]),
        (f"<FileByte>{DIGEST}</FileByte>", [("/Envelope/Body/Content/Result/FileByte", "bad_value")]),
        (
            f"<L><A><Base64FileContent>{BASE64}</Base64FileContent><SHA1FileContent>{SHA1}</SHA1FileContent></A>"
            f"<A><SHA1FileContent>{'0' * 40}</SHA1FileContent><Base64FileContent>{BASE64}</Base64FileContent></A></L>"
            "<FileByte>?</FileByte>",
            [
                ("/Envelope/Body/Content/Result/L/A[2]/SHA1FileContent", "sha1_mismatch"),
                ("/Envelope/Body/Content/Result/FileByte", "bad_value"),
            ],
        ),
    ],
)
def test_what_is_wrong_is_named_all_at_once(inside: str, expected: list[tuple[str, str]]) -> None:
    faults = attachments.take(content(inside), ()).faults

    assert [(one.path, one.code) for one in faults] == expected
    assert all(one.vi and one.en and BASE64[:20] not in one.vi + one.en for one in faults)


def test_more_files_than_can_be_kept_are_refused() -> None:
    many = "".join(f"<A><FileByte>{base64.b64encode(b'%03d' % number).decode()}</FileByte></A>" for number in range(101))

    assert [one.code for one in attachments.take(content(many), ()).faults] == ["too_many_files"]


def test_the_sha1_may_be_in_base64() -> None:
    written = base64.b64encode(bytes.fromhex(SHA1)).decode()
    inside = f"<Base64FileContent>{BASE64}</Base64FileContent><SHA1FileContent>{written}</SHA1FileContent>"

    assert attachments.take(content(inside), ()).faults == ()


def test_the_file_of_a_decision_is_the_decision() -> None:
    inside = f"<FileName>gp.pdf</FileName><FileByte>{BASE64}</FileByte>"
    taken = attachments.take(content(inside), ())

    assert attachments.as_results(taken, (ResultDocument(name="1/GP", number="1/GP"),)) == (
        ResultDocument(name="1/GP", number="1/GP", url=DIGEST),
    )
    assert attachments.as_results(taken, ()) == (ResultDocument(name="gp.pdf", url=DIGEST),)
    linked = (ResultDocument(name="1/GP", url="https://x.example/1"),)
    assert attachments.as_results(taken, linked)[0] == linked[0]


# --- writing


def structure(*order: str, **below: tuple[str, ...]) -> Structure:
    return Structure(file=Path("x.xsd"), order=order, below=below)


def test_typed_groups_get_the_files_of_their_kind_and_the_list_gets_the_rest() -> None:
    files = [
        Attachment(id="1", name="c", component_code="100", url="https://x.example/1"),
        Attachment(id="2", name="đơn", component_code="7", url="https://x.example/2"),
    ]
    known = structure("ContractList", "InvoiceList", "AttachmentList")

    found = attachments.lists(files, (LINKED, *GROUPS), known, {})

    assert found == {
        "ContractList": {
            "Contract": [{"ContractAttachmentId": "1", "ContractName": "c", "ContractFileLink": "https://x.example/1"}]
        },
        "AttachmentList": {
            "Attachment": [
                {
                    "AttachmentId": "2",
                    "AttachmentTypeCode": "7",
                    "NameOfAttachment": "đơn",
                    "LinkFile": "https://x.example/2",
                }
            ]
        },
    }


def test_a_permit_is_written_in_the_order_of_its_schema_and_by_link_where_the_schema_has_no_content() -> None:
    file = Attachment(name="gp.pdf", component_code="200", url="https://x.example/1")
    inside = ("AttachedTypeCode", "FullFileName", "SHA1FileContent", "Base64FileContent", "FileURL")

    whole = attachments.lists([file], (PERMIT,), structure("AttachedFile", AttachedFile=inside), {})
    linked = attachments.lists([file], (PERMIT,), structure("AttachedFile", AttachedFile=("FullFileName", "FileURL")), {})

    assert list(whole["AttachedFile"][0]) == list(inside)
    assert whole["AttachedFile"][0]["Base64FileContent"] == file.url and not whole["AttachedFile"][0]["FileURL"]
    assert linked["AttachedFile"] == [{"FullFileName": "gp.pdf", "FileURL": file.url}]


def test_a_content_is_filled_with_the_file_and_its_sha1() -> None:
    inside = f"<AttachedFile><SHA1FileContent/><Base64FileContent>{DIGEST}</Base64FileContent></AttachedFile>"
    written = content(inside)

    assert attachments.fill(written, {DIGEST: FILE}, (PERMIT,)) == ()
    assert written.findtext(".//AttachedFile/Base64FileContent") == BASE64
    assert written.findtext(".//AttachedFile/SHA1FileContent") == SHA1
    assert attachments.take(written, (PERMIT,)).faults == ()


def test_nothing_is_written_without_a_file_that_must_be_in_it() -> None:
    written = content(f"<A><FileByte>{DIGEST}</FileByte></A><A><FileByte>https://x.example/1</FileByte></A>")

    faults = attachments.fill(written, {DIGEST: FILE}, ())

    assert [(one.path, one.code) for one in faults] == [("/Envelope/Body/Content/Result/A[2]/FileByte", "without_content")]


def test_what_must_stand_inside_is_named_by_elements_for_base64_alone() -> None:
    tree = {"Note": DIGEST, "FileByte": f" {DIGEST} ", "L": {"A": [{"FileByte": "https://x.example/1"}, {"FileByte": "YWJj"}]}}

    assert attachments.inside(tree, ()) == (DIGEST, "https://x.example/1")


# --- whatever is left of signatures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    ["Envelope", "Body/Signature", "SystemSignature", "bare"],
)
def test_a_signature_that_was_not_verified_does_not_hinder_reading(place: str) -> None:
    document = generator.message("BTNMT0600001", "10", "01", seed=2)
    root = etree.fromstring(document)
    slot = root if place == "Envelope" else root.find("Body/Signature" if place == "Body/Signature" else "SystemSignature")
    if slot is None:
        slot = etree.SubElement(root, "SystemSignature")
    signature = etree.fromstring('<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/><SignatureValue/></Signature>')
    slot.extend(list(signature) if place == "bare" else [signature])
    signed = etree.tostring(root)

    def read(octets: bytes) -> tuple[Message, ...]:
        return ADAPTER.read_message(octets, Opened(document=octets), Options()).messages

    assert signed != document
    assert read(signed) == read(document)
