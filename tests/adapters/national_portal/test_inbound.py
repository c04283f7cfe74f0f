"""Dossiers that the portal gives us, and the answer; good and bad samples are read by the conformance test."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.national_portal.inbound import answer, open_request, read_message
from adapters.national_portal.options import Options
from adapters.national_portal.samples.generator import portal_born_dossier
from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event, Status
from hub.canonical.message import from_json, to_json
from hub.canonical.party import PartyKind
from hub.contract import Incoming, Opened, Outcome, Request
from hub.errors import (
    Conflict,
    Fault,
    HubError,
    InvalidMessage,
    NoRoute,
    NotPermitted,
    OutOfStep,
    Unavailable,
    Untrusted,
)

OPTIONS = Options()
NOW = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)
GOOD = {"MaSoThue": "0000000000", "MaHoSo": "G99.01-260302-0001", "MaTTHC": "1.009999", "TenThuongNhan": "Công ty Thử nghiệm"}


def read(document: bytes) -> Incoming:
    return read_message(document, Opened(document=document), OPTIONS)


def faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        read(document if isinstance(document, bytes) else json.dumps(document).encode())
    return [(fault.path, fault.code) for fault in caught.value.faults]


def test_a_dossier_born_on_the_portal() -> None:
    document = portal_born_dossier(7, 1)
    incoming = read(json.dumps(document).encode())

    (message,) = incoming.messages
    dossier = message.dossier
    assert f"createdossier/{document['MaHoSo']}" == incoming.identity
    assert (message.event, dossier.status, dossier.numbering) == (Event.SUBMITTED, Status.REGISTERED, "national_portal")
    assert (PartyKind.BUSINESS, document["MaSoThue"]) == (dossier.applicant.kind, dossier.applicant.tax_code)
    assert document["DiaChiDoanhNghiep"] == dossier.form["DiaChiDoanhNghiep"]
    assert {"SoVanBan", "DiaChiDoanhNghiep", "NguoiLienHe", "SoDienThoaiNguoiLienHe", "TenChuongTrinhKhuyenMai"} == set(
        dossier.form
    )


def test_a_file_is_known_by_its_digest_and_its_bytes_stay_in_the_message() -> None:
    files = [{"TenTepDinhKem": "../a.pdf", "Base64": base64.encodebytes(b"x" * 100).decode(), "MaThanhPhanHoSo": "K1"}]
    document = {**GOOD, "TenTepDonDangKy": "don.pdf", "TepDonDangKy": "QUJD", "TaiLieuNop": files}

    (message,) = read(json.dumps(document).encode()).messages

    first, second = message.dossier.attachments
    assert ("don.pdf", 3, f"sha256:{hashlib.sha256(b'ABC').hexdigest()}") == (first.name, first.size, first.digest)
    assert ("K1", 100, f"sha256:{hashlib.sha256(b'x' * 100).hexdigest()}") == (second.component_code, second.size, second.digest)
    assert b"QUJD" not in to_json(message)


@pytest.mark.parametrize("content", ["QUJ", "QU JD", "QUJD=", "QUJD\x00", "đ", "data:;base64,QUJD", "====", "QUJD-_"])
def test_garbage_is_not_a_file(content: str) -> None:
    found = faults({**GOOD, "TaiLieuNop": [{"TenTepDinhKem": "a", "Base64": content}]})

    assert [path for path, _ in found] == ["/TaiLieuNop/0/Base64"]


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", [None, "", "   "])
def test_each_required_field_is_named_when_it_is_empty(name: str, value: Any) -> None:
    assert [(f"/{name}", "missing")] == faults({**GOOD, name: value})


def test_form_values_become_texts() -> None:
    document = {**GOOD, "TongGiaTri": 12.50, "So": 5, "Dung": True, "Khong": None, "DanhSach": [{"a": 1}]}

    (message,) = read(json.dumps(document).encode()).messages

    assert message.dossier.form == {"TongGiaTri": "12.5", "So": "5", "Dung": "true", "Khong": "", "DanhSach": [{"a": "1"}]}


@pytest.mark.parametrize("path", ["", "/", "/createdossierfromdvcqg", "/addtthcKhuyenMai/"])
def test_the_function_is_served(path: str) -> None:
    assert open_request(Request(endpoint="p", body=b"{}", path=path), OPTIONS).document == b"{}"


@pytest.mark.parametrize("path", ["/search/call", "/downloadfile/1", "/createdossierfromdvcqg/x"])
def test_other_functions_of_the_portal_are_said_not_to_be_there(path: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        open_request(Request(endpoint="p", body=b"{}", path=path), OPTIONS)

    assert [fault.code for fault in caught.value.faults] == ["unknown_service"]


# --- answers -----------------------------------------------------------------------------------------------------

ONE_FAULT = [Fault("/MaHoSo", "missing", "thiếu", "missing")]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (None, 200, "0"),
        (Conflict(ONE_FAULT), 200, "1"),
        (InvalidMessage(ONE_FAULT), 200, "-1"),
        (NotPermitted(ONE_FAULT), 200, "-1"),
        (NoRoute("no route", "không có tuyến"), 200, "-1"),
        (OutOfStep("old", "cũ"), 200, "-1"),
        (Untrusted("digest differs", "sai giá trị băm"), 200, "-1"),
        (Unavailable("ledger", "sổ cái"), 503, "-1"),
    ],
)
def test_the_answer_in_the_portals_words(error: HubError | None, status: int, code: str) -> None:
    found = answer(Outcome(message_id="m", received_at=NOW, error=error), None, Request(endpoint="p", body=b""), OPTIONS)

    said = json.loads(found.body)
    assert (status, code, "application/json; charset=utf-8") == (found.status, said["error_code"], found.content_type)
    assert " / " in said["message"]


def test_the_answer_lists_every_fault_in_both_languages() -> None:
    error = InvalidMessage([*ONE_FAULT, Fault("/MaTTHC", "bad_value", "sai", "wrong")])

    said = json.loads(
        answer(Outcome(message_id="m", received_at=NOW, error=error), None, Request(endpoint="p", body=b""), OPTIONS).body
    )

    assert said["DanhSachLoi"] == [
        {"DuongDan": "/MaHoSo", "Ma": "missing", "MoTa": "thiếu", "MoTaEn": "missing"},
        {"DuongDan": "/MaTTHC", "Ma": "bad_value", "MoTa": "sai", "MoTaEn": "wrong"},
    ]


def test_which_check_of_a_signature_failed_is_not_told() -> None:
    outcome = Outcome(message_id="m", received_at=NOW, error=Untrusted("digest differs", "sai giá trị băm"))

    said = answer(outcome, None, Request(endpoint="p", body=b""), OPTIONS).body.decode()

    assert "digest" not in said
    assert "băm" not in said


# --- hostile -----------------------------------------------------------------------------------------------------

NAMES = (*GOOD, "NgayNopHoSo", "DiaChiDoanhNghiep", "TaiLieuNop", "TenTepDonDangKy", "TepDonDangKy", "Fax", "Khác")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Base64", "TenTepDinhKem", "DiaChiChiTiet", "\ud800", "~/"]), inner, max_size=3)
    ),
)


def is_readable_or_faulty(body: bytes) -> None:
    """Read; what is read must survive the ledger's JSON, what is not must be answerable."""
    try:
        incoming = read(body)
    except InvalidMessage as error:
        assert error.faults
        outcome = Outcome(message_id="m", received_at=NOW, error=error)
        json.loads(answer(outcome, None, Request(endpoint="p", body=body), OPTIONS).body)
        return
    assert list(incoming.messages) == [from_json(to_json(message)) for message in incoming.messages]


@given(changes=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
def test_wrong_types_are_faults_and_never_a_crash(changes: dict[str, Any]) -> None:
    is_readable_or_faulty(json.dumps({**GOOD, **changes}).encode())


@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_are_faults(body: bytes) -> None:
    is_readable_or_faulty(body)


@given(seed=st.integers(0, 50), cut=st.integers(0, 3000), put=st.binary(max_size=3))
def test_broken_documents_are_faults(seed: int, cut: int, put: bytes) -> None:
    body = json.dumps(portal_born_dossier(seed, 1), ensure_ascii=False).encode()

    is_readable_or_faulty(body[:cut] + put + body[cut + len(put) :])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 200_000, "too_deep"),
        (b'{"a":' * 45 + b"1" + b"}" * 45, "too_deep"),
        (b'{"MaHoSo":"a","MaHoSo":"b"}', "repeated"),
        (b'{"MaHoSo":"\\u0000"}', "bad_text"),
        (b'{"\\ud800":1}', "bad_text"),
        (b'{"x":NaN}', "bad_value"),
        ("{}".encode("utf-16"), "bad_encoding"),
        (b"", "not_json"),
    ],
)
def test_bad_form_is_named(body: bytes, code: str) -> None:
    assert code in {found for _, found in faults(body)}


def test_the_generator_gives_the_same_dossier_for_the_same_seed() -> None:
    first = portal_born_dossier(3, 4)

    assert copy.deepcopy(first) == portal_born_dossier(3, 4)
    assert first != portal_born_dossier(4, 4)
