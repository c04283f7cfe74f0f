"""One-stop documents at the door: which event, which number, and never a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.one_stop import ADAPTER
from adapters.one_stop.samples.generator import LEVEL_4, generate, procedures
from hub.canonical.dossier import DossierMessage
from hub.contract import Incoming, Request
from hub.errors import InvalidMessage

OPTIONS = ADAPTER.options()
RECORD = {
    "MaHoSo": "H55.23-260302-0012",
    "MaTTHC": "1.900009",
    "TenTTHC": "Cấp giấy phép",
    "MaLinhVuc": "G99-TN10",
    "TenLinhVuc": "Đất đai",
    "LoaiDoiTuong": "1",
    "NgayTiepNhan": "20260302081500",
    "TrangThaiHoSo": "4",
    "HinhThuc": "0",
    "DonViXuLy": "UBND xã Đồng Hỷ",
}


def read(document: Any, options: Any = OPTIONS) -> Incoming:
    request = Request(endpoint="x", body=json.dumps(document).encode(), content_type="application/json", idempotency_key="k")
    opened = ADAPTER.open_request(request, options)
    return ADAPTER.read_message(opened.document, opened, options)


def message(document: Any, options: Any = OPTIONS) -> DossierMessage:
    found = read(document, options).messages[0]
    assert isinstance(found, DossierMessage)
    return found


def fault_paths(document: Any, options: Any = OPTIONS) -> list[str]:
    with pytest.raises(InvalidMessage) as caught:
        read(document, options)
    return [fault.path for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("1", "submitted"),
        ("2", "received"),
        ("3", "refused"),
        ("4", "status"),
        ("5", "supplement_asked"),
        ("6", "fee_asked"),
        ("7", "withdrawn"),
        ("8", "status"),
        ("9", "result"),
        ("10", "status"),
    ],
)
def test_the_event_follows_from_the_status(status: str, event: str) -> None:
    assert message({"HoSo": {**RECORD, "TrangThaiHoSo": status}}).event == event


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"MaHoSoKhac": "P-1"}, {"national_portal": "P-1"}),
        ({"MaHoSoKhac": "P-1", "HeThongKhac": "DVCQG"}, {"national_portal": "P-1"}),
        ({"MaHoSoKhac": "B-1", "HeThongKhac": "VNSW"}, {"vnsw": "B-1"}),
        ({"MaHoSoKhac": "", "HeThongKhac": "VNSW"}, {}),
    ],
)
def test_the_number_elsewhere_is_kept_by_its_system(given: dict[str, str], expected: dict[str, str]) -> None:
    assert message({"HoSo": {**RECORD, **given}}).dossier.other_codes == expected
    assert message([{**RECORD, **given}]).dossier.other_codes == expected


def test_no_step_is_invented_where_none_was_sent() -> None:
    assert message({"HoSo": RECORD}).steps == ()
    assert message([RECORD]).steps == ()


def test_an_operator_may_require_less_of_a_province() -> None:
    little = {"MaHoSo": "H55-1", "MaTTHC": "1.9", "TrangThaiHoSo": "4"}

    assert message({"HoSo": little}, ADAPTER.options(required_fields=())).dossier.code == "H55-1"
    assert "/HoSo/DonViXuLy" in fault_paths({"HoSo": little})


def test_lengths_are_enforced_only_where_the_operator_says_so() -> None:
    long = {"HoSo": {**RECORD, "GhiChu": "x" * 501}}

    assert message(long).dossier.note == "x" * 501
    assert fault_paths(long, ADAPTER.options(enforce_lengths=True)) == ["/HoSo/GhiChu"]


def test_a_document_over_the_limit_is_refused() -> None:
    assert fault_paths({"HoSo": {**RECORD, "GhiChu": "x" * 2000}}, ADAPTER.options(max_document_bytes=1000)) == [""]


def test_misspelt_options_are_refused() -> None:
    for wrong in ({"paths": {"nhanHosO": "/x"}}, {"paths": {"nhanHoSo": "x"}}, {"required_fields": ("MaHoSO",)}, {"base_url": "ftp://x"}):
        with pytest.raises(ValueError, match=r"unknown|begins|match"):
            ADAPTER.options(**wrong)


def test_a_path_that_is_not_named_keeps_its_default() -> None:
    paths = ADAPTER.options(paths={"notice": "/api/thong-bao"}).paths

    assert (paths["notice"], paths["nhanHoSo"]) == ("/api/thong-bao", "/nhanHoSo")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["1", "4", "20260302081500"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["HoSo", "TienDo", "TaiLieuNop", "HeThongKhac", *RECORD]), inner, max_size=8),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        assert read(document).messages
    except InvalidMessage as error:
        assert error.faults


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*RECORD, "TaiLieuNop", "TienDo", "MaHoSoKhac"]), values)
def test_any_value_in_a_good_document_is_read_or_refused(name: str, value: Any) -> None:
    document = {"HoSo": {**RECORD, name: value}, "TienDo": value if name == "TienDo" else []}
    try:
        assert read(document).messages
    except InvalidMessage as error:
        assert all(fault.path.startswith(("/HoSo/", "/TienDo")) for fault in error.faults)


# --- invented dossiers --------------------------------------------------------------------------------------------


def test_every_invented_document_is_read() -> None:
    said = generate(11, 60)
    numbers = {document["HoSo"]["MaHoSo"] for _, document in said}

    assert len(numbers) == 60
    assert len({key for key, _ in said}) == len(said)
    assert all(isinstance(message(document), DossierMessage) for _, document in said)


def test_the_same_seed_gives_the_same_dossiers() -> None:
    assert generate(3, 10) == generate(3, 10)
    assert generate(3, 10) != generate(4, 10)


def test_an_invented_dossier_moves_forward_in_time_and_in_order() -> None:
    told: dict[str, list[dict[str, Any]]] = {}
    for key, document in generate(5, 40):
        record = document["HoSo"]
        told.setdefault(record["MaHoSo"], []).append({"key": key, **record, "TienDo": document.get("TienDo", [])})

    for number, documents in told.items():
        assert [document["key"] for document in documents] == [f"{number}.{place}" for place in range(1, len(documents) + 1)]
        assert documents[0]["TrangThaiHoSo"] == "1"
        assert documents[0]["TienDo"] == []
        times = [document["TienDo"][0]["ThoiDiemXuLy"] for document in documents[1:]]
        assert times == sorted(times)
    assert {documents[-1]["TrangThaiHoSo"] for documents in told.values()} >= {"3", "10"}


def test_the_province_offers_570_procedures_online() -> None:
    offered = procedures()

    assert len(offered) == LEVEL_4 == 570
    assert len({procedure.code for procedure in offered}) == len({procedure.name for procedure in offered}) == 570
