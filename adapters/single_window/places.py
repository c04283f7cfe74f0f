"""Where the values of a message live in the canonical model: the places that a registry row's ``fields`` may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from adapters.single_window.envelope import read_moment, write_moment
from hub.canonical.codes import STATUS_NAMES, Status
from hub.canonical.document import Fee, ResultDocument
from hub.canonical.dossier import DossierMessage, Licence, Step
from hub.canonical.party import Party, PartyKind
from hub.errors import InvalidMessage, bad_value

#: The Single Window's number of a dossier, in ``numbering`` and ``other_codes``.
NUMBERING = "vnsw"

Place = Callable[[DossierMessage, datetime], str]


def reference(message: DossierMessage) -> str:
    """Give the Single Window's number of the dossier; empty where the dossier has none."""
    dossier = message.dossier
    return dossier.code if dossier.numbering == NUMBERING else dossier.other_codes.get(NUMBERING, "")


def _applicant(name: str) -> Place:
    return lambda message, now: getattr(message.dossier.applicant, name)


def _step(name: str) -> Place:
    return lambda message, now: getattr(message.steps[-1], name) if message.steps else ""


def _licence(name: str) -> Place:
    return lambda message, now: getattr(message.licence, name) if message.licence else ""


def _result(name: str) -> Place:
    return lambda message, now: getattr(message.dossier.results[0], name) if message.dossier.results else ""


def _unit(message: DossierMessage, now: datetime) -> str:
    return _step("unit")(message, now) or message.dossier.agency.name


def _at(message: DossierMessage, now: datetime) -> str:
    """The moment of the last step; a sender that gives none means the moment of its message."""
    return _moment(message.steps[-1].at if message.steps else message.sent_at or now, "/steps/at")


def _issued_at(message: DossierMessage, now: datetime) -> str:
    return _moment(message.licence.issued_at, "/licence/issued_at") if message.licence and message.licence.issued_at else ""


def _moment(moment: datetime, path: str) -> str:
    try:
        return write_moment(moment)
    except OverflowError:  # year 1 or 9999 in another zone
        vi, en = "ngày giờ nằm ngoài lịch", "this date and time is outside the calendar"
        raise InvalidMessage([bad_value(path, vi, en)]) from None


def _fee(message: DossierMessage, now: datetime) -> str:
    return message.dossier.fees[0].amount if message.dossier.fees else ""


#: First in a list of places: what the sender's form has there stays, the others are for a message without it.
KEPT = "form"

#: Name of a place -> how it is written.
PLACES: Mapping[str, Place] = {
    KEPT: lambda message, now: "",
    "reference": lambda message, now: reference(message),
    "reference.year": lambda message, now: message.native.get("documentYear", ""),
    "receipt_number": lambda message, now: message.dossier.receipt_number,
    "dossier.summary": lambda message, now: message.dossier.summary,
    "applicant.name": _applicant("name"),
    "applicant.identity_number": _applicant("identity_number"),
    "applicant.tax_code": _applicant("tax_code"),
    "applicant.address": _applicant("address"),
    "applicant.phone": _applicant("phone"),
    "applicant.fax": _applicant("fax"),
    "applicant.email": _applicant("email"),
    "step.actor": _step("actor"),
    "step.unit": _unit,
    "step.note": _step("note"),
    "step.at": _at,
    # Its number in the national list, and its name: what another list calls them is not known.
    "status": lambda message, now: message.dossier.status.value,
    "status.name": lambda message, now: STATUS_NAMES[message.dossier.status],
    "licence.number": _licence("number"),
    "licence.issued_at": _issued_at,
    "licence.signer": _licence("signer"),
    "licence.signer_position": _licence("signer_position"),
    "licence.link": _licence("link"),
    "result.number": _result("number"),
    "result.url": _result("url"),
    "fee.amount": _fee,
}


class Values:
    """What the elements of one message say, by place; each place is read from the first element that names it first."""

    def __init__(self, fields: Mapping[str, tuple[str, ...]], texts: Mapping[str, str]) -> None:
        self._texts: dict[str, str] = {}
        for name, places in fields.items():
            self._texts.setdefault(places[0], texts.get(name, ""))

    def text(self, place: str) -> str:
        return self._texts.get(place, "")

    def _part(self, prefix: str) -> dict[str, str]:
        return {place[len(prefix) :]: text for place, text in self._texts.items() if place.startswith(prefix)}

    def applicant(self) -> Party:
        """Give the trader: a business, except where the form gives the number of a person's paper."""
        part = self._part("applicant.")
        if not any(part.values()):
            return Party()
        return Party(kind=PartyKind.CITIZEN if part.get("identity_number") else PartyKind.BUSINESS, **part)

    def steps(self, status: Status, sent_at: datetime) -> tuple[Step, ...]:
        """Give the one step that the message tells, where its structure has places for it."""
        part = self._part("step.")
        at = read_moment(part.pop("at", "")) or sent_at
        return (Step(status=status, at=at, **part),) if any(place.startswith("step.") for place in self._texts) else ()

    def licence(self) -> Licence | None:
        """Give the decision document, where the message's structure has one."""
        part = self._part("licence.")
        issued_at = read_moment(part.pop("issued_at", ""))
        return Licence(issued_at=issued_at, **part) if any(part.values()) else None

    def fees(self) -> tuple[Fee, ...]:
        amount = self.text("fee.amount")
        return (Fee(name="Phí", amount=amount),) if amount else ()

    def results(self, licence: Licence | None) -> tuple[ResultDocument, ...]:
        """Give the licence as a result document, as one-stop software and portals hold it."""
        if licence is None or not licence.number:
            return ()
        return (ResultDocument(name=licence.number, number=licence.number, url=licence.link),)
