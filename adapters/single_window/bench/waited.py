"""Scenarios in which the vendor's system calls the bench: what it sends, and what it does with bad, lost or late answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from lxml import etree

from adapters.single_window.bench.caller import SHOWN
from adapters.single_window.envelope import Head, read_head, without_prefix
from adapters.single_window.options import Options
from hub.errors import InvalidMessage
from hub.partner_bench import Evidence, Finding, Scenario, Stage, Taken
from hub.rules import xml

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
#: A call that gets no answer is held open for so long.
_SILENT_SECONDS = 0.2

Try = Callable[[Stage, Options, float], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """One message that the vendor's system sent."""

    document: bytes
    root: etree._Element | None
    head: Head
    routing: dict[str, str]
    evidence: tuple[Evidence, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.document).hexdigest()

    @property
    def told(self) -> tuple[str, str, str, str]:
        """What it is about."""
        return (self.head.document_type, self.head.type, self.head.function, self.head.reference)


def scenarios(options: Options, quiet_seconds: float) -> list[Scenario]:
    """List them; after ``quiet_seconds`` without a call nothing is held to come any more."""

    def bound(run: Try) -> Callable[[Stage], Iterable[Finding]]:
        return lambda stage: run(stage, options, quiet_seconds)

    one_vi, one_en = "Hãy gửi một thông điệp đúng.", "Send one valid message."
    return [
        Scenario(
            name=name,
            vi=vi,
            en=en,
            moves="waits",
            clauses=clauses,
            run=bound(run),
            asks_vi=asks or one_vi,
            asks_en=asks_en or one_en,
        )
        for name, vi, en, clauses, run, asks, asks_en in _ALL
    ]


def read(taken: Taken, options: Options) -> Came:
    """Read a call of the vendor's system: the document, its header, the routing values beside it."""
    evidence = (
        Evidence(title="← ", text=taken.call.body.decode("utf-8", "replace")[:SHOWN]),
        Evidence(title=f"→ HTTP {taken.said.status}", text=taken.said.body.decode("utf-8", "replace")[:SHOWN]),
    )
    values: dict[str, str] = {}
    try:
        for one in xml.parse(taken.call.body).iter("{*}*"):
            if isinstance(one.tag, str) and len(one) == 0:
                values[etree.QName(one).localname] = one.text or ""
    except InvalidMessage:
        pass
    names = options.services
    text = next((values.pop(each.payload) for each in names if each.payload in values), "")
    try:
        root: etree._Element | None = without_prefix(xml.parse(text.encode()))
    except InvalidMessage:
        root = None
    head = read_head(root) if root is not None else Head()
    return Came(document=text.encode(), root=root, head=head, routing=values, evidence=evidence)


# --- what is sent ----------------------------------------------------------------------------------------------------


def _sent(stage: Stage, options: Options, quiet: float) -> Iterator[Finding]:
    before = [read(each, options).head.message_id for each in stage.calls]
    call = stage.next_call(len(before))
    if call is None:
        yield from _nothing_came(("SND-1",))
        return
    came = read(call, options)
    procedure = options.find(came.head.document_type)
    row = procedure.find(came.head.type, came.head.function) if procedure else None
    if came.root is None or procedure is None or row is None:
        vi, en = "không đọc được Envelope hoặc thủ tục, thông điệp không được khai báo", "no Envelope, or an unknown message"
        yield Finding(clause="SND-1", result="broken", vi=vi, en=en, evidence=came.evidence)
        return
    told = partial(_judged, came)
    faults = procedure.structures[row.service].faults(came.root)
    yield told(
        "SND-1",
        not faults,
        "; ".join(f"{one.path}: {one.vi}" for one in faults[:5]),
        "; ".join(f"{one.path}: {one.en}" for one in faults[:5]),
    )
    dialect = options.dialect_of(procedure)
    found = [str(one.tag) for one in came.root.iterfind("Header/Subject/*")]
    wanted = [name for name in dialect.subject_order if name in found]
    yield told("SND-2", found == wanted, f"thứ tự là {found}", f"the order is {found}")
    sent_at = came.head.subject.get("sendDate", "")
    yield told("SND-3", bool(_MOMENT.fullmatch(sent_at)), f"sendDate là {sent_at!r}", f"sendDate is {sent_at!r}")
    yield told("SND-4", _is_fresh(came.head.message_id, before), *_said_of_id(came.head.message_id))
    wrong = [
        value
        for value, party in (
            (came.head.sender.get("identity", ""), options.own(procedure.office_code, dialect)),
            (came.head.receiver.get("identity", ""), options.partner(procedure.office_code, dialect)),
        )
        if not party.answers_to(value) and dialect.checks_receiver
    ]
    yield told("SND-5", not wrong, f"mã không đúng: {', '.join(wrong)}", f"wrong identity: {', '.join(wrong)}")
    beside = {name: value for name, value in (("officeCode", procedure.office_code), ("documentType", procedure.document_type))}
    other = [name for name, value in beside.items() if came.routing.get(name, value) != value]
    yield told("SND-6", not other, f"không khớp: {', '.join(other)}", f"they do not match: {', '.join(other)}")


def _judged(came: Came, clause: str, holds: bool, vi: str, en: str) -> Finding:
    if holds:
        return Finding(clause=clause, result="kept", evidence=came.evidence)
    return Finding(clause=clause, result="broken", vi=vi, en=en, evidence=came.evidence)


def _is_fresh(message_id: str, before: list[str]) -> bool:
    try:
        UUID(message_id)
    except ValueError:
        return False
    return message_id not in before


def _said_of_id(message_id: str) -> tuple[str, str]:
    return f"messageId {message_id!r} không phải UUID mới", f"messageId {message_id!r} is not a fresh UUID"


def _nothing_came(clauses: Iterable[str]) -> Iterator[Finding]:
    vi, en = "hệ thống không gửi gì trong thời gian chờ", "the system sent nothing while the bench waited"
    for clause in clauses:
        yield Finding(clause=clause, result="not_seen", vi=vi, en=en)


# --- what is done with answers ---------------------------------------------------------------------------------------


def _first(stage: Stage, options: Options, fault: str, **words: object) -> tuple[int, Came | None]:
    """Ask for a fault, and wait for the call that meets it; gives how many calls there were then."""
    stage.server.faults.add(fault, **words)  # type: ignore[arg-type]
    before = len(stage.calls)
    call = stage.next_call(before)
    return before + 1, read(call, options) if call else None


def _doubt(fault: str, **words: object) -> Try:
    """Make what comes after a doubtful answer: the same again, or nothing; never the same under a new id."""

    def run(stage: Stage, options: Options, quiet: float) -> Iterator[Finding]:
        count, first = _first(stage, options, fault, **words)
        if first is None:
            yield from _nothing_came(("RES-1",))
            return
        again = _same_again(stage, options, first, count, quiet)
        if again is None:
            vi, en = "không gửi lại: chờ người xử lý", "not sent again: it waits for a person"
            yield Finding(clause="RES-1", result="kept", vi=vi, en=en, evidence=first.evidence)
            return
        evidence = (*first.evidence, *again.evidence)
        if again.digest == first.digest:
            yield Finding(
                clause="RES-1", result="kept", vi="gửi lại đúng từng byte", en="the same bytes again", evidence=evidence
            )
            return
        vi = f"gửi lại khác: messageId {first.head.message_id} → {again.head.message_id}"
        en = f"sent again otherwise: messageId {first.head.message_id} → {again.head.message_id}"
        yield Finding(clause="RES-1", result="broken", vi=vi, en=en, evidence=evidence)

    return run


def _same_again(stage: Stage, options: Options, first: Came, count: int, quiet: float) -> Came | None:
    """Wait for a call about the same thing; others may come meanwhile."""
    while (call := stage.next_call(count, seconds=quiet)) is not None:
        count += 1
        came = read(call, options)
        if came.told == first.told:
            return came
    return None


def _not_again(clause: str, fault: str, **words: object) -> Try:
    """Make a scenario after which the message must not come again."""

    def run(stage: Stage, options: Options, quiet: float) -> Iterator[Finding]:
        count, first = _first(stage, options, fault, **words)
        if first is None:
            yield from _nothing_came((clause,))
            return
        again = _same_again(stage, options, first, count, quiet)
        if again is None or again.digest != first.digest:
            yield Finding(clause=clause, result="kept", evidence=first.evidence)
            return
        vi, en = "cùng thông điệp được gửi lại nguyên như cũ", "the same message was sent again as it was"
        yield Finding(clause=clause, result="broken", vi=vi, en=en, evidence=(*first.evidence, *again.evidence))

    return run


def _busy(stage: Stage, options: Options, quiet: float) -> Iterator[Finding]:
    count, first = _first(stage, options, "status", value=503)
    if first is None:
        yield from _nothing_came(("RES-3",))
        return
    again = _same_again(stage, options, first, count, quiet)
    if again is None:
        vi, en = "không gửi lại trong thời gian chờ", "not sent again while the bench waited"
        yield Finding(clause="RES-3", result="not_seen", vi=vi, en=en, evidence=first.evidence)
        return
    same = again.digest == first.digest
    vi, en = "gửi lại với nội dung hoặc messageId khác", "sent again with other bytes"
    evidence = (*first.evidence, *again.evidence)
    yield Finding(
        clause="RES-3", result="kept" if same else "broken", vi="" if same else vi, en="" if same else en, evidence=evidence
    )


def _order(stage: Stage, options: Options, quiet: float) -> Iterator[Finding]:
    count, first = _first(stage, options, "status", value=503)
    if first is None:
        yield from _nothing_came(("ORD-1",))
        return
    while (call := stage.next_call(count, seconds=quiet)) is not None:
        count += 1
        came = read(call, options)
        if came.told == first.told:
            yield Finding(clause="ORD-1", result="kept", evidence=(*first.evidence, *came.evidence))
            return
        if (came.head.document_type, came.head.reference) == (first.head.document_type, first.head.reference):
            vi, en = "thông điệp sau đến trước khi thông điệp trước được nhận", "a later message overtook one that was not taken"
            yield Finding(clause="ORD-1", result="broken", vi=vi, en=en, evidence=(*first.evidence, *came.evidence))
            return
    yield from _nothing_came(("ORD-1",))


_SENT = ("SND-1", "SND-2", "SND-3", "SND-4", "SND-5", "SND-6")
_TWO = ("Hãy gửi hai thông điệp liên tiếp của cùng một hồ sơ.", "Send two messages of one dossier, one after the other.")
_ALL: tuple[tuple[str, str, str, tuple[str, ...], Try, str, str], ...] = (
    ("sent", "Thông điệp hệ thống gửi đi", "What the system sends", _SENT, _sent, "", ""),
    ("refusal", "Bị từ chối (00/22)", "It is refused (00/22)", ("RES-2",), _not_again("RES-2", "function_00"), "", ""),
    (
        "lost",
        "Mất trả lời sau khi đã nhận",
        "The answer is lost",
        ("RES-1",),
        _doubt("hang_after", value=_SILENT_SECONDS),
        "",
        "",
    ),
    ("unreadable", "Trả lời không phải XML", "The answer is not XML", ("RES-1",), _doubt("cannot_parse"), "", ""),
    ("empty", "Trả lời rỗng", "The answer is empty", ("RES-1",), _doubt("empty"), "", ""),
    ("busy", "Đối tác bận (HTTP 503)", "The partner is busy (HTTP 503)", ("RES-3",), _busy, "", ""),
    (
        "parties",
        "Trả lời đảo bên gửi, bên nhận",
        "A receipt with its parties swapped",
        ("RES-4",),
        _not_again("RES-4", "parties_swapped"),
        "",
        "",
    ),
    ("no_id", "Trả lời thiếu messageId", "A receipt without messageId", ("RES-4",), _not_again("RES-4", "no_message_id"), "", ""),
    ("order", "Thứ tự trong một hồ sơ", "Order within a dossier", ("ORD-1",), _order, *_TWO),
)
