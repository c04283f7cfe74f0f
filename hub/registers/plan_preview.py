"""What a plan shows before it runs: how long it will take, and what of the first ones will go, beside what went last.

Bytes for a partner have no canonical names by which it is known who is named in them. So a value is shown only where it is
known to name nobody: it stands in the message's own masked form, in a code list, or it is an identifier or a moment of ours.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from lxml import etree
from sqlalchemy import Connection, select

from hub.canonical.codes import CodeTables
from hub.errors import InvalidMessage
from hub.ledger.tables import attempts, deliveries
from hub.registers import masking
from hub.registers.masking import HIDDEN
from hub.registers.plans import Estimate
from hub.rules import difference, xml
from hub.rules.canary import Course
from hub.rules.difference import Line
from hub.rules.lifecycle import State

#: Recent calls at an endpoint that are looked at.
_RECENT = 200
#: Where nothing was ever delivered to an endpoint, a call is taken to last so long.
_UNKNOWN_SECONDS = 1.0
#: Until a step's end is seen and the next one begins.
_BETWEEN_STEPS_SECONDS = 1.0
#: Digits in a row that may be somebody's number are more than these; a moment has a T or all of its digits.
_HARMLESS = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|-?\d{1,3}|true|false|20\d{12}"
    r"|20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
#: A tree of a partner's document is looked at so deep.
_DEEPEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What went last of one delivery, and what would go now."""

    delivery_id: str
    endpoint: str
    service: str
    #: Digest of the bytes of the last attempt; empty where it was never written.
    before_digest: str
    #: Both in their pretty forms, without what the signer adds; empty where there is none.
    last: str
    now: str
    #: The very bytes of the last attempt go again.
    same: bool
    diff: tuple[Line, ...] = ()
    #: Why it cannot be written now; empty where it can.
    problem_vi: str = ""
    problem_en: str = ""
    #: Everything that may name a person is hidden.
    masked: bool = True


# --- time --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a plan brings to one endpoint."""

    endpoint: str
    deliveries: int
    concurrency: int
    #: 0 = no limit.
    per_minute: int


def estimate(conn: Connection, loads: Collection[Load], course: Course) -> Estimate:
    """Say how long a plan will take: the slowest of its endpoints, and the steps, each of which waits for its last call."""
    paces = [(_seconds(load, *_call(conn, load.endpoint)), *_call(conn, load.endpoint)) for load in loads]
    seconds, call, measured = max(paces, default=(0.0, 0.0, 0))
    number = sum(load.deliveries for load in loads)
    steps = sum(1 for _ in _steps(course, number))
    total = max(seconds, 60.0 * number / course.per_minute if course.per_minute else 0.0)
    total += steps * (call + _BETWEEN_STEPS_SECONDS)
    vi, en = _assumed(call, measured, steps)
    return Estimate(seconds=round(total, 1), call_seconds=round(call, 3), measured=measured, vi=vi, en=en)


def _assumed(call: float, measured: int, steps: int) -> tuple[str, str]:
    if not measured:
        return (
            f"giả định mỗi lượt gọi mất {_comma(f'{call:g}')} giây (chưa có lượt nào gần đây), {steps} bước, "
            "không lỗi, đang giờ gửi",
            f"assumes {call:g} s for each call (none was made lately), {steps} steps, no failure, and open hours",
        )
    return (
        f"giả định mỗi lượt gọi mất {_comma(f'{call:.2f}')} giây (trung vị của {measured} lượt gần nhất), {steps} bước, "
        "không lỗi, đang giờ gửi",
        f"assumes {call:.2f} s for each call (median of the last {measured}), {steps} steps, no failure, and open hours",
    )


def _comma(number: str) -> str:
    """Write a number below a thousand as Vietnamese does."""
    return number.replace(".", ",")


def _seconds(load: Load, call: float, measured: int) -> float:
    paced = 60.0 * load.deliveries / load.per_minute if load.per_minute else 0.0
    return max(load.deliveries * call / max(1, load.concurrency), paced)


def _call(conn: Connection, endpoint: str) -> tuple[float, int]:
    """Give the median time of recent calls that were taken, and how many were looked at."""
    # By the index (endpoint, state, priority, due_at), from its end: those that were due last.
    recent = (
        select(deliveries.c.id)
        .where((deliveries.c.endpoint == endpoint) & (deliveries.c.state == State.DELIVERED.value))
        .order_by(deliveries.c.priority.desc(), deliveries.c.due_at.desc())
        .limit(_RECENT)
    )
    taken = attempts.c.delivery_id.in_(recent) & (attempts.c.outcome == "delivered") & attempts.c.ended_at.is_not(None)
    rows = conn.execute(select(attempts.c.started_at, attempts.c.ended_at).where(taken))
    times = [max(0.0, row.ended_at - row.started_at) for row in rows]
    return (median(times), len(times)) if times else (_UNKNOWN_SECONDS, 0)


def _steps(course: Course, number: int) -> Iterator[int]:
    rung = 1
    while number > 0:
        number -= course.size(rung)
        yield rung
        rung += 1


# --- bytes -------------------------------------------------------------------------------------------------------


def harmless(canonical: bytes, codes: CodeTables) -> Callable[[str], bool]:
    """Make what says of a value in a partner's document whether it surely names nobody.

    ``canonical``: the message's canonical form as JSON; what its masked copy shows may be shown here.
    """
    known = {value for value in _leaves(masking.masked(json.loads(canonical or b"{}"))) if value != HIDDEN}
    for rows in codes.tables.values():
        for row in rows:
            known |= {row.code, row.value, row.name}
    return lambda value: value in known or bool(_HARMLESS.fullmatch(value))


def _leaves(tree: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(tree, Mapping | list | tuple) and depth < _DEEPEST:
        for part in tree.values() if isinstance(tree, Mapping) else tree:
            yield from _leaves(part, depth + 1)
    elif tree is not None:
        yield str(tree)


def shown(last: bytes, now: bytes, names_nobody: Callable[[str], bool] | None) -> tuple[bytes, bytes]:
    """Give both documents as they may be shown; ``names_nobody`` None: as they are, but for their signatures.

    What is hidden and differs is numbered, so that a difference can be seen where its values cannot.
    """
    hidden: dict[str, str] = {}

    def mask(value: str) -> str:
        if names_nobody is None or not value.strip() or names_nobody(value):
            return value
        return hidden.setdefault(value, f"{HIDDEN}{len(hidden) + 1}")

    return _masked(last, mask), _masked(now, mask)


def _masked(document: bytes, mask: Callable[[str], str]) -> bytes:
    if not document:
        return b""
    try:
        root = copy.deepcopy(xml.parse(document))
    except InvalidMessage:
        return _masked_json(document, mask)
    for signature in root.findall(f".//{_SIGNATURE}"):
        signature.getparent().remove(signature)  # type: ignore[union-attr]
    for element in root.iter():
        element.text, element.tail = mask(element.text or ""), mask(element.tail or "")
        for name, value in element.attrib.items():
            element.set(name, mask(str(value)))
    return etree.tostring(root, encoding="utf-8")


def _masked_json(document: bytes, mask: Callable[[str], str]) -> bytes:
    try:
        tree = json.loads(document)
    except (ValueError, RecursionError):
        return mask(document.decode("utf-8", "replace")).encode()
    return json.dumps(_masked_tree(tree, mask), ensure_ascii=False).encode()


def _masked_tree(tree: Any, mask: Callable[[str], str], depth: int = 0) -> Any:
    if depth >= _DEEPEST:
        return HIDDEN
    if isinstance(tree, dict):
        return {key: _masked_tree(part, mask, depth + 1) for key, part in tree.items()}
    if isinstance(tree, list):
        return [_masked_tree(part, mask, depth + 1) for part in tree]
    if tree is None or isinstance(tree, bool):
        return tree
    text = str(tree)
    return tree if mask(text) == text else mask(text)


def compared(last: bytes, now: bytes, names_nobody: Callable[[str], bool] | None) -> tuple[str, str, tuple[Line, ...]]:
    """Give both documents in their pretty forms, and what differs, as they may be shown."""
    before, after = shown(last, now, names_nobody)
    differs = difference.lines(before, after) if before and after else ()
    return difference.pretty(before) if before else "", difference.pretty(after) if after else "", differs
