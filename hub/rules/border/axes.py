"""Where a border document stands, on axes that are kept apart: transport, hop, the other side's answer, the document itself.

Each axis only goes forward, so that what comes late, or twice, or in another order leads to the same place: the transport's and
the document's by rank, a hop by the first word of it, an answer by its own moment (a refusal may be reconsidered). Everything
about these axes lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from hub.canonical.border.message import (
    HOPS,
    AnswerResult,
    BorderAnswer,
    BorderEvent,
    TechnicalState,
    Tracking,
)
from hub.rules.border import facts

A, T = AnswerResult, TechnicalState

#: How far the transport is: of several attempts, the best that was reached.
TECHNICAL_ORDER: Mapping[TechnicalState, int] = {
    T.UNKNOWN: 0,
    T.PENDING: 1,
    T.SENT: 2,
    T.FAILED: 3,
    T.NOT_READABLE: 4,
    T.DELIVERED_WITH_WARNINGS: 5,
    T.DELIVERED: 6,
}
#: That the other side has it, or not, comes before what it decides; between decisions the newest counts.
_DECISIONS = frozenset({A.GIVEN, A.PARTLY_GIVEN, A.NOT_GIVEN, A.ACCEPTED, A.REJECTED})
#: Of what was said at the same moment, the one that asks for more care: always the same one.
_CARE: Mapping[AnswerResult, int] = {
    A.NOT_RECEIVED: 0,
    A.AVAILABLE: 1,
    A.ACCEPTED: 2,
    A.GIVEN: 3,
    A.PARTLY_GIVEN: 4,
    A.NOT_GIVEN: 5,
    A.REJECTED: 6,
}
#: The other side lets goods in on it: cancelled after that, an officer must look.
USED = frozenset({A.GIVEN, A.PARTLY_GIVEN, A.ACCEPTED})
#: Number of the line in ``Axes.uses`` that is about a document as a whole.
WHOLE = 0


class Standing(StrEnum):
    """What has become of the document itself."""

    #: Others speak of it, and it is not here.
    AWAITED = "awaited"
    IN_FORCE = "in_force"
    CANCELLED = "cancelled"
    #: Cancelled, or replaced without a word, and another one stands in its place.
    SUPERSEDED = "superseded"


_STANDING_ORDER = {each: place for place, each in enumerate(Standing)}
#: What the business axis can say in one word, in the order of a document's life; ``expired`` is told by the clock.
STATES = (
    "awaited",
    "issued",
    *(each.value for each in (A.NOT_RECEIVED, A.AVAILABLE, A.GIVEN, A.PARTLY_GIVEN, A.NOT_GIVEN, A.ACCEPTED, A.REJECTED)),
    "expired",
    "cancelled",
    "superseded",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The newest word on one item with one import declaration; item 0: on the whole document with that declaration."""

    declaration: str
    item: int
    result: AnswerResult
    used: Decimal | None = None
    unit: str = ""
    reason_code: str = ""
    declared_on: str = ""
    at: float
    message: str = ""

    @property
    def place(self) -> tuple[str, int]:
        return self.declaration, self.item

    @property
    def weight(self) -> tuple[object, ...]:
        """By which of two words on the same counts: a decision, then the newer; of the same moment always the same one."""
        decides, used = self.result in _DECISIONS, self.used if self.used is not None else Decimal(-1)
        rest = (used, str(used), self.unit, self.reason_code, self.declared_on)
        return (decides, 0 if decides else _CARE[self.result], self.at, _CARE[self.result], *rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Where a document stands."""

    technical: TechnicalState = T.UNKNOWN
    #: The next one's own word for that state, and when it was first so.
    technical_code: str = ""
    technical_at: float | None = None
    #: Each hop that was told, with the first moment of it.
    hops: Mapping[str, float] = field(default_factory=dict)
    uses: Mapping[tuple[str, int], Use] = field(default_factory=dict)
    #: When the importing side first said that it has the document.
    available_at: float | None = None
    standing: Standing = Standing.AWAITED
    #: When its issuer first said so; None: only another document has taken its place, or none.
    cancelled_at: float | None = None
    superseded_by: str = ""

    @property
    def hop(self) -> str:
        """The farthest hop."""
        return next((hop for hop in reversed(HOPS) if hop in self.hops), "")

    @property
    def answers(self) -> tuple[Use, ...]:
        return tuple(each for each in self.uses.values() if each.item == WHOLE)

    @property
    def result(self) -> AnswerResult | None:
        """What the other side says in all: decisions with several declarations that differ are one in part."""
        decided = _standing(each for each in self.answers if each.result in _DECISIONS)
        if not decided:
            return max((each.result for each in self.answers), key=_CARE.__getitem__, default=None)
        newest = max(decided, key=lambda each: each.weight).result
        results = {each.result for each in decided}
        of_preference = results <= {A.GIVEN, A.PARTLY_GIVEN, A.NOT_GIVEN}
        return A.PARTLY_GIVEN if of_preference and len(results) > 1 else newest

    @property
    def result_at(self) -> float | None:
        """When the newest word was said that counts."""
        decided = [each.at for each in self.answers if each.result in _DECISIONS]
        return max(decided or [each.at for each in self.answers], default=None)

    @property
    def decided(self) -> bool:
        """Say whether the other side has answered, and not only that it has the document."""
        return any(each.result in _DECISIONS for each in self.answers)

    @property
    def used(self) -> bool:
        """Say whether goods were let in on it."""
        return any(each.result in USED for each in self.answers)

    @property
    def ended(self) -> bool:
        return self.standing in (Standing.CANCELLED, Standing.SUPERSEDED)

    @property
    def state(self) -> str:
        """Say the business axis in one word (one of ``STATES``; never ``expired``)."""
        if self.ended:
            return self.standing.value
        if self.result is not None:
            return self.result.value
        return "awaited" if self.standing is Standing.AWAITED else "issued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one message says of a document, and when that happened."""

    event: BorderEvent
    at: float
    answer: BorderAnswer | None = None
    tracking: Tracking | None = None
    superseded_by: str = ""
    message: str = ""


def after(axes: Axes, said: Said) -> Axes:
    """Give where a document stands after what was said; nothing is taken back."""
    event = said.event
    if event in (BorderEvent.ISSUED, BorderEvent.COPIED):
        return _stood(axes, Standing.IN_FORCE)
    if event is BorderEvent.CANCELLED:
        return _cancelled(axes, said.at, said.superseded_by)
    if event is BorderEvent.ANSWERED and said.answer is not None:
        return _answered(axes, said, said.answer)
    if event is BorderEvent.TRACKED and said.tracking is not None:
        return _tracked(axes, said.tracking, said.at)
    return axes


def _cancelled(axes: Axes, at: float, superseded_by: str) -> Axes:
    first = at if axes.cancelled_at is None else min(at, axes.cancelled_at)
    gone = replace(_stood(axes, Standing.CANCELLED), cancelled_at=first)
    return superseded(gone, superseded_by) if superseded_by else gone


def superseded(axes: Axes, by: str) -> Axes:
    """Give where a document stands after another one took its place; that it is cancelled may be said before, or later."""
    # Two that claim its place: always the same one is named.
    first = min(filter(None, (axes.superseded_by, by)))
    return replace(_stood(axes, Standing.SUPERSEDED), superseded_by=first)


def _stood(axes: Axes, standing: Standing) -> Axes:
    return replace(axes, standing=max(axes.standing, standing, key=_STANDING_ORDER.__getitem__))


def _tracked(axes: Axes, tracking: Tracking, at: float) -> Axes:
    moved = axes
    if tracking.hop:
        moved = replace(moved, hops=_first(moved.hops, tracking.hop, at))
    return _transported(moved, tracking, at)


def _transported(axes: Axes, tracking: Tracking, at: float) -> Axes:
    rank, known = TECHNICAL_ORDER[tracking.technical], TECHNICAL_ORDER[axes.technical]
    if rank < known or tracking.technical is T.UNKNOWN:
        return axes
    if rank > known or axes.technical_at is None:
        return replace(axes, technical=tracking.technical, technical_code=facts.code(tracking.code), technical_at=at)
    # The same state again: its first moment counts, and of that moment always the same word.
    first = min((axes.technical_at, axes.technical_code), (at, facts.code(tracking.code)))
    return replace(axes, technical_at=first[0], technical_code=first[1])


def _first(known: Mapping[str, float], hop: str, at: float) -> Mapping[str, float]:
    return {**known, hop: min(at, known.get(hop, at))}


def _answered(axes: Axes, said: Said, answer: BorderAnswer) -> Axes:
    at = said.at
    moved = replace(axes, uses=_newest(axes.uses, _words(answer, at, said.message)))
    if answer.result is A.NOT_RECEIVED:
        return moved
    return replace(moved, available_at=at if axes.available_at is None else min(at, axes.available_at))


def _words(answer: BorderAnswer, at: float, message: str) -> Iterable[Use]:
    """Give what an answer says, of the whole document and of each item, each by itself."""
    with_it: dict[str, Any] = {
        "declaration": facts.declaration(answer.declaration_number),
        "declared_on": answer.declared_on.isoformat() if answer.declared_on else "",
        "at": at,
        "message": message,
    }
    yield Use(item=WHOLE, result=answer.result, reason_code=facts.code(answer.reason_code), **with_it)
    for each in answer.items:
        if facts.is_item(each.number):
            used = each.used
            yield Use(
                item=each.number,
                result=AnswerResult(each.result),
                used=used.value if used else None,
                unit=facts.code(used.unit) if used else "",
                reason_code=facts.code(each.reason_code),
                **with_it,
            )


def _standing(decided: Iterable[Use]) -> list[Use]:
    """Leave out a refusal that named no declaration where preference was given later with one: it was reconsidered (Rule 30)."""
    found = list(decided)
    given = max((each.at for each in found if each.declaration and each.result in USED), default=None)
    if given is None:
        return found
    return [each for each in found if each.declaration or each.result in USED or each.at >= given]


def _newest(known: Mapping[tuple[str, int], Use], told: Iterable[Use]) -> Mapping[tuple[str, int], Use]:
    found = dict(known)
    for each in told:
        before = found.get(each.place)
        if before is None or each.weight > before.weight:
            found[each.place] = each
    return found


# --- what is used of what is certified ---------------------------------------------------------------------------


#: Item -> each certified quantity, with its unit.
Certified = Mapping[int, tuple[tuple[Decimal, str], ...]]


def over_used(certified: Certified, uses: Iterable[Use]) -> tuple[int, ...]:
    """Name the items of which more was used, over all import declarations, than is certified in the same unit."""
    most = {(item, unit): value for item, amounts in certified.items() for value, unit in amounts}
    return tuple(sorted({item for (item, unit), used in _sums(uses).items() if used > most.get((item, unit), used)}))


def in_other_unit(certified: Certified, uses: Iterable[Use]) -> tuple[int, ...]:
    """Name the items whose used quantity cannot be held against anything: another unit, or an item that is not certified."""
    known = {(item, unit) for item, amounts in certified.items() for _, unit in amounts}
    return tuple(sorted({item for item, unit in _sums(uses) if (item, unit) not in known})) if certified else ()


def drawn(uses: Iterable[Use]) -> tuple[Use, ...]:
    """Give the words by which something was drawn; what its declaration was refused later as a whole does not count any more.

    Less than nothing cannot be drawn: it must not hide what others draw.
    """
    told = tuple(uses)
    refused = {each.declaration: each.at for each in told if each.item == WHOLE and each.result is A.NOT_GIVEN}
    return tuple(
        each
        for each in told
        if each.item != WHOLE and each.result is A.GIVEN and each.used is not None and each.used > 0
        if not each.at < refused.get(each.declaration, each.at)
    )


def _sums(uses: Iterable[Use]) -> dict[tuple[int, str], Decimal]:
    found: dict[tuple[int, str], Decimal] = {}
    for each in drawn(uses):
        if each.used is not None:
            place = each.item, each.unit
            found[place] = found.get(place, Decimal(0)) + each.used
    return found
