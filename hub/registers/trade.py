"""Where a trade dossier stands, for people: its stage, the versions of its content and what each changed, what it replaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from hub.canonical.codes import EVENT_NAMES, STAGE_NAMES, Event, Stage
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.ledger import payloads
from hub.ledger.tables import dossier_codes, dossiers
from hub.registers.dossiers import course_of
from hub.rules import difference, trade_lifecycle
from hub.rules.trade_lifecycle import Course, Version, VersionState

#: Names of fields shown of one version, at most.
_MOST_FIELDS = 40
#: Differences that are looked at for them: a list of many rows has each name many times.
_LOOKED = 400
#: A part of a name as schemas have them; whatever else a sender calls an element is not shown.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,79}")
#: Parts of a dossier that say where it stands, and not what it contains.
_NOT_CONTENT = frozenset({"status", "other_codes", "submitted_at"})

VERSION_STATES: Mapping[VersionState, tuple[str, str]] = {
    VersionState.CURRENT: ("đang có hiệu lực", "in force"),
    VersionState.PENDING: ("chờ trả lời", "waits for the answer"),
    VersionState.REPLACED: ("đã được thay thế", "replaced"),
    VersionState.REFUSED: ("không được chấp nhận", "refused"),
    VersionState.LAPSED: ("hết giá trị", "lapsed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionShown:
    """One version of a dossier's content."""

    number: int
    #: ``current``, ``pending``, ``replaced``, ``refused`` or ``lapsed``; and in words.
    state: str
    vi: str
    en: str
    event: str
    event_vi: str
    message_id: str
    at: float
    #: Names of fields that differ from the version that was in force when it came; never values.
    changed: tuple[str, ...] = ()
    #: There are more of them than are named.
    more: bool = False
    #: False: retention has deleted one of the two contents, so that nothing can be compared.
    kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """Another dossier that this one replaces, or that replaces this one."""

    key: str
    #: False: the hub never had it.
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeShown:
    """Where a trade dossier stands."""

    stage: str
    vi: str
    en: str
    #: Where it stood before the request that waits for its answer; empty: none waits.
    before: str = ""
    before_vi: str = ""
    versions: tuple[VersionShown, ...] = ()
    replaces: Linked | None = None
    replaced_by: Linked | None = None
    #: When the business answer is due, and to which event.
    answer_due: float | None = None
    awaited: str = ""


def shown(conn: Connection, key: str) -> TradeShown | None:
    """Give where a dossier stands; None where it is no trade dossier, or there is none of this key."""
    row = conn.execute(select(dossiers).where(dossiers.c.key == key)).first()
    course = course_of(row, (key, *_numbers(conn, row))) if row is not None else None
    if course is None:
        return None
    return TradeShown(
        stage=course.stage.value,
        vi=STAGE_NAMES[course.stage],
        en=in_english(course.stage),
        before=course.before.value if course.before else "",
        before_vi=STAGE_NAMES[course.before] if course.before else "",
        versions=tuple(_versions(conn, course)),
        replaces=_linked(conn, course.replaces),
        replaced_by=_linked(conn, course.replaced_by),
        answer_due=course.answer_due,
        awaited=course.awaited,
    )


def in_english(name: Stage | Event) -> str:
    """Write a stage's or an event's name as a person reads it."""
    return name.value.replace("_", " ")


def _numbers(conn: Connection, row: Row[Any]) -> tuple[str, ...]:
    if row.trade_stage:
        return ()
    return tuple(conn.execute(select(dossier_codes.c.code).where(dossier_codes.c.key == row.key)).scalars())


def joined(course: str) -> tuple[str, ...]:
    """Give the keys of the dossiers that one replaces, and is replaced by, of the register's column."""
    found = trade_lifecycle.read(Stage.NEW.value, course, None) if course else None
    return tuple(each for each in (found.replaces, found.replaced_by) if each) if found else ()


def _linked(conn: Connection, key: str) -> Linked | None:
    if not key:
        return None
    found = conn.execute(select(dossier_codes.c.key).where(dossier_codes.c.code == key)).scalar()
    return Linked(key=str(found or key), known=found is not None)


def _versions(conn: Connection, course: Course) -> Iterable[VersionShown]:
    contents: dict[str, Any] = {}
    in_force: Version | None = None
    for each in course.versions:
        if in_force is None:
            changed: tuple[str, ...] = ()
            kept = True
        else:
            before, now = (_content(conn, contents, one.digest) for one in (in_force, each))
            kept = before is not None and now is not None
            changed = _changed(before, now) if kept else ()
        vi, en = VERSION_STATES[each.state]
        yield VersionShown(
            number=each.number,
            state=each.state.value,
            vi=vi,
            en=en,
            event=each.event.value,
            event_vi=EVENT_NAMES[each.event],
            message_id=each.message,
            at=each.at,
            changed=changed[:_MOST_FIELDS],
            more=len(changed) > _MOST_FIELDS,
            kept=kept,
        )
        if each.state in (VersionState.CURRENT, VersionState.REPLACED):
            in_force = each


def _content(conn: Connection, known: dict[str, Any], digest: str) -> Any:
    """Give what a version contains; None where retention has deleted it."""
    if digest not in known:
        body = payloads.get(conn, digest)
        message = from_json(body) if body else None
        known[digest] = (
            message.dossier.model_dump(mode="json", exclude=set(_NOT_CONTENT)) if isinstance(message, DossierMessage) else None
        )
    return known[digest]


def _changed(before: Any, now: Any) -> tuple[str, ...]:
    """Name what differs: of the forms, where both have one, since all the rest was read out of them."""
    (first, old), (second, new) = _form(before), _form(now)
    # A request to edit may hold the whole profile beside its reason.
    if isinstance(new.get(first), dict):
        second, new = first, new[first]
    elif isinstance(old.get(second), dict):
        first, old = second, old[second]
    found = difference.fields(old, new, limit=_LOOKED)
    # Another kind of document says what is to change, and leaves out what is not.
    said = (change for change in found if first == second or change.kind != difference.REMOVED)
    return tuple(dict.fromkeys(_name(change.path) for change in said))


def _form(content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Give the kind of a content's document, and what stands in it."""
    form = content["form"]
    (kind, inside), *more = form.items() if form else [("", None)]
    return (kind, inside) if isinstance(inside, dict) and not more else ("", content)


def _name(path: str) -> str:
    """Name a field by its path, without places in lists: the same field of ten rows is one name."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/") if part and not part.isdigit()]
    return ".".join(part if _NAME.fullmatch(part) else "?" for part in parts)
