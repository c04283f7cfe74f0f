"""What the portal's answers mean; the samples of receipts are read by the conformance test."""

from __future__ import annotations

import json
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.national_portal import ADAPTER
from adapters.national_portal.envelope import read_envelope
from adapters.national_portal.receipts import CODES, read_finding, read_receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, HubError, InDoubt, NotSent, Refused

EXISTS = "Hồ sơ H99.07-260105-0012 đã tồn tại"
SERVICES = sorted(CODES)


def reply(answer: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def call(service: str = "DongBoHoSoMC", variant: str = "create") -> Outgoing:
    return Outgoing(service=service, variant=variant, body=b"{}", head={"MaHoSo": "H99.07-260105-0012"})


@pytest.mark.parametrize("service", [*SERVICES, "DongBoTTHC"])
@pytest.mark.parametrize("code", ["0", "00", 0, " 0 "])
def test_zero_is_taken_in_every_spelling(service: str, code: Any) -> None:
    found = read_receipt(reply({"error_code": code}), call(service))

    assert not found.already
    assert ({"record": "yes"} if service == "DongBoHoSoMC" else {}) == found.held


@pytest.mark.parametrize("service", [*SERVICES, "DongBoTTHC"])
def test_what_a_broker_took_over_is_held_as_if_the_portal_had_answered(service: str) -> None:
    answered = read_receipt(reply({"error_code": "0"}), call(service))

    assert ADAPTER.held_after(call(service)) == answered.held


@pytest.mark.parametrize("service", [*SERVICES, "DongBoTTHC"])
def test_minus_one_is_refused_with_the_portals_words(service: str) -> None:
    with pytest.raises(Refused) as caught:
        read_receipt(reply({"error_code": -1, "message": "Thiếu MaLinhVuc"}), call(service))

    assert ("-1", service) == (caught.value.partner_code, caught.value.where)
    assert "Thiếu MaLinhVuc" in caught.value.vi


@pytest.mark.parametrize("service", [*SERVICES, "DongBoTTHC"])
@pytest.mark.parametrize("code", ["1", "2", "-2", "99", "0.0", "", None, True, False, [0], {"0": 0}, 0.0, 10**30])
def test_every_other_code_is_in_doubt(service: str, code: Any) -> None:
    with pytest.raises(InDoubt):
        read_receipt(reply({"error_code": code, "message": "Đồng bộ thành công"}), call(service))


@pytest.mark.parametrize("code", ["3", "-3", 3, -3])
def test_exists_needs_the_text_too(code: Any) -> None:
    found = read_receipt(reply({"error_code": code, "message": EXISTS}), call())

    assert found.already
    assert found.held == {"record": "yes"}
    assert read_receipt(reply({"error_code": code, "message": normalize("NFD", EXISTS.upper())}), call()).already
    with pytest.raises(InDoubt):
        read_receipt(reply({"error_code": code, "message": "Lỗi khác"}), call())


@pytest.mark.parametrize("outgoing", [call(variant="update"), call("CapNhatTienDoHoSoMC", ""), call("DongBoTrangThaiHoSo", "")])
def test_exists_answers_only_a_first_write(outgoing: Outgoing) -> None:
    with pytest.raises(InDoubt):
        read_receipt(reply({"error_code": "-3", "message": EXISTS}), outgoing)


@pytest.mark.parametrize(
    ("status", "error"),
    [(503, Busy), (429, Busy), (500, InDoubt), (502, InDoubt), (504, InDoubt), (302, InDoubt), (409, InDoubt), (418, InDoubt)]
    + [(status, NotSent) for status in (401, 403, 404, 405, 407, 408)]
    + [(status, Refused) for status in (400, 411, 413, 414, 415, 422, 431)],
)
def test_a_status_without_the_portals_words(status: int, error: type[HubError]) -> None:
    with pytest.raises(HubError) as caught:
        read_receipt(reply(b"<html></html>", status), call())

    assert error is type(caught.value)
    assert str(status) == caught.value.partner_code


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "-1", Refused),
        (400, "0", InDoubt),
        (400, "-3", InDoubt),
        (404, "7", InDoubt),
        (500, "-1", InDoubt),
        (502, "0", InDoubt),
    ],
)
def test_another_status_with_the_portals_words(status: int, code: str, error: type[HubError]) -> None:
    with pytest.raises(HubError) as caught:
        read_receipt(reply({"error_code": code, "message": EXISTS}, status), call())

    assert error is type(caught.value)


def test_a_personal_number_in_the_portals_text_is_not_kept() -> None:
    with pytest.raises(Refused) as caught:
        read_receipt(reply({"error_code": "-1", "message": "Sai số 000000000000 của chủ hồ sơ"}), call())

    assert "000000000000" not in caught.value.en + caught.value.vi


# --- findings ----------------------------------------------------------------------------------------------------

ROW = {"MaHoSo": "H99.07-260105-0012", "TrangThaiHoSo": "Đang xử lý"}


@pytest.mark.parametrize(
    ("answer", "outgoing", "outcome", "held"),
    [
        ({"error_code": 0, "result": [ROW]}, call(), "found", {"record": "yes"}),
        ({"error_code": 0, "data": [ROW]}, call(), "found", {"record": "yes"}),
        ({"error_code": 0, "result": []}, call(), "absent", {}),
        ({"error_code": 0, "result": {}}, call(), "absent", {}),
        ({"error_code": 0, "result": None}, call(), "unknown", {}),
        ({"error_code": 0, "result": ["?"]}, call(), "unknown", {}),
        ({"error_code": -1, "result": []}, call(), "unknown", {}),
        ({"error_code": 0, "result": [ROW]}, call(variant="update"), "unknown", {"record": "yes"}),
        ({"error_code": 0, "result": [ROW]}, call("CapNhatTienDoHoSoMC", ""), "unknown", {"record": "yes"}),
        ({"error_code": 0, "result": []}, call("CapNhatTienDoHoSoMC", ""), "absent", {}),
        ({"error_code": 0, "result": [{**ROW, "MaHoSo": "other"}]}, call(), "unknown", {}),
        (b"<html>", call(), "unknown", {}),
    ],
)
def test_what_a_look_up_proves(answer: Any, outgoing: Outgoing, outcome: str, held: dict[str, str]) -> None:
    found = read_finding(reply(answer), outgoing)

    assert (outcome, held) == (found.outcome, found.held)


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([{"MATTHC": "1.009999", "TENTTHC": "Mới", "ID": "9"}], "found"),
        ([{"MATTHC": "1.009999", "TENTTHC": "Cũ"}], "absent"),
        ([], "absent"),
        (["?"], "unknown"),
    ],
)
def test_a_procedure_is_found_only_with_what_was_sent(rows: list[Any], outcome: str) -> None:
    body = json.dumps({"data": [{"MATTHC": "1.009999", "TENTTHC": "Mới"}]}).encode()
    outgoing = Outgoing(service="DongBoTTHC", body=body, head={"MATTHC": "1.009999", "field": "data"})

    assert outcome == read_finding(reply({"error_code": "0", "result": rows}), outgoing).outcome


# --- hostile replies ---------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
REPLIES = st.binary() | st.fixed_dictionaries(
    {}, optional={"error_code": VALUES | st.sampled_from(["0", "-1", "-3"]), "message": VALUES, "result": VALUES, "data": VALUES}
).map(lambda found: json.dumps(found).encode())


# How long a machine under load takes to draw examples says nothing of us.
UNHURRIED = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@UNHURRIED
@given(body=REPLIES, status=st.sampled_from([200, 200, 200, 400, 404, 500, 503]), variant=st.sampled_from(["create", "update"]))
def test_any_reply_is_a_receipt_or_one_of_our_errors(body: bytes, status: int, variant: str) -> None:
    try:
        found = read_receipt(reply(body, status), call(variant=variant))
    except (Refused, NotSent, InDoubt):
        return
    assert found.code in ("0", "00", "3", "-3")
    found.model_dump_json()


@UNHURRIED
@given(body=REPLIES)
def test_any_reply_to_a_look_up_is_a_finding(body: bytes) -> None:
    found = read_finding(reply(body), call())

    assert found.outcome in ("found", "absent", "unknown")
    found.model_dump_json()


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"error_code":' + b"1" * 5000 + b"}", b'{"error_code":"\\ud800"}', b"\xff\xfe{"]
)
def test_a_hostile_reply_is_in_doubt(body: bytes) -> None:
    with pytest.raises(InDoubt):
        read_receipt(reply(body), call())


@pytest.mark.parametrize("inner", ["[", "{}", '{"error_code":"0"}', "null", '"x"'])
def test_a_relays_wrapping_is_taken_off_once(inner: str) -> None:
    found = read_envelope(json.dumps({"status": 1, "message": inner}).encode())

    assert ("0" if "error_code" in inner else None) == (found.code if found else None)
