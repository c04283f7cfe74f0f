"""A hub on a folder of its own: one sender, partners that speak the sample system's protocol, a SQLite ledger."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub import bootstrap, delivery, dispatch, intake
from hub.app import Hub
from hub.bus.port import Acknowledge
from hub.contract import Answer, Request
from hub.rules.queued import Due
from tests.support.clock import Clock

SENDER = "mot_cua"
PARTNER = "bo"
#: The usual ledger: a file in the configuration folder.
SQLITE = "sqlite:///ledger.db"
#: What the partner declares about each service: all three ways of handling a doubt.
SERVICES = """
[outbound.services."GuiHoSo.create"]
on_doubt = "ask"
absence_proves = true
[outbound.services."GuiHoSo.update"]
on_doubt = "resend"
[outbound.services.GuiTienTrinh]
on_doubt = "park"
"""
#: Every doubt is asked about, and absence proves.
ASKS = """
[outbound.services.GuiHoSo]
on_doubt = "ask"
absence_proves = true
[outbound.services.GuiTienTrinh]
on_doubt = "ask"
absence_proves = true
"""
#: Every call may be repeated.
RESENDS = """
[outbound.services.GuiHoSo]
on_doubt = "resend"
[outbound.services.GuiTienTrinh]
on_doubt = "resend"
"""
CODES = "code,value,name,valid_from,valid_to\n1.000001,TT-01,Thủ tục mẫu,2020-01-01,\n"
_SEAL_KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, kw_only=True)
class At:
    """How one partner is configured."""

    url: str = "http://127.0.0.1:9"
    services: str = SERVICES
    concurrency: int = 4
    deadline_seconds: float = 60.0
    settle_after_seconds: float | None = None
    redelivery: Mapping[str, float] = field(default_factory=dict)
    notify: bool = False
    #: More lines of its ``[outbound]`` table.
    more: str = ""


def configure(
    folder: Path,
    partners: Mapping[str, At] | None = None,
    *,
    routes: str = "",
    sender: str = "",
    sender_outbound: At | None = None,
    sender_adapter: str = "template",
    bus: str = "",
    ledger: str = SQLITE,
) -> Path:
    """Write a configuration folder: a sender whose dossiers go to every partner.

    ``sender``: lines of the sender's ``[inbound]`` table; ``sender_outbound``: it can be called too; ``bus``: its table;
    ``ledger``: its address.
    """
    partners = partners if partners is not None else {PARTNER: At()}
    for name in ("endpoints", "codes", "keys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "hub.toml").write_text(f'[ledger]\nurl = "{ledger}"\n{bus}', encoding="utf-8")
    (folder / "codes" / "template_procedures.csv").write_text(CODES, encoding="utf-8")
    (folder / "keys" / "seal.pem").write_bytes(_SEAL_KEY)
    for name, at in partners.items():
        (folder / "endpoints" / f"{name}.toml").write_text(outbound(at), encoding="utf-8")
    plain = f'adapter = "{sender_adapter}"\ntitle = "Một cửa"\n'
    door = outbound(sender_outbound) if sender_outbound else plain
    (folder / "endpoints" / f"{SENDER}.toml").write_text(f"{door}[inbound]\n{sender}", encoding="utf-8")
    usual = f'[[route]]\nname = "all"\nfrom = ["{SENDER}"]\nto = {json.dumps(list(partners))}\n'
    (folder / "routes.toml").write_text(routes or usual, encoding="utf-8")
    return folder


def outbound(at: At) -> str:
    """Write the file of an endpoint that is called."""
    settle = f"settle_after_seconds = {at.settle_after_seconds}\n" if at.settle_after_seconds is not None else ""
    redelivery = "".join(f"{name} = {value}\n" for name, value in at.redelivery.items())
    return (
        f'adapter = "template"\ntitle = "Bộ thử nghiệm"\n[options]\nurl = "{at.url}"\ntoken = "secret"\n'
        f"[outbound]\nconcurrency = {at.concurrency}\ndeadline_seconds = {at.deadline_seconds}\n"
        f"notify = {str(at.notify).lower()}\n{settle}{at.more}"
        f"[outbound.redelivery]\n{redelivery}{at.services}"
    )


def open_hub(folder: Path, clock: Clock | None = None) -> Hub:
    """Open the hub of a configuration folder, with its bus; see ``close``."""
    hub = bootstrap.open_hub(bootstrap.load_settings(folder), clock=clock)
    hub.bus.open()
    return hub


def close(hub: Hub) -> None:
    """Close what ``open_hub`` opened."""
    hub.bus.close()
    hub.ledger.close()


def document(
    number: int, dossier: str = "H01-1", *, status: str = "XULY", steps: int = 0, identity: str = "", **more: Any
) -> bytes:
    """Write a sender's message; ``number`` can be read again in what arrives at a partner."""
    tree: dict[str, Any] = {
        "maThongDiep": identity or f"M-{number:06}",
        "suKien": "TRANGTHAI",
        "guiLuc": "2026-03-02T09:00:00+07:00",
        "hoSo": {
            "soHoSo": dossier,
            "thuTuc": {"ma": "1.000001", "ten": f"#{number}"},
            "trangThai": status,
            "nguoiNop": {"hoTen": "Nguyễn Thử Nghiệm"},
        },
        "tienTrinh": [
            {"trangThai": "XULY", "noiDung": f"#{number}/{step}", "luc": "2026-03-02T09:00:00"} for step in range(steps)
        ],
    }
    return json.dumps({**tree, **more}, ensure_ascii=False).encode()


def request(body: bytes, sender: str = SENDER) -> Request:
    """Make the call at the sender's door."""
    key = json.loads(body).get("maThongDiep", "")
    return Request(endpoint=sender, body=body, content_type="application/json", idempotency_key=key)


def send(hub: Hub, number: int, dossier: str = "H01-1", **given: Any) -> Answer:
    """Let the sender give the hub one message."""
    return intake.receive(hub, request(document(number, dossier, **given)))


def carry(hub: Hub) -> int:
    """Dispatch once, and deliver in this thread what came over the bus; give how many that were."""
    expected = dispatch.queue(hub)
    if not expected:
        return 0
    stop, done = threading.Event(), []

    def on_due(due: Due, acknowledge: Acknowledge) -> None:
        (delivery.inquire if due.purpose == "inquire" else delivery.deliver)(hub, due)
        acknowledge()
        done.append(due)
        if len(done) == expected:
            stop.set()

    hub.bus.consume(on_due, stop)
    return len(done)


def carry_all(hub: Hub) -> int:
    """Dispatch and deliver until nothing is due at this moment."""
    carried = 0
    while count := carry(hub):
        carried += count
    return carried


def send_all(hub: Hub, bodies: Sequence[bytes]) -> list[Answer]:
    """Let the sender give the hub some messages, one after the other."""
    return [intake.receive(hub, request(body)) for body in bodies]
