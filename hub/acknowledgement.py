"""Acknowledgement: a member of the bus says that it has taken a delivery, or refuses it late; recorded like a message.

What it says closes the delivery (``Acceptance.correlation``). It carries no dossier, so that intake has nothing to read in it.
"""

from __future__ import annotations

from dataclasses import asdict

import structlog

from hub.app import Hub
from hub.canonical.compact_json import compact, compact_sorted
from hub.contract import Answer
from hub.errors import Fault, HubError, InvalidMessage, Unavailable
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.values import Acceptance, Refusal
from hub.registers import handed_over
from hub.rules.member_seal import REFUSED, MemberHead
from hub.rules.seal import ALGORITHM
from hub.rules.trust import Verdict
from hub.telemetry import RECEIVED, bind_subject, lines_about

log = structlog.get_logger()

#: Kind of such a message in the ledger.
KIND = "acknowledgement"
JSON = "application/json; charset=utf-8"
#: HTTP statuses that the answers would have at a door.
TAKEN, NOT_TAKEN = 200, 422
#: Two copies at once: the second one reads what was recorded for the first.
LOOKS = 5


def hear(hub: Hub, endpoint: str, head: MemberHead, token: str, body: bytes) -> Answer:
    """Record a member's later word on a delivery of its own, and close it; give the answer.

    A repeated one gets the recorded answer, one about anything else is refused. Raises Unavailable where the ledger does not
    answer: nothing was recorded.
    """
    message_id = hub.new_id()
    with lines_about(endpoint=endpoint, message=message_id):
        try:
            return _accepted(hub, endpoint, head, token, body, message_id)
        except Unavailable:
            raise
        except HubError as error:
            return _refused(hub, endpoint, head, token, body, message_id, error)


def _accepted(hub: Hub, endpoint: str, head: MemberHead, token: str, body: bytes, message_id: str) -> Answer:
    line = hub.line_of(endpoint)
    with hub.ledger.read() as conn:
        found = (handed_over.subject_of(conn, name, head.about) for name in line)
        subject = next(filter(None, found), "")
    if not subject:
        vi, en = "không có lượt chuyển nào tới bên gửi mang mã này", "no delivery to this sender has this identifier"
        raise InvalidMessage([Fault("about", "bad_value", vi, en)])
    bind_subject(subject)
    answer = Answer(status=TAKEN, body=_told(message_id, head, ()), content_type=JSON)
    acceptance = Acceptance(
        message_id=message_id,
        endpoint=endpoint,
        at=hub.now(),
        subject=subject,
        kind=KIND,
        event=head.purpose,
        procedure="",
        identity=f"{KIND}/{head.id}",
        raw=body,
        signed=head.meaning(),
        certificate=b"",
        canonical=(),
        verdict=_verdict(hub, head).to_json(),
        warnings="[]",
        answer=answer,
        planned=(),
        dossiers=(),
        signature=token.encode(),
        correlation=head.about,
        correlation_refused=head.purpose == REFUSED,
    )
    recorded = _recorded(hub, acceptance)
    repeated = recorded is not answer
    RECEIVED.labels(endpoint, "repeated" if repeated else "accepted").inc()
    log.info("message.repeated" if repeated else "message.received", **({"message": recorded.repeats} if repeated else {}))
    # The next in the chain may have its turn.
    hub.bus.wake(endpoint)
    return recorded


def _recorded(hub: Hub, acceptance: Acceptance) -> Answer:
    for _ in range(LOOKS):
        try:
            return hub.ledger.record_received(acceptance)
        except DossierMoved:
            continue
    raise Unavailable("the same identity is being recorded; send again", "mã này đang được ghi nhận; hãy gửi lại")


def _verdict(hub: Hub, head: MemberHead) -> Verdict:
    reason = f"bus seal, key {head.key_id}"
    moment = hub.clock().isoformat(timespec="seconds")
    return Verdict(indication="TOTAL-PASSED", signer=head.issuer, algorithm=ALGORITHM, checked_at=moment, reason=reason)


def _refused(
    hub: Hub, endpoint: str, head: MemberHead, token: str, body: bytes, message_id: str, error: HubError
) -> Answer:
    refusal = Refusal(
        message_id=message_id,
        endpoint=endpoint,
        at=hub.now(),
        raw=body,
        signature=token.encode(),
        verdict=_verdict(hub, head).to_json(),
        error_code=error.code,
        error_where=error.where,
        faults=compact([asdict(fault) for fault in error.faults]),
        answer=Answer(status=NOT_TAKEN, body=_told(message_id, head, error.faults), content_type=JSON),
    )
    RECEIVED.labels(endpoint, "refused").inc()
    log.warning("message.refused", error=error.code, where=error.where)
    return hub.ledger.record_refused(refusal)


def _told(message_id: str, head: MemberHead, faults: tuple[Fault, ...]) -> bytes:
    told = {"message": message_id, "delivery": head.about, "faults": [asdict(fault) for fault in faults]}
    return compact_sorted(told).encode()
