"""What is sought, and what is found: typed hits with why they match, in sections, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from hub.registers.scopes import Scope
from hub.rules.applicant_numbers import NumberKey, number_in

#: Above every letter, in the collation that the ledger has (docs/deployment.md): a prefix is a range.
AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One endpoint that is configured."""

    title: str
    agency_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What somebody types, and what they may see of the answer."""

    #: Never shown or logged: it may be a person's number.
    text: str = field(repr=False)
    scope: Scope = None
    #: Every endpoint, by its name.
    places: Mapping[str, Place] = field(default_factory=dict)
    key: NumberKey | None = None
    now: float = 0.0

    @property
    def number(self) -> str:
        """The digits, where the text can be an applicant's number."""
        return number_in(self.text)

    @property
    def spellings(self) -> tuple[str, ...]:
        """The text, and in capitals, as codes are written."""
        return tuple(dict.fromkeys((self.text, self.text.upper())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing that was found."""

    #: ``dossier``, ``message``, ``delivery``, ``procedure``, ``endpoint``, ``bytes`` or ``group``.
    kind: str
    id: str
    title: str
    why_vi: str
    why_en: str
    endpoint: str = ""
    at: float | None = None
    #: State of a delivery, status of a dossier, ``accepted``, ``refused``; else empty.
    state: str = ""
    #: The dossier, message or delivery to open, where the thing has no page of its own.
    see: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Hits of one kind."""

    name: str
    vi: str
    en: str
    hits: tuple[Hit, ...]
    #: Where the next page begins; empty: there is none.
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that was found."""

    sections: tuple[Section, ...]
    #: ``off``: the hub has no key for it; ``asked``, or ``not_asked``, where the text is no such number.
    number_search: str
    #: The text is not to be shown again.
    looks_like_number: bool


#: Gives a page of hits behind a place, and where the next page begins.
Seek = Callable[[Connection, Sought, str, int], tuple[tuple[Hit, ...], str]]
#: Columns by name, as a query gives them.
Columns = Mapping[str, Any]
