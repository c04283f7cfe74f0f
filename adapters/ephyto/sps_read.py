"""Phytosanitary certificates, read: every fault at once, and what has no place is listed (Message Translator)."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.ephyto.sps_read_content import parsed
from adapters.ephyto.sps_read_elements import Node, Reading, local
from hub.canonical.border.parts import BorderParty, Country, Package, Place
from hub.canonical.border.phyto import (
    Characteristic,
    Classification,
    Clause,
    Equipment,
    Movement,
    Note,
    Phyto,
    PhytoItem,
    PhytoLine,
    ReferencedDocument,
    Signing,
    Treatment,
)
from hub.canonical.document import Attachment
from hub.contract import InlineFile
from hub.errors import Fault, InvalidMessage, missing

ROOT = "SPSCertificate"
ADDRESS_LINES = ("LineOne", "LineTwo", "LineThree", "LineFour", "LineFive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A certificate and the files that stood inside it."""

    phyto: Phyto
    files: tuple[InlineFile, ...] = ()


def read_certificate(xml: bytes) -> Phyto:
    """Read a certificate; raise InvalidMessage with all faults."""
    return read_whole(xml).phyto


def read_whole(xml: bytes) -> Whole:
    """Read a certificate with the files that stand inside it; raise InvalidMessage with all faults."""
    root, faults = parsed(xml)
    check_root(root.tag, ROOT, faults)
    reading = Reading(faults=list(faults))
    phyto = _certificate(Node(root, f"/{ROOT}", reading))
    if reading.faults:
        raise InvalidMessage(reading.faults)
    unplaced = reading.all_unplaced(f"/{ROOT}")
    return Whole(phyto=phyto.model_copy(update={"unplaced": unplaced}), files=tuple(reading.files.values()))


def check_root(tag: object, wanted: str, faults: tuple[Fault, ...]) -> None:
    """Raise InvalidMessage where a document is another one."""
    if local(str(tag)).lower() != wanted.lower():
        vi, en = f"phần tử gốc phải là {wanted}", f"the root element must be {wanted}"
        raise InvalidMessage([*faults, Fault("/", "unexpected", vi, en)])


def _certificate(root: Node) -> Phyto:
    document, consignment = root.node("SPSExchangedDocument"), root.node("SPSConsignment")
    for name, node in (("SPSExchangedDocument", document), ("SPSConsignment", consignment)):
        if node is None:
            root.reading.fault(missing(f"{root.path}/{name}"))
    about = _document(document) if document else Phyto(number="", type_code="", status="")
    return root.closed(_consignment(consignment, about) if consignment else about)


def _document(node: Node) -> Phyto:
    issuer, signing = node.node("IssuerSPSParty"), node.node("SignatorySPSAuthentication")
    return node.closed(
        Phyto(
            number=node.only("ID"),
            type_code=node.only("TypeCode"),
            status=node.only("StatusCode"),
            name=node.text("Name"),
            issued_at=node.moment("IssueDateTime"),
            issuer=issuer.closed(issuer.text("Name")) if issuer else "",
            notes=notes(node, "IncludedSPSNote"),
            references=references(node),
            signing=_signing(signing) if signing else None,
        )
    )


def _consignment(node: Node, about: Phyto) -> Phyto:
    consignor, consignee = node.node("ConsignorSPSParty"), node.node("ConsigneeSPSParty")
    unloading, examination = node.node("UnloadingBaseportSPSLocation"), node.node("ExaminationSPSEvent")
    return node.closed(
        about.model_copy(
            update={
                "consignor": _party(consignor) if consignor else None,
                "consignee": _party(consignee) if consignee else None,
                "export_country": _country(node.node("ExportSPSCountry")),
                "import_country": _country(node.node("ImportSPSCountry")),
                "transit_countries": tuple(_country(each) for each in node.nodes("TransitSPSCountry")),
                "unloading": _place(unloading) if unloading else None,
                "examination": _below(examination, "OccurrenceSPSLocation", "Name"),
                "movements": tuple(_movement(each) for each in node.nodes("MainCarriageSPSTransportMovement")),
                "equipment": tuple(_equipment(each) for each in node.nodes("UtilizedSPSTransportEquipment")),
                "items": tuple(_item(each) for each in node.nodes("IncludedSPSConsignmentItem")),
            }
        )
    )


# --- the document -------------------------------------------------------------------------------------------------


def notes(node: Node, name: str) -> tuple[Note, ...]:
    """Read notes."""
    return tuple(
        each.closed(Note(subject=each.word("Subject"), texts=each.texts("Content"))) for each in node.nodes(name)
    )


def references(node: Node) -> tuple[ReferencedDocument, ...]:
    """Read the documents that are referred to; one that holds several files is told once for each of them."""
    return tuple(found for each in node.nodes("ReferenceSPSReferencedDocument") for found in _reference(each))


def _reference(node: Node) -> tuple[ReferencedDocument, ...]:
    files: list[tuple[Attachment | None, str]] = [*node.files("AttachmentBinaryObject")]
    document = node.closed(
        ReferencedDocument(
            type_code=node.word("TypeCode"),
            relationship=node.word("RelationshipTypeCode"),
            number=node.word("ID"),
            issued_at=node.moment("IssueDateTime"),
            information=node.text("Information"),
        )
    )
    each_file = files or [(None, "")]
    return tuple(document.model_copy(update={"file": file, "media_type": media_type}) for file, media_type in each_file)


def _signing(node: Node) -> Signing:
    place, provider = node.node("IssueSPSLocation"), node.node("ProviderSPSParty")
    authority = provider.text("Name") if provider else ""
    officer = _below(provider, "SpecifiedSPSPerson", "Name")
    clauses = (
        each.closed(Clause(id=each.maybe_number("ID"), text=each.text("Content"))) for each in node.nodes("IncludedSPSClause")
    )
    return node.closed(
        Signing(
            at=node.moment("ActualDateTime"),
            place=_place(place) if place else Place(),
            authority=authority,
            officer=officer,
            clauses=tuple(clauses),
        )
    )


def _below(node: Node | None, child: str, name: str) -> str:
    """Read a text one level below."""
    if node is None:
        return ""
    below = node.node(child)
    return node.closed(below.closed(below.text(name)) if below else "")


# --- the consignment ----------------------------------------------------------------------------------------------


def _party(node: Node) -> BorderParty:
    address = node.node("SpecifiedSPSAddress")
    lines = [address.text(name) for name in ADDRESS_LINES] if address else []
    while lines and not lines[-1]:
        lines.pop()
    if address:
        address.closed(None)
    party = BorderParty(name=node.text("Name"), lines=tuple(lines), types=node.coded("TypeCode", "listName"))
    return node.closed(party)


def _country(node: Node | None) -> Country:
    if node is None:
        return Country()
    subdivision = node.node("SubordinateSPSCountrySubDivision")
    return node.closed(
        Country(
            code=node.word("ID"),
            names=node.texts("Name"),
            subdivision=subdivision.closed(subdivision.text("Name")) if subdivision else "",
        )
    )


def _place(node: Node) -> Place:
    return node.closed(Place(code=node.word("ID"), name=node.text("Name")))


def _movement(node: Node) -> Movement:
    means = node.node("UsedSPSTransportMeans")
    name = means.closed(means.text("Name")) if means else ""
    return node.closed(Movement(mode=node.word("ModeCode"), voyage=node.word("ID"), means=name))


def _equipment(node: Node) -> Equipment:
    seals = tuple(each.closed(each.word("ID")) for each in node.nodes("AffixedSPSSeal"))
    return node.closed(Equipment(id=node.word("ID"), seals=tuple(each for each in seals if each)))


def _item(node: Node) -> PhytoItem:
    cargo = [each.closed(each.words("TypeCode")) for each in node.nodes("NatureIdentificationSPSCargo")]
    lines = tuple(_line(each) for each in node.nodes("IncludedSPSTradeLineItem"))
    return node.closed(PhytoItem(cargo_types=tuple(code for codes in cargo for code in codes), lines=lines))


def _line(node: Node) -> PhytoLine:
    return node.closed(
        PhytoLine(
            sequence=node.whole_number("SequenceNumeric"),
            descriptions=node.texts("Description"),
            common_names=node.texts("CommonName"),
            scientific_names=node.texts("ScientificName"),
            intended_uses=node.texts("IntendedUse"),
            net_weight=node.measure("NetWeightMeasure"),
            gross_weight=node.measure("GrossWeightMeasure"),
            net_volume=node.measure("NetVolumeMeasure"),
            gross_volume=node.measure("GrossVolumeMeasure"),
            notes=notes(node, "AdditionalInformationSPSNote"),
            classifications=tuple(_classification(each) for each in node.nodes("ApplicableSPSClassification")),
            packages=tuple(_package(each) for each in node.nodes("PhysicalSPSPackage")),
            origins=tuple(_country(each) for each in node.nodes("OriginSPSCountry")),
            treatments=tuple(_treatment(each) for each in node.nodes("AppliedSPSProcess")),
        )
    )


def _classification(node: Node) -> Classification:
    found = Classification(system=node.word("SystemName"), code=node.word("ClassCode"), names=node.texts("ClassName"))
    return node.closed(found)


def _package(node: Node) -> Package:
    marks = node.node("PhysicalSPSShippingMarks")
    return node.closed(
        Package(
            level=node.word("LevelCode"),
            kind=node.word("TypeCode"),
            count=node.quantity("ItemQuantity"),
            marks=marks.closed(marks.text("Marking")) if marks else "",
        )
    )


def _treatment(node: Node) -> Treatment:
    period = node.node("CompletionSPSPeriod")
    characteristics = tuple(
        each.closed(Characteristic(descriptions=each.texts("Description"), value=each.measure("ValueMeasure")))
        for each in node.nodes("ApplicableSPSProcessCharacteristic")
    )
    treatment = Treatment(
        type_code=node.word("TypeCode"),
        starts_at=period.moment("StartDateTime") if period else "",
        ends_at=period.moment("EndDateTime") if period else "",
        duration=period.measure("DurationMeasure") if period else None,
        characteristics=characteristics,
    )
    if period:
        period.closed(None)
    return node.closed(treatment)
