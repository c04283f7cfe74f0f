"""Provinces and ministries with catalogues, for campaigns: plainly invented procedures, each with what a level needs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from hub import intake
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.canonical.party import Agency
from hub.canonical.procedure import Procedure
from hub.contract import Answer, Request
from hub.ledger import catalogue_verbs
from hub.ledger.catalogue_verbs import Told
from hub.registers import procedures
from tests.support import hub as support
from tests.support.clock import Clock

PROVINCE = "H55"
WHO = {"actor": "lan", "why": "kế hoạch 2020"}
MARKS = 'test_dossiers = ["*-THU-*"]\n'


def procedure(
    code: str,
    *,
    level: int | None = 3,
    papers: int = 2,
    steps: int = 3,
    days: str = "5",
    fee: str = "",
    online: bool = True,
    form_file: str = "https://dichvucong.example.org/mau.docx",
    agency: str = "",
    active: bool = True,
    **details: Any,
) -> Procedure:
    """Make a procedure whose record is filled in."""
    listed = [{"TENGIAYTO": f"Giấy tờ {number}"} for number in range(papers)]
    if listed:
        listed[0] |= {"TENMAUDON": "Tờ khai", "URL": form_file}
    channel = {"KENH": "2" if online else "1", "THOIGIAN": [{"THOIGIANGIAIQUYET": days, "DONVITINH": "ngày làm việc"}]}
    if fee:
        channel["PHILEPHI"] = [{"SOTIEN": fee}]
    told = {
        "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": listed}] if listed else [],
        "CACHTHUCTHUCHIEN": [channel],
        "TRINHTUTHUCHIEN": [{"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": f"Bước {number}"} for number in range(steps)]}],
        **details,
    }
    agencies = (Agency(code=agency, name=agency),) if agency else ()
    return Procedure(code=code, name=f"Thủ tục {code}", level=level, active=active, agencies=agencies, details=told)


def tell(hub: Hub, owner: str, listed: Iterable[Procedure]) -> None:
    """Let an owner say what its procedures are now."""
    rows = [procedures.row_of(owner, each) for each in listed]
    told = Told(message_id="", source="hub", at=hub.now(), actor="lan", why="nhập danh mục")
    hub.ledger.change(partial(catalogue_verbs.tell, rows=rows, told=told))


def send(hub: Hub, number: str, code: str, *, status: str = "2", key: str = "", **fields: Any) -> Answer:
    """Let the one-stop software send a dossier, online unless said otherwise."""
    record = {
        "MaHoSo": number,
        "MaTTHC": code,
        "TenTTHC": f"Thủ tục {code}",
        "MaLinhVuc": "G99-TN10",
        "TenLinhVuc": "Đất đai",
        "LoaiDoiTuong": "1",
        "HinhThuc": "1",
        "DonViXuLy": "Đơn vị mẫu",
        "ChuHoSo": "Nguyễn Thử Nghiệm",
        "KenhThucHien": "2",
        "TrangThaiHoSo": status,
        "NgayTiepNhan": hub.clock().astimezone(VIETNAM).strftime("%Y%m%d%H%M%S"),
        **fields,
    }
    body = json.dumps({"HoSo": record, "TienDo": []}, ensure_ascii=False).encode()
    identity = key or f"{number}.{status}"
    return intake.receive(
        hub, Request(endpoint=support.SENDER, body=body, content_type="application/json", idempotency_key=identity)
    )


def send_test(hub: Hub, unit: str, code: str, number: int = 1) -> Answer:
    """Let a unit send a test dossier."""
    return send(hub, f"{unit}-THU-{code}-{number}", code)


def open_province(folder: Path, clock: Clock, ledger: str = support.SQLITE, agency: str = PROVINCE) -> Hub:
    """Open the hub of a province whose one-stop software sends for all its units."""
    support.configure(folder, ledger=ledger)
    plain = f'adapter = "one_stop"\ntitle = "Một cửa tỉnh"\nagency_code = "{agency}"\n[inbound]\n{MARKS}'
    (folder / "endpoints" / f"{support.SENDER}.toml").write_text(plain, encoding="utf-8")
    return support.open_hub(folder, clock)
