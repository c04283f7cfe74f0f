"""Intake: receive one message, record it with its deliveries in one commit, answer in the partner's own words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import structlog

from hub import inline_files
from hub.app import Hub
from hub.canonical.border.message import BorderMessage
from hub.canonical.codes import Event
from hub.canonical.compact_json import compact
from hub.canonical.digests import digest_of, named
from hub.canonical.dossier import DossierMessage
from hub.contract import Answer, Incoming, Opened, Outcome, Owed, Request
from hub.endpoint import Endpoint, InboundPolicy
from hub.errors import Fault, HubError, InvalidMessage, Unavailable, Untrusted
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.values import Acceptance, Brought, Refusal
from hub.rules import certificates, signatures
from hub.rules.trust import Verdict, Verified
from hub.telemetry import RECEIVED, bind_subject, lines_about
from hub.thought import Thought, think

log = structlog.get_logger()

#: A dossier that other messages keep changing is looked at again so often; then the sender is asked to come back.
LOOKS = 20
#: The verdict on a message that was refused before its signature was looked at.
NOT_CHECKED = Verdict(indication="NOT-CHECKED")


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
    opened: Opened | None = None
    verdict = NOT_CHECKED
    try:
        _check_size(endpoint, request)
        opened = hub.adapter(endpoint).open_request(request, endpoint.options)
        verified = _verified(hub, endpoint, opened)
        verdict = verified.verdict
        incoming = hub.adapter(endpoint).read_message(verified.signed_bytes, opened, endpoint.options)
        _check_may_sign(verdict, incoming)
        incoming, brought = inline_files.kept(hub, endpoint, incoming)
        return Judged(True, _accept(hub, endpoint, request, opened, verified, incoming, brought, message_id))
    except Unavailable:
        raise
    except HubError as error:
        return Judged(False, _refuse(hub, endpoint, request, opened, verdict, error, message_id), error)
    except Exception as error:
        log.exception("message.bug")
        bug = _bug(error)
        return Judged(False, _refuse(hub, endpoint, request, opened, verdict, bug, message_id), bug)


def _verified(hub: Hub, endpoint: Endpoint, opened: Opened) -> Verified:
    """Verify the document's signature, of the kinds that its protocol has."""
    adapter = hub.adapter(endpoint)
    return signatures.verify(
        opened.document,
        opened.jws,
        hub.trust(endpoint),
        hub.clock(),
        long_texts=adapter.long_texts,
        odd=adapter.odd_signatures,
    )


def _check_may_sign(verdict: Verdict, incoming: Incoming) -> None:
    """Check each message against what the register of the trust store lets its signer sign."""
    for message in incoming.messages:
        event = f".{message.event.value}" if isinstance(message, DossierMessage | BorderMessage) else ""
        certificates.check_may_sign(verdict, message.kind + event)


def _check_size(endpoint: Endpoint, request: Request) -> None:
    """Refuse what is too large; over HTTP it did not come as far as this."""
    most = (endpoint.inbound or InboundPolicy()).max_bytes
    if len(request.body) > most:
        vi, en = f"thông điệp lớn hơn {most} byte", f"the message is larger than {most} bytes"
        raise InvalidMessage([Fault("", "too_large", vi, en)])


def _bug(error: Exception) -> HubError:
    place = f"{type(error).__name__}"
    return HubError(
        f"internal error ({place}); recorded, a developer will look at it",
        f"lỗi nội bộ của trục ({place}); đã ghi nhận, bộ phận kỹ thuật sẽ xử lý",
        where=place,
    )


def _accept(
    hub: Hub,
    endpoint: Endpoint,
    request: Request,
    opened: Opened,
    verified: Verified,
    incoming: Incoming,
    brought: tuple[Brought, ...],
    message_id: str,
) -> Answer:
    bind_subject(incoming.messages[0].subject)
    outcome = Outcome(message_id=message_id, received_at=hub.clock(), asked=incoming.asked)
    answer = hub.adapter(endpoint).answer(outcome, opened, request, endpoint.options)
    owed = hub.adapter(endpoint).owes(outcome, opened, request, endpoint.options)
    sizes = {file.digest: file.size for file in brought}
    for _ in range(LOOKS):
        thoughts: list[Thought] = []
        for message in incoming.messages:
            thoughts.append(think(hub, endpoint, message, thoughts, message_id, sizes))
        # Of a dossier with several numbers the first one by which it became known.
        bind_subject(thoughts[0].subject)
        acceptance = _acceptance(hub, endpoint, request, opened, verified, incoming, answer, owed, thoughts, brought, message_id)
        try:
            recorded = hub.ledger.record_received(acceptance)
        except DossierMoved:
            continue
        if recorded is answer:
            RECEIVED.labels(endpoint.name, "accepted").inc()
            log.info("message.received", **_others(thoughts))
        else:
            RECEIVED.labels(endpoint.name, "repeated").inc()
            # Nothing was recorded under the new id.
            log.info("message.repeated", message=None, **_others(thoughts))
        hub.bus.wake(*{planned.endpoint for planned in acceptance.planned})
        return recorded
    raise Unavailable("the dossier is changing too fast; send again", "hồ sơ đang thay đổi liên tục; hãy gửi lại")


def _others(thoughts: Iterable[Thought]) -> dict[str, list[str]]:
    """Name the further subjects of a document that has several, so that each is found in the logs."""
    _, *others = dict.fromkeys(thought.subject for thought in thoughts)
    return {"also": others} if others else {}


def _acceptance(
    hub: Hub,
    endpoint: Endpoint,
    request: Request,
    opened: Opened,
    verified: Verified,
    incoming: Incoming,
    answer: Answer,
    owed: Owed | None,
    thoughts: list[Thought],
    brought: tuple[Brought, ...],
    message_id: str,
) -> Acceptance:
    first = thoughts[0]
    about = first.message
    return Acceptance(
        message_id=message_id,
        endpoint=endpoint.name,
        at=hub.now(),
        subject=first.subject,
        kind=about.kind,
        event=about.event.value if isinstance(about, DossierMessage | BorderMessage) else "",
        procedure=about.dossier.procedure.code if isinstance(about, DossierMessage) else "",
        identity=incoming.identity,
        raw=request.body,
        signed=verified.signed_bytes,
        signature=_signature(request, opened),
        certificate=verified.certificate,
        proofs=_proofs(verified),
        canonical=tuple(thought.canonical for thought in thoughts),
        verdict=_verdict(verified.verdict, request),
        warnings=compact([warning for thought in thoughts for warning in thought.warnings]),
        answer=answer,
        planned=() if _only_closes(incoming) else tuple(planned for thought in thoughts for planned in thought.planned),
        dossiers=tuple(each for thought in thoughts for each in (thought.dossier, thought.replaced) if each),
        procedures=tuple(row for thought in thoughts for row in thought.procedures),
        holdings=tuple(row for thought in thoughts for row in thought.holdings),
        catalogues=first.catalogues,
        attachments=tuple(digest for thought in thoughts for digest in thought.files),
        brought=brought,
        page=request.page,
        owed=owed,
        correlation=incoming.correlation,
        correlation_refused=incoming.correlation_refused,
        finding=tuple((hashed, thought.subject) for thought in thoughts for hashed in thought.finding),
        border=tuple(change for thought in thoughts for change in thought.border),
        named=tuple(naming for thought in thoughts for naming in thought.named),
    )


def _only_closes(incoming: Incoming) -> bool:
    """Say whether a document does nothing but close a delivery of ours: its message's sender hears of that by a notice."""
    return bool(incoming.correlation) and all(
        isinstance(message, DossierMessage) and message.event is Event.CONFIRMED for message in incoming.messages
    )


def _proofs(verified: Verified) -> dict[str, bytes]:
    """Give on what the trust in the signer leans, by digest: issuers of its certificate, revocation lists and answers."""
    verdict = verified.verdict
    names = map(named, (*verdict.path_digests, *verdict.revocation_digests))
    return dict(zip(names, verified.proofs, strict=True))


def _verdict(verdict: Verdict, request: Request) -> str:
    """Write the verdict; of what was taken from a partner's list it names the list's answer, too."""
    text = verdict.to_json()
    return compact({**json.loads(text), "page_digest": digest_of(request.page)}) if request.page else text


def _signature(request: Request, opened: Opened | None) -> bytes:
    """Give the signature that came beside the document, as it came, also where it was not looked at."""
    token = request.jws if opened is None else opened.jws or ""
    return token.encode("latin-1", "backslashreplace")  # as HTTP servers read headers (RFC 9110 5.5)


def _refuse(
    hub: Hub,
    endpoint: Endpoint,
    request: Request,
    opened: Opened | None,
    verdict: Verdict,
    error: HubError,
    message_id: str,
) -> Answer:
    if isinstance(error, Untrusted) and verdict is NOT_CHECKED:
        verdict = certificates.not_accepted(error, hub.clock())
    outcome = Outcome(message_id=message_id, received_at=hub.clock(), error=error)
    answer = hub.adapter(endpoint).answer(outcome, opened, request, endpoint.options)
    refusal = Refusal(
        message_id=message_id,
        endpoint=endpoint.name,
        at=hub.now(),
        raw=request.body,
        signature=_signature(request, opened),
        verdict=_verdict(verdict, request),
        error_code=error.code,
        error_where=error.where,
        faults=compact([asdict(fault) for fault in error.faults]),
        answer=answer,
        page=request.page,
        owed=hub.adapter(endpoint).owes(outcome, opened, request, endpoint.options),
    )
    RECEIVED.labels(endpoint.name, "refused").inc()
    log.warning("message.refused", error=error.code, where=error.where)
    return hub.ledger.record_refused(refusal)
