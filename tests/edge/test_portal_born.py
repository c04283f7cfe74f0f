"""A dossier born on the portal, in either shape: it reaches the software that handles it, and status and result files go back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from adapters.national_portal.samples.generator import portal_born_dossier
from hub.ledger.tables import dossier_codes, messages, payloads
from hub.rules.lifecycle import State
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.portal_world import ONE_STOP, PORTAL, PortalWorld, portal_world

LOCAL = "H99.07-260302-0001"
LINK = "https://files.example.org/ket-qua.pdf"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PortalWorld]:
    with portal_world(tmp_path) as made:
        yield made


def by_notice(world: PortalWorld) -> str:
    document = portal_born_dossier(7, 1)
    world.born(document)
    return str(document["MaHoSo"])


def by_pull(world: PortalWorld) -> str:
    number = world.portal.verbs["list_dossier"]({})["number"]
    world.pull()
    return str(number)


def said(number: str, status: str, at: str, **record: Any) -> dict[str, Any]:
    """Write what the one-stop software says of the dossier: its own number, and the portal's."""
    whole = {
        "MaHoSo": LOCAL,
        "MaHoSoKhac": number,
        "HeThongKhac": "DVCQG",
        "MaTTHC": "1.990001",
        "TenTTHC": "Thủ tục thử nghiệm 1",
        "MaLinhVuc": "G99-TN01",
        "TenLinhVuc": "Lĩnh vực thử nghiệm một",
        "LoaiDoiTuong": "1",
        "NgayTiepNhan": "20260302091000",
        "TrangThaiHoSo": status,
        "HinhThuc": "0",
        "DonViXuLy": "Sở Thử nghiệm tỉnh X",
        **record,
    }
    step = {"NguoiXuLy": "Trần Kiểm Thử", "ThoiDiemXuLy": at, "NoiDungXuLy": f"Bước {status}", "TrangThai": status}
    row = {"MaHoSo": LOCAL, **step}
    return {"HoSo": whole, "TienDo": [row]}


@pytest.mark.parametrize("born", [by_notice, by_pull])
def test_it_reaches_the_software_and_status_and_results_go_back(world: PortalWorld, born: Any) -> None:
    number = born(world)
    world.carry_all()
    assert [row["service"] for row in world.one_stop.account()["dossiers"][number]] == ["nhanHoSo"]

    result = {"TenGiayTo": "Giấy thử", "GiayToId": "9", "DuongDanTepTinKetQua": LINK, "MaGiayToKetQua": "KQ.G99.000001"}
    for status, more in (("2", {}), ("4", {}), ("9", {"DanhSachGiayToKetQua": [result], "NgayKetThucXuLy": "20260302110000"})):
        answer = world.say(said(number, status, f"2026030210{int(status):02d}00", **more), f"said-{status}")
        assert answer.status == 202, answer.body
    world.carry_all()

    account = world.portal.account()
    back = account["born"][number]
    assert [(row["TrangThai"], row["MaHoSoDonVi"]) for row in back] == [("2", LOCAL), ("4", LOCAL), ("9", LOCAL)]
    assert [file["DuongDanTaiTepTin"] for file in back[-1]["TaiLieuXuLy"]] == [LINK]
    # It is the portal's own: it is not told there as a dossier of the agency's.
    assert account["dossiers"] == {}
    with world.hub.ledger.read() as conn:
        codes = {row.code: row.key for row in conn.execute(select(dossier_codes))}
    assert codes[f"national_portal:{number}"] == codes[f"national:{LOCAL}"]
    assert {each.state for each in all_deliveries(world.hub.ledger)} == {State.DELIVERED.value}
    check_chains(world.hub.ledger)
    assert broken_rows(world.hub.ledger) == []


def test_a_refusal_goes_back_in_the_portal_s_own_code(world: PortalWorld) -> None:
    number = by_pull(world)
    world.say(said(number, "3", "20260302100300", NgayTiepNhan="", NgayTuChoi="20260302100300"), "refused")
    world.carry_all()

    assert [row["TrangThai"] for row in world.portal.account()["born"][number]] == ["11"]


def test_questions_answers_figures_and_unknown_calls_go_their_ways(world: PortalWorld) -> None:
    asked = world.portal.verbs["ask"]({})["id"]
    figures = {
        "Thang": "2", "Nam": "2026", "Madonvi": "H99.07", "TenDonVi": "Sở", "LoaiThongKe": "1", "SoNhanTrongKy": "9",
        "SoTonKyTruoc": "1", "TongXuLyDungHan": "5", "TongXuLyTreHan": "1", "TongChuaXuLyTrongHan": "3",
        "TongChuaXuLyTreHan": "1", "TongSoXuLy": "10",
    }  # fmt: skip
    answer = {
        "HOIDAPID": asked, "MADONVI": "H99", "NGUOITRALOI": "Trần Kiểm Thử", "CHUCVUNGUOITRALOI": "",
        "NGAYTRALOI": "20260302093000", "NOIDUNGTRALOI": "Trả lời thử",
    }  # fmt: skip
    told = [
        world.agency("DongBoThongKeHoSo", {"data": [figures]}),
        world.agency("KetNoiMotCuaQuocGia/DongBoKetQuaHoiDapGuiTuDVCQG", [answer]),
        world.agency("DongBoDanhGia", {"data": [{"Diem": 5, "GhiChu": "Tốt"}]}),
    ]
    world.carry_all()

    assert [json.loads(each.body)["status" if index == 1 else "error_code"] for index, each in enumerate(told)] == ["0", 1, "0"]
    account = world.portal.account()
    assert account["figures"][0] | figures == account["figures"][0]
    assert account["figures"][0]["PhanTramXuLyDungHan"] == "83.33"
    assert account["answers"] == {asked: [answer]}
    assert account["raw"] == [{"service": "DongBoDanhGia", "fields": {"data": [{"Diem": 5, "GhiChu": "Tốt"}]}}]


def test_an_agency_speaks_only_for_itself_and_those_below_it(world: PortalWorld) -> None:
    figures = {"Thang": "2", "Nam": "2026", "Madonvi": "H98", "TongXuLyDungHan": "1"}

    answer = world.agency("DongBoThongKeHoSo", [figures])

    assert json.loads(answer.body)["error_code"] == "-1"
    assert [row for row in all_deliveries(world.hub.ledger) if row.endpoint == PORTAL] == []


@pytest.mark.parametrize("service", ["DongBoHoSoMC", "XoaHetDuLieu", "search/call"])
def test_an_agency_s_door_takes_no_other_service(world: PortalWorld, service: str) -> None:
    assert json.loads(world.agency(service, [{}]).body)["error_code"] == "-1"


# --- rows alone --------------------------------------------------------------------------------------------------

OURS = {"MaHoSoKhac": "", "HeThongKhac": ""}


def row(status: str, minute: int, number: str = LOCAL) -> dict[str, Any]:
    at = f"202603021{minute // 60}{minute % 60:02d}00"
    said = {"NguoiXuLy": "Trần Kiểm Thử", "ThoiDiemXuLy": at, "NoiDungXuLy": f"Bước {status}", "TrangThai": status}
    return {"MaHoSo": number, **said}


def of_one_agency(world: PortalWorld) -> PortalWorld:
    """Let the one-stop software be the same agency's as the other door."""
    hub = world.hub
    endpoints = {**hub.endpoints, ONE_STOP: replace(hub.endpoints[ONE_STOP], agency_code="H99")}
    return replace(world, hub=replace(hub, endpoints=endpoints))


@pytest.mark.parametrize("body", [{"data": [row("5", 7), row("4", 6)]}, [row("4", 6), row("5", 7)]])
def test_rows_alone_are_taken_for_a_dossier_that_is_known(world: PortalWorld, body: Any) -> None:
    world = of_one_agency(world)
    assert world.say(said("", "2", "20260302100200", **OURS), "record").status == 202

    answer = world.agency("CapNhatTienDoHoSoMC", body)
    again = world.agency("CapNhatTienDoHoSoMC", body)
    world.carry_all()

    assert json.loads(answer.body)["error_code"] == "0", answer.body
    assert again.body == answer.body
    told = world.portal.account()["dossiers"][LOCAL]
    assert [each["TrangThai"] for each in told["rows"]] == ["2", "4", "5"]
    assert told["record"]["TrangThaiHoSo"] == "5"
    assert told["record"]["TenTTHC"] == "Thủ tục thử nghiệm 1"
    assert told["duplicate_rows"] == 0 or told["duplicate_rows"] == []
    check_chains(world.hub.ledger)
    assert broken_rows(world.hub.ledger) == []


def test_rows_of_a_dossier_that_is_not_known_are_refused_with_words(world: PortalWorld) -> None:
    world = of_one_agency(world)
    world.say(said("", "2", "20260302100200", **OURS), "record")

    answer = json.loads(world.agency("CapNhatTienDoHoSoMC", {"data": [row("4", 6), row("4", 6, "H99.07-260302-0009")]}).body)

    assert answer["error_code"] == "-1"
    assert [each["Ma"] for each in answer["DanhSachLoi"]] == ["unknown_dossier"]
    world.carry_all()
    # All of it or nothing.
    assert [each["TrangThai"] for each in world.portal.account()["dossiers"][LOCAL]["rows"]] == ["2"]


def test_rows_of_another_agency_s_dossier_are_refused(world: PortalWorld) -> None:
    world.say(said("", "2", "20260302100200", **OURS), "record")

    answer = json.loads(world.agency("CapNhatTienDoHoSoMC", {"data": [row("4", 6)]}).body)

    assert [each["Ma"] for each in answer["DanhSachLoi"]] == ["not_permitted"]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"data": []}, {"/data"}),
        ({"data": [{"TrangThai": "4"}, None]}, {"/data/0/MaHoSo", "/data/0/ThoiDiemXuLy", "/data/0/NguoiXuLy", "/data/1"}),
        ([row("12", 6)], {"/0/TrangThai"}),
    ],
)
def test_wrong_rows_are_told_all_at_once(world: PortalWorld, body: Any, faults: set[str]) -> None:
    answer = json.loads(world.agency("CapNhatTienDoHoSoMC", body).body)

    assert {each["DuongDan"] for each in answer["DanhSachLoi"]} >= faults


def test_rows_whose_record_is_kept_no_longer_are_refused(world: PortalWorld) -> None:
    world = of_one_agency(world)
    world.say(said("", "2", "20260302100200", **OURS), "record")
    with world.hub.ledger.apart() as conn:
        digests = json.loads(conn.execute(select(messages.c.canonical)).scalar_one())
        conn.execute(update(payloads).where(payloads.c.digest.in_(digests)).values(body=None))

    answer = json.loads(world.agency("CapNhatTienDoHoSoMC", [row("4", 6)]).body)

    assert [each["Ma"] for each in answer["DanhSachLoi"]] == ["unknown_dossier"]
