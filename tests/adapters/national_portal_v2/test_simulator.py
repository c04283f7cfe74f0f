"""The simulated portal is strict: names, types, dates, numbers, files and tokens are exactly as they must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.national_portal_v2.calls import CREATE
from adapters.national_portal_v2.fetched_files import FetchedFiles
from adapters.national_portal_v2.outbound import write_message
from adapters.national_portal_v2.portal_rules import faults_of_record, faults_of_rows, faults_of_statuses
from adapters.national_portal_v2.simulator import simulator
from hub.canonical.dossier import DossierMessage
from hub.contract import Call, Writing
from hub.simulation import Call as HttpCall
from hub.simulation import SimulatorServer

ROW = {
    "IDHoSo": "1",
    "MaHoSo": "G99",
    "NguoiXuLy": "An",
    "ThoiDiemXuLy": "2026-03-02T09:00:00.000",
    "PhongBanXuLy": "",
    "NoiDungXuLy": "",
    "TrangThai": 4,
    "NgayBatDau": None,
    "NgayKetThucTheoQuyDinh": None,
}
STATUS = {"IdHoSo": "1", "MaHoSo": "G99", "TrangThai": 4, "NoiDungYKien": "", "PhongBanXuLy": "", "NoiDungXuLy": ""}


@pytest.fixture
def record(message: Callable[..., DossierMessage], writing: Callable[..., Writing]) -> dict[str, Any]:
    outgoing = write_message(message(), Call(service=CREATE), writing({"number": "G99"}))
    assert outgoing is not None
    found: dict[str, Any] = json.loads(outgoing.body)
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"TrangThai": "4"},
        {"TrangThai": 11},
        {"TrangThai": True},
        {"ThoiDiemXuLy": "2026-03-02 09:00:00"},
        {"ThoiDiemXuLy": "20260302090000"},
        {"NgayBatDau": ""},
        {"NguoiXuLy": ""},
        {"IdHoSo": "1"},
        {"ChucDanh": "Chuyên viên"},
    ],
)
def test_a_row_is_as_it_must_be(change: dict[str, Any]) -> None:
    assert faults_of_rows([ROW]) == []
    assert faults_of_rows([ROW | change]) != []


@pytest.mark.parametrize("change", [{"DanhSachLePhi": []}, {"TrangThai": 9}, {"TrangThai": "4"}, {"IDHoSo": "1"}])
def test_a_status_is_as_it_must_be(change: dict[str, Any]) -> None:
    assert faults_of_statuses([STATUS]) == []
    assert faults_of_statuses([STATUS | {"TrangThai": 9, "DanhSachLePhi": [], "DanhSachGiayToKetQua": []}]) == []
    assert faults_of_statuses([STATUS | change]) != []


@pytest.mark.parametrize(
    "change",
    [
        {"NgayNop": "20260302090000"},
        {"NgayTiepNhan": "2026-03-02T09:00:00.000"},
        {"LoaiDoiTuong": "0"},
        {"LoaiDoiTuong": 3},
        {"maHoSo": "G99"},
        {"ThanhPhanHoSo": [{}]},
        {"DanhSachLePhi": [{"Gia": 5}]},
        {"ThongTinNguoiNop": {}},
    ],
)
def test_a_record_is_as_it_must_be(record: dict[str, Any], change: dict[str, Any]) -> None:
    assert faults_of_record(record) == []
    assert faults_of_record(record | change) != []


def test_only_a_number_that_was_drawn_makes_a_dossier_and_only_one(portal: SimulatorServer, record: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {_token(portal)}", "content-type": "application/json"}

    def create(number: str) -> int:
        body = json.dumps(record | {"MaHoSo": number}).encode()
        return portal.serve(HttpCall("POST", "/NoiHoSo", {}, headers, body)).status

    drawn = json.loads(portal.serve(HttpCall("GET", "/SoTiepTheo", {"code": "G99"}, headers, b"")).body)["value"]
    assert [create("G99-1"), create(drawn), create(drawn)] == [400, 200, 400]
    account = portal.account()
    assert (account["creates"], account["created_again"], account["unused"]) == (1, [drawn], [])


def _token(portal: SimulatorServer) -> str:
    body = json.dumps({"client_id": "lienthong", "client_secret": "invented"}).encode()
    said = portal.serve(HttpCall("POST", "/token", {}, {"content-type": "application/json"}, body))
    return str(json.loads(said.body)["data"]["access_token"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/SoTiepTheo", {}, 401),
        ("GET", "/SoTiepTheo", {"authorization": "Bearer T-TEST-9999"}, 401),
        ("POST", "/SoTiepTheo", {}, 404),
        ("GET", "/NoiHoSo", {}, 404),
        ("POST", "/KhongCo", {}, 404),
    ],
)
def test_without_a_token_or_a_service_nothing_is_done(
    portal: SimulatorServer, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert portal.serve(HttpCall(method, path, {"code": "G99"}, headers, b"")).status == status


@pytest.mark.parametrize("casing", ["idHoSo", "IdHoSo", "IDHoSo"])
def test_casings_and_errors_on_demand(portal: SimulatorServer, record: dict[str, Any], casing: str) -> None:
    headers = {"authorization": f"Bearer {_token(portal)}", "content-type": "application/json"}
    drawn = json.loads(portal.serve(HttpCall("GET", "/SoTiepTheo", {"code": "G99"}, headers, b"")).body)["value"]
    portal.faults.add("casing", value=casing)
    said = portal.serve(HttpCall("POST", "/NoiHoSo", {}, headers, json.dumps(record | {"MaHoSo": drawn}).encode()))
    portal.faults.add("html_error", value=500)
    portal.faults.add("proxy_down")

    assert casing in json.loads(said.body)["data"]
    assert portal.serve(HttpCall("POST", "/NoiHoSo", {}, headers, b"{}")).status == 502
    odd = portal.serve(HttpCall("POST", "/NoiHoSo", {}, headers, b"{}"))
    assert (odd.status, odd.content_type) == (500, "text/html")


def test_results_are_fetched_where_it_is_told_to_and_a_missing_one_is_refused() -> None:
    """From an address that answers, which is the simulator's own account."""
    with simulator(fetch_files=True) as portal:
        named = {"TenGiayTo": "Giấy thử", "MaKetQua": "", "DuongDanTepTinKetQua": f"{portal.url}/_account"}
        files = FetchedFiles()

        assert files.fetch([{"DanhSachGiayToKetQua": [named]}]) == ""
        assert [each["url"] for each in files.fetched] == [f"{portal.url}/_account"]
        assert files.fetched[0]["size"] > 0
        gone = named | {"DuongDanTepTinKetQua": "file:///etc/hostname"}
        assert "DuongDanTepTinKetQua" in files.fetch([STATUS, {"DanhSachGiayToKetQua": [gone, None, "x"]}, None])
        assert files.fetch({"x": 1}) == ""
        assert portal.account()["fetched"] == []
