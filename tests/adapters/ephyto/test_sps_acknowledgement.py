"""The importing side's answers, read and written."""

from __future__ import annotations

import pytest

from adapters.ephyto.sps import Acknowledgement, read_acknowledgement, schema_faults, write_acknowledgement
from hub.canonical.border.parts import Text
from hub.canonical.border.phyto import ReferencedDocument
from hub.errors import InvalidMessage

REJECTED = Acknowledgement(
    status="41",
    number="VN-THU-2026-000101",
    reason="Import permit has expired",
    language="en",
    issued_at="2026-03-01T10:00:00+07:00",
    more_reasons=(Text(text="Giấy phép nhập khẩu đã hết hạn", language="vi"),),
    about=ReferencedDocument(issued_at="2026-02-27", relationship="ZZZ"),
    others=(ReferencedDocument(type_code="911", number="IP-ID-00088", information="Import permit"),),
)


@pytest.mark.parametrize("said", [REJECTED, Acknowledgement(status="39", number="A", type_code="657")])
def test_an_answer_is_read_as_it_was_written(said: Acknowledgement) -> None:
    """Nothing is lost, and the schema holds."""
    written = write_acknowledgement(said)

    assert read_acknowledgement(written) == said
    assert schema_faults(written) == ()


def test_everything_wrong_in_an_answer_is_told() -> None:
    """No status, no certificate, NULL as reason."""
    inner = b"<SPSAcknowledgementDocument><ReasonInformation>NULL</ReasonInformation></SPSAcknowledgementDocument>"
    said = b"<SPSAcknowledgement>" + inner + b"</SPSAcknowledgement>"

    with pytest.raises(InvalidMessage) as refused:
        read_acknowledgement(said)

    top = "/SPSAcknowledgement/SPSAcknowledgementDocument"
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [
        (f"{top}/StatusCode", "missing"),
        (f"{top}/ReasonInformation", "bad_value"),
        (f"{top}/ReferenceSPSReferencedDocument/ID", "missing"),
    ]


@pytest.mark.parametrize("document", [b"<SPSAcknowledgement/>", b"<SPSCertificate/>", b"", b"<a"])
def test_what_is_no_answer_is_refused(document: bytes) -> None:
    """Never a crash."""
    with pytest.raises(InvalidMessage):
        read_acknowledgement(document)


def test_what_has_no_place_in_an_answer_is_listed() -> None:
    """As in a certificate."""
    written = write_acknowledgement(REJECTED).replace(b"<ram:StatusCode>", b"<ram:Extra>1</ram:Extra><ram:StatusCode>")

    assert [(each.path, each.text) for each in read_acknowledgement(written).unplaced] == [
        ("/SPSAcknowledgement/SPSAcknowledgementDocument/Extra", "1")
    ]
