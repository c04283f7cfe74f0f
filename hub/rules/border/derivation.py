"""Border documents out of dossiers: which procedure's paper is one, and which dossier names the number of one.

Pure: what is where in a ministry's form stands in ``schemas/border/dossiers.toml`` (assumed), read once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.dossier import DossierMessage
from hub.rules.border import facts
from hub.rules.border.derived_phyto import Form, phyto_of

#: As it ships.
SHIPPED = Path(__file__).resolve().parents[3] / "schemas" / "border" / "dossiers.toml"
#: In ``native`` of a derived message: from which form it was made.
DERIVED = "derivedFrom"
#: A form is looked through so deep, and so many of its values.
_DEPTH, _MOST_VALUES = 12, 20_000
#: Numbers of one dossier that are looked for, at most.
_MOST_NUMBERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gives:
    """A paper of a procedure that is a border document."""

    document: BorderDocument
    procedures: tuple[str, ...]
    events: tuple[str, ...]
    #: Name of the form, and where in it what stands.
    root: str
    form: Form
    assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Fields of a procedure's form in which the number of a border document stands."""

    document: BorderDocument
    procedures: tuple[str, ...]
    fields: frozenset[str]
    #: Empty: every event.
    events: tuple[str, ...]
    assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivations:
    """All of a file."""

    gives: tuple[Gives, ...] = ()
    names: tuple[Names, ...] = ()


def read(text: str) -> Derivations:
    """Read a file of derivations; raises KeyError, TypeError or ValueError where it is none."""
    told = tomllib.loads(text)
    return Derivations(gives=tuple(map(_gives, told.get("gives", ()))), names=tuple(map(_names, told.get("names", ()))))


def _gives(told: dict[str, Any]) -> Gives:
    return Gives(
        document=BorderDocument(told.pop("document")),
        procedures=tuple(told.pop("procedures")),
        events=tuple(told.pop("events")),
        root=told.pop("root"),
        assumed=told.pop("assumed"),
        form=Form(**told),
    )


def _names(told: dict[str, Any]) -> Names:
    return Names(
        document=BorderDocument(told["document"]),
        procedures=tuple(told["procedures"]),
        fields=frozenset(told["fields"]),
        events=tuple(told.get("events", ())),
        assumed=told["assumed"],
    )


DERIVATIONS = read(SHIPPED.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What a dossier's message gives: a border document, or why it could not be made."""

    message: BorderMessage | None = None
    #: Field of the form without which nothing can be made; never its value.
    lacks: str = ""


def derive(message: DossierMessage, country: str, known: Derivations = DERIVATIONS) -> Derived | None:
    """Make the border document that a dossier's message carries; None where it carries none."""
    for gives in known.gives:
        form = message.dossier.form.get(gives.root)
        if isinstance(form, Mapping) and message.event.value in gives.events and _is_of(gives.procedures, message):
            return _derived(message, gives, form, country)
    return None


def _is_of(procedures: Sequence[str], message: DossierMessage) -> bool:
    return any(fnmatchcase(message.dossier.procedure.code, each) for each in procedures)


def _derived(message: DossierMessage, gives: Gives, form: Mapping[str, Any], country: str) -> Derived:
    phyto = phyto_of(form, gives.form, country)
    if not phyto.number or not phyto.import_country.code:
        return Derived(lacks=gives.form.fields["import_country" if phyto.number else "number"])
    return Derived(
        message=BorderMessage(
            event=BorderEvent.ISSUED,
            document=gives.document,
            number=phyto.number,
            issuing_country=country,
            importing_country=phyto.import_country.code,
            phyto=phyto,
            native={DERIVED: gives.root},
            sent_at=message.sent_at,
        )
    )


def numbers(message: DossierMessage, known: Derivations = DERIVATIONS) -> tuple[tuple[BorderDocument, str], ...]:
    """List the border documents that a dossier's message names, by kind and number as it is compared."""
    found: dict[tuple[BorderDocument, str], None] = {}
    for names in known.names:
        if _is_of(names.procedures, message) and (not names.events or message.event.value in names.events):
            for value in _values(message.dossier.form, names.fields):
                found[names.document, facts.number_key(value)] = None
    return tuple(found)[:_MOST_NUMBERS]


def concerns(message: DossierMessage, known: Derivations = DERIVATIONS) -> bool:
    """Say whether a message can give or name a border document at all: quick, since every message comes by."""
    code = message.dossier.procedure.code
    patterns = (*(each.procedures for each in known.gives), *(each.procedures for each in known.names))
    return any(fnmatchcase(code, pattern) for procedures in patterns for pattern in procedures)


def _values(form: Mapping[str, Any], names: frozenset[str]) -> Iterator[str]:
    """Give the texts under some names, wherever they stand in a form."""
    waiting: list[tuple[Any, str, int]] = [(form, "", 0)]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        value, name, depth = waiting.pop()
        if isinstance(value, str) and name in names and (text := facts.code(value.strip())):
            yield text
        if depth < _DEPTH:
            waiting += _inside(value, name, depth)


def _inside(value: Any, name: str, depth: int) -> list[tuple[Any, str, int]]:
    if isinstance(value, Mapping):
        return [(part, str(key), depth + 1) for key, part in value.items()]
    return [(part, name, depth + 1) for part in value] if isinstance(value, list) else []
