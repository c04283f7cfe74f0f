"""However a dossier's messages arrive, and whatever is lost on the way up: the portal's account ends the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.ledger import payloads
from hub.operations import deliveries as operations
from hub.registers import dossiers
from hub.rules.lifecycle import State
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.portal_world import PortalWorld, portal_world

NUMBER = "H99.07-260302-0001"
#: Status, and the rows that came with it (minute after nine, status).
STATUSES = (("2", (1,)), ("4", (2, 3)), ("5", (4,)), ("9", (5,)), ("10", (6,)))
RECORD, ROWS = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
FAULTS = (
    {"kind": "busy", "value": 1},
    {"kind": "status", "value": 404},
    {"kind": "status", "value": 500},
    {"kind": "hang_before", "value": 0},
    {"kind": "hang_after", "value": 0},
    {"kind": "malformed"},
    {"kind": "expire_session"},
)


def said(status: str, minutes: tuple[int, ...]) -> dict[str, Any]:
    """Write what the one-stop software says when the dossier has this status."""
    record = {
        "MaHoSo": NUMBER, "MaTTHC": "1.990001", "TenTTHC": "Thủ tục", "MaLinhVuc": "G99-TN01", "TenLinhVuc": "Lĩnh vực",
        "LoaiDoiTuong": "1", "NgayTiepNhan": "20260302090000", "TrangThaiHoSo": status, "HinhThuc": "0", "DonViXuLy": "Sở",
    }  # fmt: skip
    rows = [
        {
            "MaHoSo": NUMBER, "NguoiXuLy": "Trần Kiểm Thử", "ThoiDiemXuLy": f"202603020{9}{minute:02d}00",
            "NoiDungXuLy": f"Bước {minute}", "TrangThai": status,
        }
        for minute in minutes
    ]  # fmt: skip
    return {"HoSo": record, "TienDo": rows}


def look_and_settle(world: PortalWorld) -> None:
    """Do what an operator does with rows in doubt: look at the portal whether they stand there, and say so."""
    noted = {row["NoiDungXuLy"] for kept in world.portal.account()["dossiers"].values() for row in kept["rows"]}
    for each in all_deliveries(world.hub.ledger):
        if each.state == State.IN_DOUBT.value and each.service == ROWS:
            with world.hub.ledger.read() as conn:
                body = text_of(conn, each.business_digest)
            arrived = any(f'"{note}"' in body for note in noted)
            operations.settle(world.hub, each.id, arrived=arrived, actor="vận hành", why="đã tra cứu tại Cổng")


def text_of(conn: Any, digest: str) -> str:
    """Give the bytes of a call as text."""
    return (payloads.get(conn, digest) or b"").decode()


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    order=st.permutations(range(len(STATUSES))),
    repeated=st.sets(st.integers(0, len(STATUSES) - 1)),
    early=st.integers(0, len(STATUSES)),
    faults=st.lists(st.tuples(st.sampled_from(FAULTS), st.sampled_from((RECORD, ROWS))), max_size=4),
)
def test_any_order_and_any_loss_end_in_the_same_account(
    order: list[int], repeated: set[int], early: int, faults: list[tuple[dict[str, Any], str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, portal_world(Path(folder), pull=[]) as world:
        for fault, service in faults:
            world.portal.faults.add(match=service, **fault)
        for place, index in enumerate(order):
            status, minutes = STATUSES[index]
            for _ in range(2 if index in repeated else 1):
                assert world.say(said(status, minutes), f"key-{status}").status == 202
            if place == early:
                world.carry_all(8)
        for _ in range(6):
            world.carry_all(12)
            look_and_settle(world)

        kept = world.portal.account()["dossiers"][NUMBER]
        assert kept["record"]["TrangThaiHoSo"] == "10"
        assert sorted(row["NoiDungXuLy"] for row in kept["rows"]) == [f"Bước {minute}" for minute in range(1, 7)]
        assert kept["duplicate_rows"] == 0
        with world.hub.ledger.read() as conn:
            known = dossiers.find(conn, [f"national:{NUMBER}"])
        assert known is not None
        assert known.status.value == "10"
        assert {each.state for each in all_deliveries(world.hub.ledger)} == {State.DELIVERED.value}
        check_chains(world.hub.ledger)
        assert broken_rows(world.hub.ledger) == []
