"""JSON doors: what is read strictly, how an answer says every fault, and what a receipt means."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.base import VIETNAM
from hub.errors import (
    Busy,
    Conflict,
    Fault,
    HubError,
    InDoubt,
    InvalidMessage,
    NoRoute,
    NotPermitted,
    NotSent,
    Refused,
    Unavailable,
    Untrusted,
)
from hub.rules import json_door
from hub.rules.json_door import ALREADY, REFUSED, TAKEN

LIMIT = 1_000_000
CODES = {"0": TAKEN, "00": TAKEN, "1": ALREADY, "-1": REFUSED}
MOMENT = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)


def faults(body: bytes, max_bytes: int = LIMIT) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        json_door.read_json(body, max_bytes=max_bytes)
    return [(fault.path, fault.code) for fault in caught.value.faults]


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", [("line 1", "not_json")]),
        (b'{"a":\n 1,}', [("line 2", "not_json")]),
        (b'{"a":1} {"a":2}', [("line 1", "not_json")]),
        (b'\n{"a":"\xff"}', [("line 2", "bad_encoding")]),
        ('{"a":1}'.encode("utf-16"), [("line 1", "bad_encoding")]),
        (b'{"a":1,"b":[{"c":1,"c":2},{"d":1}],"a":3}', [("/a", "repeated"), ("/b/0/c", "repeated")]),
        (b'{"a":"x\\u0000"}', [("/a", "bad_text")]),
        (b'{"a":"\\ud800"}', [("/a", "bad_text")]),
        (b'{"a\\u0000/b~":1}', [("/a�~1b~0", "bad_text")]),
        (b'{"a":[NaN,-Infinity]}', [("/a/0", "bad_value"), ("/a/1", "bad_value")]),
        (b"[" * 100_000, [("", "too_deep")]),
        (b'{"a":' * 60 + b"1" + b"}" * 60, [("/a" * 40, "too_deep")]),
        (b"[" + b"0," * 600_000 + b"0]", [("", "too_large")]),
    ],
    ids=lambda value: None if isinstance(value, list) else repr(value[:30]),
)
def test_what_is_not_strict_json_is_refused_with_its_place(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert faults(body, 10_000_000) == expected


def test_a_document_over_the_limit_is_not_even_parsed() -> None:
    assert faults(b"{" * 11, max_bytes=10) == [("", "too_large")]


def test_text_numbers_and_byte_order_mark() -> None:
    body = b'\xef\xbb\xbf{"a":1500.500,"b":1234567890123456789012,"c":-7,"d":"d\\u00f2ng\\n","e":[true,null]}'

    assert json_door.read_json(body, max_bytes=LIMIT) == {
        "a": "1500.500",
        "b": "1234567890123456789012",
        "c": -7,
        "d": "dòng\n",
        "e": [True, None],
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/~", max_size=3), inner, max_size=3),
)


@settings(max_examples=100, deadline=None)
@given(json_values)
def test_what_is_strict_json_comes_through_unchanged(value: Any) -> None:
    assert json_door.read_json(json_door.write_json(value), max_bytes=LIMIT) == value


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]":,\\u0d8 eE-+.1tfn', max_size=30).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        json_door.read_json(body, max_bytes=LIMIT)
    except InvalidMessage as error:
        assert error.faults


def test_a_flood_of_faults_is_counted_not_listed() -> None:
    many = [Fault(f"/{number}", "missing", "thiếu", "missing") for number in range(1200)]

    with pytest.raises(InvalidMessage) as caught:
        json_door.raise_faults(many)

    assert len(caught.value.faults) == json_door.MAX_FAULTS + 1
    assert caught.value.faults[-1].code == "more_faults"
    assert "700" in caught.value.faults[-1].vi


def test_a_form_becomes_texts() -> None:
    tree = {"Quantity": "1500.500", "Pass": True, "Note": None, "List": [{"Id": 1}]}

    assert json_door.texts(tree) == {"Quantity": "1500.500", "Pass": "true", "Note": "", "List": [{"Id": "1"}]}


@pytest.mark.parametrize(
    ("content_type", "key", "expected"),
    [
        ("application/json", "k-1", []),
        ("application/json; charset=UTF-8", "k-1", []),
        ("", "k-1", []),
        ("application/json", "", [("Idempotency-Key", "missing")]),
        ("application/json", "a b", [("Idempotency-Key", "bad_value")]),
        ("application/json", "x" * 201, [("Idempotency-Key", "bad_value")]),
        ("text/xml", "", [("Content-Type", "bad_value"), ("Idempotency-Key", "missing")]),
        ("application/json; charset=windows-1258", "k", [("Content-Type", "bad_value")]),
    ],
)
def test_a_request_needs_a_key_and_json_in_utf8(content_type: str, key: str, expected: list[tuple[str, str]]) -> None:
    assert [(fault.path, fault.code) for fault in json_door.head_faults(content_type, key)] == expected


# --- answering ----------------------------------------------------------------------------------------------------

ONE_FAULT = [Fault("/HoSo/MaHoSo", "missing", "thiếu MaHoSo", "MaHoSo is missing")]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, 202),
        (InvalidMessage(ONE_FAULT), 400),
        (Conflict(ONE_FAULT), 409),
        (NotPermitted(ONE_FAULT), 403),
        (Untrusted("x", "x"), 403),
        (NoRoute("x", "x"), 422),
        (Unavailable("x", "x"), 503),
        (HubError("x", "x"), 500),
    ],
)
def test_the_status_of_an_answer_says_who_acts_next(error: HubError | None, status: int) -> None:
    assert json_door.http_status(error) == status


def test_an_accepted_message_gets_its_number() -> None:
    assert json.loads(json_door.write_answer(None, "m-1", MOMENT)) == {
        "error_code": "0",
        "message": "Đã tiếp nhận thông điệp",
        "message_en": "The message was accepted",
        "MaThongDiep": "m-1",
        "ThoiDiem": "20260302091504",
    }


def test_a_refusal_lists_every_fault_in_both_languages() -> None:
    answer = json.loads(json_door.write_answer(InvalidMessage(ONE_FAULT), "m-1", MOMENT))

    assert answer["error_code"] == "-1"
    assert answer["DanhSachLoi"] == [
        {"DuongDan": "/HoSo/MaHoSo", "Ma": "missing", "MoTa": "thiếu MaHoSo", "MoTaEn": "MaHoSo is missing"}
    ]


def test_a_refused_signature_is_told_without_detail() -> None:
    answer = json_door.write_answer(Untrusted("digest of reference 1 differs", "sai mã băm"), "m-1", MOMENT)

    assert b"digest" not in answer
    assert json.loads(answer)["DanhSachLoi"] == []


# --- receipts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ['"0"', '"00"', "0", '" 0 "'])
def test_success_may_be_text_or_number(code: str) -> None:
    receipt = json_door.read_receipt(200, f'{{"error_code":{code},"message":"xong"}}'.encode(), CODES, where="nhanHoSo")

    assert not receipt.already
    assert receipt.text == "xong"


def test_a_number_in_the_receipt_is_held() -> None:
    receipt = json_door.read_receipt(200, b'{"error_code":1,"MaHoSo":"H55.07-260302-0001"}', CODES, where="nhanHoSo")

    assert receipt.already
    assert receipt.held == {"MaHoSo": "H55.07-260302-0001"}


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (200, b'{"error_code":"-1","message":"no"}', Refused, "-1"),
        (200, b'{"error_code":"7"}', InDoubt, "7"),
        (200, b"{}", InDoubt, ""),
        (200, b"[]", InDoubt, ""),
        (200, b"<html/>", InDoubt, ""),
        (200, b'{"error_code":["0"]}', InDoubt, ""),
        (200, b'{"error_code":true}', InDoubt, "True"),
        (302, b'{"error_code":"0"}', InDoubt, "302"),
        (400, b'{"error_code":"0"}', Refused, "400"),
        (401, b'{"error_code":"-1"}', NotSent, "401"),
        (403, b"", NotSent, "403"),
        (403, b'{"error_code":"-1"}', Refused, "403"),
        (404, b'{"error_code":"0"}', NotSent, "404"),
        (404, b'{"error_code":"-1"}', Refused, "404"),
        (405, b"<html/>", NotSent, "405"),
        (413, b"", Refused, "413"),
        (422, b"[]", Refused, "422"),
        (408, b"", InDoubt, "408"),
        (429, b"", Busy, "429"),
        (500, b'{"error_code":"0"}', InDoubt, "500"),
        (502, b"<html/>", InDoubt, "502"),
        (503, b"", Busy, "503"),
    ],
)
def test_what_is_not_clearly_taken_is_an_error(status: int, body: bytes, error: type[HubError], code: str) -> None:
    with pytest.raises(error) as caught:
        json_door.read_receipt(status, body, CODES, where="nhanHoSo")

    assert type(caught.value) is error
    assert caught.value.partner_code == code


def test_a_partners_reason_is_passed_on_without_personal_numbers() -> None:
    body = '{"error_code":"-1","message":"Sai số giấy tờ 001099000123 của hồ sơ H55.07-260302-0001"}'.encode()

    for status in (200, 400):
        with pytest.raises(Refused) as caught:
            json_door.read_receipt(status, body, CODES, where="nhanHoSo")
        assert "Sai số giấy tờ … của hồ sơ H55.07-260302-0001" in caught.value.vi


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"error_code":"0","DaNhan":true}', "found"),
        (200, b'{"error_code":"0","DaNhan":"False"}', "absent"),
        (200, b'{"error_code":"-1","DaNhan":true}', "unknown"),
        (200, b'{"error_code":"0"}', "unknown"),
        (404, b'{"error_code":"0","DaNhan":false}', "unknown"),
        (200, b"not json", "unknown"),
    ],
)
def test_an_inquiry_finds_only_what_is_clearly_said(status: int, body: bytes, outcome: str) -> None:
    assert json_door.read_finding(status, body, where="traCuuThongDiep").outcome == outcome


@pytest.mark.parametrize(
    ("body", "vi", "en"),
    [
        (b"{}" + b" " * LIMIT, "toàn bộ nội dung: ", "the whole content: "),
        (b"{", "dòng 1: ", "line 1: "),
    ],
)
def test_the_place_of_a_fault_is_said_in_words(body: bytes, vi: str, en: str) -> None:
    with pytest.raises(InvalidMessage) as raised:
        json_door.read_json(body, max_bytes=LIMIT)

    assert f"lỗi đầu tiên: {vi}" in raised.value.vi
    assert f"first: {en}" in raised.value.en
