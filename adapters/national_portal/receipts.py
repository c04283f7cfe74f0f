"""Answers of the portal: one code table per service, since the same number means different things in different services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.national_portal.envelope import SUCCESS, Envelope, read_envelope, showable
from adapters.national_portal.services import ANSWERS, DOSSIER, PROGRESS, QUESTIONS, STATISTICS, STATUS_BACK
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, InDoubt, NotSent, Refused

TAKEN = "taken"
#: "Maybe there already": the text must say so too.
EXISTS = "exists"
REFUSED = "refused"

_COMMON = {"0": TAKEN, "00": TAKEN, "-1": REFUSED}

#: A code that is not here is in doubt, never success. Sources: two clients of the portal (see README.md).
CODES: Mapping[str, Mapping[str, str]] = {
    DOSSIER: _COMMON | {"3": EXISTS, "-3": EXISTS},
    PROGRESS: _COMMON,
    STATUS_BACK: _COMMON,
    QUESTIONS: _COMMON,
    ANSWERS: _COMMON,
    STATISTICS: _COMMON,
}
#: The configured service that takes procedures, and those of unknown shape, are assumed to answer like the others.
OTHER_CODES: Mapping[str, str] = _COMMON

#: HTTP statuses without the portal's envelope: the security-server adapter or a gateway speaks, the portal saw nothing.
NOT_PASSED_ON = frozenset({401, 403, 404, 405, 407, 408})
NOT_READABLE = frozenset({400, 411, 413, 414, 415, 422, 431})
BUSY = frozenset({429, 503})

#: What the text of EXISTS says.
EXISTS_TEXT = "đã tồn tại"


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read the answer to a call; raise Refused, NotSent, Busy or InDoubt."""
    if reply.status in BUSY:
        raise Busy(*_told(outgoing, f"HTTP {reply.status}"), where=outgoing.service, partner_code=str(reply.status))
    envelope = read_envelope(reply.body)
    if not 200 <= reply.status < 300:
        raise _other_status(reply, envelope, outgoing)
    if envelope is None:
        raise InDoubt(*_told(outgoing, "unreadable / không đọc được"), where=outgoing.service, partner_code=str(reply.status))
    return _by_code(envelope, outgoing)


def held_after(outgoing: Outgoing) -> dict[str, str]:
    """Say what the portal holds once it has taken a call: the record, which a later write then updates, and how new it is."""
    if outgoing.service != DOSSIER:
        return {}
    return {"record": "yes"} | {name: value for name, value in outgoing.head.items() if name == "as_of"}


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Read the answer to TraCuuHoSo, LayThuTuc or LayNoiDungTraLoiTheoCauHoi: is what we sent there?"""
    envelope = read_envelope(reply.body)
    if not 200 <= reply.status < 300 or envelope is None or envelope.code not in SUCCESS or envelope.rows is None:
        return Finding(outcome="unknown", text=envelope.text if envelope else "")
    if "MATTHC" in outgoing.head:
        return _procedure_found(envelope.rows, outgoing)
    if outgoing.service == ANSWERS:
        return _answer_found(envelope.rows, outgoing)
    return _dossier_found(envelope.rows, outgoing)


def refusal(envelope: Envelope, service: str) -> Refused:
    """Make the error that says: the portal read the call and said no."""
    return Refused(
        f"the portal refuses {service} ({envelope.code}): {envelope.text}",
        f"Cổng từ chối {service} (mã {envelope.code}): {envelope.text}",
        where=service,
        partner_code=envelope.code,
    )


def _by_code(envelope: Envelope, outgoing: Outgoing) -> Receipt:
    meaning = CODES.get(outgoing.service, OTHER_CODES).get(envelope.code)
    if meaning == TAKEN:
        return Receipt(code=envelope.code, text=envelope.text, held=held_after(outgoing))
    # "Exists" answers a first write only; in reply to an update it makes no sense, so it stays in doubt.
    if meaning == EXISTS and outgoing.variant != "update" and EXISTS_TEXT in envelope.folded:
        return Receipt(code=envelope.code, text=envelope.text, already=True, held={"record": "yes"})
    if meaning == REFUSED:
        raise refusal(envelope, outgoing.service)
    raise InDoubt(
        *_told(outgoing, f"code / mã {envelope.code}: {envelope.text}"), where=outgoing.service, partner_code=envelope.code
    )


def _other_status(reply: Reply, envelope: Envelope | None, outgoing: Outgoing) -> Exception:
    """Judge a reply that is not 2xx: only where the portal cannot have the message it is not in doubt."""
    if envelope is not None and reply.status < 500 and CODES.get(outgoing.service, OTHER_CODES).get(envelope.code) == REFUSED:
        return refusal(envelope, outgoing.service)
    error: type[NotSent] | type[Refused] | type[InDoubt] = InDoubt
    if envelope is None and reply.status in NOT_PASSED_ON:
        error = NotSent
    elif envelope is None and reply.status in NOT_READABLE:
        error = Refused
    return error(*_told(outgoing, f"HTTP {reply.status}"), where=outgoing.service, partner_code=str(reply.status))


def _told(outgoing: Outgoing, what: str) -> tuple[str, str]:
    return f"{outgoing.service}: the portal answers {what}", f"{outgoing.service}: Cổng trả lời {what}"


def _dossier_found(rows: tuple[Any, ...], outgoing: Outgoing) -> Finding:
    """Judge TraCuuHoSo: absence proves that nothing arrived; presence proves it only for the call that creates."""
    if not rows:
        return Finding(outcome="absent")
    number = outgoing.head.get("MaHoSo", "")
    ours = [row for row in rows if isinstance(row, dict) and row.get("MaHoSo", number) == number]
    if not ours:
        return Finding(outcome="unknown")
    text = showable(ours[0].get("TrangThaiHoSo"))
    created = outgoing.service == DOSSIER and outgoing.variant == "create"
    held = held_after(outgoing) if created else {"record": "yes"}
    return Finding(outcome="found" if created else "unknown", text=text, held=held)


def _procedure_found(rows: tuple[Any, ...], outgoing: Outgoing) -> Finding:
    """Judge LayThuTuc: found where the portal shows every field as we sent it, absent where it shows anything else."""
    sent = _sent_row(outgoing, outgoing.head["field"])
    shown = next((row for row in rows if isinstance(row, dict)), None)
    if rows and shown is None:
        return Finding(outcome="unknown")
    same = shown is not None and all(shown.get(name) == value for name, value in sent.items())
    return Finding(outcome="found" if same else "absent")


def _answer_found(rows: tuple[Any, ...], outgoing: Outgoing) -> Finding:
    """Judge LayNoiDungTraLoiTheoCauHoi: found where one of the answers is ours, word for word."""
    known = [row.get("NOIDUNGTRALOI") for row in rows if isinstance(row, dict)]
    if rows and not known:
        return Finding(outcome="unknown")
    sent = _sent_row(outgoing)["NOIDUNGTRALOI"]
    return Finding(outcome="found" if sent in known else "absent")


def _sent_row(outgoing: Outgoing, field: str = "") -> dict[str, Any]:
    """Give the one row of a call: under its name, or of the bare list that a relay takes."""
    tree = json.loads(outgoing.body)
    rows = tree if isinstance(tree, list) else tree[field or next(name for name in tree if isinstance(tree[name], list))]
    row: dict[str, Any] = rows[0]
    return row
