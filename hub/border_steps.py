"""How a message stands to what the register holds of its border document: axes moved, clocks set, officers to look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from hub.app import Hub
from hub.canonical.base import VIETNAM, local
from hub.canonical.border.message import AnswerResult, BorderDocument, BorderEvent, BorderMessage, TechnicalState
from hub.canonical.digests import digest_of
from hub.endpoint import Endpoint
from hub.errors import BorderHeld, Fault, InvalidMessage
from hub.ledger.border_values import BorderChange, BorderRow, Clocks, ItemRow
from hub.registers.border_known import Awaiting, Known
from hub.rules.border import axes, clocks, facts
from hub.rules.border.axes import TECHNICAL_ORDER, Axes, Certified, Said, Standing
from hub.rules.border.marks import MARK_NAMES, Mark

#: The answers about one document may name so many import declarations and items.
MOST_USES = 5_000
WITH_DOCUMENT = frozenset({BorderEvent.ISSUED, BorderEvent.COPIED})
#: Who says it has, or had, the document itself.
OF_THE_ISSUER = frozenset({*WITH_DOCUMENT, BorderEvent.CANCELLED})
#: From here on the next one on the way has it, readable or not.
_HEARD = TECHNICAL_ORDER[TechnicalState.NOT_READABLE]
_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One message held against what is known."""

    #: The document as it stands after it.
    row: BorderRow
    version: int
    #: ``applied``, ``late``, ``repeated``, ``differs`` or ``awaiting``.
    effect: str
    at: float
    marks: Mapping[Mark, str]
    closes: tuple[Mark, ...]
    used: tuple[tuple[str, int], ...]
    #: Lines, where the document has just become known.
    items: tuple[ItemRow, ...]
    #: Why its deliveries are parked (code, where, English, Vietnamese); None: they go on.
    park: tuple[str, str, str, str] | None


def judge(
    hub: Hub,
    endpoint: Endpoint,
    message: BorderMessage,
    known: Known | None,
    broken: Sequence[str] = (),
    waiting: Sequence[Awaiting] = (),
) -> Judged:
    """Judge a message; ``broken``: rules that refuse it, where nobody is to be refused, ``waiting``: what counts from now on.

    Raises InvalidMessage.
    """
    before = known.row if known else begun(hub, message)
    # Whoever only answers does not say what is certified.
    content = facts.content_digest(message) if message.event in OF_THE_ISSUER else ""
    at = _moment(message, hub.now())
    differs = message.event in WITH_DOCUMENT and before.content_digest not in ("", content)
    awaits = not before.origin and message.event is BorderEvent.ANSWERED
    moved = before.axes if differs or awaits else _moved(before.axes, _said(message, at), waiting)
    if len(moved.uses) > MOST_USES:
        vi, en = "quá nhiều lần sử dụng cho một chứng từ", "too many uses of one document"
        raise InvalidMessage([Fault("answer.declaration_number", "too_large", vi, en)])
    new = bool(content) and not before.content_digest
    items = tuple(ItemRow(number=number, hs_code=hs, certified=most) for number, hs, most in facts.lines(message)) if new else ()
    certified = {item.number: item.certified for item in items} or (known.certified if known else {})
    marks = _marks(message, before, moved, certified, differs=differs) | ({Mark.RULE: " ".join(broken)} if broken else {})
    row = _row(hub, endpoint, message, before, moved, content if new else "")
    return Judged(
        row=row,
        version=known.version if known else 0,
        effect=_effect(message, before, row, differs=differs),
        at=at,
        marks=marks,
        closes=(Mark.COPY_ASKED,) if message.event is BorderEvent.COPIED and not differs else (),
        used=tuple(place for place, use in moved.uses.items() if before.axes.uses.get(place) != use),
        items=items,
        park=_park(message, row, marks),
    )


def _moved(before: Axes, said: Said, waiting: Sequence[Awaiting]) -> Axes:
    moved = axes.after(before, said)
    for each in waiting:
        moved = axes.after(moved, _said(each.message, each.at))
    return moved


def begun(hub: Hub, message: BorderMessage, origin: Endpoint | None = None) -> BorderRow:
    """Give the row of a document that nobody spoke of yet."""
    return BorderRow(
        key=message.subject,
        document=message.document.value,
        issuing_country=message.issuing_country,
        importing_country=message.importing_country,
        number=message.number,
        number_key=facts.number_key(message.number),
        outgoing=message.issuing_country == hub.border.country,
        origin=origin.name if origin else "",
        first_at=hub.now(),
    )


def _said(message: BorderMessage, at: float) -> Said:
    return Said(
        event=message.event,
        at=at,
        answer=message.answer,
        tracking=message.tracking,
        superseded_by=facts.code(message.superseded_by),
    )


def _moment(message: BorderMessage, now: float) -> float:
    """Say when it happened, as its sender says; what it says of the future is now."""
    told = (message.tracking.at if message.tracking else None) or message.sent_at
    return min(_seconds(told), now) if told else now


def _seconds(moment: datetime) -> float:
    try:
        return local(moment).timestamp()
    except (OverflowError, ValueError):  # year 1 or 9999 in another zone
        return float("inf")


def _row(hub: Hub, endpoint: Endpoint, message: BorderMessage, before: BorderRow, moved: Axes, content: str) -> BorderRow:
    issues = message.event in OF_THE_ISSUER
    row = replace(
        before,
        importing_country=message.importing_country if content else before.importing_country or message.importing_country,
        # Whoever brings the document itself, also where another one had spoken of it before.
        origin=endpoint.name if issues and content else before.origin or (endpoint.name if issues else ""),
        dossier=before.dossier or message.dossier,
        axes=moved,
        content_digest=before.content_digest or content,
        issued_on=before.issued_on or (facts.issued_on(message) if issues else ""),
        supersedes=before.supersedes or facts.code(message.supersedes),
    )
    return replace(row, clocks=_clocks(hub, row, before))


def _effect(message: BorderMessage, before: BorderRow, row: BorderRow, *, differs: bool) -> str:
    if differs:
        return "differs"
    if not row.origin and message.event is not BorderEvent.TRACKED:
        return "awaiting"
    if message.event is BorderEvent.COPY_ASKED:
        return "applied"
    if message.event is BorderEvent.CANCELLED:
        return "applied" if before.axes.cancelled_at is None else "repeated"
    moved = (row.axes, row.content_digest, row.origin) != (before.axes, before.content_digest, before.origin)
    if moved:
        return "applied"
    return "repeated" if message.event in OF_THE_ISSUER else "late"


# --- clocks -------------------------------------------------------------------------------------------------------


def _clocks(hub: Hub, row: BorderRow, before: BorderRow) -> Clocks:
    """Say what is awaited of a document, and until when; of what has ended, or is not here, nothing is."""
    stands = row.axes
    if stands.standing is not Standing.IN_FORCE:
        return Clocks()
    was_here = before.axes.standing is Standing.IN_FORCE
    lost = stands.result is AnswerResult.NOT_RECEIVED
    waits = row.outgoing and (lost or (stands.result is None and not _is_heard_of(stands)))
    hop_due = before.clocks.hop_due if was_here else None
    if hop_due is None:
        hop_due = hub.now() + hub.border.hop_hours * _HOUR
    return Clocks(
        answer_due=_answer_due(hub, row, before.clocks.answer_due if was_here else None),
        hop_due=hop_due if waits else None,
        expires_at=_expires_at(hub, row),
    )


def _is_heard_of(stands: Axes) -> bool:
    return stands.hop not in ("", "AS1") or TECHNICAL_ORDER[stands.technical] >= _HEARD


def _answer_due(hub: Hub, row: BorderRow, before: float | None) -> float | None:
    """Say until when customs may answer: from when they had it, or, before that is known, from when it was here."""
    if row.document != BorderDocument.ORIGIN or row.axes.decided:
        return None
    since = row.axes.available_at or row.axes.hops.get("AS4")
    if since is None and before is not None:
        return before
    day = datetime.fromtimestamp(since or hub.now(), VIETNAM).date()
    return _end_of(clocks.answer_due(day, hub.border.answer_days))


def _expires_at(hub: Hub, row: BorderRow) -> float | None:
    if row.document != BorderDocument.ORIGIN or not row.issued_on:
        return None
    return _end_of(clocks.expires_on(date.fromisoformat(row.issued_on), hub.border.validity_months))


def _end_of(day: date) -> float:
    """Give the moment at which a day is over here; of the calendar's last day, its beginning."""
    after = day + timedelta(days=1) if day < date.max else day
    return datetime.combine(after, time(), VIETNAM).timestamp()


# --- what an officer must look at -----------------------------------------------------------------------------------


def _marks(message: BorderMessage, before: BorderRow, moved: Axes, certified: Certified, *, differs: bool) -> dict[Mark, str]:
    if differs:
        return {Mark.DIFFERS: ""}
    marks: dict[Mark, str] = {}
    uses = moved.uses.values()
    if moved.uses != before.axes.uses or not before.content_digest:
        if over := axes.over_used(certified, uses):
            marks[Mark.OVER_USED] = _numbers(over)
        if other := axes.in_other_unit(certified, uses):
            marks[Mark.OTHER_UNIT] = _numbers(other)
    withdrawn = moved.cancelled_at is not None and before.axes.cancelled_at is None
    if moved.ended and moved.used and (withdrawn or not (before.axes.ended and before.axes.used)):
        marks[Mark.CANCELLED_AFTER_USE] = ""
    if message.event in WITH_DOCUMENT and before.axes.ended:
        marks[Mark.CAME_CANCELLED] = ""
    if message.event is BorderEvent.COPY_ASKED:
        marks[Mark.COPY_ASKED] = ""
    return marks


def _numbers(items: Sequence[int]) -> str:
    """Name some items, and that there are more."""
    return ", ".join(map(str, items[:10])) + (" …" if len(items) > 10 else "")


def _park(message: BorderMessage, row: BorderRow, marks: Mapping[Mark, str]) -> tuple[str, str, str, str] | None:
    """Say why its deliveries wait for an officer: only where what they would say may be wrong."""
    holding = [mark for mark in (Mark.DIFFERS, Mark.CAME_CANCELLED, Mark.RULE) if mark in marks]
    if message.event is BorderEvent.CANCELLED and row.outgoing and Mark.CANCELLED_AFTER_USE in marks:
        holding.append(Mark.CANCELLED_AFTER_USE)
    if not holding:
        return None
    vi, en = MARK_NAMES[holding[0]]
    return (
        BorderHeld.code,
        f"{message.document.value}/{holding[0].value}",
        f"an officer must look first ({en}): release it if it is to go out, else abandon it",
        f"cần cán bộ xem trước ({vi}): nếu vẫn gửi, hãy cho gửi tiếp (release); nếu không, hãy từ bỏ (abandon)",
    )


def change_of(judged: Judged, message: BorderMessage, canonical: bytes) -> BorderChange:
    """Write what is judged as it is recorded; the first message that has the document itself is kept as the one that does."""
    row = judged.row
    brings = message.content is not None and message.event in OF_THE_ISSUER
    if brings and not row.canonical_digest and judged.effect != "differs":
        row = replace(row, canonical_digest=digest_of(canonical))
    return BorderChange(
        row=row,
        version=judged.version,
        event=message.event.value,
        detail=detail_of(message),
        effect=judged.effect,
        at=judged.at,
        canonical=canonical,
        items=judged.items,
        used=judged.used,
        marks=judged.marks,
        closes=judged.closes,
    )


def detail_of(message: BorderMessage) -> str:
    """Say in one word what a message says: a hop and a transport state, an answer, the number that takes its place."""
    if message.tracking is not None:
        return " ".join(filter(None, (message.tracking.hop, message.tracking.technical.value)))
    if message.answer is not None:
        return message.answer.result.value
    return facts.code(message.superseded_by or message.supersedes)


def superseded(known: Known | None, row: BorderRow, message: BorderMessage, at: float) -> BorderChange:
    """Write what becomes of a document whose place another one takes; one that nobody knew is kept as such."""
    stands = axes.superseded(row.axes, facts.code(message.number))
    used = stands.used and not row.axes.ended
    return BorderChange(
        row=replace(row, axes=stands, clocks=Clocks()),
        version=known.version if known else 0,
        event="superseded",
        detail=facts.code(message.number),
        effect="applied" if stands != row.axes else "late",
        at=at,
        marks={Mark.CANCELLED_AFTER_USE: ""} if used else {},
    )
