"""Answers of the portal: what its codes and HTTP statuses mean, and what it is known to hold after a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.national_portal_v2.calls import CREATE, NUMBER, PROGRESS, STATUS, UPLOAD
from adapters.national_portal_v2.envelope import Envelope, identifier, named, read_envelope
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, HubError, InDoubt, NotSent, Refused

TAKEN = "taken"
REFUSED = "refused"
NOT_SENT = "not_sent"

#: ``code`` of the envelope, which is an integer; no source lists its values. Assumed: 0 and 200 are success, the others say
#: what the HTTP status of the same number says. A code that is not here is in doubt, never success.
CODES: Mapping[str, str] = {
    "0": TAKEN,
    "200": TAKEN,
    "400": REFUSED,
    "401": NOT_SENT,
    "403": NOT_SENT,
    "404": NOT_SENT,
    "502": NOT_SENT,
}
#: 400 missing fields. The others a server says of the request itself (RFC 9110).
REFUSED_STATUSES = frozenset({400, 411, 413, 414, 415, 422, 431})
#: 401 missing or bad token, 403 not allowed, 404 no such API, 502 the proxy cannot reach the portal: it has seen nothing.
NOT_SENT_STATUSES = frozenset({401, 403, 404, 405, 502})
BUSY_STATUSES = frozenset({429, 503})


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read the answer to a call; raise Refused, NotSent, Busy or InDoubt. An error may come as anything but JSON."""
    envelope = read_envelope(reply.body)
    if reply.status != 200:
        raise _by_status(reply.status, envelope, outgoing)
    if envelope is None:
        raise _told(InDoubt, outgoing, "HTTP 200, not JSON / không phải JSON", "200")
    meaning = CODES.get(envelope.code, TAKEN if not envelope.code else "")
    if meaning in (REFUSED, NOT_SENT):
        raise _told(Refused if meaning == REFUSED else NotSent, outgoing, _shown(envelope), envelope.code)
    receipt = _READERS[outgoing.service](envelope, outgoing) if meaning == TAKEN else None
    if receipt is None:
        raise _told(InDoubt, outgoing, _shown(envelope), envelope.code or "200")
    return receipt


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Say that nothing is known: this generation has no look-up that anybody has described."""
    return Finding(outcome="unknown")


def held_after(outgoing: Outgoing) -> dict[str, str]:
    """Say what the portal holds once it has a call, where its reply was lost: what it alone can tell (a number) is not there."""
    head = outgoing.head
    if outgoing.service == CREATE:
        return {"created": "yes"}
    if outgoing.service == PROGRESS:
        return {f"row:{name}": "yes" for name in head.get("rows", "").split(",") if name}
    if outgoing.service == STATUS:
        return {name: head[name] for name in ("status", "status_at", "status_row") if name in head}
    return {}


# --- by service ----------------------------------------------------------------------------------------------------


def _number(envelope: Envelope, outgoing: Outgoing) -> Receipt | None:
    """Read ``value``, at the top or in ``data``; the number is kept as it is."""
    value = named(envelope.whole, "value")
    number = identifier(named(envelope.data, "value") if value is None else value)
    if not number:
        return None
    numbers = {outgoing.head["numbering"]: number} if "numbering" in outgoing.head else {}
    return _taken(envelope, {"number": number}, numbers)


def _upload(envelope: Envelope, outgoing: Outgoing) -> Receipt | None:
    """Read the one file in ``data[].response.data[]``."""
    found = [item for outer in _items(envelope.data) for item in _items(_inner(outer))]
    if len(found) != 1:
        return None
    name, hashed = identifier(named(found[0], "IdTepTin")), named(found[0], "HashTepTin")
    if not name or not (hashed is None or isinstance(hashed, str)):
        return None
    digest = outgoing.head.get("file", "")
    return _taken(envelope, {f"file:{digest}": name, f"hash:{digest}": hashed or ""})


def _inner(outer: Any) -> Any:
    """Give the files of one response, unless that has a code of its own which is no success."""
    response = named(outer, "response")
    code = named(response, "code")
    return named(response, "data") if code is None or CODES.get(str(code)[:10]) == TAKEN else None


def _create(envelope: Envelope, outgoing: Outgoing) -> Receipt | None:
    """Read idHoSo; under another number than the one that went, nobody knows what the portal has."""
    known, number = identifier(named(envelope.data, "idHoSo")), named(envelope.data, "maHoSo")
    sent = outgoing.head.get("MaHoSo", "")
    same = number is None or (isinstance(number, str) and number.strip().lower() in ("", sent.strip().lower()))
    if not known or not same:
        return None
    return _taken(envelope, {"id": known} | held_after(outgoing))


def _rows(envelope: Envelope, outgoing: Outgoing) -> Receipt | None:
    """These give nothing back, so only a code says that they are taken."""
    return _taken(envelope, held_after(outgoing)) if envelope.code else None


_READERS: Mapping[str, Callable[[Envelope, Outgoing], Receipt | None]] = {
    NUMBER: _number,
    UPLOAD: _upload,
    CREATE: _create,
    PROGRESS: _rows,
    STATUS: _rows,
}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _taken(envelope: Envelope, held: dict[str, str], numbers: dict[str, str] | None = None) -> Receipt:
    return Receipt(code=envelope.code or "200", text=envelope.text, held=held, numbers=numbers or {})


# --- errors --------------------------------------------------------------------------------------------------------


def _by_status(status: int, envelope: Envelope | None, outgoing: Outgoing) -> HubError:
    kind: type[Busy] | type[NotSent] | type[Refused] | type[InDoubt] = InDoubt
    for each, statuses in ((Busy, BUSY_STATUSES), (NotSent, NOT_SENT_STATUSES), (Refused, REFUSED_STATUSES)):
        if status in statuses:
            kind = each
    shown = f"HTTP {status}" + (f" {_shown(envelope)}" if envelope is not None and envelope.text else "")
    return _told(kind, outgoing, shown, str(status))


def _shown(envelope: Envelope) -> str:
    return f"code / mã {envelope.code or '-'}: {envelope.text}".rstrip(": ")


def _told(
    kind: type[Busy] | type[NotSent] | type[Refused] | type[InDoubt], outgoing: Outgoing, what: str, code: str
) -> HubError:
    service = outgoing.service
    return kind(f"{service}: the portal answers {what}", f"{service}: Cổng trả lời {what}", where=service, partner_code=code)
