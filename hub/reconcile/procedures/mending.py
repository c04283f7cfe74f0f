"""Plan the mending of a holder's catalogue in the direction that the policy says, and carry it out.

A plan is frozen. What the hub may write it gives the holder as ordinary deliveries; what a person must do goes on a
work-list. The next pull confirms either. While something is under way nothing is planned for it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.procedure import Procedure, ProcedureMessage
from hub.errors import NotAllowed
from hub.ledger import catalogue_verbs, chains, intake_verbs
from hub.ledger.catalogue_verbs import Item
from hub.ledger.values import Acceptance
from hub.operations.said import require
from hub.reconcile.originating import made
from hub.reconcile.procedures import comparing
from hub.reconcile.procedures.comparing import Codes, Side
from hub.reconcile.procedures.pulling import holder_of
from hub.registers import catalogue
from hub.registers.catalogue import Known, Plan, PlanItem, ToMend
from hub.registers.procedures import fingerprint
from hub.rules import catalogue as rules

log = structlog.get_logger()

WRITE, WORK = "write", "work"
SENT, LISTED, UNDER_WAY, CHANGED = "sent", "listed", "under_way", "changed"
#: Procedures whose records are read at once.
AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is to be written at a holder of one procedure."""

    procedure: Procedure
    #: It was given this, or what it is made of, after it was last seen there.
    under_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What planning came to."""

    #: None: there is nothing to do.
    plan: Plan | None
    #: Procedures that differ, of which a delivery or a work-list has the mending already.
    under_way: int


def plan(hub: Hub, holder: str, *, actor: str, why: str) -> Planned:
    """Compare what a holder was last seen to hold, freeze what is to be mended; raise NotAllowed where it was never pulled."""
    require(actor, why)
    writes = holder_of(hub, holder).writes_procedures
    comparing.compare(hub, holder)
    at, today = comparing.side(hub, holder), local(hub.clock()).date()
    codes = comparing.national(hub.codes(fresh=True), today)
    with hub.ledger.read() as conn:
        items = list(_items(conn, at, codes, today, writes=writes))
    due = [item for item in items if item is not None]
    if not due:
        return Planned(plan=None, under_way=len(items))
    plan_id = hub.new_id()
    freeze = partial(catalogue_verbs.freeze, plan_id=plan_id, holder=holder, items=due, actor=actor, why=why, now=hub.now())
    hub.ledger.change(freeze, f"procedures:{holder}")
    log.info("procedures.planned", holder=holder, plan=plan_id, items=len(due))
    return Planned(plan=find(hub, plan_id), under_way=len(items) - len(due))


def find(hub: Hub, plan_id: str) -> Plan:
    """Find a plan; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        found = catalogue.plan(conn, plan_id)
    if found is None:
        raise NotAllowed(f"no plan {plan_id!r}", f"không có kế hoạch {plan_id!r}", where="plan")
    return found


def _items(conn: Connection, at: Side, codes: Codes, today: date, *, writes: bool) -> Iterator[Item | None]:
    """Give what is to be done, procedure by procedure; None: it is under way."""
    said = catalogue.in_force(conn, today)
    waiting = set(catalogue.open_work(conn, at.name))
    for part in _parts(list(catalogue.to_mend(conn, at.name))):
        contents = _contents(conn, at, codes, said, part)
        for each, content in zip(part, contents, strict=True):
            for who, fields in each.fields.items():
                if who == rules.BY_HOLDER and writes and content is not None:
                    digest = fingerprint(content.procedure)
                    item = Item(owner=each.owner, code=each.code, deed=WRITE, who=who, fields=fields, digest=digest)
                    yield None if content.under_way else item
                elif (each.owner, each.code, who, fields) in waiting:
                    yield None
                else:
                    yield Item(owner=each.owner, code=each.code, deed=WORK, who=who, fields=fields)


def _parts(listed: Sequence[ToMend]) -> Iterator[Sequence[ToMend]]:
    return (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))


def _contents(
    conn: Connection, at: Side, codes: Codes, said: dict[str, list[Known]], part: Sequence[ToMend]
) -> list[Content | None]:
    """Give what is to be written of each; None where the owner says nothing of it today."""
    source = at.policy.follows.get(at.name)
    known = {(each.owner, each.code): _known(said, each) for each in part}
    theirs = catalogue.held_one(conn, at.name, {each.held_code for each in part})
    followed = catalogue.held_one(conn, source, {each.code for each in part}) if source else {}
    mine = catalogue.records(conn, {each.digest for each in known.values() if each is not None})
    given = catalogue.given(conn, at.name, {each.held_code or each.code for each in part})
    whole_from = catalogue.pulls(conn)[at.name].whole_from or 0.0
    waiting = catalogue.open_chains(conn, at.name, [subject for each in part for subject in _subjects(each)])
    found: list[Content | None] = []
    for each in part:
        one = known[each.owner, each.code]
        if one is None:
            found.append(None)
            continue
        should = followed[each.code][0] if each.code in followed else mine[one.digest]
        if not one.active:
            should = should.model_copy(update={"active": False})
        held, seen = theirs.get(each.held_code, (None, whole_from))
        content = _merged(should, held, each, codes, at)
        was, at_moment = given.get(content.code, ("", 0.0))
        on_its_way = at_moment >= seen or not waiting.isdisjoint(_subjects(each))
        under_way = on_its_way and was in (fingerprint(content), fingerprint(should))
        found.append(Content(procedure=content, under_way=under_way))
    return found


def _subjects(each: ToMend) -> tuple[str, ...]:
    """Name the chains in which a procedure may be on its way to a holder."""
    return (f"procedure:{each.held_code or each.code}", f"catalogue:{each.owner}")


def _known(said: dict[str, list[Known]], each: ToMend) -> Known | None:
    return next((known for known in said.get(each.code, ()) if known.owner == each.owner), None)


def _merged(mine: Procedure, theirs: Procedure | None, each: ToMend, codes: Codes, at: Side) -> Procedure:
    if theirs is None:
        return mine.model_copy(update={"code": each.held_code or each.code})
    names = (*rules.FIELDS, *mine.details, *theirs.details)
    kept = [name for name in dict.fromkeys(names) if at.who(name) != rules.BY_HOLDER]
    same = codes.fields.get(theirs.field_code, theirs.field_code) == codes.fields.get(mine.field_code, mine.field_code)
    return rules.merged(mine, theirs, [*kept, "field_code"] if same else kept)


# --- carrying out ------------------------------------------------------------------------------------------------


def run(
    hub: Hub, plan_id: str, *, actor: str, why: str, progress: Callable[[int, int], None] = lambda done, whole: None
) -> Plan:
    """Carry a plan out, or what is left of it: deliveries for what the hub may write, the work-list for the rest.

    An item whose content is no longer what was frozen is left out; so is one that is under way already.
    """
    require(actor, why)
    found = find(hub, plan_id)
    plan_id = found.id
    hub.ledger.change(partial(catalogue_verbs.begin_run, plan_id=plan_id, actor=actor, why=why, now=hub.now()))
    at, today = comparing.side(hub, found.holder), local(hub.clock()).date()
    codes = comparing.national(hub.codes(fresh=True), today)
    done, whole = found.writes + found.work - found.results.get("", 0), found.writes + found.work
    with hub.ledger.read() as conn:
        said = catalogue.in_force(conn, today)
    after = 0
    while items := _next(hub, plan_id, after):
        for item, content in zip(items, _of_items(hub, at, codes, said, items), strict=True):
            _carry(hub, plan_id, found.holder, item, content, actor, why)
        done, after = done + len(items), items[-1].number
        progress(done, whole)
    hub.bus.wake(found.holder)
    return find(hub, plan_id)


def _next(hub: Hub, plan_id: str, after: int) -> list[PlanItem]:
    with hub.ledger.read() as conn:
        return list(catalogue.open_items(conn, plan_id, limit=AT_ONCE, after=after))


def _of_items(
    hub: Hub, at: Side, codes: Codes, said: dict[str, list[Known]], items: Sequence[PlanItem]
) -> list[Content | None]:
    with hub.ledger.read() as conn:
        differ = catalogue.held_codes(conn, at.name, {item.code for item in items})
        part = [
            ToMend(owner=item.owner, code=item.code, held_code=differ.get((item.owner, item.code), ""), fields={})
            for item in items
        ]
        contents = _contents(conn, at, codes, said, part)
    # What no longer differs needs no mending.
    return [
        content if (item.owner, item.code) in differ else None for item, content in zip(items, contents, strict=True)
    ]


def _carry(
    hub: Hub, plan_id: str, holder: str, item: PlanItem, content: Content | None, actor: str, why: str
) -> None:
    """Carry one item out, in one commit with what it leads to."""
    if item.deed == WORK:
        verb = partial(_list, plan_id=plan_id, holder=holder, item=item, actor=actor, why=why, now=hub.now())
        hub.ledger.change(verb, f"procedures:{holder}")
        return
    if content is None or fingerprint(content.procedure) != item.digest:
        hub.ledger.change(partial(_leave, plan_id=plan_id, number=item.number, result=CHANGED))
        return
    given = content.procedure
    names = tuple(name for name in item.fields if name not in (rules.LACKS, rules.UNREADABLE))
    message = ProcedureMessage(owner=item.owner, procedure=given, changed=names)
    acceptance = made(hub, message, holder, actor=actor, why=why, holdings=[(holder, given.code, item.digest)])
    verb = partial(_send, plan_id=plan_id, number=item.number, seen=_seen(hub, holder, item), acceptance=acceptance)
    hub.ledger.change(verb, message.subject)


def _seen(hub: Hub, holder: str, item: PlanItem) -> float:
    """Give when it was last looked at what the holder has of a procedure."""
    with hub.ledger.read() as conn:
        return catalogue.seen_at(conn, holder, item.owner, item.code)


def _send(conn: Connection, plan_id: str, number: int, seen: float, acceptance: Acceptance) -> None:
    if not catalogue_verbs.take_item(conn, plan_id, number):
        return
    ((holder, code, digest),) = acceptance.holdings
    # Of two who carry out plans for the same procedure at once, the second finds what the first gave.
    catalogue_verbs.wait_for_holding(conn, holder, code)
    was, at = catalogue.given(conn, holder, [code]).get(code, ("", 0.0))
    if was == digest and (at >= seen or chains.is_open(conn, holder, acceptance.subject)):
        catalogue_verbs.end_item(conn, plan_id, number, UNDER_WAY)
        return
    intake_verbs.record_received_alone(conn, acceptance)
    catalogue_verbs.end_item(conn, plan_id, number, SENT, acceptance.message_id)


def _leave(conn: Connection, plan_id: str, number: int, result: str) -> None:
    if catalogue_verbs.take_item(conn, plan_id, number):
        catalogue_verbs.end_item(conn, plan_id, number, result)


def _list(conn: Connection, plan_id: str, holder: str, item: PlanItem, actor: str, why: str, now: float) -> None:
    if catalogue_verbs.take_item(conn, plan_id, item.number):
        key = {"holder": holder, "owner": item.owner, "code": item.code, "who": item.who}
        new = catalogue_verbs.list_work(conn, key, item.fields, actor=actor, why=why, now=now)
        catalogue_verbs.end_item(conn, plan_id, item.number, LISTED if new else UNDER_WAY)


def claim(hub: Hub, holder: str, owner: str, codes: Sequence[str], *, actor: str, why: str) -> int:
    """Say that work is done; the next pull confirms it, or shows that it is not. Give how many items that are."""
    require(actor, why)
    said = partial(catalogue_verbs.claim_work, holder=holder, owner=owner, codes=tuple(dict.fromkeys(codes)))
    count = hub.ledger.change(partial(said, actor=actor, why=why, now=hub.now()), f"procedures:{holder}")
    if not count:
        raise NotAllowed(
            "no work of these procedures is open there", "không có việc nào đang chờ cho các thủ tục này", where="codes"
        )
    return count
