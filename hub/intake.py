"""Intake: receive one message, record it with its deliveries in one commit, answer in the partner's own words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import structlog

from hub.app import Hub
from hub.canonical.compact_json import compact
from hub.contract import Answer, Outcome, Request
from hub.endpoint import Endpoint
from hub.errors import HubError, InvalidMessage, Unavailable, Untrusted
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.values import Refusal
from hub.rounds import ALONE_BYTES
from hub.rules import certificates
from hub.telemetry import RECEIVED, bind_subject, lines_about
from hub.thought import Thought
from hub.visits import NOT_CHECKED, Visit, go_on

log = structlog.get_logger()

#: A dossier that other messages keep changing is looked at again so often; then the sender is asked to come back.
LOOKS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a message at the door, and the recorded answer."""

    accepted: bool
    answer: Answer
    #: Why it was not accepted.
    error: HubError | None = None

    @property
    def settled(self) -> bool:
        """Say whether nothing else comes of the same bytes: accepted, or refused by the sender's fault, not by our own."""
        return self.accepted or isinstance(self.error, InvalidMessage | Untrusted)


def receive(hub: Hub, request: Request) -> Answer:
    """Verify, read and route one message, record it, and answer in the partner's own words.

    Raises Unavailable where the ledger does not answer: nothing was accepted, the sender may come again.
    """
    return judge(hub, request).answer


def judge(hub: Hub, request: Request) -> Judged:
    """Receive a message, and say beside the answer whether it was accepted; raises as ``receive``."""
    endpoint = hub.endpoint(request.endpoint)
    # It says nothing of a dossier, and may come every few seconds.
    if (greeted := hub.adapter(endpoint).greeting(request, endpoint.options)) is not None:
        return Judged(True, greeted)
    message_id = hub.new_id()
    with lines_about(endpoint=endpoint.name, message=message_id):
        return _receive(hub, endpoint, request, message_id)


def _receive(hub: Hub, endpoint: Endpoint, request: Request, message_id: str) -> Judged:
    ids: dict[str, str | int] = {"endpoint": endpoint.name, "message": message_id}
    visit = Visit(hub=hub, endpoint=endpoint, request=request, message_id=message_id, ids=ids)
    try:
        return Judged(True, _accept(visit))
    except Unavailable:
        raise
    except HubError as error:
        return Judged(False, _refuse(visit, error), error)
    except Exception as error:
        log.exception("message.bug")
        bug = _bug(error)
        return Judged(False, _refuse(visit, bug), bug)


def _bug(error: Exception) -> HubError:
    place = f"{type(error).__name__}"
    return HubError(
        f"internal error ({place}); recorded, a developer will look at it",
        f"lỗi nội bộ của trục ({place}); đã ghi nhận, bộ phận kỹ thuật sẽ xử lý",
        where=place,
    )


def _others(thoughts: Iterable[Thought]) -> dict[str, list[str]]:
    """Name the further subjects of a document that has several, so that each is found in the logs."""
    _, *others = dict.fromkeys(thought.subject for thought in thoughts)
    return {"also": others} if others else {}


def _accept(visit: Visit) -> Answer:
    """Read and think of one message, with others that come at the same time; record it."""
    _have_thought(visit)
    if visit.incoming is not None:
        bind_subject(str(visit.ids["subject"]))
    hub, endpoint = visit.hub, visit.endpoint
    for look in range(LOOKS):
        if look:
            visit.think_again()
            bind_subject(str(visit.ids["subject"]))
        try:
            acceptance, recorded = visit.outcome()
        except DossierMoved:
            continue
        if recorded is acceptance.answer:
            RECEIVED.labels(endpoint.name, "accepted").inc()
            log.info("message.received", **_others(visit.thoughts))
        else:
            RECEIVED.labels(endpoint.name, "repeated").inc()
            # Nothing was recorded under the new id; the line leads to what was recorded before.
            log.info("message.repeated", message=recorded.repeats, **_others(visit.thoughts))
        hub.bus.wake(*{planned.endpoint for planned in acceptance.planned})
        return recorded
    raise Unavailable("the dossier is changing too fast; send again", "hồ sơ đang thay đổi liên tục; hãy gửi lại")


def _have_thought(visit: Visit) -> None:
    """Have a message read and thought of: step by step with those that wait for the same, since code that is warm costs less.

    (Measured: two thirds of the time, where sixteen take each step one after the other.) Files are kept by the message's own
    thread in between: a disk is waited for.
    """
    alone = len(visit.request.body) > ALONE_BYTES
    visit.hub.rounds.carry(go_on, visit, alone=alone)
    if visit.keep_files():
        visit.hub.rounds.carry(go_on, visit, alone=alone)


def _refuse(visit: Visit, error: HubError) -> Answer:
    hub, endpoint, request, verdict = visit.hub, visit.endpoint, visit.request, visit.verdict
    if isinstance(error, Untrusted) and verdict is NOT_CHECKED:
        verdict = certificates.not_accepted(error, hub.clock())
    outcome = Outcome(message_id=visit.message_id, received_at=hub.clock(), error=error)
    answer = hub.adapter(endpoint).answer(outcome, visit.opened, request, endpoint.options)
    refusal = Refusal(
        message_id=visit.message_id,
        endpoint=endpoint.name,
        at=hub.now(),
        raw=request.body,
        signature=visit.signature(),
        verdict=visit.told(verdict),
        error_code=error.code,
        error_where=error.where,
        faults=compact([asdict(fault) for fault in error.faults]),
        answer=answer,
        page=request.page,
        owed=hub.adapter(endpoint).owes(outcome, visit.opened, request, endpoint.options),
    )
    RECEIVED.labels(endpoint.name, "refused").inc()
    log.warning("message.refused", error=error.code, where=error.where)
    return hub.ledger.record_refused(refusal)
