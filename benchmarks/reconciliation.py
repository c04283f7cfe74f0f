"""Reconciliation of very many dossiers: time, look-ups a second, and the memory of the process at its highest.

``python -m benchmarks.reconciliation [--dossiers 1000000] [--seed 1] [--most-mb 500]``: a SQLite ledger is filled with dossiers
that one partner took, two calls each; the partner, in this process, answers each look-up from a rule and has lost one in a
thousand, holds one in a thousand in its former status and one with a status of its own. Exits with 1 where the findings are
not exactly these, or more memory was needed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Table

from adapters.template import holding
from hub import bootstrap
from hub.app import Hub
from hub.canonical.digests import digest_of
from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.contract import Outgoing
from hub.ledger import tables
from hub.reconcile import dossiers
from hub.registers import reconciliations

PARTNER = "bo"
NOW = 1772443800.0
_HUB = '[ledger]\nurl = "sqlite:///ledger.db"\n[logging]\nlevel = "ERROR"\n'
_ENDPOINT = (
    'adapter = "template"\ntitle = "Bộ thử nghiệm"\n[options]\nurl = "http://127.0.0.1:9"\ntoken = "secret"\n'
    "[outbound]\nconcurrency = 4\n[outbound.reconcile]\nrate_per_minute = 0\nconcurrency = 4\n"
)
_ROUTES = '[[route]]\nname = "all"\nfrom = ["bo"]\nto = ["bo"]\n'
#: One in so many is lost, stale, different.
_LOST, _STALE, _OWN = 1000, 1000, 1000
_AT_ONCE = 5000


class Partner:
    """What the partner holds, as a rule: nothing is stored, so that the memory measured is the hub's."""

    tells = holding.TELLS

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.calls = 0

    def number_of(self, message: DossierMessage) -> str:
        """Give the number of a dossier."""
        return message.dossier.code

    def told(self, outgoing: Outgoing) -> HeldDossier | None:
        """Read what a call told."""
        return holding.told(outgoing)

    def dossier(self, code: str) -> HeldDossier:
        """Answer one look-up."""
        self.calls += 1
        place = self.place(int(code[4:]))
        reply = json.dumps({"soHoSo": code}).encode()
        if place == 0:
            return HeldDossier(code=code, absent=True, shown=reply)
        status = {1: "2", 2: "8"}.get(place, "4")
        return HeldDossier(code=code, status=status, procedure="TT-01", shown=reply)

    def place(self, number: int) -> int:
        """Say what became of a dossier there: 0 lost, 1 stale, 2 changed, else as it was told."""
        return (number * 7 + self._seed) % 1000


def main() -> int:
    """Fill, compare, print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--dossiers", type=int, default=1_000_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--most-mb", type=int, default=500)
    given = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        hub, partner = _opened(Path(folder), given.seed)
        began = time.monotonic()
        _fill(Path(folder) / "ledger.db", given.dossiers)
        filled, before = time.monotonic() - began, _peak_mb()
        began = time.monotonic()
        run = dossiers.begin(hub, PARTNER, actor="bench", why="measured")
        while dossiers.advance(hub, run.id, "bench").action == "on":
            pass
        took = time.monotonic() - began
        with hub.ledger.read() as conn:
            ended = reconciliations.find(conn, run.id)
        hub.ledger.close()
    return _told(given, partner, ended, filled=filled, took=took, before=before)


def _told(given: Any, partner: Partner, run: Any, *, filled: float, took: float, before: float) -> int:
    wanted = {0: "missing/lost", 1: "stale/not_applied", 2: "different/partner_changed"}
    expected: dict[str, int] = {}
    for number in range(given.dossiers):
        if name := wanted.get(partner.place(number)):
            expected[name] = expected.get(name, 0) + 1
    found = {f"{each.kind}/{each.cause}": each.number for each in run.groups}
    peak = _peak_mb()
    print(f"machine: {platform.machine()}, Python {platform.python_version()}; seed {given.seed}")
    print(f"dossiers: {given.dossiers:,}, deliveries: {2 * given.dossiers:,}; filled in {filled:.0f} s")
    print(f"reconciled in {took:.1f} s: {partner.calls:,} look-ups, {partner.calls / took:,.0f} a second; state {run.state}")
    print(f"findings: {found}")
    print(f"memory: {peak:.0f} MB at most ({before:.0f} MB before the reconciliation); allowed {given.most_mb} MB")
    ok = found == expected and run.state == "done" and peak < given.most_mb
    print("ok" if ok else f"NOT ok; expected {expected}")
    return 0 if ok else 1


def _peak_mb() -> float:
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _opened(folder: Path, seed: int) -> tuple[Hub, Partner]:
    for name in ("endpoints", "codes", "keys"):
        (folder / name).mkdir()
    (folder / "hub.toml").write_text(_HUB, encoding="utf-8")
    (folder / "endpoints" / f"{PARTNER}.toml").write_text(_ENDPOINT, encoding="utf-8")
    (folder / "routes.toml").write_text(_ROUTES, encoding="utf-8")
    (folder / "keys" / "seal.pem").write_bytes(_seal_key())
    hub = bootstrap.open_hub(bootstrap.load_settings(folder))
    partner = Partner(seed)
    return replace(hub, transports=lambda _endpoint: partner), partner  # type: ignore[arg-type,return-value]


def _seal_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# --- the ledger --------------------------------------------------------------------------------------------------


def _fill(path: Path, count: int) -> None:
    """Write the rows that a reconciliation reads, in bulk; nobody here reads others."""
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA synchronous=OFF")
    named = "type = 'index' AND sql IS NOT NULL AND tbl_name IN ('deliveries', 'payloads') AND name <> 'deliveries_by_chain'"
    for (name,) in conn.execute(f"SELECT name FROM sqlite_master WHERE {named}").fetchall():  # noqa: S608
        # Nobody asks by these here, and they cost more than the rows.
        conn.execute(f"DROP INDEX {name}")
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(count, start + _AT_ONCE))
        _insert(conn, tables.dossiers, (_dossier(number) for number in numbers))
        _insert(conn, tables.dossier_codes, ({"code": _key(number), "key": _key(number)} for number in numbers))
        _insert(conn, tables.chains, (_chain(number) for number in numbers))
        _insert(conn, tables.payloads, (_payload(number, status) for number in numbers for status in ("TIEPNHAN", "XULY")))
        _insert(conn, tables.deliveries, _deliveries(numbers))
        conn.commit()
    conn.execute("PRAGMA optimize")
    conn.close()


def _insert(conn: sqlite3.Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    columns = [column.name for column in table.columns]
    marks = ", ".join("?" for _ in columns)
    text = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of our own tables
    conn.executemany(text, ([row.get(name, _usual(table, name)) for name in columns] for row in rows))


def _usual(table: Table, name: str) -> Any:
    column = table.columns[name]
    if column.nullable:
        return None
    kind = column.type.python_type
    return "" if kind is str else kind(0)


def _code(number: int) -> str:
    return f"H01-{number:08}"


def _key(number: int) -> str:
    return f"national:{_code(number)}"


def _dossier(number: int) -> dict[str, Any]:
    known = {"key": _key(number), "procedure": "1.000001", "status": "4", "origin": "mot_cua", "native": "{}"}
    return {**known, "version": 2, "updated_at": NOW}


def _chain(number: int) -> dict[str, Any]:
    return {"endpoint": PARTNER, "subject": _key(number), "next_place": 3, "head_place": 3, "held": "{}"}


def _business(number: int, status: str) -> bytes:
    dossier = {"soHoSo": _code(number), "thuTuc": {"ma": "TT-01", "ten": "Thủ tục mẫu"}, "trangThai": status}
    applicant = {"hoTen": "Nguyễn Thử Nghiệm", "soGiayTo": "000000000000", "diaChi": "Thử nghiệm"}
    sent = {"maThongDiep": f"M-{number}", "hanhDong": "CAPNHAT", "hoSo": {**dossier, "nguoiNop": applicant, "tep": []}}
    return json.dumps(sent, ensure_ascii=False).encode()


def _payload(number: int, status: str) -> dict[str, Any]:
    body = _business(number, status)
    kept = {"stored_at": NOW, "named_at": NOW, "kept_for": 1}
    return {"digest": digest_of(body), "size": len(body), "body": body, **kept}


def _deliveries(numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        for place, status in enumerate(("TIEPNHAN", "XULY"), start=1):
            yield {
                "id": f"{number:08x}-0000-4000-8000-{place:012}",
                "message_id": "m",
                "origin": "mot_cua",
                "endpoint": PARTNER,
                "subject": _key(number),
                "place": place,
                "procedure": "1.000001",
                "kind": "dossier",
                "event": "status",
                "service": "GuiHoSo",
                "part": "{}",
                "variant": "update",
                "state": "delivered",
                "head": "{}",
                "business_digest": digest_of(_business(number, status)),
                "attempts": 1,
            }


if __name__ == "__main__":
    sys.exit(main())
