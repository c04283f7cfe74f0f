"""Dossiers of a one-stop sender with all that statistics count: random ones, and the hub that takes them."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

from hub import intake
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.contract import Request
from tests.support.hub import SENDER

BEGIN = datetime(2026, 2, 20, 8, tzinfo=VIETNAM)


def record(number: int, status: str = "4", **more: Any) -> dict[str, Any]:
    """Write one dossier as a one-stop sender does."""
    return {
        "MaHoSo": f"H55.{10 + number % 3}-260302-{number:04}",
        "MaTTHC": "1.000001",
        "TenTTHC": "Thủ tục mẫu",
        "MaLinhVuc": f"LV{number % 2}",
        "TenLinhVuc": f"Lĩnh vực {number % 2}",
        "KenhThucHien": "2",
        "ChuHoSo": "Nguyễn Thử Nghiệm",
        "SoGiayToChuHoSo": "001099000000",
        "LoaiDoiTuong": "1",
        "TrichYeuHoSo": "Hồ sơ thử",
        "NgayNopHoSo": "20260302074500",
        "NgayTiepNhan": "20260302081500",
        "NgayHenTra": "20260309170000",
        "TrangThaiHoSo": status,
        "HinhThuc": "0",
        "DonViXuLy": f"Đơn vị {number % 3}",
        **more,
    }


def give(hub: Hub, *records: dict[str, Any], key: str) -> None:
    """Let the sender give some dossiers in one document; they must be accepted."""
    body = json.dumps(list(records), ensure_ascii=False).encode()
    answer = intake.receive(hub, Request(endpoint=SENDER, body=body, content_type="application/json", idempotency_key=key))
    assert answer.status == 202, answer.body


def written(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}"


def life(chance: random.Random, number: int) -> list[dict[str, Any]]:
    """Make what is told of one random dossier, in order."""
    received = BEGIN + timedelta(hours=chance.randrange(24 * 45))
    told: dict[str, Any] = {"KenhThucHien": chance.choice(["1", "2", "2", "3"]), "NgayTiepNhan": written(received)}
    if chance.random() < 0.9:
        told["NgayHenTra"] = written(received + timedelta(days=chance.randrange(1, 20)))
    else:
        told["NgayHenTra"] = ""
    states = chance.choice(("2", "2 4", "2 4 9", "2 5 4 9 10", "2 5", "2 7", "2 4 8")).split()
    ended = received + timedelta(hours=chance.randrange(24 * 30))
    lives = []
    for status in states:
        more = {"NgayKetThucXuLy": written(ended)} if status in ("9", "10") else {}
        more |= {"NgayTra": written(ended + timedelta(days=1))} if status == "10" else {}
        lives.append(record(number, status, **told, **more))
    return lives
