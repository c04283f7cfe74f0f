"""The life of a trade dossier (Single Window): everything about this machine, and the versions of its content, lives here.

Numbers of partners mean something else in each procedure; a procedure says which event a message of its own is, and this table
says what follows. Before receipt edit and withdrawal are one-sided; after it they are a request and its answer. Tested against
the picture in docs/architecture.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from hub.canonical.codes import EVENT_NAMES, STAGE_NAMES, Event, Stage, Status
from hub.canonical.compact_json import compact
from hub.canonical.dossier import DossierMessage
from hub.errors import OutOfStage
from hub.rules import dossier_facts, lifecycle
from hub.rules.dossier_facts import Facts

#: ``Dossier.numbering`` of dossiers that live by this table.
NUMBERING = "vnsw"
#: Versions that are remembered of a dossier; who edits more often loses sight of the oldest, and of no message.
MOST_VERSIONS = 20
#: Messages that operators released, remembered so that each is applied once.
_MOST_RELEASED = 100

E, S = Event, Stage

#: Back to where the dossier stood before the request.
BEFORE: Literal["before"] = "before"
#: What another dossier does to this one, by naming it as the one that it replaces.
REPLACED: Literal["replaced"] = "replaced"
Target = Stage | Literal["before"]
What = Event | Literal["replaced"]

#: About the dossier, and no step of it: in every stage, also before the beginning and after the end.
ANYWHERE = frozenset({E.RESULT_ASKED, E.CONFIRMED, E.CATALOGUE, E.FILE, E.REPORT})
#: No step either, but only while the dossier lives.
WHILE_OPEN = frozenset({E.STATUS, E.DECLARED})
#: Effective by themselves, and only before receipt; afterwards they are asked for.
BEFORE_RECEIPT: frozenset[What] = frozenset({E.EDITED, E.WITHDRAWN, REPLACED})
#: What an agency does, and is asked, only about what it has received.
AFTER_RECEIPT: frozenset[What] = frozenset({E.EDIT_ASKED, E.WITHDRAWAL_ASKED, E.FEE_ASKED, E.LICENCE_ISSUED, E.RESULT})
#: Where a procedure lets them come after a licence (a ship's papers come in many orders), they do not take it back.
LATE_PAPERS = frozenset({E.RECEIVED, E.FEE_ASKED, E.FEE_PAID})
#: A request waits for its answer.
PENDING = frozenset({S.EDIT_WAITING, S.WITHDRAWAL_WAITING, S.AMENDMENT_WAITING})
#: Nothing follows.
ENDS = frozenset({S.REFUSED, S.WITHDRAWN, S.RECALLED, S.RETURNED})

_ANSWERS: Mapping[Stage, Mapping[What, Target]] = {
    S.EDIT_WAITING: {E.EDIT_ASKED: S.EDIT_WAITING, E.EDIT_AGREED: BEFORE, E.EDIT_REFUSED: BEFORE},
    S.WITHDRAWAL_WAITING: {
        E.WITHDRAWAL_ASKED: S.WITHDRAWAL_WAITING,
        E.WITHDRAWAL_AGREED: S.WITHDRAWN,
        E.WITHDRAWAL_REFUSED: BEFORE,
    },
    # What was asked for may be answered by doing it.
    S.AMENDMENT_WAITING: {
        E.AMENDMENT_ASKED: S.AMENDMENT_WAITING,
        E.AMENDMENT_AGREED: BEFORE,
        E.AMENDMENT_REFUSED: BEFORE,
        E.LICENCE_AMENDED: S.LICENSED,
        E.LICENCE_RECALLED: S.RECALLED,
    },
}
#: What an agency may do with a dossier that it has received, and its applicant ask of it.
_WORK: Mapping[What, Target] = {
    E.SUPPLEMENT_ASKED: S.SUPPLEMENT_ASKED,
    E.FEE_ASKED: S.FEE_ASKED,
    E.LICENCE_ISSUED: S.LICENSED,
    E.REFUSED: S.REFUSED,
    E.EDIT_ASKED: S.EDIT_WAITING,
    E.WITHDRAWAL_ASKED: S.WITHDRAWAL_WAITING,
}

#: stage -> event -> next stage, as the facts of the second generation's procedures (assumed where a procedure is not known).
_STEPS: Mapping[Stage, Mapping[What, Target]] = {
    S.NEW: {E.SUBMITTED: S.WAITING},
    S.WAITING: {
        E.EDITED: S.WAITING,
        E.WITHDRAWN: S.WITHDRAWN,
        E.RECEIVED: S.RECEIVED,
        E.REFUSED: S.REFUSED,
        E.SUPPLEMENT_ASKED: S.SUPPLEMENT_ASKED,
        REPLACED: S.WITHDRAWN,
    },
    # Before or after receipt; BEFORE_RECEIPT and AFTER_RECEIPT say what belongs to which.
    S.SUPPLEMENT_ASKED: {
        E.SUPPLEMENT_ASKED: S.SUPPLEMENT_ASKED,
        E.SUPPLEMENTED: S.SUPPLEMENT_WAITING,
        E.EDITED: S.SUPPLEMENT_ASKED,
        E.WITHDRAWN: S.WITHDRAWN,
        E.REFUSED: S.REFUSED,
        E.EDIT_ASKED: S.EDIT_WAITING,
        E.WITHDRAWAL_ASKED: S.WITHDRAWAL_WAITING,
        REPLACED: S.WITHDRAWN,
    },
    S.SUPPLEMENT_WAITING: {
        **_WORK,
        E.SUPPLEMENTED: S.SUPPLEMENT_WAITING,
        E.EDITED: S.SUPPLEMENT_WAITING,
        E.WITHDRAWN: S.WITHDRAWN,
        E.RECEIVED: S.RECEIVED,
        E.RESULT: S.SUPPLEMENT_WAITING,
        REPLACED: S.WITHDRAWN,
    },
    # A result along the way (of a check, a test) decides nothing by itself; so the stage stays.
    S.RECEIVED: {**_WORK, E.RECEIVED: S.RECEIVED, E.RESULT: S.RECEIVED},
    S.FEE_ASKED: {
        E.FEE_ASKED: S.FEE_ASKED,
        E.FEE_PAID: S.FEE_PAID,
        E.REFUSED: S.REFUSED,
        E.EDIT_ASKED: S.EDIT_WAITING,
        E.WITHDRAWAL_ASKED: S.WITHDRAWAL_WAITING,
    },
    S.FEE_PAID: {**_WORK, E.FEE_PAID: S.FEE_PAID, E.RECEIVED: S.FEE_PAID, E.RESULT: S.FEE_PAID},
    S.LICENSED: {
        # A procedure may issue several papers.
        E.LICENCE_ISSUED: S.LICENSED,
        E.LICENCE_AMENDED: S.LICENSED,
        E.LICENCE_RECALLED: S.RECALLED,
        E.RESULT: S.LICENSED,
        E.AMENDMENT_ASKED: S.AMENDMENT_WAITING,
        E.WITHDRAWAL_ASKED: S.WITHDRAWAL_WAITING,
        E.PERMIT_RETURNED: S.RETURNED,
    },
    **_ANSWERS,
    **{end: {} for end in (S.REFUSED, S.WITHDRAWN, S.RECALLED, S.RETURNED)},
}


def _whole(stage: Stage, steps: Mapping[What, Target]) -> Mapping[What, Target]:
    stays = ANYWHERE if stage in ENDS or stage is S.NEW else ANYWHERE | WHILE_OPEN
    return {**dict.fromkeys(sorted(stays), stage), **steps}


#: The whole table: stage -> event -> next stage. What is not here is out of stage.
TRADE: Mapping[Stage, Mapping[What, Target]] = {stage: _whole(stage, steps) for stage, steps in _STEPS.items()}

#: How far a dossier has come, to tell what came late where a step is delivered although the table does not have it.
ORDER: Mapping[Stage, int] = {
    S.NEW: 0,
    **dict.fromkeys((S.WAITING, S.SUPPLEMENT_ASKED, S.SUPPLEMENT_WAITING), 1),
    **dict.fromkeys((S.RECEIVED, S.FEE_ASKED, S.FEE_PAID, S.EDIT_WAITING, S.WITHDRAWAL_WAITING), 2),
    **dict.fromkeys((S.LICENSED, S.AMENDMENT_WAITING), 3),
    **dict.fromkeys(ENDS, 4),
}

#: What the register of dossiers, and so statistics, say of a stage; while a request waits, what they said before.
STATUS: Mapping[Stage, Status] = {
    S.NEW: Status.REGISTERED,
    S.WAITING: Status.REGISTERED,
    S.SUPPLEMENT_ASKED: Status.SUPPLEMENT_ASKED,
    # The papers are with the agency again; nothing says yet that they are worked on.
    S.SUPPLEMENT_WAITING: Status.RECEIVED,
    S.RECEIVED: Status.RECEIVED,
    S.FEE_ASKED: Status.FEE_ASKED,
    S.FEE_PAID: Status.PROCESSING,
    S.LICENSED: Status.DONE,
    S.REFUSED: Status.NOT_RECEIVED,
    S.WITHDRAWN: Status.WITHDRAWN,
    S.RECALLED: Status.STOPPED,
    S.RETURNED: Status.RETURNED,
}


class VersionState(StrEnum):
    """What became of one version of a dossier's content."""

    CURRENT = "current"
    #: Asked for, and not agreed yet.
    PENDING = "pending"
    REPLACED = "replaced"
    REFUSED = "refused"
    #: The dossier ended, or another one was asked for, before it was answered.
    LAPSED = "lapsed"


#: Events that bring the dossier's content anew.
_NEW_CONTENT = frozenset({E.SUBMITTED, E.EDITED, E.SUPPLEMENTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a dossier's content: which message brought it, and what became of it."""

    number: int
    state: VersionState
    event: Event
    message: str
    #: Digest of the canonical message.
    digest: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a trade dossier stands, and how it came there as far as what follows depends on it."""

    stage: Stage = S.NEW
    #: Where a refused (or agreed) request leads back to; None while none waits.
    before: Stage | None = None
    #: The agency has received it at some time.
    received: bool = False
    #: It was known before its stages were: the first event that leads somewhere tells the stage.
    assumed: bool = False
    versions: tuple[Version, ...] = ()
    #: Keys of the dossier that this one replaces, and of the one that replaces it.
    replaces: str = ""
    replaced_by: str = ""
    #: Digests of messages out of stage that an operator released.
    released: tuple[str, ...] = ()
    #: When the business answer to what was said last is due, and to which event; None: nothing is awaited.
    answer_due: float | None = None
    awaited: str = ""

    @property
    def in_force(self) -> Version | None:
        """Give the version of the content that counts."""
        return next((each for each in self.versions if each.state is VersionState.CURRENT), None)

    @property
    def pending(self) -> Version | None:
        """Give the version that was asked for and is not agreed yet."""
        return next((each for each in self.versions if each.state is VersionState.PENDING), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one message says of a dossier, as far as its course depends on it."""

    event: Event
    message: str
    digest: str
    at: float
    #: As ``DossierMessage.from_stages`` and ``answer_within_hours``.
    from_stages: tuple[Stage, ...] = ()
    answer_within_hours: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How a message stands to a course, and the course after it."""

    course: Course
    #: False: the table has no such step, or the message's procedure does not allow it in this stage.
    fits: bool


# --- steps -------------------------------------------------------------------------------------------------------


def target(course: Course, what: What, from_stages: Iterable[Stage] = ()) -> Stage | None:
    """Say where an event leads from here; None where it does not belong here."""
    if allowed := tuple(from_stages):
        if course.stage not in allowed:
            return None
        if course.stage is S.LICENSED and what in LATE_PAPERS:
            return course.stage
        return _resolved(course, TRADE[course.stage].get(what)) or lead(what) or _resolved(course, BEFORE)
    if what in (BEFORE_RECEIPT if course.received else AFTER_RECEIPT):
        return None
    return _resolved(course, TRADE[course.stage].get(what))


def _resolved(course: Course, found: Target | None) -> Stage | None:
    if isinstance(found, Stage) or found is None:
        return found
    return course.before or course.stage


def lead(what: What) -> Stage | None:
    """Say to which stage an event leads, wherever it comes from; None where that depends on the stage."""
    return _LEADS.get(what)


def _leads() -> dict[What, Stage]:
    found: dict[What, Stage] = {}
    for stage, steps in _STEPS.items():
        for what, to in steps.items():
            if to not in (BEFORE, stage):
                assert isinstance(to, Stage)
                found.setdefault(what, to)
    return found


_LEADS = _leads()


def judge(course: Course, said: Said, *, parks: bool) -> Judged:
    """Judge a message by the table, and give the course after it.

    What does not fit and is parked changes nothing. What does not fit and goes on all the same (``parks`` is false) is taken as
    other dossiers' unknown steps are: where it leads to the same or a later stage; what came late, or after an end, changes
    nothing.
    """
    if course.assumed and course.stage not in ENDS:
        return Judged(course=_moved(course, said, lead(said.event) or course.stage), fits=True)
    to = target(course, said.event, said.from_stages)
    if to is not None:
        return Judged(course=_moved(course, said, to), fits=True)
    leading = lead(said.event)
    late = leading is None or course.stage in ENDS or ORDER[leading] < ORDER[course.stage]
    if parks or late or leading is None:
        return Judged(course=course, fits=False)
    return Judged(course=_moved(course, said, leading), fits=False)


def released(course: Course, said: Said, content: str) -> Course:
    """Give the course after an operator released a message that was out of stage when it came.

    ``content``: digest under which it came; each is applied once.
    """
    if content in course.released:
        return course
    to = target(course, said.event, said.from_stages) or lead(said.event) or course.stage
    moved = _moved(course, said, to)
    return replace(moved, released=(*course.released, content)[-_MOST_RELEASED:])


def replaced(course: Course, by: str) -> Course:
    """Give the course of a dossier that another one replaces: before receipt it is withdrawn, later its agency decides."""
    to = target(course, REPLACED)
    marked = replace(course, replaced_by=by)
    if to is None:
        return marked
    return replace(marked, stage=to, before=None, versions=_closed(course.versions), answer_due=None, awaited="")


def _moved(course: Course, said: Said, to: Stage) -> Course:
    """Take a step."""
    stays = to is course.stage
    # A second request while one waits: both lead back to where the first one found it.
    before = (course.before or course.stage) if to in PENDING else None
    versions = _versions(course, said)
    return replace(
        course,
        stage=to,
        before=before,
        received=course.received or ORDER[to] in (2, 3),
        assumed=course.assumed and lead(said.event) is None,
        versions=_closed(versions) if to in ENDS else versions,
        **_awaiting(course, said, stays and said.event in ANYWHERE | WHILE_OPEN),
    )


def _awaiting(course: Course, said: Said, aside: bool) -> dict[str, Any]:
    """Say when an answer is due: to what was said last, where its time limit is known; what is no step awaits nothing."""
    if said.answer_within_hours > 0:
        return {"answer_due": said.at + said.answer_within_hours * 3600, "awaited": said.event.value}
    return {} if aside else {"answer_due": None, "awaited": ""}


# --- what statistics see -----------------------------------------------------------------------------------------


def told(
    known: Status | None, facts: Facts | None, course: Course, message: DossierMessage, now: float
) -> tuple[Status, Facts]:
    """Give status and facts after a message that was applied: by the stage it led to, not by what its sender calls it."""
    meant = STATUS.get(course.stage, known or message.dossier.status)
    if message.dossier.status is not meant:
        message = message.model_copy(update={"dossier": message.dossier.model_copy(update={"status": meant})})
    return lifecycle.recorded(known, meant), dossier_facts.after(facts, known, message, now)


def closed(known: Status, facts: Facts, course: Course, now: float) -> tuple[Status, Facts]:
    """Give status and facts of a dossier after another one took its place."""
    status = lifecycle.recorded(known, STATUS.get(course.stage, known))
    if status is known or course.stage not in ENDS:
        return known, facts
    return status, replace(facts, closed_at=now, ended_at=now)


# --- versions ----------------------------------------------------------------------------------------------------


def _versions(course: Course, said: Said) -> tuple[Version, ...]:
    known = course.versions
    if said.event in _NEW_CONTENT:
        return _kept((*_turned(known, VersionState.CURRENT, VersionState.REPLACED), _version(known, said, VersionState.CURRENT)))
    if said.event is E.EDIT_ASKED:
        return _kept((*_turned(known, VersionState.PENDING, VersionState.LAPSED), _version(known, said, VersionState.PENDING)))
    if course.pending is None:
        return known
    if said.event is E.EDIT_AGREED:
        return _turned(
            _turned(known, VersionState.CURRENT, VersionState.REPLACED), VersionState.PENDING, VersionState.CURRENT
        )
    return _turned(known, VersionState.PENDING, VersionState.REFUSED) if said.event is E.EDIT_REFUSED else known


def _version(known: tuple[Version, ...], said: Said, state: VersionState) -> Version:
    number = known[-1].number + 1 if known else 1
    return Version(number=number, state=state, event=said.event, message=said.message, digest=said.digest, at=said.at)


def _turned(known: tuple[Version, ...], before: VersionState, after: VersionState) -> tuple[Version, ...]:
    return tuple(replace(each, state=after) if each.state is before else each for each in known)


def _closed(known: tuple[Version, ...]) -> tuple[Version, ...]:
    return _turned(known, VersionState.PENDING, VersionState.LAPSED)


def _kept(known: tuple[Version, ...]) -> tuple[Version, ...]:
    """Keep the newest versions, and the one that counts."""
    most = known[-MOST_VERSIONS:]
    return (*(each for each in known[:-MOST_VERSIONS] if each.state is VersionState.CURRENT), *most)


# --- as the register keeps it ------------------------------------------------------------------------------------


def begun(numbers: Iterable[str]) -> Course | None:
    """Give the course of a dossier that nobody knew, by its numbers (``numbering:number``); None where it is no trade dossier."""
    return Course() if any(number.startswith(f"{NUMBERING}:") for number in numbers) else None


def of_status(status: Status) -> Course:
    """Guess where a dossier stands that was known before stages were recorded."""
    stages = {each: stage for stage, each in STATUS.items()} | {Status.RECEIVED: S.RECEIVED, Status.PROCESSING: S.RECEIVED}
    stage = stages[status]
    return Course(stage=stage, received=ORDER[stage] in (2, 3), assumed=True)


def write(course: Course | None) -> tuple[str, str]:
    """Write a course as the register's two columns: stage, and the rest as JSON; both empty where there is none."""
    if course is None:
        return "", ""
    told: dict[str, Any] = {
        "before": course.before.value if course.before else "",
        "received": course.received,
        "assumed": course.assumed,
        "versions": [[each.number, each.state, each.event, each.message, each.digest, each.at] for each in course.versions],
        "replaces": course.replaces,
        "replaced_by": course.replaced_by,
        "released": list(course.released),
        "awaited": course.awaited,
    }
    return course.stage.value, compact({name: value for name, value in told.items() if value})


def read(stage: str, rest: str, answer_due: float | None) -> Course | None:
    """Read what ``write`` wrote."""
    if not stage:
        return None
    told = json.loads(rest) if rest else {}
    versions = (
        Version(number=number, state=VersionState(state), event=Event(event), message=message, digest=digest, at=at)
        for number, state, event, message, digest, at in told.pop("versions", ())
    )
    before = told.pop("before", "")
    return Course(
        stage=Stage(stage),
        before=Stage(before) if before else None,
        versions=tuple(versions),
        released=tuple(told.pop("released", ())),
        answer_due=answer_due,
        **told,
    )


# --- in words ----------------------------------------------------------------------------------------------------

#: Code of what is parked since it does not fit, and the warning where it goes on.
OUT_OF_STAGE = OutOfStage.code


def said_of(course: Course, event: Event) -> tuple[str, str, str, str]:
    """Say why a message's deliveries are parked: code, place, English, Vietnamese."""
    stage = course.stage
    return (
        OUT_OF_STAGE,
        f"{stage.value}/{event.value}",
        f"the dossier's stage is {stage.value}, where {event.value} does not fit; release it if it is right (then it is "
        "applied), else abandon it",
        f"hồ sơ đang ở giai đoạn “{STAGE_NAMES[stage]}”, thông điệp “{EVENT_NAMES[event]}” không phù hợp; nếu đúng, hãy cho gửi "
        "tiếp (release), khi đó trục mới áp dụng; nếu sai, hãy từ bỏ (abandon)",
    )
