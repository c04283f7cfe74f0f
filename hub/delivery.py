"""Delivery: write, sign, record, send, read the receipt, record. And inquiry: ask the partner what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from hub import drafts, errands
from hub.app import Hub
from hub.canonical.border.message import BorderMessage
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message, from_json
from hub.canonical.procedure import CatalogueMessage
from hub.canonical.receipt import Finding
from hub.contract import FILE_NAME, Outgoing, Reply
from hub.drafts import Draft, WordsFirst
from hub.endpoint import Endpoint, outbound_of
from hub.errors import CannotSign, HubError, InDoubt, NotSent, Unavailable, Untold
from hub.landing import Landed, evidence_of, insist, land
from hub.ledger import link_verbs, outbox_verbs, outcome_verbs
from hub.ledger.delivery_verbs import ClaimLost, claim_lost
from hub.ledger.number_verbs import NumberTaken
from hub.ledger.values import Delivery, Evidence, Holding, Notice, Planned
from hub.registers import border_known, dossiers, procedures
from hub.rounds import raise_kept
from hub.rules import redelivery, routing
from hub.rules.queued import Due
from hub.rules.redelivery import Decision
from hub.telemetry import ATTEMPTS, CALL_SECONDS, REPEATED, bind_subject

log = structlog.get_logger()


#: A call whose bytes are recorded.
_Ready = tuple[Endpoint, Delivery, Outgoing]


def deliver(hub: Hub, due: Due) -> None:
    """Deliver what one bus message names, unless it finds nothing to claim."""
    # Nothing but the call itself stays in memory while the partner is spoken to.
    if (ready := _ready(hub, due)) is not None:
        _attempt(hub, *ready)


def _ready(hub: Hub, due: Due) -> _Ready | None:
    """Take a delivery as far as its call; None where there is none to be made."""
    errand = errands.gone(hub, due)
    held, draft = errand.held, errand.draft
    if held is None:
        REPEATED.labels(due.endpoint).inc()
        return None
    bind_subject(held.subject, message=held.message_id)
    if draft is None:
        _route_late(hub, held)
        return None
    if errand.sending is not None and draft.outgoing is not None:
        return draft.endpoint, errand.sending(), draft.outgoing
    return _completed(hub, held, draft)


def _completed(hub: Hub, held: Delivery, draft: Draft) -> _Ready | None:
    """Do what had to wait before the call can be made; what speaks against it is recorded."""
    endpoint = draft.endpoint
    try:
        outgoing = drafts.completed(draft)
    except Unavailable:
        # Of our own ledger, not of the delivery: its lease brings it back.
        raise
    except (CannotSign, WordsFirst) as error:
        _wait_untried(hub, endpoint, held, error)
    except Untold as error:
        _leave_untold(hub, held, error)
    except NotSent as error:
        _wait_for_files(hub, endpoint, held, error)
    except HubError as error:
        _park_unsent(hub, held, error)
    except Exception as bug:
        log.exception("delivery.bug")
        _park_unsent(hub, held, _bug(bug))
    else:
        return _recorded(hub, draft, outgoing)
    return None


def _recorded(hub: Hub, draft: Draft, outgoing: Outgoing | None) -> _Ready | None:
    """Record what is to be sent; where that is nothing, the delivery is done."""
    if outgoing is None:
        _pass_over(hub, draft.held)
        return None
    (recorded,) = hub.ledger.record_all_sending([errands.sending(draft, outgoing)])
    return draft.endpoint, recorded(), outgoing


def _bug(error: Exception) -> HubError:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}" if frame else "?"
    name = type(error).__name__
    return HubError(f"internal error {name} at {place}", f"lỗi nội bộ {name} tại {place}", where=f"{name}@{place}")


def _pass_over(hub: Hub, held: Delivery) -> None:
    """Let a delivery be done without a call: the partner is known to hold what it would tell."""
    notice = hub.notice(held, "delivered")
    hub.ledger.record_unneeded(held, notice, hub.now())
    ATTEMPTS.labels(held.endpoint, "unneeded").inc()
    log.info("delivery.unneeded", service=held.service)
    _wake(hub, held, notice)


def _leave_untold(hub: Hub, held: Delivery, error: Untold) -> None:
    """Let a delivery be done without a call, and say so: the partner has no service for what it would tell."""
    hub.ledger.change(partial(outcome_verbs.record_untold, held=held, error=error, now=hub.now()), held.subject)
    ATTEMPTS.labels(held.endpoint, "untold").inc()
    log.warning("delivery.untold", service=held.service, where=error.where)
    _wake(hub, held, None)


def _wait_untried(hub: Hub, endpoint: Endpoint, held: Delivery, error: CannotSign | WordsFirst) -> None:
    """Let a delivery wait for something else of ours; no attempt is counted, since nothing was tried at the partner."""
    if isinstance(error, CannotSign):
        _wait_unsigned(hub, endpoint, held, error)
    else:
        _wait_for_words(hub, endpoint, held)


def _wait_unsigned(hub: Hub, endpoint: Endpoint, held: Delivery, error: CannotSign) -> None:
    """Let a delivery wait for what signs it; no attempt is counted, since nothing was tried at the partner."""
    decision = redelivery.decide_unsigned(error, outbound_of(endpoint).redelivery, draw=hub.draw())
    hub.ledger.record_unsent(held, error, decision, None, hub.now())
    ATTEMPTS.labels(held.endpoint, error.code).inc()
    log.warning("delivery.unsigned", error=error.code, where=error.where, wait=round(decision.delay, 1))


def _wait_for_words(hub: Hub, endpoint: Endpoint, held: Delivery) -> None:
    """Let a delivery wait, however long, until the partner has heard what became of its own messages of this dossier."""
    tries = hub.ledger.change(partial(link_verbs.count_try, delivery=held.id, now=hub.now()), held.subject)
    delay = redelivery.ask_again_in(tries, outbound_of(endpoint).redelivery, settle_after=0.0, draw=hub.draw())
    error = NotSent(
        "waits until the partner has heard what became of its own messages of this dossier",
        "chờ đối tác nhận được kết quả các thông điệp của chính họ về hồ sơ này",
        where=held.service,
    )
    hub.ledger.record_unsent(held, error, Decision(action="wait", delay=delay), None, hub.now())
    ATTEMPTS.labels(held.endpoint, error.code).inc()
    log.info("delivery.waits_for_words", wait=round(delay, 1))


def _wait_for_files(hub: Hub, endpoint: Endpoint, held: Delivery, error: NotSent) -> None:
    """Let a delivery wait for a file that it names; no attempt is counted, but after as many tries a person must look."""
    policy = outbound_of(endpoint)
    # Not its claims: those end for other reasons too, a lost lease or a signer that is away, and go on after a release.
    tries = hub.ledger.change(partial(link_verbs.count_try, delivery=held.id, now=hub.now()), held.subject)
    decision = redelivery.decide(
        error, tries, policy.redelivery, on_doubt="park", settle_after=policy.settle_after, draw=hub.draw()
    )
    if decision.action == "park":
        # A person who releases it has the tries begin anew.
        hub.ledger.change(partial(link_verbs.forget_tries, delivery=held.id), held.subject)
        _park_unsent(hub, held, error)
        return
    hub.ledger.record_unsent(held, error, decision, None, hub.now())
    ATTEMPTS.labels(held.endpoint, error.code).inc()
    log.warning("delivery.waits_for_file", where=error.where, wait=round(decision.delay, 1))


def _park_unsent(hub: Hub, held: Delivery, error: HubError) -> None:
    notice = hub.notice(held, "refused", error) if error.who == "sender" else None
    hub.ledger.record_unsent(held, error, Decision(action="park"), notice, hub.now())
    ATTEMPTS.labels(held.endpoint, error.code).inc()
    log.warning("delivery.parked", error=error.code, where=error.where)


def _attempt(hub: Hub, endpoint: Endpoint, held: Delivery, outgoing: Outgoing) -> None:
    """Send and record what came of it; no SQL transaction is open while the partner is spoken to."""
    landed: Landed | None = None
    try:
        with CALL_SECONDS.labels(endpoint.name).time():
            reply = hub.transports(endpoint).send(outgoing, _fence(hub, held))
        if reply.awaited is None:
            landed = land(hub, endpoint, held, outgoing, reply)
            raise_kept(landed)
    except Unavailable:
        # Of our own ledger, and no word of the partner's: the bytes may have left, so the lapsed lease makes a doubt of it.
        raise
    except HubError as error:
        _record_failed(hub, endpoint, held, error, evidence_of(landed.reply) if landed else _left_by(error))
    except Exception as bug:
        # The bytes may have left: a bug here is a doubt, never a resend.
        log.exception("delivery.bug")
        wrapped = _bug(bug)
        doubt = InDoubt(wrapped.en, wrapped.vi, where=wrapped.where)
        _record_failed(hub, endpoint, held, doubt, evidence_of(landed.reply) if landed else Evidence())
    else:
        if landed is not None:
            insist(landed)
            _end(landed)
        elif reply.awaited is not None:
            _lay_out(hub, held, outgoing, reply.awaited)


def _lay_out(hub: Hub, held: Delivery, outgoing: Outgoing, seconds: float) -> None:
    """Leave a delivery to its partner, which fetches it and says itself what it did with it (``answered``)."""
    now = hub.now()
    name = outgoing.head.get(FILE_NAME, "")
    try:
        hub.ledger.change(partial(outbox_verbs.lay_out, held=held, name=name, until=now + seconds, now=now), held.subject)
    except ClaimLost:
        # It has said so already.
        log.info("delivery.settled_meanwhile")
        return
    ATTEMPTS.labels(held.endpoint, "laid_out").inc()
    log.info("delivery.laid_out", service=held.service, attempt=held.attempts)


def answered(hub: Hub, held: Delivery, reply: Reply, refused: HubError | None = None) -> None:
    """Record what a partner says of a delivery that it fetched itself; ``refused``: it says no, in these words.

    Raises ClaimLost where that was settled meanwhile.
    """
    endpoint, outgoing = hub.endpoint(held.endpoint), drafts.recorded(held)
    bind_subject(held.subject, message=held.message_id)
    error = refused
    if refused is None:
        landed = land(hub, endpoint, held, outgoing, reply)
        if landed.error is None:
            _end(landed)
            return
        if not isinstance(landed.error, HubError):
            raise landed.error
        error = landed.error
    assert error is not None
    if not _record_failed(hub, endpoint, held, error, evidence_of(reply)):
        raise claim_lost(held)


def _left_by(error: HubError) -> Evidence:
    """Give what went and came before a call failed; nothing where no byte of the message's own call left."""
    return Evidence(sent=error.sent, reply=error.reply, reply_status=error.reply_status) if error.sent else Evidence()


def _fence(hub: Hub, held: Delivery) -> Callable[[], None]:
    """Make the check that runs right before the first byte: is the whole deadline left on our lease?"""
    last = held.lease_until - outbound_of(hub.endpoint(held.endpoint)).deadline_seconds

    def fence() -> None:
        if hub.now() > last:
            raise NotSent("the claim has lapsed before sending", "quyền xử lý đã hết hạn trước khi gửi", where="lease")

    return fence


def _end(landed: Landed) -> None:
    """Say what became of a delivery whose receipt was read."""
    hub, held, receipt = landed.hub, landed.held, landed.receipt
    assert receipt is not None
    if landed.is_news:
        # It held something before these bytes came: what it holds is not known, so write again, as an update.
        error = NotSent(
            "the partner holds it already with content we do not know; writing it again",
            "đối tác đã có hồ sơ này với nội dung chưa rõ; ghi lại dưới dạng cập nhật",
            where=held.service,
            partner_code=receipt.code,
        )
        decision = redelivery.decide_rewrite(held.attempts, outbound_of(landed.endpoint).redelivery, draw=hub.draw())
        _settle_failure(hub, held, error, decision, evidence_of(landed.reply), found=receipt.held)
        return
    assert landed.recorded is not None
    try:
        landed.recorded()
    except NumberTaken as error:
        # The partner has it, but what it says of it cannot be: a person asks before anything more is told of this dossier.
        _settle_failure(hub, held, error, Decision(action="doubt", doubt="park"), evidence_of(landed.reply))
        return
    ATTEMPTS.labels(held.endpoint, "delivered").inc()
    log.info("delivery.delivered", service=held.service, attempt=held.attempts)
    _wake(hub, held, landed.notice)


def _wake(hub: Hub, held: Delivery, notice: Notice | None) -> None:
    """Ring for the next in the chain, and for the call to the sender where there is one."""
    hub.bus.wake(held.endpoint, *([held.origin] if notice is not None and notice.callback else []))


def _record_failed(hub: Hub, endpoint: Endpoint, held: Delivery, error: HubError, evidence: Evidence) -> bool:
    """Record a failure; False where somebody else has settled the delivery meanwhile."""
    policy = outbound_of(endpoint)
    decision = redelivery.decide(
        error,
        held.attempts,
        policy.redelivery,
        on_doubt=policy.service(held.service, held.variant).on_doubt,
        settle_after=policy.settle_after,
        draw=hub.draw(),
    )
    return _settle_failure(hub, held, error, decision, evidence)


def _settle_failure(
    hub: Hub,
    held: Delivery,
    error: HubError,
    decision: Decision,
    evidence: Evidence,
    found: dict[str, str] | None = None,
) -> bool:
    told = error.who == "sender" and decision.action == "park"
    notice = hub.notice(held, "refused", error) if told else None
    try:
        hub.ledger.record_failed(held, error, decision, evidence, notice, hub.now(), found)
    except ClaimLost:
        log.warning("delivery.claim_lost")
        return False
    ATTEMPTS.labels(held.endpoint, error.code).inc()
    _wake(hub, held, notice)
    log.warning("delivery.failed", service=held.service, error=error.code, action=decision.action, attempt=held.attempts)
    return True


def _route_late(hub: Hub, held: Delivery) -> None:
    """Route a message that no rule matched when it came; an operator has added a rule since."""
    message = from_json(held.canonical)
    source = held.part.get("source", held.origin)
    try:
        known = _known(hub, message)
        names = routing.recipients(
            message,
            source,
            hub.routes,
            hub.codes(fresh=True),
            hub.clock(),
            origin=known.origin if known else held.origin,
            known=known.recipients if known else (),
            begun=known.begun if known else None,
        )
        planned, given = _planned_late(hub, message, hub.finals(names, source=source), held.subject)
    except Unavailable:
        raise
    except HubError as error:
        _park_unsent(hub, held, error)
        return
    hub.ledger.record_routed(held, planned, hub.now(), given)
    hub.bus.wake(held.endpoint, *{each.endpoint for each in planned})


def _planned_late(
    hub: Hub, message: Message, names: Sequence[str], subject: str
) -> tuple[tuple[Planned, ...], tuple[Holding, ...]]:
    """Plan the calls; of a catalogue, what each recipient was not given meanwhile."""
    if not isinstance(message, CatalogueMessage):
        return hub.plan(message, names, subject), ()
    with hub.ledger.read() as conn:
        held = {name: procedures.given(conn, name) for name in names}
    return hub.plan_catalogue(message, held)


def _known(hub: Hub, message: Message) -> dossiers.Known | border_known.Known | None:
    if isinstance(message, BorderMessage):
        with hub.ledger.read() as conn:
            return border_known.known(conn, message.subject)
    if not isinstance(message, DossierMessage):
        return None
    with hub.ledger.read() as conn:
        return dossiers.find(conn, dossiers.codes_of(message.dossier))


def inquire(hub: Hub, due: Due) -> None:
    """Ask the partner what became of a delivery in doubt, and record what it says."""
    held = hub.ledger.doubtful(due)
    if held is None:
        REPEATED.labels(due.endpoint).inc()
        return
    bind_subject(held.subject, message=held.message_id)
    endpoint = hub.endpoint(held.endpoint)
    outgoing = drafts.recorded(held)
    outcome, failed, found, follow = "unknown", "", {}, ""
    answered: bool | None = None
    evidence: Evidence | None = None
    try:
        reply: Reply = hub.transports(endpoint).ask(outgoing, from_json(held.canonical))
        evidence = evidence_of(reply)
        known = Finding(outcome=reply.known, follow=reply.follow) if reply.known else None
        finding = known or hub.adapter(endpoint).read_finding(reply, outgoing)
        outcome, found, follow, answered = finding.outcome, dict(finding.held), finding.follow, True
        if reply.awaited is not None:
            name = outgoing.head.get(FILE_NAME, "")
            hub.ledger.change(partial(outbox_verbs.found_lying, held=held, name=name, now=hub.now()), held.subject)
    except HubError as error:
        failed = error.code
        evidence = evidence or _left_by(error)
        answered = False if isinstance(error, NotSent | InDoubt) else None
    if outcome == "absent" and not outbound_of(endpoint).service(held.service, held.variant).absence_proves:
        outcome = "unknown"
    waits = hub.waits_for_acknowledgement(held)
    notice = hub.notice(held, "delivered") if outcome == "found" else None
    again_in = _ask_again_in(hub, endpoint, held)
    hub.ledger.record_finding(
        held,
        outcome,
        found,
        evidence or Evidence(),
        notice,
        hub.now(),
        waits=waits,
        again_in=again_in,
        answered=answered,
        follow=follow,
    )
    log.info("inquiry.recorded", service=held.service, outcome=outcome, error=failed)
    _wake(hub, held, notice)


def _ask_again_in(hub: Hub, endpoint: Endpoint, held: Delivery) -> float:
    policy = outbound_of(endpoint)
    return redelivery.ask_again_in(held.inquiries, policy.redelivery, settle_after=policy.settle_after, draw=hub.draw())
