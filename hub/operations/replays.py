"""Verbs on many deliveries: a plan is frozen and shown before anything is sent, and then runs in steps exactly as it was seen.

``start`` and its like write into the ledger what is to be done; ``advance`` does a part of it, called again and again by whoever
carries plans out (hub.edge.replayer). Everything that it goes on from stands in the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from hub import file_links, inline_files
from hub.app import UNROUTED, Hub
from hub.canonical.compact_json import compact
from hub.canonical.message import from_json
from hub.contract import Call, Writing
from hub.errors import HubError, NotAllowed
from hub.ledger import chains, plan_verbs
from hub.ledger.plan_verbs import Carried, Summary
from hub.operations.said import require
from hub.registers import history, people, plan_choice, plan_preview, plans
from hub.registers.plan_choice import Candidate, Choice, Chosen, Hindrances, Within
from hub.registers.plan_preview import Load, Sample
from hub.registers.plans import Estimate, Plan, RunState
from hub.registers.records import DeliveryDetail
from hub.rules.canary import Course, Decision

log = structlog.get_logger()

#: Verbs that a plan can carry out.
PLAN_VERBS = ("release", "rebuild")
#: Deliveries of a plan whose bytes are shown.
SAMPLES = 3
#: The course of a run where nothing else is said.
USUAL = Course()
#: Items that are carried out before it is looked again what became of those before.
_BETWEEN_LOOKS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What running a plan without steps came to."""

    plan: Plan
    done: int
    skipped: int
    #: Items whose delivery had changed since the plan was frozen: left alone.
    changed: int


# --- planning ----------------------------------------------------------------------------------------------------


def plan(
    hub: Hub, choice: Choice, verb: str, *, actor: str, why: str, scope: frozenset[str] | None = None, viewer: str = ""
) -> Plan:
    """Freeze which deliveries a verb will be carried out on, in which order, and say of each other one why not.

    Nothing is sent yet; what is frozen is exactly what a run touches, and only where it has not changed since. ``scope``: the
    endpoints whose deliveries may be chosen; ``viewer``: see ``samples``.
    """
    require(actor, why)
    if verb not in PLAN_VERBS:
        raise NotAllowed(
            f"a plan can {' or '.join(PLAN_VERBS)}, not {verb}",
            f"kế hoạch chỉ dùng cho {', '.join(PLAN_VERBS)}, không dùng cho {verb}",
            where=verb,
        )
    anew = verb == "rebuild"
    with hub.ledger.read() as conn:
        chosen = plan_choice.candidates(conn, choice, Within(scope=scope, province=_province(hub, choice.province)))
        skips = plan_choice.skips(chosen.found, _hindrances(hub, conn, chosen.found, anew=anew), anew=anew)
        summary = _summary(hub, conn, chosen, skips)
    plan_id = hub.new_id()
    items = tuple((each.id, each.epoch, skip) for each, skip in zip(chosen.found, skips, strict=True))
    said: dict[str, Any] = {"verb": verb, "chosen_by": choice.as_text(), "actor": actor, "why": why, "now": hub.now()}
    hub.ledger.change(partial(plan_verbs.freeze, plan_id=plan_id, items=items, summary=summary, **said))
    log.info("plan.frozen", plan=plan_id, verb=verb, items=len(items), goes=summary.goes, actor=actor)
    return show_plan(hub, plan_id, viewer=viewer)


def _province(hub: Hub, code: str) -> frozenset[str] | None:
    """Give the endpoints of an agency and of those below it; None where none was asked for."""
    if not code:
        return None
    coded = [each for each in hub.endpoints.values() if each.agency_code]
    found = people.endpoints_in((code,), coded) or frozenset()
    if not found:
        raise NotAllowed(
            f"no endpoint has the agency code {code!r}", f"không điểm kết nối nào có mã cơ quan {code!r}", where="province"
        )
    return found


def _hindrances(hub: Hub, conn: Connection, found: Sequence[Candidate], *, anew: bool) -> Hindrances:
    unsettled = plan_choice.unsettled(conn, found) if anew else {}
    return Hindrances(
        endpoints=plan_choice.restraints(conn, hub.now()),
        unsigned=[name for name in {each.endpoint for each in found} if not _can_sign(hub, name)],
        deliveries={**unsettled, **plan_choice.superseded(conn, found)},
    )


def _can_sign(hub: Hub, endpoint: str) -> bool:
    outbound = hub.endpoints[endpoint].outbound if endpoint in hub.endpoints else None
    if outbound is None or outbound.sign == "none":
        return True
    try:
        hub.signer(outbound.signer)
    except HubError:
        return False
    return True


def _summary(hub: Hub, conn: Connection, chosen: Chosen, skips: Sequence[str]) -> Summary:
    going = [each for each, skip in zip(chosen.found, skips, strict=True) if not skip]
    follows = plan_choice.followers(conn, [each.id for each in going])
    counts = Counter(each.endpoint for each in going)
    loads = [_load(hub, name, number + follows.get(name, 0)) for name, number in sorted(counts.items())]
    estimate = plan_preview.estimate(conn, loads, USUAL) if going else Estimate()
    return Summary(
        goes=len(going),
        follows=sum(follows.values()),
        skipped=Counter(skip.partition(":")[0] for skip in skips if skip),
        more=chosen.more,
        endpoints=tuple(sorted({each.endpoint for each in chosen.found})),
        estimate=compact(asdict(estimate)),
    )


def _load(hub: Hub, name: str, number: int) -> Load:
    outbound = hub.endpoints[name].outbound if name in hub.endpoints else None
    concurrency, per_minute = (outbound.concurrency, outbound.rate_per_minute) if outbound else (1, 0)
    return Load(endpoint=name, deliveries=number, concurrency=concurrency, per_minute=per_minute)


def show_plan(hub: Hub, plan_id: str, *, after: int = 0, limit: int = plans.PAGE, viewer: str = "") -> Plan:
    """Give a frozen plan with a page of its items, and before it runs with samples; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        found = plans.find(conn, plan_id, hub.now(), after=after, limit=limit)
    return found if found.run_at is not None else replace(found, samples=samples(hub, found.id, viewer=viewer))


def list_plans(hub: Hub, *, scope: frozenset[str] | None = None, limit: int = 20) -> tuple[Plan, ...]:
    """List plans, the newest first; ``scope``: only those that touch no other endpoint."""
    with hub.ledger.read() as conn:
        return plans.listing(conn, hub.now(), limit=limit, scope=scope)


# --- what will go ------------------------------------------------------------------------------------------------


def samples(hub: Hub, plan_id: str, *, viewer: str = "") -> tuple[Sample, ...]:
    """Show of the first that go what went last, and what would go now, without what the signer adds.

    ``viewer``: who looks; what may name persons is hidden but where it was revealed to them.
    """
    with hub.ledger.read() as conn:
        found = plans.find(conn, plan_id, hub.now(), limit=0)
        first = plans.first_going(conn, found.id, SAMPLES)
        details = {each.id: each for each in history.delivery_details(conn, first)}
        seen = {each.subject: bool(viewer) and people.may_see(conn, viewer, each.subject, hub.now()) for each in details.values()}
        return tuple(_sample(hub, conn, details[each], found.verb, masked=not seen[details[each].subject]) for each in first)


def _sample(hub: Hub, conn: Connection, delivery: DeliveryDetail, verb: str, *, masked: bool) -> Sample:
    digest = delivery.business_digest or next((each.business_digest for each in reversed(delivery.attempts)), "")
    last = history.body(conn, digest) or b""
    same = verb == "release" and bool(delivery.business_digest)
    canonical = history.body(conn, delivery.canonical_digest) or b""
    problem: HubError | None = None
    now = last
    if not same:
        try:
            now = _written(hub, conn, delivery, canonical)
        except HubError as error:
            now, problem = b"", error
    harmless = plan_preview.harmless(canonical, hub.codes()) if masked else None
    before, after, differs = plan_preview.compared(last, now, harmless)
    return Sample(
        delivery_id=delivery.id,
        endpoint=delivery.endpoint,
        service=delivery.service,
        before_digest=digest,
        last=before,
        now=after,
        same=same,
        diff=differs,
        problem_vi=problem.vi if problem else "",
        problem_en=problem.en if problem else "",
        masked=masked,
    )


def _written(hub: Hub, conn: Connection, delivery: DeliveryDetail, canonical: bytes) -> bytes:
    """Write a delivery's bytes as they would be written now; nothing of it is kept."""
    if delivery.endpoint == UNROUTED or not canonical:
        # A message that no rule matched has no bytes: it is routed when it is rebuilt. Others may be past retention.
        return b""
    endpoint = hub.endpoint(delivery.endpoint)
    held = chains.held(conn, delivery.endpoint, delivery.subject)
    message = from_json(canonical)
    call = Call(service=delivery.service, part=delivery.part)
    writing = Writing(
        options=endpoint.options,
        codes=hub.codes(fresh=True),
        held=held,
        now=hub.clock(),
        message_id=delivery.id,
        links=file_links.foreseen(hub, endpoint, delivery.id, message),
        contents=inline_files.stand_ins(hub, endpoint, message, call),
    )
    try:
        outgoing = hub.adapter(endpoint).write_message(message, call, writing)
    except HubError:
        raise
    except Exception as bug:
        name = type(bug).__name__
        raise HubError(f"internal error {name}", f"lỗi nội bộ {name}", where=delivery.service) from bug
    # None: the partner holds it already, nothing would be sent.
    return outgoing.body if outgoing is not None else b""


# --- running -----------------------------------------------------------------------------------------------------


def start(hub: Hub, plan_id: str, course: Course = USUAL, *, actor: str, why: str) -> RunState:
    """Let a plan be carried out in steps; raise NotAllowed, naming who was first, where it was started before."""
    require(actor, why)
    whole = _known(hub, plan_id)
    hub.ledger.change(partial(plan_verbs.start, plan_id=whole, course=course, actor=actor, why=why, now=hub.now()))
    log.info("plan.started", plan=whole, actor=actor)
    return state_of(hub, whole)


def pause(hub: Hub, plan_id: str, *, actor: str, why: str) -> RunState:
    """Carry out nothing more of a plan until it is resumed; what is under way is finished."""
    return _switch(hub, plan_id, "pause", actor, why)


def resume(hub: Hub, plan_id: str, *, actor: str, why: str) -> RunState:
    """Go on with a plan that was paused, or that stopped by itself: then with the smallest step again."""
    return _switch(hub, plan_id, "resume", actor, why)


def cancel(hub: Hub, plan_id: str, *, actor: str, why: str) -> RunState:
    """Leave the rest of a plan as it is, for good; what was carried out goes its way."""
    return _switch(hub, plan_id, "cancel", actor, why)


def _switch(hub: Hub, plan_id: str, verb: str, actor: str, why: str) -> RunState:
    require(actor, why)
    whole = _known(hub, plan_id)
    hub.ledger.change(partial(plan_verbs.switch, plan_id=whole, verb=verb, actor=actor, why=why, now=hub.now()))
    log.info("plan.switched", plan=whole, verb=verb, actor=actor)
    return state_of(hub, whole)


def _known(hub: Hub, plan_id: str) -> str:
    with hub.ledger.read() as conn:
        return plans.known(conn, plan_id)


def state_of(hub: Hub, plan_id: str) -> RunState:
    """Say how far a plan has been carried out; raise NotAllowed where it was not started."""
    with hub.ledger.read() as conn:
        found = plans.run_state(conn, plans.known(conn, plan_id), hub.now())
    if found is None:
        raise NotAllowed(f"plan {plan_id} does not run", f"kế hoạch {plan_id} chưa được thực hiện", where=plan_id)
    return found


def advance(hub: Hub, plan_id: str, holder: str) -> Decision:
    """Do the next part of a run, as its holder: see what has ended, decide, carry some out; give what was decided.

    Whatever dies in between, the next one goes on from what the ledger says; an item is carried out with the commit that says so.
    """
    with hub.ledger.read() as conn:
        ended = plans.ended(conn, plan_id)
    decision = hub.ledger.change(partial(plan_verbs.advance, plan_id=plan_id, holder=holder, ended=ended, now=hub.now()))
    for _ in range(min(decision.count, _BETWEEN_LOOKS)):
        if _carry(hub, plan_id, holder) is None:
            break
    return decision


def _carry(hub: Hub, plan_id: str, holder: str, *, whole: bool = False) -> Carried | None:
    carried = hub.ledger.change(partial(plan_verbs.carry, plan_id=plan_id, holder=holder, now=hub.now(), whole=whole))
    if carried is not None:
        log.info("plan.item", plan=plan_id, item=carried.number, delivery=carried.delivery_id, result=carried.result)
        hub.bus.wake(carried.endpoint)
    return carried


def run_plan(
    hub: Hub, plan_id: str, *, actor: str, why: str = "", progress: Callable[[Carried], Any] = lambda carried: None
) -> Ran:
    """Carry out a frozen plan at once, without steps, item by item in its order; whoever dispatches then sends it.

    For a hub that nobody serves at the moment. Raises NotAllowed where it was started before: of two operators only one runs it.
    """
    with hub.ledger.read() as conn:
        found = plans.find(conn, plan_id, hub.now(), limit=0)
    holder = f"at-once:{hub.new_id()}"
    course = Course(steps=(max(1, found.counts.goes),), stop_after=0)
    start(hub, found.id, course, actor=actor, why=why or found.why)
    hub.ledger.change(partial(plan_verbs.advance, plan_id=found.id, holder=holder, ended={}, now=hub.now()))
    while (carried := _carry(hub, found.id, holder, whole=True)) is not None:
        progress(carried)
    hub.ledger.change(partial(plan_verbs.let_go, plan_id=found.id, holder=holder))
    ran = show_plan(hub, found.id)
    state = state_of(hub, found.id)
    return Ran(plan=ran, done=state.goes - state.changed - state.left, skipped=_skipped(ran), changed=state.changed)


def _skipped(found: Plan) -> int:
    return sum(found.counts.skipped.values())
