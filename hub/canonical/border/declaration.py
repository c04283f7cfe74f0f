"""The ASEAN Customs Declaration Document: what an exporting customs tells the importing one of an export declaration."""

from __future__ import annotations

from datetime import date

from hub.canonical.base import Frozen
from hub.canonical.border.origin import Carriage, Invoice
from hub.canonical.border.parts import BorderParty, Measure, Money, Package, Quantity


class DeclaredItem(Frozen):
    """One line of goods."""

    number: int
    description: str = ""
    hs_code: str = ""
    origin_country: str = ""
    packages: tuple[Package, ...] = ()
    net_weight: Measure | None = None
    gross_weight: Measure | None = None
    quantity: Measure | None = None
    value: Money | None = None


class ExportDeclaration(Frozen):
    """An export declaration as it goes to the importing country."""

    number: str
    export_country: str
    import_country: str
    declared_on: date
    #: Kind of declaration and customs office, in the exporting country's codes.
    type_code: str = ""
    office: str = ""
    exporter: BorderParty = BorderParty()
    importer: BorderParty = BorderParty()
    carriage: Carriage = Carriage()
    items: tuple[DeclaredItem, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    #: Certificates of origin that it names.
    certificates: tuple[str, ...] = ()
    total_packages: Quantity | None = None
    total_gross_weight: Measure | None = None
    total_value: Money | None = None
    #: Incoterms, three letters.
    delivery_terms: str = ""
