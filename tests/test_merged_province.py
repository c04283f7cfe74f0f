"""A dossier that Vĩnh Phúc opened in June 2025 goes on in Phú Thọ in August, and at the portal nothing of it is rewritten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.national_portal.simulator import SIMULATOR as portal_of
from adapters.one_stop.simulator import SIMULATOR as software_of
from hub import bootstrap, intake
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.contract import Request
from hub.ledger import payloads
from hub.ledger.tables import deliveries
from hub.operations import administration
from hub.simulation import SimulatorServer
from hub.trust import keys
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import carry_all

NUMBER = "H62.14-250612-0001"
JUNE = datetime(2025, 6, 12, 8, 30, tzinfo=VIETNAM)
AUGUST = datetime(2025, 8, 12, 9, 0, tzinfo=VIETNAM)
OLD_AGENCY = "Sở Tài nguyên và Môi trường tỉnh Vĩnh Phúc"
AGENCY_CODES = {"vinh_phuc": "H62", "phu_tho": "H44", "bo_nnmt": "G10", "ha_noi": "H26"}
ROUTES = """
[[route]]
name = "Hồ sơ của tỉnh lên Cổng và tới Bộ"
from = ["vinh_phuc", "phu_tho"]
to = ["dvcqg", "bo_nnmt"]

[[route]]
name = "Kết quả của Bộ về Phú Thọ"
from = ["bo_nnmt"]
agencies = ["H44*"]
to = ["phu_tho"]

[[route]]
name = "Kết quả của Bộ về Vĩnh Phúc"
from = ["bo_nnmt"]
agencies = ["H62*"]
to = ["vinh_phuc"]
"""


@dataclass
class Region:
    """A hub between two provinces, a ministry and the portal; the clock is turned by hand."""

    hub: Hub
    clock: Clock
    partners: dict[str, SimulatorServer]
    sent: int = 0

    def at(self, moment: datetime) -> None:
        """Turn the clock to a moment."""
        self.clock.advance((moment - self.clock()).total_seconds())

    def send(self, by: str, status: str, note: str) -> int:
        """Let a partner send the dossier as it sees it, with one step; give the status of the answer."""
        self.sent += 1
        moment = self.clock().strftime("%Y%m%d%H%M%S")
        record = {
            "MaHoSo": NUMBER, "MaTTHC": "1.900009", "TenTTHC": "Cấp giấy phép", "MaLinhVuc": "G13-TN01", "TenLinhVuc": "Đất",
            "LoaiDoiTuong": "1", "HinhThuc": "1", "ChuHoSo": "Nguyễn Thử Nghiệm", "DonViXuLy": OLD_AGENCY,
            "TrangThaiHoSo": status, "NgayTiepNhan": "20250612083000",
        }  # fmt: skip
        step = {
            "NguoiXuLy": "Trần Kiểm Thử", "ChucDanh": "Chuyên viên", "ThoiDiemXuLy": moment, "PhongBanXuLy": "Một cửa",
            "NoiDungXuLy": note, "TrangThai": status,
        }  # fmt: skip
        body = json.dumps({"HoSo": record, "TienDo": [step]}, ensure_ascii=False).encode()
        key = f"{by}-{self.sent}"
        answer = intake.receive(self.hub, Request(endpoint=by, body=body, content_type="application/json", idempotency_key=key))
        carry_all(self.hub)
        return answer.status

    def at_portal(self) -> dict[str, Any]:
        (number,) = self.partners["dvcqg"].account()["dossiers"]
        assert number == NUMBER
        found: dict[str, Any] = self.partners["dvcqg"].account()["dossiers"][NUMBER]
        return found

    def at_software(self, name: str) -> dict[str, str]:
        """Give the numbers of dossiers that a software stores, by what they are called elsewhere."""
        found: dict[str, str] = self.partners[name].account()["numbers"]
        return found

    def given(self, name: str) -> dict[str, Any]:
        """Give the record in the last bytes that went to an endpoint."""
        with self.hub.ledger.read() as conn:
            query = select(deliveries.c.business_digest).where(deliveries.c.endpoint == name)
            digest = conn.execute(query.order_by(deliveries.c.place.desc())).scalars().first()
            record: dict[str, Any] = json.loads(payloads.get(conn, digest or "") or b"{}")["HoSo"]
            return record


def write(folder: Path, ledger: str, partners: dict[str, SimulatorServer]) -> None:
    for name in ("endpoints", "codes", "keys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    (folder / "hub.toml").write_text(f'[ledger]\nurl = "{ledger}"\n', encoding="utf-8")
    (folder / "routes.toml").write_text(ROUTES, encoding="utf-8")
    for name, code in AGENCY_CODES.items():
        text = f'adapter = "one_stop"\ntitle = "{name}"\nagency_code = "{code}"\n[options]\nbase_url = "{partners[name].url}"\n'
        (folder / "endpoints" / f"{name}.toml").write_text(f"{text}[inbound]\n[outbound]\n", encoding="utf-8")
    (folder / "endpoints" / "dvcqg.toml").write_text(
        'adapter = "national_portal"\ntitle = "Cổng"\n'
        f'[options]\nbase_url = "{partners["dvcqg"].url}/adapter"\nusername = "H99"\npassword = "invented"\nmadonvi = "H62"\n'
        "map_procedures = false\nmap_fields = false\n[outbound]\n",
        encoding="utf-8",
    )


@pytest.fixture(params=ENGINES)
def region(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Region]:
    with ExitStack() as stack:
        ledger = stack.enter_context(ledger_on(request.param))
        partners = {name: stack.enter_context(software_of(endpoint=name)) for name in AGENCY_CODES}
        partners["dvcqg"] = stack.enter_context(portal_of())
        write(tmp_path, ledger, partners)
        clock = Clock(JUNE)
        hub = bootstrap.open_hub(bootstrap.load_settings(tmp_path), clock=clock)
        hub.bus.open()
        yield Region(hub, clock, partners)
        hub.bus.close()
        hub.ledger.close()


def test_a_running_dossier_goes_on_with_who_answers_for_it_under_its_own_number(region: Region) -> None:
    assert region.send("vinh_phuc", "2", "tiếp nhận") == 202
    opened = region.at_portal()["record"]
    region.at(datetime(2025, 6, 30, 23, 59, tzinfo=VIETNAM))
    assert region.send("bo_nnmt", "4", "thẩm định") == 202
    assert (region.at_software("vinh_phuc"), region.at_software("phu_tho")) == ({NUMBER: NUMBER}, {})

    # Midnight: Vĩnh Phúc's code is closed. The ministry's word about its dossier goes to Phú Thọ.
    region.at(AUGUST)
    assert region.send("bo_nnmt", "4", "bổ sung ý kiến") == 202
    assert region.at_software("phu_tho") == {NUMBER: NUMBER}
    taken = region.given("phu_tho")
    assert [taken[name] for name in ("MaHoSo", "DonViXuLy", "MaLinhVuc")] == [NUMBER, OLD_AGENCY, "G13-TN01"]

    # And Phú Thọ's software goes on with it, though it was Vĩnh Phúc that opened it.
    region.at(AUGUST + timedelta(days=1))
    assert region.send("phu_tho", "9", "xong") == 202
    now = region.at_portal()
    assert [row["TrangThai"] for row in now["rows"]] == ["2", "9"]
    assert {row["MaHoSo"] for row in now["rows"]} == {NUMBER}
    kept = ("MaHoSo", "MaTTHC", "MaLinhVuc", "DonViXuLy")
    assert {name: now["record"][name] for name in kept} == {name: opened[name] for name in kept}
    assert now["record"]["DonViXuLy"] == OLD_AGENCY


def test_before_the_merger_another_province_is_nobody_to_it(region: Region) -> None:
    assert region.send("vinh_phuc", "2", "tiếp nhận") == 202

    assert region.send("phu_tho", "9", "xong") == 403
    region.at(AUGUST)
    assert region.send("ha_noi", "9", "xong") == 403
    assert region.send("phu_tho", "9", "xong") == 202


def test_what_came_is_told_with_todays_owner(region: Region) -> None:
    region.send("vinh_phuc", "2", "tiếp nhận")
    region.at(AUGUST)
    region.send("phu_tho", "4", "xử lý")

    (seen,) = [each for each in administration.check(region.hub, days=90).codes if each.kind == "number"]

    assert (seen.code, seen.today, seen.today_name, seen.number, seen.late) == ("H62.14", "H44", "Phú Thọ", 2, 0)
    assert dict(seen.endpoints) == {"phu_tho": 1, "vinh_phuc": 1}
