"""What a message of intake leads to: dossier found, step judged, recipients chosen; nothing is recorded here."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from hub import border_derived, border_thought, rows_alone
from hub.app import UNROUTED, Hub
from hub.canonical.base import local
from hub.canonical.border.message import BorderMessage
from hub.canonical.codes import Status
from hub.canonical.compact_json import compact_texts
from hub.canonical.dossier import DossierMessage
from hub.canonical.figures import StatisticsMessage
from hub.canonical.message import Message, to_json
from hub.canonical.procedure import CatalogueMessage
from hub.canonical.question import QuestionMessage
from hub.canonical.raw import RawMessage
from hub.endpoint import Endpoint
from hub.errors import Fault, InvalidMessage, NoRoute, NotPermitted
from hub.ledger import chains
from hub.ledger.border_values import BorderChange, Naming
from hub.ledger.ledger import Ledger
from hub.ledger.values import DossierChange, Holding, Planned, ProcedureRow
from hub.registers import dossiers, procedures
from hub.registers.attachments import readable
from hub.rules import administration, applicant_numbers, attachments, routing, test_dossiers
from hub.steps import Judged, judge, replaced_dossier

#: No file stood inside the document.
NOTHING: Mapping[str, int] = {}
#: What the register was found to hold, by the numbers of a dossier.
Looked = Mapping[tuple[str, ...], dossiers.Known | None]
#: Nothing was looked up before.
NOT_LOOKED: Looked = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
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
    #: Another dossier that this one replaces, where that changes something of it.
    replaced: DossierChange | None = None
    #: The dossier as it stood before this message, and what gives how it stands after it: only a later message of the same
    #: document asks, and most documents have one.
    known: dossiers.Known | None = None
    after: Callable[[], dossiers.Known] | None = None
    #: Keyed hashes of its applicant's numbers.
    finding: tuple[str, ...] = ()
    procedures: tuple[ProcedureRow, ...] = ()
    holdings: tuple[Holding, ...] = ()
    #: How many catalogues of this owner there were when we looked.
    catalogues: int | None = None
    #: What it changes of border documents, and the numbers of such that its dossier names.
    border: tuple[BorderChange, ...] = ()
    named: tuple[Naming, ...] = ()


def think(
    hub: Hub,
    endpoint: Endpoint,
    message: Message,
    earlier: Sequence[Thought],
    message_id: str = "",
    brought: Mapping[str, int] = NOTHING,
    looked: Looked = NOT_LOOKED,
) -> Thought:
    """Think of one message; ``earlier``: those that stand before it in the same document.

    ``brought``: the files that stood inside this document, as digest -> size; they are recorded together with it.
    ``looked``: what was looked up of dossiers a moment ago (``look_up``).
    """
    if isinstance(message, DossierMessage):
        return _think_of_dossier(hub, endpoint, message, earlier, message_id, brought, looked)
    if isinstance(message, CatalogueMessage):
        return _think_of_catalogue(hub, endpoint, message)
    if isinstance(message, QuestionMessage | StatisticsMessage | RawMessage):
        return _think_of_other(hub, endpoint, message)
    if isinstance(message, BorderMessage):
        return _think_of_border(hub, endpoint, message, earlier, brought)
    raise NotPermitted(
        [Fault("/", "not_permitted", "loại thông điệp này không gửi vào trục", f"{message.kind} is not sent to the hub")]
    )


def _think_of_dossier(
    hub: Hub,
    endpoint: Endpoint,
    given: DossierMessage,
    earlier: Sequence[Thought],
    message_id: str,
    brought: Mapping[str, int],
    looked: Looked,
) -> Thought:
    known = _known(hub, given, earlier, looked)
    if rows_alone.are_meant(given):
        endpoint, given = rows_alone.completed(hub, endpoint, given, known)
    if known is not None and not _takes_part(hub, endpoint.name, known):
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
    message, files = _with_files(hub, endpoint, _enriched(given, known), brought)
    test = known.test if known else test_dossiers.is_test(message.dossier.code, _marks(endpoint))
    canonical = to_json(message)
    codes = dossiers.codes_of(message.dossier)
    judged = judge(endpoint, known, codes, message, canonical, message_id, hub.now())
    warnings = (*judged.warnings, *((test_dossiers.WARNING,) if test else ()))
    if judged.nobody_knows and not test:
        return _of_nobody(hub, endpoint, message, canonical, judged, warnings, files)
    # A test dossier goes nowhere, whatever routes and partners on trial there are.
    planned = () if test else _planned(hub, endpoint, message, canonical, known, earlier, park=judged.park)
    change = _change(message, known, codes, test, judged)
    border = _border_of(hub, endpoint, message, change, earlier, brought, goes_on=judged.park is None)
    return Thought(
        message=message,
        canonical=canonical,
        subject=change.key,
        planned=(*planned, *(border.derived.planned if border.derived else ())),
        warnings=(*warnings, *border.warnings),
        files=files,
        border=border.derived.changes if border.derived else (),
        named=border.named,
        replaced=replaced_dossier(hub, endpoint.name, change) if known is None else None,
        dossier=change,
        finding=applicant_numbers.hashes(message, hub.number_key),
        known=known,
        after=partial(_after, change, known, endpoint, planned),
    )


def _border_of(
    hub: Hub,
    endpoint: Endpoint,
    message: DossierMessage,
    change: DossierChange,
    earlier: Sequence[Thought],
    brought: Mapping[str, int],
    *,
    goes_on: bool,
) -> border_derived.Meant:
    """Say what a message means for border documents; a test dossier is nobody's certificate."""
    if change.test:
        return border_derived.Meant()
    return border_derived.meant(hub, endpoint, message, change.key, _border_changes(earlier), brought, goes_on=goes_on)


def _border_changes(earlier: Iterable[Thought]) -> tuple[BorderChange, ...]:
    return tuple(change for thought in earlier for change in thought.border)


def _think_of_border(
    hub: Hub, endpoint: Endpoint, given: BorderMessage, earlier: Sequence[Thought], brought: Mapping[str, int]
) -> Thought:
    waits = _stands_unrouted(given.subject, earlier)
    thought = border_thought.think(hub, endpoint, given, _border_changes(earlier), brought=brought, waits=waits)
    return Thought(
        message=thought.message,
        canonical=thought.canonical,
        subject=thought.subject,
        planned=thought.planned,
        warnings=thought.warnings,
        files=thought.files,
        border=thought.changes,
    )


def _of_nobody(
    hub: Hub,
    endpoint: Endpoint,
    message: DossierMessage,
    canonical: bytes,
    judged: Judged,
    warnings: tuple[str, ...],
    files: tuple[str, ...],
) -> Thought:
    """Set a message aside that speaks of a trade dossier which nobody has submitted: it makes no dossier known.

    Whoever may submit it later is its origin, and not who spoke first. Released, it is routed as what no rule matched is.
    """
    source = {"source": endpoint.name}
    planned = hub.planned(message, canonical, UNROUTED, message.subject, "route", source, judged.park)
    return Thought(
        message=message, canonical=canonical, subject=message.subject, planned=(planned,), warnings=warnings, files=files
    )


def _marks(endpoint: Endpoint) -> tuple[str, ...]:
    return endpoint.inbound.test_dossiers if endpoint.inbound else ()


def _takes_part(hub: Hub, name: str, known: dossiers.Known) -> bool:
    """Say whether a sender takes part in a dossier, or stands for one that did."""
    parts = (known.origin, *known.recipients)
    if name in parts or not set(hub.finals([name])).isdisjoint(hub.finals(parts)):
        return True
    return _answers_for(hub, name, parts)


def _answers_for(hub: Hub, name: str, parts: Iterable[str]) -> bool:
    """Say whether a sender's agency has taken over from the agency of one that takes part, as a merged province has."""
    own = hub.endpoints[name].agency_code if name in hub.endpoints else ""
    closed = {hub.endpoints[part].agency_code for part in parts if part in hub.endpoints} - {"", own}
    if not own or not closed:
        return False
    codes, today = hub.codes(), local(hub.clock()).date()
    return any(administration.owner_on(codes, code, today) == own for code in closed)


def look_up(ledger: Ledger, messages: Iterable[Message]) -> Looked:
    """Look up the dossiers that these messages speak of, all at once; those of mistaken numbers are left to ``think``."""
    wanted = {dossiers.codes_of(message.dossier) for message in messages if isinstance(message, DossierMessage)}
    if not wanted:
        return NOT_LOOKED
    with ledger.glance() as conn:
        return dossiers.find_all(conn, wanted)


def _known(hub: Hub, message: DossierMessage, earlier: Sequence[Thought], looked: Looked) -> dossiers.Known | None:
    """Give the dossier as it will stand when the messages before this one in the same document are recorded."""
    codes = dossiers.codes_of(message.dossier)
    if codes in looked:
        recorded = looked[codes]
    else:
        with hub.ledger.glance() as conn:
            recorded = dossiers.find(conn, codes)
    told = {thought.subject: thought.after for thought in earlier if thought.after and _speaks_of(thought, codes)}
    found = {recorded.key: recorded} if recorded else {}
    found |= {key: after() for key, after in told.items()}
    if len(found) > 1:
        raise dossiers.two_dossiers(codes)
    return next(iter(found.values()), None)


def _speaks_of(thought: Thought, codes: Sequence[str]) -> bool:
    """Say whether the dossier of a message has one of these numbers, be it from an earlier message."""
    known = thought.known.codes if thought.known else ()
    new = thought.dossier.codes if thought.dossier else ()
    return not {*known, *new}.isdisjoint(codes)


def _after(change: DossierChange, known: dossiers.Known | None, endpoint: Endpoint, planned: Iterable[Planned]) -> dossiers.Known:
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
        facts=change.facts,
        test=change.test,
        course=change.course,
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


def _with_files(
    hub: Hub, endpoint: Endpoint, message: DossierMessage, brought: Mapping[str, int]
) -> tuple[DossierMessage, tuple[str, ...]]:
    """Describe the files of ours that a message names; raise InvalidMessage for each that its sender may not name.

    What retention has deleted may be named all the same: a dossier is said whole each time.
    """
    named = attachments.named(message, hub.public_url)
    if not named:
        return message, ()
    digests = tuple(dict.fromkeys(digest for _, digest in named))
    sizes = {**_sizes(hub, endpoint, [digest for digest in digests if digest not in brought]), **brought}
    if faults := [attachments.not_stored(path) for path, digest in named if digest not in sizes]:
        raise InvalidMessage(faults)
    return attachments.described(message, sizes, hub.public_url), digests


def _sizes(hub: Hub, endpoint: Endpoint, digests: Collection[str]) -> dict[str, int]:
    """Give the sizes of those files that a sender may name."""
    if not digests:
        return {}
    line = hub.line_of(endpoint.name)
    with hub.ledger.glance() as conn:
        found = readable(conn, digests, line)
    return {digest: row.size for digest, row in found.items()}


def _change(
    message: DossierMessage, known: dossiers.Known | None, codes: tuple[str, ...], test: bool, judged: Judged
) -> DossierChange:
    return DossierChange(
        key=known.key if known else message.subject,
        version=known.version if known else 0,
        procedure=known.procedure if known else message.dossier.procedure.code,
        status=judged.status.value,
        native=compact_texts(known.native if known else message.native),
        codes=codes,
        facts=judged.facts,
        test=test,
        agency=(message.dossier.agency.code or test_dossiers.agency_in(message.dossier.code)) if test else "",
        course=judged.course,
    )


def _planned(
    hub: Hub,
    endpoint: Endpoint,
    message: Message,
    canonical: bytes,
    known: dossiers.Known | None,
    earlier: Sequence[Thought],
    *,
    park: tuple[str, str, str, str] | None,
) -> tuple[Planned, ...]:
    subject = known.key if known else message.subject
    origin = known.origin if known else endpoint.name
    if (
        known is not None
        and UNROUTED in known.recipients
        and (_stands_unrouted(known.key, earlier) or hub.waits_for_a_route(known.key))
    ):
        return (hub.unrouted(message, canonical, subject, endpoint.name),)
    try:
        recipients = routing.recipients(
            message,
            endpoint.name,
            hub.routes,
            hub.codes(),
            hub.clock(),
            origin=origin,
            known=known.recipients if known else (),
            begun=known.begun if known else None,
        )
    except NoRoute as error:
        return (hub.unrouted(message, canonical, subject, endpoint.name, error),)
    names = hub.finals(recipients, source=endpoint.name)
    return hub.plan(message, names, subject, park=park, canonical=canonical)


def _stands_unrouted(key: str, earlier: Iterable[Thought]) -> bool:
    """Say whether a message before this one in the same document waits for a rule."""
    return any((each.endpoint, each.subject) == (UNROUTED, key) for thought in earlier for each in thought.planned)


def _think_of_other(hub: Hub, endpoint: Endpoint, message: QuestionMessage | StatisticsMessage | RawMessage) -> Thought:
    """Think of a message that is only routed: nothing is kept of it beside the message itself."""
    if not _speaks_for(endpoint, _speaker(message)):
        raise NotPermitted(
            [Fault("/MaDonVi", "not_permitted", "không phải cơ quan của đơn vị gửi", "not the sender's own agency")]
        )
    canonical = to_json(message)
    if hub.waits_for_a_route(message.subject):
        planned: tuple[Planned, ...] = (hub.unrouted(message, canonical, message.subject, endpoint.name),)
    else:
        planned = _planned(hub, endpoint, message, canonical, None, (), park=None)
    return Thought(message=message, canonical=canonical, subject=message.subject, planned=planned)


def _speaker(message: QuestionMessage | StatisticsMessage | RawMessage) -> str:
    """Give the agency in whose name a message speaks; empty where it is the portal, or nobody says."""
    if isinstance(message, StatisticsMessage):
        return message.figures.agency.code
    if isinstance(message, QuestionMessage) and message.event != "asked":
        return message.question.agency.code
    return ""


def _speaks_for(endpoint: Endpoint, agency: str) -> bool:
    """Say whether a sender may speak for an agency: itself, or one below it (in either form of codes)."""
    own = endpoint.agency_code
    if not own or not agency or agency == own:
        return True
    return agency.startswith(f"{own}.") or agency.endswith(f".{own}")


def _think_of_catalogue(hub: Hub, endpoint: Endpoint, given: CatalogueMessage) -> Thought:
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
        ProcedureRow(owner=given.owner, code=each.code, fingerprint=procedures.fingerprint(each), record=each.model_dump_json())
        for each in listed
    )
    return Thought(
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
        return (hub.unrouted(message, to_json(message), message.subject, endpoint.name),), ()
    try:
        names = routing.recipients(message, endpoint.name, hub.routes, hub.codes(), hub.clock(), origin=endpoint.name)
    except NoRoute as error:
        return (hub.unrouted(message, to_json(message), message.subject, endpoint.name, error),), ()
    held = {name: procedures.given(conn, name) for name in hub.finals(names, source=endpoint.name)}
    return hub.plan_catalogue(message, held)
