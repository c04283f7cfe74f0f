"""Values for the ledger's verbs, short to write: only what a test is about is said."""

from __future__ import annotations

import uuid
from typing import Any

from hub.canonical.receipt import Receipt
from hub.contract import Answer, Outgoing
from hub.ledger.ledger import Ledger
from hub.ledger.values import Acceptance, Budget, Delivery, DossierChange, Evidence, Notice, Planned, Refusal
from hub.rules.queued import Due

AT = 1_772_000_000.0
LEASE_SECONDS = 90.0
DELIVERED = Notice(outcome="delivered", code="", vi="", en="")
PARK = ("out_of_step", "/HoSo/TrangThaiHoSo", "unknown step", "bước lạ")


def new_id() -> str:
    return str(uuid.uuid4())


def planned(subject: str = "national:1", endpoint: str = "bo", **given: Any) -> Planned:
    """Make one planned delivery."""
    fields: dict[str, Any] = {
        "id": new_id(),
        "endpoint": endpoint,
        "subject": subject,
        "service": "GuiHoSo",
        "part": "{}",
        "canonical": b'{"subject": "%s"}' % subject.encode(),
        "kind": "dossier",
        "event": "status",
        "procedure": "1.000001",
    }
    return Planned(**{**fields, **given})


def change(key: str = "national:1", version: int = 0, **given: Any) -> DossierChange:
    """Make one change of the register of dossiers."""
    fields: dict[str, Any] = {"procedure": "1.000001", "status": "1", "native": "{}", "codes": (key,)}
    return DossierChange(key=key, version=version, **{**fields, **given})


def acceptance(subject: str = "national:1", body: bytes = b"body", **given: Any) -> Acceptance:
    """Make one accepted message; its answer names it."""
    message_id = given.pop("message_id", None) or new_id()
    fields: dict[str, Any] = {
        "endpoint": "mot_cua",
        "at": AT,
        "kind": "dossier",
        "event": "status",
        "procedure": "1.000001",
        "identity": "",
        "raw": body,
        "signed": body,
        "certificate": b"",
        "canonical": (body,),
        "verdict": "{}",
        "warnings": "[]",
        "answer": Answer(status=200, body=f"answer to {message_id}".encode(), content_type="text/plain"),
        "planned": (),
        "dossiers": (),
    }
    return Acceptance(message_id=message_id, subject=subject, **{**fields, **given})


def refusal(body: bytes = b"body", **given: Any) -> Refusal:
    """Make one message that was refused at the door."""
    fields: dict[str, Any] = {
        "message_id": new_id(),
        "endpoint": "mot_cua",
        "at": AT,
        "raw": body,
        "verdict": "{}",
        "error_code": "invalid_message",
        "error_where": "/",
        "faults": "[]",
        "answer": Answer(status=422, body=b"no", content_type="text/plain"),
    }
    return Refusal(**{**fields, **given})


def budgets(*endpoints: str, concurrency: int = 4) -> tuple[Budget, ...]:
    """Give each endpoint its budget."""
    return tuple(
        Budget(endpoint=name, concurrency=concurrency, lease_seconds=LEASE_SECONDS) for name in endpoints or ("bo",)
    )


def parks_doubt(endpoint: str, service: str, variant: str) -> tuple[str, float]:
    """A doubt is left to a person."""
    return "park", 0.0


def asks_in_doubt(endpoint: str, service: str, variant: str) -> tuple[str, float]:
    """A doubt is asked about at once."""
    return "ask", 0.0


def queue_one(ledger: Ledger, endpoint: str = "bo", now: float = AT) -> Due:
    """Queue what is due at an endpoint; there must be exactly one."""
    (due,) = ledger.queue(now, budgets(endpoint))
    return due


def send_one(ledger: Ledger, endpoint: str = "bo", now: float = AT, service: str = "") -> Delivery:
    """Bring the one due delivery to where the first byte may leave at any moment."""
    held = ledger.claim(queue_one(ledger, endpoint, now), now, LEASE_SECONDS)
    assert held is not None
    outgoing = Outgoing(service=service or held.service, body=b"bytes of " + held.id.encode())
    return ledger.record_sending(held, outgoing, held.id, now, LEASE_SECONDS)


def deliver_one(ledger: Ledger, endpoint: str = "bo", now: float = AT, *, waits: bool = False) -> Delivery:
    """Bring the one due delivery to DELIVERED."""
    held = send_one(ledger, endpoint, now)
    ledger.record_delivered(held, Receipt(code="00"), Evidence(reply=b"00"), DELIVERED, now, waits=waits)
    return held
