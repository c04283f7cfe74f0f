"""A night of an operator: a province sends, one partner fails in four ways, and ``lienthong serve`` runs as everywhere."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.template.simulator import simulator
from hub import bootstrap
from hub.app import Hub
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.operations import logins
from hub.rules.people import Person, Role
from hub.simulation import SimulatorServer
from hub.trust import keys
from tests.support.looking import all_deliveries

SENDER, PARTNER = "thai_nguyen", "bo_nnmt"
#: Nothing goes there yet: it could take the partner's place.
SUCCESSOR = "bo_nnmt_moi"
TITLES = {
    SENDER: "Một cửa điện tử tỉnh Thái Nguyên",
    PARTNER: "Bộ Nông nghiệp và Môi trường",
    SUCCESSOR: "Bộ Nông nghiệp và Môi trường, hệ thống mới",
}
TOKEN = "token-of-the-province"
#: The partner's list of procedures lacks the second one, until somebody adds it.
KNOWN, UNKNOWN = "1.000001", "1.000002"
CODES = f"code,value,name,valid_from,valid_to\n{KNOWN},TT-01,Cấp giấy phép mẫu,2020-01-01,\n"
#: Longer than anything takes, never waited for when all is well.
PATIENCE_SECONDS = 60.0
#: So often the ledger is looked at meanwhile.
LOOK_SECONDS = 0.05
#: Of the accounts of these nights; none of them is anywhere else.
PASSWORD, FIRST_PASSWORD = "mat-khau-thu-nghiem-2026", "mat-khau-tam-thoi-2026"
#: A session outlives a test.
SESSION_SECONDS = 3600.0
#: Dossiers of each cause; the first has followers.
UNMAPPED, UNKNOWN_THERE, FAULTY, ORPHANED, FOLLOWERS = 200, 50, 30, 20, 40
PEOPLE = {
    "an": ("Nguyễn Văn An", [Role.OPERATOR]),
    "binh": ("Trần Thị Bình", [Role.OPERATOR]),
    "duyet": ("Lê Thị Duyệt", [Role.APPROVER]),
    "danh_muc": ("Phạm Danh Mục", [Role.OFFICER]),
    "xem": ("Đỗ Văn Xem", [Role.VIEWER]),
    "thanh_tra": ("Vũ Thanh Tra", [Role.AUDITOR]),
    "quan_tri": ("Hoàng Quản Trị", [Role.ADMINISTRATOR]),
}

_HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
_HUB = """
[ledger]
url = "sqlite:///ledger.db"
[logging]
level = "WARNING"
{more}
"""
_PARTNER = """
adapter = "template"
title = "{title}"
agency_code = "G10"
[options]
url = "{url}"
token = "secret"
[outbound]
concurrency = 8
deadline_seconds = 3.0
settle_after_seconds = 0.2
[outbound.redelivery]
first_seconds = 0.05
ceiling_seconds = 0.05
jitter = 0
max_attempts = 2
[outbound.services.GuiHoSo]
on_doubt = "park"
[outbound.services.GuiTienTrinh]
on_doubt = "park"
"""
_SENDER = """
adapter = "template"
title = "{title}"
agency_code = "H55"
[inbound]
token_sha256 = ["{digest}"]
"""
_ROUTES = f"""
[[route]]
name = "tỉnh gửi bộ"
from = ["{SENDER}"]
to = ["{PARTNER}"]
"""


@dataclass
class Night:
    """The hub of one night, from outside."""

    folder: Path
    partner: SimulatorServer
    door: str
    console: str
    #: Looks into the same ledger as the running hub.
    hub: Hub
    process: subprocess.Popen[str]
    sent: int = 0
    #: Dossier -> the marks that were sent about it, in order.
    said: dict[str, list[str]] = field(default_factory=dict)

    def send(self, dossier: str, *, procedure: str = KNOWN, status: str = "MOI", steps: int = 0) -> None:
        """Let the province send one message, which the hub must accept."""
        self.sent += 1
        marks = [f"#{self.sent}", *(f"#{self.sent}/{step}" for step in range(steps))]
        self.said.setdefault(dossier, []).extend(marks)
        where = urlsplit(self.door)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=PATIENCE_SECONDS)
        try:
            body = _document(self.sent, dossier, procedure, status, steps)
            connection.request("POST", f"/doors/{SENDER}", body, {**_HEADERS, "Idempotency-Key": f"M-{self.sent:06}"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
        finally:
            connection.close()

    def fault(self, kind: str, **given: Any) -> None:
        """Ask the partner for a fault."""
        self.partner.faults.add(kind, **given)

    def states(self) -> Counter[str]:
        """Count deliveries by state."""
        return Counter(row.state for row in all_deliveries(self.hub.ledger))

    def until(self, wanted: dict[str, int]) -> None:
        """Wait until so many deliveries are in these states, and none in another."""
        self._wait(lambda: self.states() == Counter(wanted), lambda: f"{dict(self.states())}, wanted {wanted}")

    def _wait(self, true: Callable[[], bool], told: Callable[[], str]) -> None:
        bell = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if true():
                return
            assert self.process.poll() is None, "the hub ended"
            bell.wait(LOOK_SECONDS)
        raise AssertionError(told())


def _document(number: int, dossier: str, procedure: str, status: str, steps: int) -> bytes:
    tree = {
        "maThongDiep": f"M-{number:06}",
        "suKien": "TRANGTHAI",
        "guiLuc": "2026-03-02T09:00:00+07:00",
        "hoSo": {
            "soHoSo": dossier,
            "thuTuc": {"ma": procedure, "ten": "Cấp giấy phép mẫu"},
            "trangThai": status,
            "nguoiNop": {"hoTen": "Nguyễn Thử Nghiệm", "soGiayTo": "000000000000", "dienThoai": "0000000000"},
        },
        "tienTrinh": [
            {"trangThai": status, "noiDung": f"#{number}/{step}", "luc": "2026-03-02T09:00:00"} for step in range(steps)
        ],
    }
    return json.dumps(tree, ensure_ascii=False).encode()


def configure(folder: Path, partner_url: str, more: str = "") -> Path:
    """Write the configuration folder of a night."""
    for name in ("endpoints", "codes", "keys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "hub.toml").write_text(_HUB.format(more=more), encoding="utf-8")
    (folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    (folder / "codes" / "template_procedures.csv").write_text(CODES, encoding="utf-8")
    for name in (PARTNER, SUCCESSOR):
        text = _PARTNER.format(title=TITLES[name], url=partner_url)
        (folder / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")
    door = _SENDER.format(title=TITLES[SENDER], digest=hashlib.sha256(TOKEN.encode()).hexdigest())
    (folder / "endpoints" / f"{SENDER}.toml").write_text(door, encoding="utf-8")
    (folder / "routes.toml").write_text(_ROUTES, encoding="utf-8")
    return folder


def register(hub: Hub) -> None:
    """Make the accounts of a night, as an administrator does; nobody there has a temporary password."""
    first = Person(login="thiet_lap", roles=frozenset(Role))
    act = ACTS["person add"]
    for login, (name, roles) in PEOPLE.items():
        asked = {"login": login, "name": name, "roles": roles, "scope": ("*",), "password": FIRST_PASSWORD, "why": "ca trực"}
        perform(hub, first, act, act.asked.model_validate(asked))
        logins.change_password(hub, login, FIRST_PASSWORD, PASSWORD, lasts_seconds=SESSION_SECONDS)


@contextmanager
def night(folder: Path, more: str = "") -> Iterator[Night]:
    """Serve a hub, with its partner and its accounts, until the test ends."""
    with simulator() as partner:
        configure(folder, partner.url, more)
        hub = bootstrap.open_hub(bootstrap.load_settings(folder))
        register(hub)
        with serving(folder) as (process, told):
            try:
                yield Night(folder=folder, partner=partner, door=told["url"], console=told["console"], hub=hub, process=process)
            finally:
                hub.ledger.close()


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run ``lienthong serve`` until the test ends; its log stands in the folder."""
    command = [sys.executable, "-m", "hub.edge.cli", "--config", str(folder), "serve", "--port", "0", "--json", *words]
    log = (folder / "hub.log").open("w")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "hub.log").read_text()
            yield process, json.loads(line)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def fail_in_four_ways(night: Night) -> None:
    """Let 300 dossiers fail for four causes, and 40 of them be followed by a second message."""
    numbers = iter(range(1, 10_000))
    first = _dossiers(numbers, UNMAPPED)
    for dossier in first:
        night.send(dossier, procedure=UNKNOWN)
    night.until({"parked": UNMAPPED})
    for dossier in first[:FOLLOWERS]:
        night.send(dossier, procedure=UNKNOWN, status="XULY")
    for code, count in (("13", UNKNOWN_THERE), ("10", FAULTY), ("14", ORPHANED)):
        before = night.states()["parked"]
        night.fault("code", times=count, value=code)
        for dossier in _dossiers(numbers, count):
            night.send(dossier)
        night.until({"parked": before + count, "held": FOLLOWERS})


def _dossiers(numbers: Iterator[int], count: int) -> list[str]:
    return [f"000.00.00.H55-260302-{next(numbers):04}" for _ in range(count)]


def stored_once_and_in_order(night: Night) -> Iterable[str]:
    """Name what the partner does not hold exactly once, or not in its order."""
    account = night.partner.account()
    if sorted(account["dossiers"]) != sorted(night.said):
        yield f"{len(account['dossiers'])} dossiers of {len(night.said)}"
    if len(account["messages"]) != len(set(account["messages"])):
        yield "a message twice"
    if len(account["messages"]) != night.sent:
        yield f"{len(account['messages'])} messages of {night.sent}"
