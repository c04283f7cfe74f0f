"""The phytosanitary certificate as ISPM 12 has it: for export (851) and for re-export (657).

Moments are the certificate's own words (ISO 8601 text, as it was signed): a date without an hour must not get one, and an
offset must not be moved. ``hub.rules.border`` reads them.
"""

from __future__ import annotations

from hub.canonical.base import Frozen
from hub.canonical.border.parts import BorderParty, Country, Measure, Package, Place, Text
from hub.canonical.document import Attachment


class Note(Frozen):
    """A note under a subject code (``ADIPEDL``, ``SPSFL`` …)."""

    subject: str
    texts: tuple[Text, ...] = ()


class ReferencedDocument(Frozen):
    """A document that a certificate refers to, or that travels inside it."""

    type_code: str = ""
    #: ``AWR``: the original certificate; ``ZZZ``: any other.
    relationship: str = ""
    number: str = ""
    issued_at: str = ""
    information: str = ""
    file: Attachment | None = None
    #: Media type of the file, where the document says it.
    media_type: str = ""


class Clause(Frozen):
    """A clause that is certified, by its number; its text where the certificate has it.

    Number 0: none is said, as for re-export.
    """

    id: int = 0
    text: str = ""


class Signing(Frozen):
    """Who signed, where and when; the officer's name is personal data."""

    at: str = ""
    place: Place = Place()
    authority: str = ""
    officer: str = ""
    clauses: tuple[Clause, ...] = ()


class Movement(Frozen):
    """One carriage: mode (Recommendation 19: 1 sea, 3 road, 4 air), voyage or flight, the means' name."""

    mode: str = ""
    voyage: str = ""
    means: str = ""


class Equipment(Frozen):
    """A container and its seals."""

    id: str = ""
    seals: tuple[str, ...] = ()


class Classification(Frozen):
    """A class of goods in a system: ``HS``, ``IPPCPCVP`` (commodity class), ``IPPCPCC`` (condition)."""

    system: str
    code: str = ""
    names: tuple[Text, ...] = ()


class Characteristic(Frozen):
    """One thing that is said of a treatment; its first description is the kind (``TTTM``, ``TTFT`` …)."""

    descriptions: tuple[Text, ...] = ()
    value: Measure | None = None


class Treatment(Frozen):
    """A treatment: when, how long, what."""

    type_code: str = ""
    starts_at: str = ""
    ends_at: str = ""
    duration: Measure | None = None
    characteristics: tuple[Characteristic, ...] = ()


class PhytoLine(Frozen):
    """One line of goods."""

    sequence: int
    descriptions: tuple[Text, ...] = ()
    common_names: tuple[Text, ...] = ()
    scientific_names: tuple[Text, ...] = ()
    intended_uses: tuple[Text, ...] = ()
    net_weight: Measure | None = None
    gross_weight: Measure | None = None
    net_volume: Measure | None = None
    gross_volume: Measure | None = None
    notes: tuple[Note, ...] = ()
    classifications: tuple[Classification, ...] = ()
    packages: tuple[Package, ...] = ()
    origins: tuple[Country, ...] = ()
    treatments: tuple[Treatment, ...] = ()


class PhytoItem(Frozen):
    """One consignment item: the kind of cargo, and its lines."""

    cargo_types: tuple[str, ...] = ()
    lines: tuple[PhytoLine, ...] = ()


class Unplaced(Frozen):
    """Something a certificate says that has no place here: where it stood, and its text."""

    path: str
    text: str = ""


class Phyto(Frozen):
    """A phytosanitary certificate; its number and countries stand in the message, too."""

    number: str
    #: UNTDID 1001: ``851`` for export, ``657`` for re-export.
    type_code: str
    #: UNTDID 4405: ``70`` issued, ``40`` withdrawn, ``44`` replaced …
    status: str
    name: str = ""
    issued_at: str = ""
    issuer: str = ""
    notes: tuple[Note, ...] = ()
    references: tuple[ReferencedDocument, ...] = ()
    signing: Signing | None = None
    consignor: BorderParty | None = None
    consignee: BorderParty | None = None
    export_country: Country = Country()
    import_country: Country = Country()
    transit_countries: tuple[Country, ...] = ()
    unloading: Place | None = None
    #: Where it was, or may be, examined.
    examination: str = ""
    movements: tuple[Movement, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    items: tuple[PhytoItem, ...] = ()
    #: What stood in the certificate and has no place above; it is shown, and not written again.
    unplaced: tuple[Unplaced, ...] = ()
