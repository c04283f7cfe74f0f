"""Take a catalogue from a spreadsheet: whole or not at all, shown before, recorded like a message that was received."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from hub.app import UNROUTED, Hub
from hub.canonical.procedure import CatalogueMessage, Procedure
from hub.endpoint import Endpoint
from hub.errors import Fault, InvalidMessage, Unavailable
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.values import OWN, Acceptance
from hub.operations import own_messages
from hub.operations.said import require
from hub.reconcile.procedures import comparing
from hub.registers import procedures
from hub.rules import catalogue as rules
from hub.rules import procedure_sheets, spreadsheets
from hub.thought import Thought, think

log = structlog.get_logger()

#: Source of what a spreadsheet said.
NEW, CHANGED, GONE = "new", "changed", "gone"
#: A catalogue that others keep changing is looked at again so often.
LOOKS = 20
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,49}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an import changes of one procedure."""

    code: str
    name: str
    #: new, changed, or gone (no longer named by a whole list, so out of use).
    kind: str
    #: Fields that are not what they were.
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import came to, or would come to."""

    owner: str
    rows: int
    new: int
    changed: int
    gone: int
    unchanged: int
    #: The first of the changes.
    changes: tuple[Change, ...]
    #: Under which it was recorded; empty: a preview, or nothing changes.
    message_id: str = ""


def take(
    hub: Hub, content: bytes, name: str, owner: str, *, actor: str, why: str, whole: bool = False, dry_run: bool = False
) -> Imported:
    """Take an owner's procedures from a spreadsheet; ``whole``: what it does not name is no longer in use.

    Raises InvalidMessage with every fault, named by its cell; then nothing is taken. A dry run only says what would change.
    """
    require(actor, why)
    _check_owner(owner)
    written, faults = procedure_sheets.read(content, name)
    spreadsheets.raise_faults(faults)
    for _ in range(LOOKS):
        with hub.ledger.read() as conn:
            before = procedures.owned(conn, owner)
        after = [each.over(before.get(each.code)) for each in written]
        done = _seen(owner, before, after, whole)
        if dry_run or not (done.new or done.changed or done.gone):
            return done
        try:
            return _record(hub, content, owner, before, after, done, actor=actor, why=why, whole=whole)
        except DossierMoved:
            continue
    raise Unavailable("the catalogue is changing too fast; try again", "danh mục đang thay đổi liên tục; hãy thử lại")


def _check_owner(owner: str) -> None:
    if not _OWNER.fullmatch(owner):
        vi, en = "mã cơ quan không hợp lệ (ví dụ G10, H55)", "is no code of an agency (such as G10, H55)"
        raise InvalidMessage([Fault("owner", "bad_value", vi, en)])


#: Changes that are told one by one.
MOST_TOLD = 500


def _seen(owner: str, before: Mapping[str, Procedure], after: Sequence[Procedure], whole: bool) -> Imported:
    changes = [*_changes(before, after), *(_gone(before, after) if whole else ())]
    count = {kind: sum(each.kind == kind for each in changes) for kind in (NEW, CHANGED, GONE)}
    unchanged = len(after) - count[NEW] - count[CHANGED]
    return Imported(owner=owner, rows=len(after), **count, unchanged=unchanged, changes=tuple(changes[:MOST_TOLD]))


def _changes(before: Mapping[str, Procedure], after: Sequence[Procedure]) -> Iterator[Change]:
    for each in after:
        was = before.get(each.code)
        if was is None:
            yield Change(code=each.code, name=each.name, kind=NEW)
        elif fields := changed_fields(was, each):
            yield Change(code=each.code, name=each.name, kind=CHANGED, fields=fields)


def _gone(before: Mapping[str, Procedure], after: Sequence[Procedure]) -> Iterator[Change]:
    named = {each.code for each in after}
    return (
        Change(code=code, name=each.name, kind=GONE) for code, each in before.items() if each.active and code not in named
    )


def changed_fields(was: Procedure, now: Procedure) -> tuple[str, ...]:
    """Name the fields that are not what they were, to the letter."""
    names = (*rules.FIELDS, *sorted({*was.details, *now.details}))
    return tuple(name for name in names if rules.value_of(was, name) != rules.value_of(now, name))


def _record(
    hub: Hub,
    content: bytes,
    owner: str,
    before: Mapping[str, Procedure],
    after: Sequence[Procedure],
    done: Imported,
    *,
    actor: str,
    why: str,
    whole: bool,
) -> Imported:
    told = after if whole else [each for each in after if before.get(each.code) != each]
    message = CatalogueMessage(owner=owner, procedures=tuple(told), complete=whole, sent_at=hub.clock())
    thought = think(hub, _source(hub, owner), message, ())
    acceptance = _acceptance(hub, content, thought, actor=actor, why=why)
    hub.ledger.record_received(acceptance)
    hub.bus.wake(*{planned.endpoint for planned in acceptance.planned})
    log.info("procedures.imported", owner=owner, message=acceptance.message_id, new=done.new, changed=done.changed, actor=actor)
    comparing.compare_all(hub, owner=owner)
    return Imported(
        owner=owner,
        rows=done.rows,
        new=done.new,
        changed=done.changed,
        gone=done.gone,
        unchanged=done.unchanged,
        changes=done.changes,
        message_id=acceptance.message_id,
    )


def _source(hub: Hub, owner: str) -> Endpoint:
    """Give whose catalogue it is, so that the rules send it where its own messages go; the hub itself where nobody is it."""
    own = [each for each in hub.endpoints.values() if each.agency_code == owner and each.inbound is not None]
    return own[0] if own else Endpoint(name=OWN, adapter="", title=OWN, agency_code=owner, options=None)


def _acceptance(hub: Hub, content: bytes, thought: Thought, *, actor: str, why: str) -> Acceptance:
    """Write it as it is recorded; where no earlier one waits for a rule, one that no rule sends on stays in the register."""
    planned = tuple(each for each in thought.planned if each.endpoint != UNROUTED or hub.waits_for_a_route(thought.subject))
    own = own_messages.acceptance(
        hub,
        thought.message,
        thought.canonical,
        planned,
        actor=actor,
        why=why,
        given=content,
        origin="a spreadsheet that a person gave",
    )
    return replace(own, procedures=thought.procedures, holdings=thought.holdings, catalogues=thought.catalogues)
