"""Border documents that keep every rule, invented, for tests that break one rule at a time."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hub.canonical.border.declaration import DeclaredItem, ExportDeclaration
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.origin import (
    Carriage,
    Certified,
    Criterion,
    Declared,
    Invoice,
    OriginCertificate,
    OriginItem,
)
from hub.canonical.border.parts import BorderParty, Country, Measure, Money, Package, Place, Text
from hub.canonical.border.phyto import (
    Characteristic,
    Clause,
    Movement,
    Phyto,
    PhytoItem,
    PhytoLine,
    Signing,
    Treatment,
)

TODAY = date(2026, 3, 6)
ISSUED = date(2026, 3, 5)
NUMBER = "VN-ID 26/09/00017"
CERTIFICATE = "VN-TEST-2026-000017"
EXPORTER = BorderParty(
    name="CÔNG TY THỬ NGHIỆM XUẤT KHẨU", lines=("1 Đường Thử Nghiệm, Cần Thơ",), country="VN", tax_id="0000000000"
)
IMPORTER = BorderParty(name="PT CONTOH PENERIMA", lines=("Jalan Uji 2, Surabaya",), country="ID")


def kilograms(amount: str | int) -> Measure:
    """Write a weight."""
    return Measure(value=Decimal(amount), unit="KGM")


def dollars(amount: str | int) -> Money:
    """Write an amount of US dollars."""
    return Money(value=Decimal(amount), currency="USD")


def item(number: int = 1, **changed: Any) -> OriginItem:
    """Make an item that is wholly obtained."""
    given: dict[str, Any] = {
        "description": "FRESH DRAGON FRUIT",
        "hs_code": "0810.90.92",
        "criterion": Criterion(code="WO"),
        "gross_weight": kilograms("20010.5"),
        "invoices": (1,),
    }
    return OriginItem(number=number, **(given | changed))


def regional(number: int = 1, *, percent: str = "45.5", **changed: Any) -> OriginItem:
    """Make an item by regional value content, with its FOB value."""
    criterion = Criterion(code="RVC", percent=Decimal(percent))
    return item(number, **({"criterion": criterion, "fob": dollars("6400.00"), "hs_code": "20098999"} | changed))


def origin(**changed: Any) -> OriginCertificate:
    """Make a Form D from Vietnam to Indonesia."""
    given: dict[str, Any] = {
        "number": NUMBER,
        "issuing_country": "VN",
        "issued_on": ISSUED,
        "consignor": EXPORTER,
        "consignee": IMPORTER,
        "carriage": Carriage(mode="1", departs_on=date(2026, 3, 6), discharge=Place(code="IDSUB")),
        "items": (item(1), regional(2)),
        "invoices": (Invoice(sequence=1, number="INV-2026-031", issued_on=date(2026, 3, 3)),),
        "declared": Declared(country_of_production="VN", importing_country="ID", place="CẦN THƠ", on=date(2026, 3, 4)),
        "certified": Certified(authority="09", place="CẦN THƠ", on=ISSUED),
    }
    return OriginCertificate(**(given | changed))


def said_of_origin(certificate: OriginCertificate | None = None, **changed: Any) -> BorderMessage:
    """Say that a Form D was issued."""
    content = certificate or origin()
    given: dict[str, Any] = {
        "event": BorderEvent.ISSUED,
        "document": BorderDocument.ORIGIN,
        "number": content.number,
        "issuing_country": content.issuing_country,
        "importing_country": content.declared.importing_country,
        "origin": content,
    }
    return BorderMessage(**(given | changed))


def line(sequence: int = 1, **changed: Any) -> PhytoLine:
    """Make a line of a phytosanitary certificate."""
    given: dict[str, Any] = {
        "descriptions": (Text(text="Fresh dragon fruit", language="en"),),
        "scientific_names": (Text(text="Selenicereus undatus"),),
        "net_weight": kilograms(18400),
        "gross_weight": kilograms("20010.5"),
        "packages": (Package(kind="CT", count=Decimal(2300), level="1"),),
        "origins": (Country(code="VN"),),
    }
    return PhytoLine(sequence=sequence, **(given | changed))


def treatment(**changed: Any) -> Treatment:
    """Make a treatment with its whole text."""
    whole = Characteristic(descriptions=(Text(text="TTFT"), Text(text="Vapour heat, 46.5 C core, 40 min", language="en")))
    return Treatment(**({"type_code": "ZZZ", "starts_at": "2026-03-02T08:00:00+07:00", "characteristics": (whole,)} | changed))


def phyto(**changed: Any) -> Phyto:
    """Make a phytosanitary certificate for export to Indonesia."""
    given: dict[str, Any] = {
        "number": CERTIFICATE,
        "type_code": "851",
        "status": "70",
        "issued_at": "2026-03-04T09:15:00+07:00",
        "signing": Signing(place=Place(name="Hai Phong"), officer="Nguyễn Thử Nghiệm", clauses=(Clause(id=1),)),
        "consignor": EXPORTER,
        "consignee": IMPORTER,
        "export_country": Country(code="VN"),
        "import_country": Country(code="ID"),
        "unloading": Place(code="IDSUB", name="Surabaya"),
        "movements": (Movement(mode="1", voyage="V0042", means="MV TEST STAR"),),
        "items": (PhytoItem(lines=(line(1, treatments=(treatment(),)),)),),
    }
    return Phyto(**(given | changed))


def said_of_phyto(certificate: Phyto | None = None, **changed: Any) -> BorderMessage:
    """Say that a phytosanitary certificate was issued."""
    content = certificate or phyto()
    given: dict[str, Any] = {
        "event": BorderEvent.ISSUED,
        "document": BorderDocument.PHYTO,
        "number": content.number,
        "issuing_country": "VN",
        "importing_country": "ID",
        "phyto": content,
    }
    return BorderMessage(**(given | changed))


def declared_item(number: int = 1, **changed: Any) -> DeclaredItem:
    """Make a line of a customs declaration."""
    given: dict[str, Any] = {
        "description": "FRESH DRAGON FRUIT",
        "hs_code": "08109092",
        "packages": (Package(kind="CT", count=Decimal(2300)),),
        "net_weight": kilograms(18400),
        "gross_weight": kilograms(20000),
        "value": dollars(31000),
    }
    return DeclaredItem(number=number, **(given | changed))


def declaration(**changed: Any) -> ExportDeclaration:
    """Make an export declaration to Indonesia whose totals are right."""
    given: dict[str, Any] = {
        "number": "305000000017",
        "export_country": "VN",
        "import_country": "ID",
        "declared_on": ISSUED,
        "exporter": EXPORTER,
        "importer": IMPORTER,
        "items": (declared_item(1), declared_item(2)),
        "invoices": (Invoice(sequence=1, number="INV-2026-031"),),
        "certificates": (NUMBER,),
        "total_packages": Decimal(4600),
        "total_gross_weight": kilograms(40000),
        "total_value": dollars(62000),
        "delivery_terms": "FOB",
    }
    return ExportDeclaration(**(given | changed))


def said_of_declaration(content: ExportDeclaration | None = None, **changed: Any) -> BorderMessage:
    """Say that a declaration was made."""
    declared = content or declaration()
    given: dict[str, Any] = {
        "event": BorderEvent.ISSUED,
        "document": BorderDocument.DECLARATION,
        "number": declared.number,
        "issuing_country": "VN",
        "importing_country": "ID",
        "declaration": declared,
    }
    return BorderMessage(**(given | changed))
