"""Masking: codes, statuses and dates are shown, persons are not; what is not known is hidden."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event, Status
from hub.canonical.document import Attachment, Fee
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.message import to_json
from hub.canonical.party import Agency, Identity, Party
from hub.registers.masking import masked, organisation

AT = datetime(2026, 3, 2, 9, 0, tzinfo=VIETNAM)
#: Everything that names a person stands here with the same letters.
SECRET = "Nguyễn Thử Nghiệm"
MESSAGE = DossierMessage(
    event=Event.STATUS,
    dossier=Dossier(
        code="H01-1",
        other_codes={"vnsw": "VN-1"},
        procedure=ProcedureRef(code="1.000001", name="Cấp giấy phép"),
        status=Status.PROCESSING,
        applicant=Party(
            name=SECRET, identity_number=SECRET, identities=(Identity(kind="1", number=SECRET),), address=SECRET, phone=SECRET,
            email=SECRET, tax_code=SECRET, tech_id=SECRET, fax=SECRET,
        ),
        agency=Agency(code="H01", name="Sở Xây dựng"),
        summary=SECRET,
        note=SECRET,
        submitted_at=AT,
        attachments=(Attachment(name=f"đơn {SECRET}.pdf", url=f"https://example.org/{SECRET}"),),
        fees=(Fee(name="Lệ phí", amount="50000"),),
        form={"chuHo": {"hoTen": SECRET, "code": 7, "name": SECRET}},
    ),
    steps=(Step(status=Status.RECEIVED, actor=SECRET, note=SECRET, unit=SECRET, at=AT),),
    native={"nguoiGui": SECRET},
)  # fmt: skip


def test_no_person_is_shown_and_what_an_operator_needs_is() -> None:
    shown = masked(json.loads(to_json(MESSAGE)))

    assert SECRET not in json.dumps(shown, ensure_ascii=False)
    dossier = shown["dossier"]
    assert (dossier["code"], dossier["other_codes"], dossier["status"]) == ("H01-1", {"vnsw": "VN-1"}, "4")
    assert dossier["procedure"]["name"] == "Cấp giấy phép"
    assert dossier["agency"] == {"code": "H01", "name": "Sở Xây dựng"}
    assert dossier["fees"][0]["name"] == "Lệ phí"
    assert dossier["submitted_at"].startswith("2026-03-02")
    assert dossier["form"]["chuHo"]["name"] == "***"
    assert dossier["applicant"]["fax"] == "***"


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("CN=Nguyễn Thử Nghiệm,O=Sở Xây dựng,C=VN", "O=Sở Xây dựng,C=VN,CN=***"),
        ("0.9.2342.19200300.100.1.1=CMND:000000000000,CN=Nguyễn Thử Nghiệm", "CN=***"),
        ("O=A\\,B,CN=X", "O=A\\,B,CN=***"),
        ("", ""),
    ],
)
def test_of_a_certificates_subject_only_the_organisation_is_shown(subject: str, shown: str) -> None:
    assert organisation(subject) == shown
