"""The portal's double keeps the portal's rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.national_portal.samples.generator import portal_born_dossier
from adapters.national_portal.simulator import DSTCODE, simulator
from hub.simulation import Call as HttpCall
from hub.simulation import Said, SimulatorServer

RECORD = {
    "MaHoSo": "H99.07-260105-0012",
    "MaTTHC": "1.009999",
    "TenTTHC": "A",
    "MaLinhVuc": "G99-TN01",
    "TenLinhVuc": "B",
    "LoaiDoiTuong": "1",
    "NgayTiepNhan": "20260105081500",
    "TrangThaiHoSo": "2",
    "HinhThuc": "0",
    "DonViXuLy": "C",
    "TaiLieuNop": [],
}
ROW = {"MaHoSo": "H99.07-260105-0012", "NguoiXuLy": "D", "ThoiDiemXuLy": "20260105081500", "TrangThai": "2"}


class Client:
    """Speaks to the simulator without a network."""

    def __init__(self, server: SimulatorServer) -> None:
        self.server = server
        self.session = self.post("/x/mapi/login", {"username": "H99", "password": "invented"})["session"]

    def post(self, path: str, body: Any) -> dict[str, Any]:
        said = self.server.serve(HttpCall("POST", path, {}, {"dstcode": DSTCODE}, json.dumps(body).encode()))
        found: dict[str, Any] = json.loads(said.body)
        return found

    def call(self, service: str, **fields: Any) -> dict[str, Any]:
        return self.post("/x/mapi/g", {"session": self.session, "madonvi": "H99", "service": service, **fields})

    def record(self, updating: str = "False", **changes: Any) -> dict[str, Any]:
        return self.call("DongBoHoSoMC", isUpdating=updating, data=[{**RECORD, **changes}])


@pytest.fixture
def client() -> Iterator[Client]:
    with simulator() as server:
        yield Client(server)


@pytest.mark.parametrize(
    "name",
    [
        "MaHoSo",
        "MaTTHC",
        "TenTTHC",
        "MaLinhVuc",
        "TenLinhVuc",
        "LoaiDoiTuong",
        "NgayTiepNhan",
        "TrangThaiHoSo",
        "HinhThuc",
        "DonViXuLy",
    ],
)
def test_a_record_without_a_mandatory_field_is_refused(client: Client, name: str) -> None:
    assert {"error_code": "-1", "message": f"Thiếu {name}"} == client.record(**{name: ""})
    assert client.server.account()["dossiers"] == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"NgayTiepNhan": "2026-01-05"},
        {"TrangThaiHoSo": "11"},
        {"LoaiDoiTuong": "5"},
        {"HinhThuc": "2"},
        {"TaiLieuNop": ""},
        {"GhiChu": 5},
        {"MaHoSo": ["x"]},
    ],
)
def test_a_wrong_value_is_refused(client: Client, changes: dict[str, Any]) -> None:
    assert client.record(**changes)["error_code"] == "-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TrangThaiHoSo": "3", "NgayTuChoi": "20260105090000"}, "0"),
        ({"TrangThaiHoSo": "3", "NgayTuChoi": ""}, "-1"),
        ({"TrangThaiHoSo": "7"}, "0"),
        ({"TrangThaiHoSo": "4"}, "-1"),
    ],
)
def test_which_dossiers_may_come_without_reception(client: Client, changes: dict[str, str], code: str) -> None:
    assert code == client.record(NgayTiepNhan="", **changes)["error_code"]


def test_create_and_update_are_told_apart(client: Client) -> None:
    codes = [client.record(updating)["error_code"] for updating in ("True", "False", "False", "True", "yes")]

    assert codes == ["-1", "0", "-3", "0", "-1"]


def test_rows_come_as_often_as_they_are_sent(client: Client) -> None:
    assert client.call("CapNhatTienDoHoSoMC", data=[ROW])["error_code"] == "-1"
    client.record()
    for _ in range(2):
        assert client.call("CapNhatTienDoHoSoMC", data=[ROW, {**ROW, "TrangThai": "4"}])["error_code"] == "0"
    assert client.call("CapNhatTienDoHoSoMC", data=[{**ROW, "NguoiXuLy": ""}])["error_code"] == "-1"
    assert client.call("CapNhatTienDoHoSoMC", data=[{**ROW, "TrangThai": "11"}])["error_code"] == "-1"

    kept = client.server.account()["dossiers"]["H99.07-260105-0012"]
    assert ([row["TrangThai"] for row in kept["rows"]], kept["duplicate_rows"]) == (["2", "4", "2", "4"], 2)


def test_a_status_is_taken_only_for_a_dossier_born_there(client: Client) -> None:
    row = {"MaHoSo": "G99.01-260302-0001", "TrangThai": "11", "NgayXuLy": "20260302090000", "TaiLieuXuLy": []}

    before = client.call("DongBoTrangThaiHoSo", type="2", data=[row])["error_code"]
    client.server.verbs["born"]({"number": "G99.01-260302-0001"})
    after = [client.call("DongBoTrangThaiHoSo", type=kind, data=row)["error_code"] for kind in ("2", "1")]

    assert (before, after) == ("-1", ["0", "-1"])


def test_faults_on_demand(client: Client) -> None:
    faults = client.server.faults
    faults.add("refuse", value="Hệ thống bận")
    faults.add("exists", match="DongBoHoSoMC")

    assert client.call("TraCuuHoSo", mahoso="x") == {"error_code": "-1", "message": "Hệ thống bận"}
    assert client.record()["error_code"] == "-3"
    assert client.record("True")["error_code"] == "0"
    faults.add("expire_session")
    assert client.record()["error_code"] == "401"
    assert client.record()["error_code"] == "401"  # the session is gone for good


def test_procedures_can_be_written_only_where_a_service_is_named() -> None:
    with simulator(write_procedure_service="DongBoTTHC", write_procedure_field="rows", procedures=0) as server:
        client = Client(server)
        assert client.call("Other", rows=[{}])["error_code"] == "-1"
        assert client.call("DongBoTTHC", rows=[{"MATTHC": "1.000001"}])["error_code"] == "-1"
        record = {"MATTHC": "1.000001", "TENTTHC": "A", "TRANGTHAI": "1"}
        assert client.call("DongBoTTHC", rows=[record])["error_code"] == "0"
        assert [record] == client.call("LayThuTuc", maTTHC="1.000001")["result"]


def test_a_dossier_born_on_the_portal_is_pushed_to_the_hub() -> None:
    got: list[HttpCall] = []

    def hub(call: HttpCall) -> Said:
        got.append(call)
        return Said('{"error_code":"0","message":"Tiếp nhận"}'.encode())

    with SimulatorServer("hub", hub) as door, simulator(hub_url=door.url, token="t", seed=5) as portal:
        given = portal_born_dossier(5, 99)
        told = portal.verbs["push"]({"document": given, "path": "/doors/dvcqg/createdossierfromdvcqg"})
        portal.verbs["push"]({"path": "/doors/dvcqg"})
        account = portal.account()

    assert told == {"status": 200, "body": '{"error_code":"0","message":"Tiếp nhận"}'}
    assert [given, portal_born_dossier(5, 1)] == [json.loads(call.body) for call in got]
    assert [call.path for call in got] == ["/doors/dvcqg/createdossierfromdvcqg", "/doors/dvcqg"]
    assert [call.headers["authorization"] for call in got] == ["Bearer t"] * 2
    assert given["MaHoSo"] == got[0].headers["idempotency-key"]
    assert {given["MaHoSo"], portal_born_dossier(5, 1)["MaHoSo"]} == set(account["born"])


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_garbage_is_refused(body: bytes) -> None:
    with simulator() as server:
        said = server.serve(HttpCall("POST", "/x/mapi/g", {}, {"dstcode": DSTCODE}, body))

    assert json.loads(said.body)["error_code"] == "-1"
