"""How a message about a dossier stands to what the register holds: one judgement, by the table of its kind of dossiers.

Trade dossiers have a life-cycle of their own (``rules.trade_lifecycle``), all others that of the statuses
(``rules.lifecycle``). What is parked of a trade dossier changes nothing before an operator releases it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hub.app import OUT_OF_STEP, Hub
from hub.canonical.codes import Event, Status
from hub.canonical.digests import digest_of
from hub.canonical.dossier import DossierMessage
from hub.endpoint import Endpoint, InboundPolicy
from hub.ledger.values import DossierChange
from hub.registers import dossiers
from hub.rules import dossier_facts, lifecycle, trade_lifecycle
from hub.rules.dossier_facts import Facts
from hub.rules.trade_lifecycle import Course

_USUAL = InboundPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a message changes of its dossier, and whether it goes on."""

    status: Status
    facts: Facts
    course: Course | None = None
    #: Why its deliveries are parked (code, where, English, Vietnamese); None: they go on.
    park: tuple[str, str, str, str] | None = None
    warnings: tuple[str, ...] = ()
    #: It is parked, and nobody has submitted the dossier that it speaks of.
    nobody_knows: bool = False


def judge(
    endpoint: Endpoint,
    known: dossiers.Known | None,
    codes: tuple[str, ...],
    message: DossierMessage,
    canonical: bytes,
    message_id: str,
    now: float,
) -> Judged:
    """Judge a message by the table of its kind of dossiers; ``codes``: every number of its own."""
    course = known.course if known else trade_lifecycle.begun(codes)
    if course is None:
        return _by_status(endpoint, known, message, now)
    said = trade_lifecycle.Said(
        event=message.event,
        message=message_id,
        digest=digest_of(canonical),
        at=now,
        from_stages=message.from_stages,
        answer_within_hours=message.answer_within_hours,
    )
    parks = (endpoint.inbound or _USUAL).out_of_stage == "park"
    judged = trade_lifecycle.judge(course, said, parks=parks)
    after = judged.course if known else _linked(judged.course, message)
    if judged.fits or not parks:
        status, facts = trade_lifecycle.told(known.status if known else None, known.facts if known else None, after, message, now)
        return Judged(status=status, facts=facts, course=after, warnings=() if judged.fits else (trade_lifecycle.OUT_OF_STAGE,))
    return Judged(
        status=known.status if known else message.dossier.status,
        facts=known.facts if known else Facts(),
        course=after,
        park=trade_lifecycle.said_of(course, message.event),
        warnings=(trade_lifecycle.OUT_OF_STAGE,),
        nobody_knows=known is None,
    )


def _by_status(endpoint: Endpoint, known: dossiers.Known | None, message: DossierMessage, now: float) -> Judged:
    before = known.status if known else None
    unknown = lifecycle.standing(before, message.dossier.status) is lifecycle.Standing.UNKNOWN_STEP
    parks = unknown and (endpoint.inbound or _USUAL).out_of_step == "park"
    return Judged(
        status=lifecycle.recorded(before, message.dossier.status),
        facts=dossier_facts.after(known.facts if known else None, before, message, now),
        park=OUT_OF_STEP if parks else None,
        warnings=("out_of_step",) if unknown else (),
    )


def _linked(course: Course, message: DossierMessage) -> Course:
    """Note which dossier a new one replaces: its partner writes the number itself where it replaces none."""
    earlier = message.native.get("preReference", "")
    if message.event is not Event.SUBMITTED or not earlier or earlier == message.dossier.code:
        return course
    return replace(course, replaces=f"{trade_lifecycle.NUMBERING}:{earlier}")


def replaced_dossier(hub: Hub, sender: str, change: DossierChange) -> DossierChange | None:
    """Say what becomes of the dossier that a new one replaces; None where there is none that this sender began."""
    if change.course is None or not change.course.replaces or change.test:
        return None
    with hub.ledger.glance() as conn:
        known = dossiers.find(conn, [change.course.replaces])
    if known is None or known.course is None or known.key == change.key or known.course.replaced_by:
        return None
    if set(hub.finals([known.origin])).isdisjoint(hub.finals([sender])):
        return None
    course = trade_lifecycle.replaced(known.course, change.key)
    status, facts = trade_lifecycle.closed(known.status, known.facts, course, hub.now())
    return DossierChange(
        key=known.key,
        version=known.version,
        procedure=known.procedure,
        status=status.value,
        native=dossiers.native_of(known),
        codes=known.codes,
        facts=facts,
        test=known.test,
        course=course,
        replaced=True,
    )
