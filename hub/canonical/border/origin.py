"""The certificate of origin Form D of ATIGA (Annex 7), box by box."""

from __future__ import annotations

from datetime import date

from hub.canonical.base import Frozen
from hub.canonical.border.parts import BorderParty, Measure, Money, Package, Place, Quantity


class Carriage(Frozen):
    """Box 3: means of transport and route, as far as known."""

    mode: str = ""
    departs_on: date | None = None
    conveyance: str = ""
    voyage: str = ""
    loading: Place = Place()
    discharge: Place = Place()


class Criterion(Frozen):
    """Box 8: origin criterion (``WO``, ``RVC``, ``CC``, ``CTH``, ``CTSH``, ``SP``, ``PC``), with the percentage where it has one.

    ``also``: further criteria of a combination, ``CTSH`` + 35 %.
    """

    code: str
    percent: Quantity | None = None
    also: tuple[str, ...] = ()


class OriginItem(Frozen):
    """Boxes 5 to 9 of one item."""

    number: int
    packages: tuple[Package, ...] = ()
    description: str = ""
    hs_code: str = ""
    nomenclature: str = ""
    criterion: Criterion
    gross_weight: Measure | None = None
    quantities: tuple[Measure, ...] = ()
    #: FOB value; only where the criterion is RVC and one of the countries asks for it (Rule 25).
    fob: Money | None = None
    #: Invoices of box 10, by their place in the certificate.
    invoices: tuple[int, ...] = ()


class Invoice(Frozen):
    """Box 10."""

    sequence: int
    number: str
    issued_on: date | None = None


class Indicators(Frozen):
    """Box 13: seven boxes to tick; several may be."""

    third_country_invoicing: bool = False
    exhibition: bool = False
    accumulation: bool = False
    de_minimis: bool = False
    back_to_back: bool = False
    issued_retroactively: bool = False
    partial_cumulation: bool = False


class OriginalProof(Frozen):
    """A proof of origin that a back-to-back certificate rests on (Rule 11)."""

    number: str
    issuing_country: str = ""
    issued_on: date | None = None
    expires_on: date | None = None
    #: Quantity of each item of this certificate that it covers.
    quantities: tuple[tuple[int, Measure], ...] = ()


class Declared(Frozen):
    """Box 11: the exporter's declaration; the signatory's name is personal data."""

    country_of_production: str = ""
    importing_country: str = ""
    place: str = ""
    on: date | None = None
    signatory: str = ""


class Certified(Frozen):
    """Box 12: the issuing authority; the officer's name is personal data."""

    authority: str = ""
    place: str = ""
    on: date | None = None
    officer: str = ""


class OriginCertificate(Frozen):
    """A certificate of origin Form D."""

    number: str
    issuing_country: str
    issued_on: date
    consignor: BorderParty
    consignee: BorderParty
    carriage: Carriage = Carriage()
    items: tuple[OriginItem, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    indicators: Indicators = Indicators()
    #: Who invoiced from a third country (Rule 23), and where an exhibition is (Rule 22): name, address, country.
    third_country_invoicer: BorderParty | None = None
    exhibition: BorderParty | None = None
    originals: tuple[OriginalProof, ...] = ()
    declared: Declared = Declared()
    certified: Certified = Certified()
