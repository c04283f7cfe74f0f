"""What a message about a border document leads to: document found, rules held against it, axes moved, recipients chosen.

Nothing is recorded here. What breaks a rule of the sender is refused at the door with all faults; what an officer must look at
is recorded, marked, and its deliveries are parked: the sender did nothing that could be corrected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from hub import border_parties, border_told
from hub.app import UNROUTED, Hub
from hub.border_parties import OWN_ANSWER
from hub.border_steps import OF_THE_ISSUER, Judged, begun, change_of, judge, superseded
from hub.canonical.base import local
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.phyto_words import REPLACED, WITHDRAWN
from hub.canonical.message import to_json
from hub.endpoint import Endpoint
from hub.errors import InvalidMessage, NoRoute, bad_value
from hub.ledger.border_values import BorderChange
from hub.ledger.values import Planned
from hub.registers import border_known
from hub.registers.attachments import readable
from hub.registers.border_known import Awaiting, Known
from hub.rules import routing
from hub.rules.attachments import not_stored
from hub.rules.border import facts, files, judging
from hub.rules.border.axes import Axes
from hub.rules.border.finding import RuleFinding
from hub.rules.border.marks import Mark

#: In ``native``: what its adapter has no place for, and what it questions in the content; one warning of each.
LEFT_OUT, QUESTIONED = "leftOut", "warnings"
_TOLD = {LEFT_OUT: "border_left_out", QUESTIONED: "border_questioned"}
#: Of a document's first message, what later ones do not carry on.
_NOT_CARRIED = frozenset({OWN_ANSWER, LEFT_OUT, QUESTIONED})
#: Of numbers, countries and keys of dossiers, the longest.
_LONGEST_NAME = 200
#: Rules that an officer has let pass by accepting a document late.
_LATE_RULES = frozenset({"D02"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderThought:
    """What one message about a border document leads to."""

    message: BorderMessage
    canonical: bytes
    subject: str
    planned: tuple[Planned, ...]
    warnings: tuple[str, ...]
    #: Digests of the files it names.
    files: tuple[str, ...]
    changes: tuple[BorderChange, ...]


def think(
    hub: Hub,
    endpoint: Endpoint,
    given: BorderMessage,
    earlier: Sequence[BorderChange] = (),
    *,
    brought: Collection[str] = (),
    waits: bool = False,
    derived: bool = False,
) -> BorderThought:
    """Think of one message; ``earlier``: changes of the messages before it in the same document, ``waits``: one of them waits for
    a route; ``brought``: digests of the files that stood inside that document; ``derived``: nobody wrote it.

    Raises InvalidMessage where it breaks a rule of its sender, NotPermitted where it is not its sender's to say. What was derived
    from a dossier is never refused: it is marked, and parked.
    """
    _check_names(given)
    known = _known(hub, given.subject, earlier)
    border_parties.check(hub, endpoint, given, known)
    message, unclear = _enriched(hub, endpoint, given, known)
    found = _held_against_rules(hub, message, known)
    refusing = tuple(judging.refusing(found))
    if refusing and not derived:
        raise InvalidMessage(judging.faults(found))
    attached = _files(hub, endpoint, message, known, brought)
    canonical = to_json(message)
    waiting = _waiting(hub, endpoint, message, known)
    judged = judge(hub, endpoint, message, known, tuple(dict.fromkeys(each.rule for each in refusing)), waiting)
    if unclear:
        judged = replace(judged, marks={**judged.marks, Mark.AMBIGUOUS: ""})
    behind = waits or (known is not None and UNROUTED in known.recipients and hub.waits_for_a_route(message.subject))
    planned = _planned(hub, endpoint, message, canonical, judged, behind=behind)
    before = known.row.axes if known is not None else Axes()
    return BorderThought(
        message=message,
        canonical=canonical,
        subject=message.subject,
        planned=(*planned, *_told_now(hub, waiting, judged), *border_told.told(hub, message, judged, before)),
        warnings=_warnings(message, found, judged),
        files=attached,
        changes=(change_of(judged, message, canonical), *_replaced(hub, endpoint, message, judged, earlier)),
    )


def _check_names(given: BorderMessage) -> None:
    """Refuse names by which nothing can be looked up: too long, or with what is no letter."""
    names = ("number", "issuing_country", "importing_country", "supersedes", "superseded_by", "dossier")
    bad = [name for name in names if not (len(getattr(given, name)) <= _LONGEST_NAME and getattr(given, name).isprintable())]
    if not given.number.strip():
        bad.insert(0, "number")
    if bad:
        vi, en = "không phải mã số hợp lệ", "is no name by which anything could be known"
        raise InvalidMessage([bad_value(name, vi, en) for name in dict.fromkeys(bad)])


def _known(hub: Hub, key: str, earlier: Sequence[BorderChange]) -> Known | None:
    """Look a document up as it will stand when the messages before this one in the same document are recorded."""
    with hub.ledger.glance() as conn:
        found = border_known.known(conn, key)
    for change in earlier:
        if change.row.key == key:
            certified = {item.number: item.certified for item in change.items} or (found.certified if found else {})
            recipients = found.recipients if found else ()
            found = Known(row=change.row, version=change.version + 1, certified=certified, recipients=recipients)
    return found


def _enriched(hub: Hub, endpoint: Endpoint, given: BorderMessage, known: Known | None) -> tuple[BorderMessage, bool]:
    """Add what the register knows and the sender did not say; say whether it is unclear which document, or dossier, is meant."""
    update: dict[str, object] = {}
    with hub.ledger.glance() as conn:
        joined = border_parties.dossier_of(hub, conn, endpoint, given) or (known.row.dossier if known else "")
        named, unclear = _named(hub, conn, given, known, joined)
        first = border_known.stored(conn, known.row.canonical_digest) if known else None
    update["dossier"] = joined or named
    if known is not None and not given.importing_country:
        update["importing_country"] = known.row.importing_country
    if first is not None:
        carried = {name: value for name, value in first.native.items() if name not in _NOT_CARRIED}
        update["native"] = {**carried, **given.native}
        if given.event is BorderEvent.CANCELLED and given.content is None:
            # Whoever is told needs the document that is withdrawn.
            update |= {name.value: getattr(first, name.value) for name in BorderDocument}
            if first.phyto is not None:
                status = REPLACED if given.superseded_by else WITHDRAWN
                update["phyto"] = first.phyto.model_copy(update={"status": status})
    return given.model_copy(update=update), unclear


def _named(hub: Hub, conn: Connection, given: BorderMessage, known: Known | None, joined: str) -> tuple[str, bool]:
    """Give the one dossier that names a document of another country, and say whether its number tells too little.

    It does where two dossiers name it, where two countries have it, or where one country has it in two ways of writing.
    """
    key = facts.number_key(given.number)
    abroad = given.issuing_country != hub.border.country
    names = border_known.naming(conn, given.document, key) if abroad and not joined else ()
    if known is not None and not names:
        return "", False
    others = [each for each in border_known.of_number(conn, given.document, key) if each[0] != given.subject]
    twins = known is None and any(
        country == given.issuing_country and _written(number) == _written(given.number) for _, country, number in others
    )
    shared = bool(names) and any(country != hub.border.country for _, country, _ in others)
    return (names[0] if len(names) == 1 and not shared else ""), twins or shared or len(names) > 1


def _written(number: str) -> str:
    """Give a number without blanks and capitals."""
    return "".join(number.split()).casefold()


def _held_against_rules(hub: Hub, message: BorderMessage, known: Known | None) -> tuple[RuleFinding, ...]:
    return judging.judge(
        message,
        local(hub.clock()).date(),
        country=hub.border.country,
        accepted=_LATE_RULES if known is not None and known.row.late_accepted_at is not None else frozenset(),
        validity_months=hub.border.validity_months,
    )


def _files(
    hub: Hub, endpoint: Endpoint, message: BorderMessage, known: Known | None, brought: Collection[str]
) -> tuple[str, ...]:
    """Give the digests of the files of ours that a message names; raise InvalidMessage for each that its sender may not name."""
    named = files.named(message, hub.public_url)
    if not named:
        return ()
    digests = tuple(dict.fromkeys(digest for _, digest in named))
    parties = (endpoint.name, *((known.origin,) if known is not None and known.origin else ()))
    lines = hub.lines_of(parties)
    with hub.ledger.read() as conn:
        found = {*readable(conn, digests, lines), *brought}
    if faults := [not_stored(path) for path, digest in named if digest not in found]:
        raise InvalidMessage(faults)
    return digests


# --- where it goes ----------------------------------------------------------------------------------------------


def _planned(
    hub: Hub, endpoint: Endpoint, message: BorderMessage, canonical: bytes, judged: Judged, *, behind: bool
) -> tuple[Planned, ...]:
    """Plan the deliveries; what is repeated goes nowhere, and where its transport stands is told to nobody who did not ask."""
    if judged.effect == "repeated" and message.event is not BorderEvent.COPIED:
        return ()
    if message.native.get(OWN_ANSWER):
        return hub.plan(message, (endpoint.name,), message.subject, canonical=canonical)
    if behind:
        return () if message.event is BorderEvent.TRACKED else (hub.unrouted(message, canonical, message.subject, endpoint.name),)
    try:
        names = _recipients(hub, message, endpoint.name, judged.row.origin)
    except NoRoute as error:
        if message.event is BorderEvent.TRACKED:
            return ()
        return (hub.unrouted(message, canonical, message.subject, endpoint.name, error),)
    return hub.plan(message, names, message.subject, park=judged.park, canonical=canonical)


def _recipients(hub: Hub, message: BorderMessage, source: str, origin: str) -> tuple[str, ...]:
    names = routing.recipients(message, source, hub.routes, hub.codes(), hub.clock(), origin=origin)
    return hub.finals(names, source=source)


def _waiting(hub: Hub, endpoint: Endpoint, message: BorderMessage, known: Known | None) -> Sequence[Awaiting]:
    """Give what was said of a document before it came, by those to whom it goes, of the country to which it does.

    It counts from now on.
    """
    if known is None or known.origin or message.event not in OF_THE_ISSUER:
        return ()
    with hub.ledger.read() as conn:
        found = border_known.awaiting(conn, message.subject)
    there = [each for each in found if border_parties.is_from_there(each.message, message.importing_country)]
    try:
        receivers = _recipients(hub, message, endpoint.name, endpoint.name) if there else ()
    except NoRoute:
        return there
    return [each for each in there if border_parties.is_among(hub, each.endpoint, receivers)]


def _told_now(hub: Hub, waiting: Sequence[Awaiting], judged: Judged) -> Iterable[Planned]:
    """Plan what was said of a document before it came, for who is its origin now."""
    for each in waiting:
        try:
            after = _recipients(hub, each.message, each.endpoint, judged.row.origin)
            before = _recipients(hub, each.message, each.endpoint, "")
        except NoRoute:
            continue
        names = [name for name in after if name not in before]
        yield from hub.plan(each.message, names, judged.row.key)


def _replaced(
    hub: Hub, endpoint: Endpoint, message: BorderMessage, judged: Judged, earlier: Sequence[BorderChange]
) -> Iterable[BorderChange]:
    """Say what becomes of the document whose place a new one takes, where it is the same sender's."""
    if not message.supersedes or message.event is not BorderEvent.ISSUED or judged.effect != "applied":
        return
    old = message.model_copy(update={"number": message.supersedes, "dossier": "", "supersedes": ""})
    if old.subject == message.subject:
        return
    known = _known(hub, old.subject, earlier)
    if known is None or border_parties.is_issuer(hub, endpoint.name, known):
        yield superseded(known, known.row if known else begun(hub, old, endpoint), message, judged.at)


def _warnings(message: BorderMessage, found: Iterable[RuleFinding], judged: Judged) -> tuple[str, ...]:
    """Name what its sender, and whoever looks at it, should know: rules by number, marks, what has no place."""
    rules = (f"border_rule {each.rule} {each.path}" for each in found)
    marks = (f"border_{mark.value}" for mark in judged.marks)
    told = (f"{code} {message.native[name]}" for name, code in _TOLD.items() if message.native.get(name))
    return tuple(dict.fromkeys((*rules, *marks, *told)))
