"""Makes valid messages of any registered procedure from their schemas; the same seed gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from lxml import etree

from adapters.single_window.envelope import SUBJECT, Head, build, party, write_moment
from adapters.single_window.options import Options
from adapters.single_window.registry import GEN2, XS, Procedure, Row
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
    "FileByte": ("dGjhu60=",),
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
}
_MOMENTS = ("moment", "sentAt")


class Source:
    """What one generated message draws from."""

    def __init__(self, seed: int, given: Mapping[str, str]) -> None:
        self.random = random.Random(seed)  # noqa: S311 (samples, not secrets)
        self.day = START + timedelta(minutes=seed % 400_000)
        #: Values that are given instead of drawn, by element name.
        self.given = given

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
    options: Options | None = None,
) -> bytes:
    """Write one valid envelope of a procedure; ``given`` fixes values of content elements by name."""
    options = options or Options()
    procedure = options.book.procedures[document_type]
    row = procedure.find(type_, function)
    if row is None:
        raise ValueError(f"{document_type} has no message {type_}/{function}")
    number = reference or make_reference(document_type, seed)
    source = Source(seed, {"NSWFileCode": number, **(given or {})})
    head = _head(procedure, row, number, unit_code, source, options)
    if sent_at:
        head = replace(head, subject={**head.subject, "sendDate": sent_at})
    return xml.serialise(build(head, _fill(_root(row), source)))


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
    """Make a dossier number in one of the shapes seen: ministry, procedure, year, seven digits; or ``QG``, year, six digits."""
    year = START.year
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


def _head(procedure: Procedure, row: Row, number: str, unit_code: str, source: Source, options: Options) -> Head:
    ministry = party(options.ministry_parties[procedure.office_code], unit_code)
    gateway = party(options.gateway_party)
    to_ministry = row.direction == "to_ministry"
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
        version=options.version,
        message_id=source.identifier(),
        sender=gateway if to_ministry else ministry,
        receiver=ministry if to_ministry else gateway,
        subject={name: values[name] for name in SUBJECT},
    )


# --- content, from the schema ------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _document(path: Path) -> etree._Element:
    return xml.parse(path.read_bytes())


def _root(row: Row) -> etree._Element:
    declared = _document(GEN2 / row.schema_file).iterfind(f"{XS}element")
    return next(element for element in declared if element.get("name") == row.root)


def _fill(declared: etree._Element, source: Source) -> etree._Element:
    name = str(declared.get("name"))
    element = etree.Element(name)
    children = list(declared.iterfind(f"{XS}complexType/*/{XS}element"))
    for child in children:
        for _ in range(_times(child, source)):
            element.append(_fill(child, source))
    if not children:
        element.text = source.given.get(name) or _value(name, str(declared.get("type")), source)
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
    limits = dict(_facets(type_))
    if "fractionDigits" in limits:
        return f"{source.random.randint(1, 5000)}.5"
    if "maxInclusive" in limits:
        # Codes of up to three digits mean yes or no in most places.
        highest = int(limits["maxInclusive"])
        return str(source.random.randint(0, 1) if highest < 1000 else source.random.randint(1, 5000))
    words = _NAMED.get(name) or (f"mẫu {source.random.randint(1, 999)}",)
    return source.random.choice(words)[: int(limits.get("maxLength", "1000"))].strip()


@lru_cache(maxsize=256)
def _facets(type_: str) -> tuple[tuple[str, str], ...]:
    return tuple(_facets_of(type_))


def _facets_of(type_: str) -> Iterable[tuple[str, str]]:
    for declared in _document(GEN2 / "common.xsd").iterfind(f"{XS}simpleType"):
        if declared.get("name") == type_:
            for facet in declared.iterfind(f"{XS}restriction/*"):
                yield etree.QName(facet).localname, str(facet.get("value"))
