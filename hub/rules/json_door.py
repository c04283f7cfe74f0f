"""What the JSON doors and callers share: strict reading, the answer's bytes, and the reading of a JSON receipt.

Pure: bytes and values in, bytes and values out. An adapter puts the bytes into its Answer and keeps its own table of codes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from hub.canonical.national_fields import pointer, scalar_text, showable, text_fault, write_date
from hub.canonical.receipt import Finding, Receipt
from hub.errors import (
    Busy,
    Conflict,
    Fault,
    HubError,
    InDoubt,
    InvalidMessage,
    NotPermitted,
    NotSent,
    Refused,
    Unavailable,
    Untrusted,
    bad_value,
    missing,
)

CONTENT_TYPE = "application/json; charset=utf-8"
#: Ours: the deepest document of our doors (a trade form) stays under 20.
MAX_DEPTH = 40
#: Ours: a catalogue of 2,000 procedures has about 200,000 values; more only costs memory.
MAX_VALUES = 500_000
#: All faults at once, but not a million of them in one answer.
MAX_FAULTS = 500
#: A place in a document, as it stands in an answer and in the ledger; a deeper one is cut.
MAX_PATH = 500
#: Ours: longest Idempotency-Key.
MAX_KEY = 200
#: More digits than 18 do not fit a database's integer; such a number stays text.
_SAFE_DIGITS = 18
_KEY = re.compile(r"[\x21-\x7e]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


# --- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Repeated:
    """An object in which names stand twice; where it stands is known only when the whole tree is."""

    members: dict[str, Any]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _NotANumber:
    """NaN or Infinity: Python reads them, JSON (RFC 8259) does not know them."""


#: Where a value stands: its owner's place and its name there; rendered only for a fault.
_Place = tuple[Any, str | int] | None


def read_json(body: bytes, *, max_bytes: int) -> Any:
    """Read UTF-8 JSON strictly; raise InvalidMessage with every fault.

    Refused: other encodings, names that stand twice in an object, control characters, NaN, and what is too large or too
    deep. Numbers with a fraction, and very long ones, stay text as they were written: an amount is never rounded.
    """
    if len(body) > max_bytes:
        vi, en = f"tài liệu lớn hơn {max_bytes} byte", f"the document is larger than {max_bytes} bytes"
        raise InvalidMessage([Fault("", "too_large", vi, en)])
    tree = _parse(_decode(body))
    raise_faults(_check(tree))
    return tree


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")  # RFC 8259 8.1: a reader may ignore a byte order mark
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidMessage([Fault(f"line {line}", "bad_encoding", "không phải UTF-8", "is not UTF-8")]) from None


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=lambda digits: int(digits) if len(digits) <= _SAFE_DIGITS else digits,
            parse_float=str,
            parse_constant=lambda name: _NotANumber(),
        )
    except json.JSONDecodeError as error:
        if _nested(text[: error.pos]) > MAX_DEPTH:
            # How deep Python reads before it gives up differs by its version; what is too deep for us does not.
            raise InvalidMessage([_too_deep("")]) from None
        vi, en = f"không phải JSON hợp lệ (cột {error.colno})", f"is not JSON: {error.msg} (column {error.colno})"
        raise InvalidMessage([Fault(f"line {error.lineno}", "not_json", vi, en)]) from None
    except RecursionError:
        raise InvalidMessage([_too_deep("")]) from None


def _nested(text: str) -> int:
    """Say how many objects and lists are open at the end of a text."""
    bare = _STRING.sub("", text)
    return bare.count("{") + bare.count("[") - bare.count("}") - bare.count("]")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    counted = Counter(name for name, _ in pairs)
    return _Repeated(members, tuple(name for name, count in counted.items() if count > 1))


def _check(tree: Any) -> list[Fault]:
    """Walk the whole tree in the document's order, without recursion."""
    faults: list[Fault] = []
    waiting: list[tuple[Any, _Place, int]] = [(tree, None, 0)]
    seen = 0
    while waiting:
        value, place, depth = waiting.pop()
        seen += 1
        if seen > MAX_VALUES:
            vi, en = f"có hơn {MAX_VALUES} giá trị", f"has more than {MAX_VALUES} values"
            return [Fault("", "too_large", vi, en)]
        faults.extend(_faults_of(value, place))
        parts = list(_parts(value, place))
        if parts and depth == MAX_DEPTH:
            faults.append(_too_deep(_render(place)))
        elif parts:
            waiting.extend((part, where, depth + 1) for part, where in reversed(parts))
    return faults


def _parts(value: Any, place: _Place) -> Iterator[tuple[Any, _Place]]:
    members = value.members if isinstance(value, _Repeated) else value
    if isinstance(members, dict):
        return ((part, (place, name)) for name, part in members.items())
    if isinstance(members, list):
        return ((part, (place, index)) for index, part in enumerate(members))
    return iter(())


def _faults_of(value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, str):
        fault = text_fault(_render(place), value) if _suspicious(value) else None
        if fault is not None:
            yield fault
    elif isinstance(value, _NotANumber):
        yield bad_value(_render(place), "NaN và Infinity không phải số JSON", "NaN and Infinity are not JSON numbers")
    elif isinstance(value, _Repeated):
        for name in value.names:
            vi, en = "trường xuất hiện nhiều lần trong cùng một đối tượng", "stands more than once in its object"
            yield Fault(pointer(_render(place), name), "repeated", vi, en)
    members = value.members if isinstance(value, _Repeated) else value
    if isinstance(members, dict):
        for name in filter(_suspicious, members):
            fault = text_fault(pointer(_render(place), name), name)
            if fault is not None:
                yield fault


def _suspicious(text: str) -> bool:
    """Spare ordinary texts the exact search and the rendering of their place."""
    return not text.isprintable()


def _render(place: _Place) -> str:
    names: list[str | int] = []
    while place is not None:
        place, name = place
        names.append(name)
    path = ""
    for name in reversed(names):
        path = pointer(path, name)
    return path


def _too_deep(path: str) -> Fault:
    return Fault(path, "too_deep", f"lồng nhau quá {MAX_DEPTH} tầng", f"is nested deeper than {MAX_DEPTH} levels")


def raise_faults(faults: Iterable[Fault]) -> None:
    """Raise InvalidMessage where there are faults; beyond MAX_FAULTS only their number is said."""
    found = list(faults)
    if len(found) > MAX_FAULTS:
        rest = len(found) - MAX_FAULTS
        found[MAX_FAULTS:] = [Fault("", "more_faults", f"và {rest} lỗi khác", f"and {rest} more faults")]
    if found:
        raise InvalidMessage(replace(fault, path=fault.path[:MAX_PATH]) for fault in found)


def texts(tree: Any) -> Any:
    """Copy a form with every scalar as text, as an XML partner will write it; ``null`` becomes empty."""
    if isinstance(tree, dict):
        return {name: texts(part) for name, part in tree.items()}
    if isinstance(tree, list):
        return [texts(part) for part in tree]
    if isinstance(tree, bool):
        return "true" if tree else "false"
    return "" if tree is None else str(tree)


def head_faults(content_type: str, idempotency_key: str) -> list[Fault]:
    """Check what our doors ask of a request beside its body: a key for the repeated sending, and JSON in UTF-8."""
    faults = []
    kind, _, parameters = content_type.lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "").partition("charset=")[2]
    if kind.strip() not in ("", "application/json") or charset.partition(";")[0] not in ("", "utf-8", "utf8"):
        faults.append(bad_value("Content-Type", "phải là application/json, UTF-8", "must be application/json in UTF-8"))
    if not idempotency_key:
        faults.append(missing("Idempotency-Key"))
    elif len(idempotency_key) > MAX_KEY or not _KEY.fullmatch(idempotency_key):
        vi = f"phải là chuỗi ký tự ASCII không có khoảng trắng, không quá {MAX_KEY} ký tự"
        faults.append(bad_value("Idempotency-Key", vi, f"must be printable ASCII without spaces, at most {MAX_KEY} characters"))
    return faults


# --- answering ---------------------------------------------------------------------------------------------------

#: First match wins. A refusal that repeating the same bytes cannot cure is 4xx; 503 says: nothing was accepted, try again.
_STATUS: tuple[tuple[type[HubError], int], ...] = (
    (Conflict, 409),
    (NotPermitted, 403),
    (InvalidMessage, 400),
    (Untrusted, 403),  # not 401: the credentials of the call were right, the document's signature is not
    (Unavailable, 503),
    (Busy, 503),
)


def http_status(error: HubError | None) -> int:
    """Give the HTTP status of an answer: 202 accepted; else by who acts next."""
    if error is None:
        return 202
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 422 if error.who in ("sender", "operator") else 500


def write_json(value: Any) -> bytes:
    """Write JSON as UTF-8 without spaces; the same value gives the same bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def write_answer(error: HubError | None, message_id: str, at: datetime) -> bytes:
    """Write the answer of a JSON door: accepted, or every fault with its path, in both languages."""
    head = {"error_code": "0", "message": "Đã tiếp nhận thông điệp", "message_en": "The message was accepted"}
    foot = {"MaThongDiep": message_id, "ThoiDiem": write_date(at)}
    if error is None:
        return write_json({**head, **foot})
    vi, en, faults = error.vi, error.en, error.faults
    if isinstance(error, Untrusted):  # which check failed helps only a forger
        vi, en, faults = "Chữ ký không được chấp nhận", "The signature was not accepted", ()
    rows = [{"DuongDan": fault.path, "Ma": fault.code, "MoTa": fault.vi, "MoTaEn": fault.en} for fault in faults]
    return write_json({"error_code": "-1", "message": vi, "message_en": en, **foot, "DanhSachLoi": rows})


# --- receipts ----------------------------------------------------------------------------------------------------

TAKEN = "taken"
ALREADY = "already"
REFUSED = "refused"

#: A partner's free text goes into our errors short, and without what may be an identity or phone number.
_LONGEST_TEXT = 200
_NUMBERS = re.compile(r"\d{9,}")


def read_receipt(status: int, body: bytes, codes: Mapping[str, str], *, where: str, max_bytes: int = 1_000_000) -> Receipt:
    """Read ``{error_code, message}``; raise Refused, Busy, NotSent or InDoubt. An unknown code is in doubt."""
    _judge_status(status, body[:max_bytes], codes, where)
    reply = _receipt_object(body, where, max_bytes)
    code = scalar_text(reply.get("error_code"), "", []).strip()
    text = showable_text(reply.get("message"))
    meaning = codes.get(code)
    if meaning == REFUSED:
        raise Refused(f"the partner refuses: {text}", f"đối tác từ chối: {text}", where=where, partner_code=code)
    if meaning is None:
        _doubt(where, f"unknown code {code[:20]!r}", f"mã trả lời {code[:20]!r} không có trong bảng mã", code[:20])
    number = scalar_text(reply.get("MaHoSo"), "", []).strip()
    return Receipt(code=code, text=text, already=meaning == ALREADY, held={"MaHoSo": number[:100]} if number else {})


def read_finding(status: int, body: bytes, *, where: str, max_bytes: int = 1_000_000) -> Finding:
    """Read ``{error_code, DaNhan}``; an answer that does not say so clearly tells nothing."""
    if status != 200:
        return Finding(outcome="unknown", text=f"HTTP {status}")
    try:
        reply = _receipt_object(body, where, max_bytes)
    except InDoubt as error:
        return Finding(outcome="unknown", text=error.en)
    code = scalar_text(reply.get("error_code"), "", []).strip()
    has = {"true": "found", "1": "found", "false": "absent", "0": "absent"}
    said = scalar_text(reply.get("DaNhan"), "", []).strip().lower()
    outcome = has.get(said, "unknown") if code in ("0", "00") else "unknown"
    return Finding(outcome=outcome, text=showable_text(reply.get("message")))


#: The credentials or the address are wrong: the call did not get as far as the service, and the sender cannot mend it.
_NEVER_PASSED_ON = frozenset({401, 407})
#: The same, unless the service itself says no in its own words.
_NOT_PASSED_ON = frozenset({403, 404, 405})
#: Often a proxy's: it does not tell what the partner has.
_UNCLEAR = frozenset({408})


def _judge_status(status: int, body: bytes, codes: Mapping[str, str], where: str) -> None:
    if status in (429, 503):
        raise Busy(f"the partner answers {status}", f"đối tác trả lời {status}", where=where, partner_code=str(status))
    code, message = _said(body)
    text = f"HTTP {status} {message}".strip()
    if status in _NEVER_PASSED_ON or (status in _NOT_PASSED_ON and codes.get(code) != REFUSED):
        en, vi = f"not passed on to the service: {text}", f"chưa tới được dịch vụ của đối tác: {text}"
        raise NotSent(en, vi, where=where, partner_code=str(status))
    if 400 <= status < 500 and status not in _UNCLEAR:
        raise Refused(f"the partner refuses: {text}", f"đối tác từ chối: {text}", where=where, partner_code=str(status))
    if not 200 <= status < 300:
        _doubt(where, f"HTTP {status}", f"HTTP {status}", str(status))


def _said(body: bytes) -> tuple[str, str]:
    """Give the code and the message of a reply, where it is one."""
    try:
        reply = read_json(body, max_bytes=len(body))
    except InvalidMessage:
        return "", ""
    if not isinstance(reply, dict):
        return "", ""
    return scalar_text(reply.get("error_code"), "", []).strip(), showable_text(reply.get("message"))


def _receipt_object(body: bytes, where: str, max_bytes: int) -> dict[str, Any]:
    try:
        reply = read_json(body, max_bytes=max_bytes)
    except InvalidMessage:
        _doubt(where, "the reply is not JSON", "trả lời không phải JSON")
    if not isinstance(reply, dict):
        _doubt(where, "the reply is not a JSON object", "trả lời không phải đối tượng JSON")
    return reply


def _doubt(where: str, en: str, vi: str, code: str = "") -> NoReturn:
    raise InDoubt(
        f"unclear reply from {where}: {en}; the partner may have the message",
        f"trả lời không rõ của {where}: {vi}; đối tác có thể đã nhận thông điệp",
        where=where,
        partner_code=code,
    )


def showable_text(value: object) -> str:
    """Make a partner's text fit for an error: short, and long numbers hidden."""
    return _NUMBERS.sub("…", showable(scalar_text(value, "", []).replace("\n", " "), _LONGEST_TEXT))
