"""Makes valid messages of any registered procedure from their schemas; the same seed gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from lxml import etree

from adapters.single_window.envelope import Head, build, party, write_moment
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import ANY, XS, Procedure, Row, Structure
from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event
from hub.rules import xml

#: The moment from which generated messages count their days.
START = datetime(2026, 3, 2, 8, 0, tzinfo=VIETNAM)
#: Area codes of the three provinces that pilot the environmental procedures, by day: before and after 1 July 2025.
PILOT_AREAS: Mapping[str, str] = {"27": "Bắc Ninh", "24": "Bắc Ninh", "75": "Đồng Nai", "48": "Đà Nẵng"}

#: Values by element name, where a plain word would not do. Persons are plainly invented.
_NAMED: Mapping[str, tuple[str, ...]] = {
    "ImporterName": ("Công ty TNHH Thử Nghiệm Một", "Công ty cổ phần Thử Nghiệm Hai", "Hợp tác xã Thử Nghiệm Ba"),
    "ImporterTaxCode": ("0000000000",),
    "ImporterAddress": ("1 Đường Thử Nghiệm", "22 Đường Thử Nghiệm", "333 Đường Thử Nghiệm"),
    "ImporterTel": ("0000000000",),
    "ImporterEmail": ("lienhe@example.org",),
    "Email": ("lienhe@example.org",),
    "Phone": ("0000000000",),
    "SignName": ("Nguyễn Thử Nghiệm",),
    "SignConfirmName": ("Trần Thử Nghiệm",),
    "CreaterName": ("Trần Thử Nghiệm",),
    "Department": ("Cục Thử Nghiệm",),
    "NameOfOfficer": ("Trần Thử Nghiệm",),
    "OriginCountryCode": ("IN", "TH", "JP"),
    "OriginCountryName": ("Ấn Độ", "Thái Lan", "Nhật Bản"),
    "PackageUnitCode": ("KGM", "TNE"),
    "QuantityUnitCode": ("KGM", "TNE"),
    "LinkFile": ("https://files.example.org/1001", "https://files.example.org/1002"),
    "NameOfAttachment": ("hop-dong.pdf", "hoa-don.pdf"),
    "IdentityNumberOfRegistration": ("000000000000",),
    **dict.fromkeys(("FileByte", "Base64FileContent", "HealthCertificateFile", "DispatchFile", "FileAttack"), ("dGjhu60=",)),
    "SHA1FileContent": ("fb28e562c2b204e3889cdab5b72f5889bfd0bf31",),
    "AttachmentId": ("1001", "1002"),
    "NameOfGoods": ("Giấy vụn", "Nhựa PET vụn", "Thép vụn"),
    "ProductBusinessName": ("Tôm đông lạnh", "Cá ngừ đông lạnh"),
    "HsCode": ("47071000", "39159090", "72044900"),
    "QuantityUnitName": ("Kilogram", "Tấn"),
    "PackageUnitName": ("Kilogram", "Tấn"),
    "BordergateName": ("Cảng Thử Nghiệm",),
    "Purpose": ("Làm nguyên liệu sản xuất",),
    "FacilityName": ("Nhà máy Thử Nghiệm",),
    "FacilityAddress": ("4 Đường Thử Nghiệm",),
    "SignPosition": ("Giám đốc",),
    "SignAddress": ("Hà Nội",),
    "Reason": ("lý do thử nghiệm",),
    # first generation
    "NameOfShip": ("THU NGHIEM 01", "THU NGHIEM 02"),
    "FlagStateOfShip": ("VN", "PA"),
    "NameOfMaster": ("Nguyễn Thử Nghiệm",),
    "NameOfShipownersAgents": ("Công ty TNHH Đại lý Thử Nghiệm",),
    "NameOfShipAgent": ("Công ty TNHH Đại lý Thử Nghiệm",),
    "TaxCodeOfShipownersAgents": ("0000000000",),
    "TaxCodeOfShipAgent": ("0000000000",),
    "ImporterCode": ("0000000000",),
    "ShipAgencyAddress": ("5 Đường Thử Nghiệm",),
    "ShipAgencyPhone": ("0000000000",),
    "ShipAgencyEmail": ("dai-ly@example.org",),
    "TotalFee": ("100000", "250000"),
    "FullFileName": ("giay-phep.pdf",),
    "FileURL": ("https://files.example.org/2001",),
    "Base64FileContent": ("dGjhu60=",),
}
_MOMENTS = ("moment", "sentAt")
_WHOLE = ("byte", "short", "int", "integer", "long", "nonNegativeInteger", "positiveInteger")


class Source:
    """What one generated message draws from."""

    def __init__(self, seed: int, given: Mapping[str, str]) -> None:
        self.random = random.Random(seed)  # noqa: S311 (samples, not secrets)
        self.day = START + timedelta(minutes=seed % 400_000)
        #: Values that are given instead of drawn, by element name.
        self.given = given
        #: What the schema of the content declares, and its types behind a colon.
        self.declared: Mapping[str, etree._Element] = {}

    def identifier(self) -> str:
        """Draw a message identifier."""
        return str(UUID(int=self.random.getrandbits(128), version=4))


def message(
    document_type: str,
    type_: str,
    function: str,
    *,
    seed: int = 1,
    reference: str = "",
    unit_code: str = "",
    given: Mapping[str, str] | None = None,
    sent_at: str = "",
    direction: str = "",
    options: Options | None = None,
) -> bytes:
    """Write one valid envelope of a procedure; ``given`` fixes values of content elements by name.

    ``direction`` is for messages that both sides send.
    """
    options = options or _default_options()
    procedure = options.book.procedures[document_type]
    row = procedure.find(type_, function)
    if row is None:
        raise ValueError(f"{document_type} has no message {type_}/{function}")
    number = reference or make_reference(document_type, seed)
    source = Source(seed, {"NSWFileCode": number, "NswFileCode": number, "DocumentName": number, **(given or {})})
    head = _head(procedure, row, direction or row.direction, number, unit_code, source, options)
    if sent_at:
        head = replace(head, subject={**head.subject, "sendDate": sent_at})
    content = _content(row, procedure.structures[row.service], source)
    return xml.serialise(build(head, content, *_beside(row, source), dialect=options.dialect_of(procedure)))


@lru_cache(maxsize=1)
def _default_options() -> Options:
    return Options()


def application(
    document_type: str = "BTNMT0600001",
    *,
    seed: int = 1,
    reference: str = "",
    unit_code: str = "",
    area_code: str = "27",
    sent_at: str = "",
) -> bytes:
    """Write a new application; its place is the receiving unit in the header and the area code in the content."""
    row = Options().book.procedures[document_type].telling(Event.SUBMITTED, "to_ministry")[0]
    place = {"ProvinceCode": area_code, "ProvinceName": PILOT_AREAS.get(area_code, "Tỉnh khác")}
    return message(
        document_type,
        row.type,
        row.function,
        seed=seed,
        reference=reference,
        unit_code=unit_code,
        given=place,
        sent_at=sent_at,
    )


def make_reference(document_type: str, seed: int) -> str:
    """Make a dossier number in one of the shapes seen: ministry, procedure, year, seven digits; or ``QG``, year, six digits.

    The first generation has nothing but a number.
    """
    year = START.year
    known = _default_options().book.find(document_type)
    if known is not None and known.dialect in ("maritime", "vehicle_inspection"):
        return str(900_000_000 + seed % 99_999_999)
    if "&" in document_type:  # this family's content takes twelve characters only
        return f"QG{year}{seed % 1_000_000:06d}"
    stem = document_type.rstrip("0123456789")
    return f"{stem}{document_type[-2:]}{year % 100:02d}{seed % 10_000_000:07d}"


def eleven_faults(seed: int = 1) -> bytes:
    """Write an application with eleven independent faults, in header and content."""
    root = xml.parse(application("BTNMT0600001", seed=seed))
    profile = root.find("Body/Content/RegistrationProfile")
    subject = root.find("Header/Subject")
    assert profile is not None and subject is not None
    for parent, name in ((subject, "preReference"), (profile, "ImporterName"), (profile, "Purpose"), (profile, "SignName")):
        parent.remove(_child(parent, name))
    _child(subject, "sendDate").text = "02/03/2026 08:00"
    _child(subject, "documentYear").text = "hai nghìn"
    _child(profile, "ImporterAddress").text = "x" * 251
    _child(profile, "ProvinceCode").text = " "
    _child(profile, "SignDate").text = "2026-03-02T08:00:00+07:00"
    etree.SubElement(profile, "RegistrationType").text = "1"
    goods = profile.find("GoodsList/Goods/Quantity")
    assert goods is not None
    goods.text = "một trăm"
    return xml.serialise(root)


def _child(parent: etree._Element, name: str) -> etree._Element:
    child = parent.find(name)
    assert child is not None
    return child


def _head(
    procedure: Procedure, row: Row, direction: str, number: str, unit_code: str, source: Source, options: Options
) -> Head:
    dialect, office = options.dialect_of(procedure), procedure.office_code
    ministry = party(dialect.ministry_party or options.ministry_parties.get(office) or party_of(office), unit_code)
    gateway = party(dialect.gateway_party or options.gateway_party)
    to_ministry = direction != "to_gateway"
    values = {
        "documentType": procedure.document_type,
        "type": row.type,
        "function": row.function,
        "reference": number,
        "documentYear": str(START.year),
        "preReference": number,
        "preDocumentYear": str(START.year),
        "sendDate": write_moment(source.day),
    }
    return Head(
        version=dialect.version,
        message_id=source.identifier(),
        sender=gateway if to_ministry else ministry,
        receiver=ministry if to_ministry else gateway,
        subject={name: values[name] for name in dialect.subject_order},
    )


# --- content, from the schema ------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _document(path: Path) -> etree._Element:
    return xml.parse(path.read_bytes())


@lru_cache(maxsize=1024)
def _declared(path: Path) -> Mapping[str, etree._Element]:
    """Read what a schema and its includes declare: roots by name, types by name behind a colon."""
    found: dict[str, etree._Element] = {}
    for node in _document(path):
        if node.tag == f"{XS}include":
            found |= _declared(path.parent / str(node.get("schemaLocation")))
        elif name := node.get("name"):
            found[name if node.tag == f"{XS}element" else f":{name}"] = node
    return found


#: Values that are at hand for every message; where the structure is not public, others stand in the content as they are named.
_ALWAYS_GIVEN = frozenset({"NSWFileCode", "NswFileCode", "DocumentName", "ProvinceCode", "ProvinceName"})


def _content(row: Row, structure: Structure, source: Source) -> etree._Element:
    """Fill the content: all that the schema declares, else a few plain elements under the root."""
    if row.schema_file:
        source.declared = _declared(structure.file)
        return _fill(source.declared[row.root], source)
    content = etree.Element("Anything" if row.root == ANY else row.root)
    more = tuple(name for name in source.given if row.root == ANY and name not in _ALWAYS_GIVEN)
    for name in dict.fromkeys((*(() if "NswFileCode" in row.fields else ("NSWFileCode",)), *row.fields, "Note", *more)):
        moment = row.fields.get(name, ("",))[0].endswith(("_at", ".at"))
        etree.SubElement(content, name).text = source.given.get(name) or _value(name, "moment" if moment else "", source)
    return content


def _beside(row: Row, source: Source) -> list[etree._Element]:
    """Fill the elements that stand beside the content's first, where the schema has them."""
    return [_fill(source.declared[name], source) for name in row.beside if name in source.declared]


def _fill(declared: etree._Element, source: Source) -> etree._Element:
    name = str(declared.get("name"))
    element = etree.Element(name)
    type_ = str(declared.get("type", ""))
    body = source.declared.get(f":{type_}", declared) if declared.find(f"{XS}complexType") is None else declared
    children = [*body.iterfind(f"{XS}complexType/*/{XS}element"), *body.iterfind(f"*/{XS}element")]
    for child in children:
        for _ in range(_times(child, source)):
            element.append(_fill(child, source))
    if not children:
        element.text = source.given.get(name) or _value(name, type_, source)
    return element


def _times(declared: etree._Element, source: Source) -> int:
    """Draw how often an element stands: lists once to three times, what is optional four times of five."""
    if declared.get("maxOccurs") == "unbounded":
        return source.random.randint(1, 3)
    wanted = declared.get("name") in source.given or declared.find(f"{XS}complexType") is not None
    return 1 if wanted or declared.get("minOccurs") != "0" or source.random.random() < 0.8 else 0


def _value(name: str, type_: str, source: Source) -> str:
    if type_ in _MOMENTS:
        return write_moment(source.day + timedelta(days=source.random.randint(0, 30)))
    limits = _facets(type_, source)
    if limits["base"] in ("dateTime", "date"):
        return source.day.isoformat() if limits["base"] == "dateTime" else source.day.date().isoformat()
    if "fractionDigits" in limits or limits["base"] in ("decimal", "double"):
        return f"{source.random.randint(1, 5000)}.5"
    if limits["base"] in _WHOLE:
        # Codes of up to three digits mean yes or no in most places.
        highest = int(limits.get("maxInclusive", "9999"))
        return str(source.random.randint(0, 1) if highest < 1000 else source.random.randint(1, 5000))
    words = _NAMED.get(name) or (f"mẫu {source.random.randint(1, 999)}",)
    return source.random.choice(words)[: int(limits.get("maxLength", "1000"))].strip()


def _facets(type_: str, source: Source) -> Mapping[str, str]:
    """Read a simple type's limits, and under ``base`` the built-in type below it."""
    declared = source.declared.get(f":{type_}")
    if declared is None:
        return {"base": type_.rpartition(":")[2]}
    restriction = declared.find(f"{XS}restriction")
    if restriction is None:
        union = declared.find(f"{XS}union")
        return {"base": "string"} if union is None else _facets(str(union.get("memberTypes")).split()[0], source)
    below = _facets(str(restriction.get("base")), source)
    return {**below, **{etree.QName(facet).localname: str(facet.get("value")) for facet in restriction}}
