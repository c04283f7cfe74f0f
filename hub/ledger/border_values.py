"""What the ledger's verbs are told of border documents: frozen values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hub.rules.border.axes import Axes
from hub.rules.border.marks import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One line of a document, as it is certified."""

    number: int
    hs_code: str = ""
    #: Each quantity with its unit, certified by itself.
    certified: tuple[tuple[Decimal, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Until when what is awaited; None: nothing runs."""

    answer_due: float | None = None
    hop_due: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderRow:
    """A border document as the register keeps it."""

    key: str
    document: str
    issuing_country: str
    importing_country: str
    number: str
    number_key: str
    outgoing: bool
    origin: str = ""
    dossier: str = ""
    #: What is certified, and the canonical message that has it, by digest; our number of that message.
    content_digest: str = ""
    canonical_digest: str = ""
    content_message: str = ""
    issued_on: str = ""
    axes: Axes = field(default_factory=Axes)
    supersedes: str = ""
    clocks: Clocks = field(default_factory=Clocks)
    late_accepted_at: float | None = None
    first_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderChange:
    """What a message changes of one border document; ``version`` is the one intake looked at (0 = none)."""

    row: BorderRow
    version: int
    #: What was said (``BorderEvent``, or ``superseded`` by another document), in one word, and whether it moved anything.
    event: str
    detail: str
    effect: str
    at: float
    #: The canonical message, which is kept with the document; empty: it is kept elsewhere, under another subject.
    canonical: bytes = b""
    #: Lines, where the document has just become known.
    items: tuple[ItemRow, ...] = ()
    #: Places of ``axes.uses`` that are new, or have a newer word.
    used: tuple[tuple[str, int], ...] = ()
    #: What an officer must look at, each with what it is about; and what is done with.
    marks: Mapping[Mark, str] = field(default_factory=dict)
    closes: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """A dossier names the number of a border document."""

    document: str
    number_key: str
    dossier: str
