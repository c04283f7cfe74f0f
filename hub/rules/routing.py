"""Which endpoints a message goes to (Content-Based Router): the first rule that matches decides; agencies as they are today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hub.canonical.base import local
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.codes import CodeTables
from hub.canonical.dossier import Dossier, DossierMessage
from hub.canonical.message import Message
from hub.errors import NoRoute
from hub.rules import administration

#: In a rule's ``to``: the endpoint whose message made the dossier known; of a border document, the one that issued it or brought
#: it from abroad.
ORIGIN = "@origin"


class PlaceRule(BaseModel):
    """Choose the recipient by place: a configured path, a code list, and the day of the dossier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Dotted path in the canonical message, e.g. ``native.unitCode`` or ``dossier.form.RegistrationProfile.ProvinceCode``.
    path: str
    #: Code list that turns the value into an agency code on that day, e.g. ``areas``.
    table: str
    #: Agency code -> endpoint; a place that is not here goes to the rule's ``to``.
    to: dict[str, str]
    #: A place that is not in ``to``: goes to the rule's ``to``, or, as if this rule did not match, by the ``next`` rules.
    elsewhere: Literal["to", "next"] = "to"


class Route(BaseModel):
    """One routing rule; an empty list matches anything."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    sources: tuple[str, ...] = Field(default=(), alias="from")
    kind: str = "dossier"
    events: tuple[str, ...] = ()
    numbering: tuple[str, ...] = ()
    #: Patterns of procedure codes, ``*`` and ``?`` as in file names.
    procedures: tuple[str, ...] = ()
    #: Agency codes of the dossier's processing agency (patterns); where a message names none, of the one in its number.
    agencies: tuple[str, ...] = ()
    #: Of border documents (``kind = "border"``): which, and countries of which the issuing or the importing one is (patterns).
    #: Their transport's states (``tracked``) go only where ``events`` names them.
    documents: tuple[BorderDocument, ...] = ()
    countries: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    place: PlaceRule | None = None
    #: ``agencies`` and ``place.to`` are also asked for who answers today for the code that the message has.
    follow_successors: bool = True
    #: Only for what began (was submitted) on or after, and before these days: what began under a rule goes on under it.
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Route:
        if self.kind != "border" and (self.documents or self.countries):
            raise PydanticCustomError("border", 'documents and countries are for kind = "border"')
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise PydanticCustomError("days", "valid_to must be after valid_from")
        return self

    def holds_on(self, day: date) -> bool:
        """Say whether the rule is for what began on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


def recipients(
    message: Message,
    source: str,
    routes: Sequence[Route],
    codes: CodeTables,
    now: datetime,
    *,
    origin: str,
    known: Sequence[str] = (),
    begun: datetime | None = None,
) -> tuple[str, ...]:
    """Give the endpoints a message goes to; raise NoRoute where no rule matches.

    ``begun``: when its dossier was submitted, as the register has it; a rule with days is for dossiers that began within them,
    whenever the message comes. ``known``: endpoints that have deliveries of this dossier already. A dossier routed by place stays
    where its first message went, whatever later messages say of the place; where another agency has taken that one's place since,
    it goes there.
    """
    today, began = local(now).date(), local(begun).date() if begun else _day(message, now)
    for route in routes:
        if route.holds_on(began) and _matches(route, message, source, codes, today):
            chosen = _by_place(route, message, codes, _day(message, now), today, known) if route.place else route.to
            if chosen is not None:
                # Of a border document that is not here yet nobody is the origin.
                return tuple(filter(None, (origin if name == ORIGIN else name for name in chosen)))
    raise NoRoute(
        f"no rule in config/routes.toml matches a {message.kind} message from {source!r} ({_about(message)})",
        f"không có quy tắc nào trong config/routes.toml cho thông điệp {message.kind} từ {source!r} ({_about(message)})",
        where=f"{source}/{_about(message)}",
    )


def _matches(route: Route, message: Message, source: str, codes: CodeTables, today: date) -> bool:
    if route.kind != message.kind or (route.sources and source not in route.sources):
        return False
    if isinstance(message, BorderMessage):
        return carries(route, message)
    if not isinstance(message, DossierMessage):
        return True
    dossier = message.dossier
    return (
        _one_of(route.events, message.event.value)
        and _one_of(route.numbering, dossier.numbering)
        and _one_of(route.procedures, dossier.procedure.code)
        and (not route.agencies or _of_agency(route, _agency_of_dossier(dossier), codes, today))
    )


def carries(route: Route, message: BorderMessage) -> bool:
    """Say whether a rule is for what a message says of a border document, whoever says it."""
    events = route.events or tuple(event.value for event in BorderEvent if event is not BorderEvent.TRACKED)
    return (
        route.kind == message.kind
        and _one_of(events, message.event.value)
        and (not route.documents or message.document in route.documents)
        and any(_one_of(route.countries, country) for country in (message.issuing_country, message.importing_country))
    )


def _of_agency(route: Route, code: str, codes: CodeTables, today: date) -> bool:
    """Say whether the agency is one of the rule's: by the code as it was written, or by who answers for it today."""
    if _one_of(route.agencies, code):
        return True
    owner = administration.owner_on(codes, code, today) if route.follow_successors else code
    return owner != code and _one_of(route.agencies, owner)


def _agency_of_dossier(dossier: Dossier) -> str:
    """Give the processing agency's code; where the message names none, as first-generation ones do, the agency in a number."""
    if dossier.agency.code:
        return dossier.agency.code
    read = (administration.read_dossier_number(number) for number in (dossier.code, *dossier.other_codes.values()))
    return next((number.agency.text for number in read if number), "")


def _one_of(patterns: Sequence[str], value: str) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)


def _by_place(
    route: Route, message: Message, codes: CodeTables, day: date, today: date, known: Sequence[str]
) -> tuple[str, ...] | None:
    """Choose by place; None where the rule leaves such a place to the next ones."""
    assert route.place is not None
    places = {*route.place.to.values(), *route.to}
    if stay := tuple(name for name in known if name in places):
        return tuple(dict.fromkeys(_stands_for(route, name, codes, today) for name in stay))
    agency = _agency_of(route, _value_at(message, route.place.path), codes, day)
    endpoint = _endpoint_of(route, agency, codes, today) if agency else None
    if endpoint is None and route.place.elsewhere == "next":
        return None
    return (endpoint,) if endpoint else route.to


def _agency_of(route: Route, place: str, codes: CodeTables, day: date) -> str:
    """Give the agency of a place: on the day, or the last one before its code was closed."""
    assert route.place is not None
    find = administration.meant if route.follow_successors else CodeTables.find
    row = find(codes, route.place.table, place, day)
    return row.value if row else ""


def _endpoint_of(route: Route, agency: str, codes: CodeTables, today: date) -> str | None:
    """Find the endpoint of who answers for an agency today; where the rule has none, of the agency itself."""
    assert route.place is not None
    owner = administration.owner_on(codes, agency, today) if route.follow_successors else agency
    return route.place.to.get(owner) or route.place.to.get(agency)


def _stands_for(route: Route, name: str, codes: CodeTables, today: date) -> str:
    """Give the endpoint that has taken an endpoint's place in a rule, where all its agencies have gone over to others."""
    assert route.place is not None
    agencies = [agency for agency, endpoint in route.place.to.items() if endpoint == name]
    if not agencies or name in route.to:
        return name
    now = [_endpoint_of(route, agency, codes, today) or name for agency in agencies]
    return name if name in now else now[0]


def _value_at(message: Message, path: str) -> str:
    value: Any = message.model_dump(mode="json")
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return value if isinstance(value, str) else ""


def _day(message: Message, now: datetime) -> date:
    """The day that decides which codes are valid: when the dossier was submitted, else sent, else now."""
    submitted = message.dossier.submitted_at if isinstance(message, DossierMessage) else None
    return local(submitted or getattr(message, "sent_at", None) or now).date()


def _about(message: Message) -> str:
    if isinstance(message, BorderMessage):
        return f"{message.document} {message.event}"
    return message.dossier.procedure.code if isinstance(message, DossierMessage) else message.kind
