"""Intake: receive one message, record it with its deliveries in one commit, answer in the partner's own words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import structlog
from sqlalchemy import Connection

from hub.app import OUT_OF_STEP, UNROUTED, Hub
from hub.canonical.codes import Status
from hub.canonical.compact_json import compact, compact_sorted
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message, to_json
from hub.canonical.procedure import CatalogueMessage
from hub.contract import Answer, Incoming, Opened, Outcome, Request
from hub.endpoint import Endpoint, InboundPolicy
from hub.errors import Fault, HubError, InvalidMessage, NoRoute, NotPermitted, Unavailable, Untrusted
from hub.ledger import chains
from hub.ledger.intake_verbs import DossierMoved
from hub.ledger.values import Acceptance, DossierChange, Holding, Planned, ProcedureRow, Refusal
from hub.registers import dossiers, procedures
from hub.registers.attachments import readable
from hub.rules import attachments, certificates, lifecycle, routing, signatures
from hub.rules.trust import Verdict, Verified
from hub.telemetry import RECEIVED, bind_subject, lines_about

log = structlog.get_logger()

#: A dossier that other messages keep changing is looked at again so often; then the sender is asked to come back.
LOOKS = 20
#: The verdict on a message that was refused before its signature was looked at.
NOT_CHECKED = Verdict(indication="NOT-CHECKED")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thought:
    """What one canonical message leads to: pure result, recorded by the caller."""

    message: Message
    #: The message's bytes, as they are recorded and put on the bus.
    canonical: bytes
    subject: str
    planned: tuple[Planned, ...] = ()
    warnings: tuple[str, ...] = ()
    #: Digests of the files it names.
    files: tuple[str, ...] = ()
    dossier: DossierChange | None = None
    #: The dossier as it stands after this message.
    after: dossiers.Known | None = None
    procedures: tuple[ProcedureRow, ...] = ()
    holdings: tuple[Holding, ...] = ()
    #: How many catalogues of this owner there were when we looked.
    catalogues: int | None = None


def receive(hub: Hub, request: Request) -> Answer:
    """Verify, read and route one message, record it, and answer in the partner's own words.

    Raises Unavailable where the ledger does not answer: nothing was accepted, the sender may come again.
    """
    endpoint = hub.endpoint(request.endpoint)
    message_id = hub.new_id()
    with lines_about(endpoint=endpoint.name, message=message_id):
        return _receive(hub, endpoint, request, message_id)


def _receive(hub: Hub, endpoint: Endpoint, request: Request, message_id: str) -> Answer:
    opened: Opened | None = None
    verdict = NOT_CHECKED
    try:
        _check_size(endpoint, request)
        opened = hub.adapter(endpoint).open_request(request, endpoint.options)
        verified = signatures.verify(opened.document, opened.jws, hub.trust(endpoint), hub.clock())
        verdict = verified.verdict
        incoming = hub.adapter(endpoint).read_message(verified.signed_bytes, opened, endpoint.options)
        _check_may_sign(verdict, incoming)
        return _accept(hub, endpoint, request, opened, verified, incoming, message_id)
    except Unavailable:
        raise
    except HubError as error:
        return _refuse(hub, endpoint, request, opened, verdict, error, message_id)
    except Exception as error:
        log.exception("message.bug")
        return _refuse(hub, endpoint, request, opened, verdict, _bug(error), message_id)


def _check_may_sign(verdict: Verdict, incoming: Incoming) -> None:
    """Check each message against what the register of the trust store lets its signer sign."""
    for message in incoming.messages:
        event = f".{message.event.value}" if isinstance(message, DossierMessage) else ""
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
    message_id: str,
) -> Answer:
    bind_subject(incoming.messages[0].subject)
    outcome = Outcome(message_id=message_id, received_at=hub.clock(), asked=incoming.asked)
    answer = hub.adapter(endpoint).answer(outcome, opened, request, endpoint.options)
    for _ in range(LOOKS):
        thoughts: list[_Thought] = []
        for message in incoming.messages:
            thoughts.append(_think(hub, endpoint, message, thoughts))
        # Of a dossier with several numbers the first one by which it became known.
        bind_subject(thoughts[0].subject)
        acceptance = _acceptance(hub, endpoint, request, opened, verified, incoming, answer, thoughts, message_id)
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


def _others(thoughts: Iterable[_Thought]) -> dict[str, list[str]]:
    """Name the further subjects of a document that has several, so that each is found in the logs."""
    _, *others = dict.fromkeys(thought.subject for thought in thoughts)
    return {"also": others} if others else {}


def _think(hub: Hub, endpoint: Endpoint, message: Message, earlier: Sequence[_Thought]) -> _Thought:
    """Think of one message; ``earlier``: those that stand before it in the same document."""
    if isinstance(message, DossierMessage):
        return _think_of_dossier(hub, endpoint, message, earlier)
    if isinstance(message, CatalogueMessage):
        return _think_of_catalogue(hub, endpoint, message)
    raise NotPermitted(
        [Fault("/", "not_permitted", "loại thông điệp này không gửi vào trục", f"{message.kind} is not sent to the hub")]
    )


def _think_of_dossier(
    hub: Hub, endpoint: Endpoint, given: DossierMessage, earlier: Sequence[_Thought]
) -> _Thought:
    known = _known(hub, given, earlier)
    if known is not None and endpoint.name not in (known.origin, *known.recipients):
        raise NotPermitted(
            [
                Fault(
                    "/HoSo/MaHoSo",
                    "not_permitted",
                    "hồ sơ này thuộc hệ thống khác; đơn vị gửi không phải là bên tham gia",
                    "this dossier belongs to another system; the sender takes no part in it",
                )
            ]
        )
    message, files = _with_files(hub, endpoint, _enriched(given, known))
    standing = lifecycle.standing(known.status if known else None, message.dossier.status)
    unknown_step = standing is lifecycle.Standing.UNKNOWN_STEP
    parks = unknown_step and endpoint.inbound is not None and endpoint.inbound.out_of_step == "park"
    canonical = to_json(message)
    planned = _planned(hub, endpoint, message, canonical, known, earlier, park=OUT_OF_STEP if parks else None)
    change = _change(message, known)
    return _Thought(
        message=message,
        canonical=canonical,
        subject=change.key,
        planned=planned,
        warnings=("out_of_step",) if unknown_step else (),
        files=files,
        dossier=change,
        after=_after(change, known, endpoint, planned),
    )


def _known(hub: Hub, message: DossierMessage, earlier: Sequence[_Thought]) -> dossiers.Known | None:
    """Look up the dossier as it will stand when the messages before this one in the same document are recorded."""
    codes = dossiers.codes_of(message.dossier)
    with hub.ledger.glance() as conn:
        recorded = dossiers.find(conn, codes)
    found = {recorded.key: recorded} if recorded else {}
    for thought in earlier:
        if thought.after is not None and set(codes) & set(thought.after.codes):
            found[thought.after.key] = thought.after
    if len(found) > 1:
        raise dossiers.two_dossiers(codes)
    return next(iter(found.values()), None)


def _after(
    change: DossierChange, known: dossiers.Known | None, endpoint: Endpoint, planned: Iterable[Planned]
) -> dossiers.Known:
    recipients = (*(known.recipients if known else ()), *(each.endpoint for each in planned))
    return dossiers.Known(
        key=change.key,
        procedure=change.procedure,
        status=Status(change.status),
        origin=known.origin if known else endpoint.name,
        native=json.loads(change.native),
        version=change.version + 1,
        codes=tuple(dict.fromkeys((*(known.codes if known else ()), *change.codes))),
        recipients=tuple(dict.fromkeys(recipients)),
    )


def _enriched(message: DossierMessage, known: dossiers.Known | None) -> DossierMessage:
    """Add what the register knows and the sender did not say: other numbers, coordinates of the first message."""
    if known is None:
        return message
    numbers = dict(code.split(":", 1) for code in known.codes)
    numbers.pop(message.dossier.numbering, None)
    dossier = message.dossier.model_copy(update={"other_codes": numbers | message.dossier.other_codes})
    native = {**known.native, **message.native}
    return message.model_copy(update={"dossier": dossier, "native": native})


def _with_files(hub: Hub, endpoint: Endpoint, message: DossierMessage) -> tuple[DossierMessage, tuple[str, ...]]:
    """Describe the files of ours that a message names; raise InvalidMessage for each that its sender may not name.

    What retention has deleted may be named all the same: a dossier is said whole each time.
    """
    named = attachments.named(message, hub.public_url)
    if not named:
        return message, ()
    digests = tuple(dict.fromkeys(digest for _, digest in named))
    with hub.ledger.read() as conn:
        found = readable(conn, digests, (endpoint.name,))
    if faults := [attachments.not_stored(path) for path, digest in named if digest not in found]:
        raise InvalidMessage(faults)
    sizes = {digest: row.size for digest, row in found.items()}
    return attachments.described(message, sizes, hub.public_url), digests


def _change(message: DossierMessage, known: dossiers.Known | None) -> DossierChange:
    status = lifecycle.recorded(known.status if known else None, message.dossier.status)
    return DossierChange(
        key=known.key if known else message.subject,
        version=known.version if known else 0,
        procedure=known.procedure if known else message.dossier.procedure.code,
        status=status.value,
        native=compact_sorted(dict(known.native) if known else message.native),
        codes=dossiers.codes_of(message.dossier),
    )


def _planned(
    hub: Hub,
    endpoint: Endpoint,
    message: Message,
    canonical: bytes,
    known: dossiers.Known | None,
    earlier: Sequence[_Thought],
    *,
    park: tuple[str, str, str, str] | None,
) -> tuple[Planned, ...]:
    subject = known.key if known else message.subject
    origin = known.origin if known else endpoint.name
    if known is not None and UNROUTED in known.recipients and _waits_for_a_route(hub, known.key, earlier):
        return (_unrouted(hub, endpoint, message, canonical, subject),)
    try:
        recipients = routing.recipients(
            message,
            endpoint.name,
            hub.routes,
            hub.codes(),
            hub.clock(),
            origin=origin,
            known=known.recipients if known else (),
        )
    except NoRoute as error:
        return (_unrouted(hub, endpoint, message, canonical, subject, error),)
    names = [name for name in recipients if name != endpoint.name]
    return hub.plan(message, names, subject, park=park, canonical=canonical)


def _unrouted(
    hub: Hub, endpoint: Endpoint, message: Message, canonical: bytes, subject: str, error: NoRoute | None = None
) -> Planned:
    """Plan to route a message later: parked, for an operator to add the rule and rebuild it, or behind one that is.

    Its sender did nothing wrong, so it is accepted.
    """
    park = (error.code, error.where, error.en, error.vi) if error else None
    return hub.planned(message, canonical, UNROUTED, subject, "route", {"source": endpoint.name}, park)


def _waits_for_a_route(hub: Hub, key: str, earlier: Sequence[_Thought]) -> bool:
    """Say whether an earlier message of the dossier waits for a rule: later ones stand behind it, so as not to overtake."""
    if any((each.endpoint, each.subject) == (UNROUTED, key) for thought in earlier for each in thought.planned):
        return True
    with hub.ledger.read() as conn:
        return chains.is_open(conn, UNROUTED, key)


def _think_of_catalogue(hub: Hub, endpoint: Endpoint, given: CatalogueMessage) -> _Thought:
    if endpoint.agency_code and endpoint.agency_code != given.owner:
        raise NotPermitted(
            [Fault("/MaCoQuan", "not_permitted", "không phải cơ quan của đơn vị gửi", "not the sender's own agency")]
        )
    with hub.ledger.read() as conn:
        catalogues = procedures.received(conn, given.subject)
        listed = procedures.whole(given, procedures.owned(conn, given.owner))
        message = given.model_copy(update={"procedures": listed, "complete": False})
        planned, holdings = _planned_catalogue(hub, endpoint, message, conn)
    rows = tuple(
        ProcedureRow(
            owner=given.owner, code=each.code, fingerprint=procedures.fingerprint(each), record=each.model_dump_json()
        )
        for each in listed
    )
    return _Thought(
        message=given,
        canonical=to_json(given),
        subject=given.subject,
        planned=planned,
        procedures=rows,
        holdings=holdings,
        catalogues=catalogues,
    )


def _planned_catalogue(
    hub: Hub, endpoint: Endpoint, message: CatalogueMessage, conn: Connection
) -> tuple[tuple[Planned, ...], tuple[Holding, ...]]:
    # Looked at before the holdings: once it is closed, what waited there is in them.
    if chains.is_open(conn, UNROUTED, message.subject):
        return (_unrouted(hub, endpoint, message, to_json(message), message.subject),), ()
    try:
        names = routing.recipients(message, endpoint.name, hub.routes, hub.codes(), hub.clock(), origin=endpoint.name)
    except NoRoute as error:
        return (_unrouted(hub, endpoint, message, to_json(message), message.subject, error),), ()
    return hub.plan_catalogue(message, {name: procedures.given(conn, name) for name in names if name != endpoint.name})


def _acceptance(
    hub: Hub,
    endpoint: Endpoint,
    request: Request,
    opened: Opened,
    verified: Verified,
    incoming: Incoming,
    answer: Answer,
    thoughts: list[_Thought],
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
        event=about.event.value if isinstance(about, DossierMessage) else "",
        procedure=about.dossier.procedure.code if isinstance(about, DossierMessage) else "",
        identity=incoming.identity,
        raw=request.body,
        signed=verified.signed_bytes,
        signature=_signature(request, opened),
        certificate=verified.certificate,
        canonical=tuple(thought.canonical for thought in thoughts),
        verdict=verified.verdict.to_json(),
        warnings=compact([warning for thought in thoughts for warning in thought.warnings]),
        answer=answer,
        planned=tuple(planned for thought in thoughts for planned in thought.planned),
        dossiers=tuple(thought.dossier for thought in thoughts if thought.dossier),
        procedures=tuple(row for thought in thoughts for row in thought.procedures),
        holdings=tuple(row for thought in thoughts for row in thought.holdings),
        catalogues=first.catalogues,
        attachments=tuple(digest for thought in thoughts for digest in thought.files),
        correlation=incoming.correlation,
        correlation_refused=incoming.correlation_refused,
    )


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
        verdict=verdict.to_json(),
        error_code=error.code,
        error_where=error.where,
        faults=compact([asdict(fault) for fault in error.faults]),
        answer=answer,
    )
    RECEIVED.labels(endpoint.name, "refused").inc()
    log.warning("message.refused", error=error.code, where=error.where)
    return hub.ledger.record_refused(refusal)
