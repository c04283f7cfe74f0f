"""Phytosanitary certificates, written: same value, same bytes; elements stand in the order of the schema (Message Translator)."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.ephyto.sps_read import ADDRESS_LINES, ROOT
from adapters.ephyto.sps_write_elements import CERTIFICATE, Part, Writing, document, section
from hub.canonical.border.parts import BorderParty, Country, Package, Place
from hub.canonical.border.phyto import (
    Classification,
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
from hub.errors import Fault, InvalidMessage
from hub.rules import base64_files, xml


def write_certificate(phyto: Phyto, contents: Mapping[str, bytes] | None = None, *, typed: bool = False) -> bytes:
    """Write a certificate; raise InvalidMessage with all faults where it cannot be written.

    ``contents``: the bytes of its files (``file_names``). ``typed``: for the operation that takes the certificate as
    elements of its own call, whose contract has four of them in no namespace.
    """
    writing = Writing(contents or {}, typed)
    root = document(CERTIFICATE, ROOT, writing)
    _document(section(root, CERTIFICATE, "SPSExchangedDocument"), phyto)
    _consignment(section(root, CERTIFICATE, "SPSConsignment"), phyto)
    if writing.faults:
        raise InvalidMessage(writing.faults)
    return xml.serialise(root.element)


def file_names(phyto: Phyto) -> tuple[str, ...]:
    """Name the files that must stand inside a certificate, by their addresses in it."""
    return tuple(dict.fromkeys(each.file.url for each in phyto.references if each.file and each.file.url))


# --- the document -------------------------------------------------------------------------------------------------


def _document(part: Part, phyto: Phyto) -> None:
    part.text("Name", phyto.name, "/phyto/name")
    part.text("ID", phyto.number, "/phyto/number")
    part.text("TypeCode", phyto.type_code, "/phyto/type_code")
    part.text("StatusCode", phyto.status, "/phyto/status")
    part.moment("IssueDateTime", phyto.issued_at, "/phyto/issued_at")
    if phyto.issuer:
        part.part("IssuerSPSParty").text("Name", phyto.issuer, "/phyto/issuer")
    write_notes(part, "IncludedSPSNote", phyto.notes, "/phyto/notes")
    write_references(part, phyto.references, "/phyto/references")
    if phyto.signing is not None:
        _signing(part.part("SignatorySPSAuthentication"), phyto.signing, "/phyto/signing")


def write_notes(part: Part, name: str, notes: tuple[Note, ...], path: str) -> None:
    """Write notes, each with its subject and at least one content."""
    for number, note in enumerate(notes):
        one = part.part(name)
        one.text("Subject", note.subject, f"{path}/{number}/subject")
        one.texts("Content", note.texts, f"{path}/{number}/texts", always=True)


def write_references(part: Part, references: tuple[ReferencedDocument, ...], path: str) -> None:
    """Write the documents that are referred to, with their files inside."""
    for number, each in enumerate(references):
        one, place = part.part("ReferenceSPSReferencedDocument"), f"{path}/{number}"
        one.moment("IssueDateTime", each.issued_at, f"{place}/issued_at")
        one.text("TypeCode", each.type_code, f"{place}/type_code")
        one.text("RelationshipTypeCode", each.relationship, f"{place}/relationship", always=False)
        one.text("ID", each.number, f"{place}/number", always=False)
        _file(one, each, f"{place}/file")
        one.text("Information", each.information, f"{place}/information", always=False)


def _file(part: Part, reference: ReferencedDocument, path: str) -> None:
    file = reference.file
    if file is None:
        return
    octets = part.writing.contents.get(file.url) if file.url else b""
    if octets is None:
        vi, en = "thiếu nội dung tệp phải gửi kèm trong thông điệp", "the file that must stand inside the message is not there"
        part.writing.faults.append(Fault(path, "without_content", vi, en))
        return
    attributes = {"mimeCode": reference.media_type, "filename": file.name}
    part.file("AttachmentBinaryObject", base64_files.written(octets), attributes, path)


def _signing(part: Part, signing: Signing, path: str) -> None:
    part.moment("ActualDateTime", signing.at, f"{path}/at", always=True)
    place = part.part("IssueSPSLocation")
    place.text("ID", signing.place.code, f"{path}/place/code", always=False)
    place.text("Name", signing.place.name, f"{path}/place/name")
    provider = part.part("ProviderSPSParty")
    provider.text("Name", signing.authority, f"{path}/authority")
    provider.part("SpecifiedSPSPerson").text("Name", signing.officer, f"{path}/officer")
    for number, clause in enumerate(signing.clauses):
        one = part.part("IncludedSPSClause")
        # Assumed: the empty clause of a re-export certificate is one without number.
        one.text("ID", str(clause.id) if clause.id else "", f"{path}/clauses/{number}/id")
        one.text("Content", clause.text, f"{path}/clauses/{number}/text")


# --- the consignment ----------------------------------------------------------------------------------------------


def _consignment(part: Part, phyto: Phyto) -> None:
    _party(part, "ConsignorSPSParty", phyto.consignor, "/phyto/consignor")
    _party(part, "ConsigneeSPSParty", phyto.consignee, "/phyto/consignee")
    _country(part, "ExportSPSCountry", phyto.export_country, "/phyto/export_country")
    _country(part, "ImportSPSCountry", phyto.import_country, "/phyto/import_country")
    for number, country in enumerate(phyto.transit_countries):
        _country(part, "TransitSPSCountry", country, f"/phyto/transit_countries/{number}", always=True)
    if phyto.unloading is not None:
        _place(part.part("UnloadingBaseportSPSLocation"), phyto.unloading, "/phyto/unloading")
    # Public samples always have it, without a name where none is said.
    examination = part.part("ExaminationSPSEvent").part("OccurrenceSPSLocation")
    examination.text("Name", phyto.examination, "/phyto/examination")
    for number, movement in enumerate(phyto.movements):
        _movement(part.part("MainCarriageSPSTransportMovement"), movement, f"/phyto/movements/{number}")
    for number, equipment in enumerate(phyto.equipment):
        _equipment(part.part("UtilizedSPSTransportEquipment"), equipment, f"/phyto/equipment/{number}")
    for number, item in enumerate(phyto.items):
        _item(part.part("IncludedSPSConsignmentItem"), item, f"/phyto/items/{number}")


def _party(part: Part, name: str, party: BorderParty | None, path: str) -> None:
    if party is None:
        return
    one = part.part(name)
    one.text("Name", party.name, f"{path}/name")
    for number, (code, listed) in enumerate(party.types):
        one.coded("TypeCode", code, "listName", listed, f"{path}/types/{number}")
    if len(party.lines) > len(ADDRESS_LINES):
        vi, en = "địa chỉ có quá 5 dòng", "the address has more than 5 lines"
        part.writing.faults.append(Fault(f"{path}/lines", "too_many", vi, en))
    address = one.part("SpecifiedSPSAddress")
    # The last line that is there is written with all before it, so that each keeps its place.
    for number, line in enumerate(party.lines[: len(ADDRESS_LINES)]):
        address.text(ADDRESS_LINES[number], line, f"{path}/lines/{number}")


def _country(part: Part, name: str, country: Country, path: str, *, always: bool = False) -> None:
    if country == Country() and not always:
        return
    one = part.part(name)
    one.text("ID", country.code, f"{path}/code")
    one.texts("Name", country.names, f"{path}/names", always=True)
    if country.subdivision:
        subdivision = one.part("SubordinateSPSCountrySubDivision")
        subdivision.text("Name", country.subdivision, f"{path}/subdivision")


def _place(part: Part, place: Place, path: str) -> None:
    part.text("ID", place.code, f"{path}/code")
    part.text("Name", place.name, f"{path}/name")


def _movement(part: Part, movement: Movement, path: str) -> None:
    part.text("ID", movement.voyage, f"{path}/voyage", always=False)
    part.text("ModeCode", movement.mode, f"{path}/mode")
    part.part("UsedSPSTransportMeans").text("Name", movement.means, f"{path}/means")


def _equipment(part: Part, equipment: Equipment, path: str) -> None:
    part.text("ID", equipment.id, f"{path}/id", bare=True)
    for number, seal in enumerate(equipment.seals):
        part.part("AffixedSPSSeal").text("ID", seal, f"{path}/seals/{number}", bare=True)


def _item(part: Part, item: PhytoItem, path: str) -> None:
    if item.cargo_types:
        cargo = part.part("NatureIdentificationSPSCargo", bare=True)
        for number, code in enumerate(item.cargo_types):
            cargo.text("TypeCode", code, f"{path}/cargo_types/{number}", bare=True)
    for number, line in enumerate(item.lines):
        _line(part.part("IncludedSPSTradeLineItem"), line, f"{path}/lines/{number}")


def _line(part: Part, line: PhytoLine, path: str) -> None:
    part.text("SequenceNumeric", str(line.sequence), f"{path}/sequence")
    part.texts("Description", line.descriptions, f"{path}/descriptions")
    part.texts("CommonName", line.common_names, f"{path}/common_names")
    part.texts("ScientificName", line.scientific_names, f"{path}/scientific_names")
    part.texts("IntendedUse", line.intended_uses, f"{path}/intended_uses")
    part.measure("NetWeightMeasure", line.net_weight, f"{path}/net_weight")
    part.measure("GrossWeightMeasure", line.gross_weight, f"{path}/gross_weight")
    part.measure("NetVolumeMeasure", line.net_volume, f"{path}/net_volume")
    part.measure("GrossVolumeMeasure", line.gross_volume, f"{path}/gross_volume")
    write_notes(part, "AdditionalInformationSPSNote", line.notes, f"{path}/notes")
    for number, each in enumerate(line.classifications):
        _classification(part.part("ApplicableSPSClassification"), each, f"{path}/classifications/{number}")
    for number, package in enumerate(line.packages):
        _package(part.part("PhysicalSPSPackage"), package, f"{path}/packages/{number}")
    for number, country in enumerate(line.origins):
        _country(part, "OriginSPSCountry", country, f"{path}/origins/{number}", always=True)
    for number, treatment in enumerate(line.treatments):
        _treatment(part.part("AppliedSPSProcess"), treatment, f"{path}/treatments/{number}")


def _classification(part: Part, each: Classification, path: str) -> None:
    part.text("SystemName", each.system, f"{path}/system")
    part.text("ClassCode", each.code, f"{path}/code", always=False)
    part.texts("ClassName", each.names, f"{path}/names", always=True)


def _package(part: Part, package: Package, path: str) -> None:
    part.text("LevelCode", package.level, f"{path}/level")
    part.text("TypeCode", package.kind, f"{path}/kind")
    if package.count is not None:
        part.text("ItemQuantity", f"{package.count:f}", f"{path}/count")
    if package.marks:
        # Assumed: its place in the UN/CEFACT schema; the service's own contract has none.
        part.part("PhysicalSPSShippingMarks").text("Marking", package.marks, f"{path}/marks")


def _treatment(part: Part, treatment: Treatment, path: str) -> None:
    part.text("TypeCode", treatment.type_code, f"{path}/type_code")
    if treatment.starts_at or treatment.ends_at or treatment.duration is not None:
        period = part.part("CompletionSPSPeriod")
        period.moment("StartDateTime", treatment.starts_at, f"{path}/starts_at")
        period.moment("EndDateTime", treatment.ends_at, f"{path}/ends_at")
        period.measure("DurationMeasure", treatment.duration, f"{path}/duration")
    for number, each in enumerate(treatment.characteristics):
        one = part.part("ApplicableSPSProcessCharacteristic")
        one.texts("Description", each.descriptions, f"{path}/characteristics/{number}/descriptions")
        one.measure("ValueMeasure", each.value, f"{path}/characteristics/{number}/value")
