"""A phytosanitary certificate out of the form in which a ministry told the Single Window of it; every place of it is assumed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from hub.canonical.border.parts import BorderParty, Country, Measure, Package, Place, Text
from hub.canonical.border.phyto import (
    Characteristic,
    Clause,
    Movement,
    Note,
    Phyto,
    PhytoItem,
    PhytoLine,
    ReferencedDocument,
    Signing,
    Treatment,
)

EXPORT, REEXPORT, ISSUED = "851", "657", "70"
#: Treatment, with its full text; additional declaration; marks; the original certificate of what is exported again.
_TREATMENT, _FULL_TEXT, _ORIGINAL = "ZZZ", "TTFT", "AWR"
_KINDS = {"name": "TTL1", "chemical": "TTCH", "concentration": "TTCO", "information": "TTAI"}
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_LARGEST, _PLACES = Decimal(10) ** 15, 9
#: Lines that are read, at most.
_MOST_LINES = 1_000
_ADDRESS_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Where in a form a certificate's parts stand: what we call each -> its path."""

    fields: Mapping[str, str]
    #: Of each line, and of the treatment.
    line: Mapping[str, str]
    treatment: Mapping[str, str]
    #: Notes of a certificate for re-export: texts, and what is ticked.
    reexport: Mapping[str, str] = field(default_factory=dict)
    reexport_ticks: Mapping[str, str] = field(default_factory=dict)
    #: Lists of codes: what the form has -> what the document has.
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class _Reader:
    """Reads values of a form by what we call them; what is not there, or is no text, is empty."""

    def __init__(self, form: Mapping[str, Any], places: Mapping[str, str]) -> None:
        self._form, self._places = form, places

    def text(self, name: str) -> str:
        value = self.value(name)
        return " ".join(str(value).split()) if isinstance(value, str | int | float | Decimal) else ""

    def value(self, name: str) -> Any:
        value: Any = self._form
        for part in self._places.get(name, "").split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def number(self, name: str) -> Decimal | None:
        try:
            value = Decimal(self.text(name))
        except InvalidOperation:
            return None
        exponent = value.as_tuple().exponent
        fits = value.is_finite() and 0 <= value < _LARGEST and isinstance(exponent, int) and -_PLACES <= exponent <= _PLACES
        return value if fits else None

    def measure(self, name: str) -> Measure | None:
        value = self.number(name)
        return Measure(value=value, unit=self.text(f"{name}_unit")) if value else None


def phyto_of(form: Mapping[str, Any], places: Form, country: str) -> Phyto:
    """Make the certificate that a form describes; what the form does not say stays empty, and the rules find it."""
    read = _Reader(form, places.fields)
    kind = places.codes.get("kind", {}).get(read.text("kind"), EXPORT)
    return Phyto(
        number=read.text("number"),
        type_code=kind,
        status=ISSUED,
        issued_at=_moment(read.text("issued_at")),
        issuer=read.text("authority"),
        notes=tuple(_notes(form, read, places, kind)),
        references=tuple(_references(form, places, kind)),
        signing=_signing(read, kind),
        consignor=_party(read, "exporter", country),
        consignee=_party(read, "consignee", read.text("import_country")),
        export_country=Country(code=country),
        import_country=_country(read, "import_country"),
        transit_countries=(_country(read, "transit_country"),) if read.text("transit_country") else (),
        unloading=Place(name=read.text("entry")) if read.text("entry") else None,
        movements=_movements(read, places),
        items=(PhytoItem(lines=tuple(_lines(form, read, places))),),
    )


def _moment(text: str) -> str:
    """Write a day as ISO 8601 has it; what is none stays as it is."""
    found = _DAY.fullmatch(text)
    if found:
        day, month, year = map(int, found.groups())
        text = f"{year:04}-{month:02}-{day:02}"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return text[:40]
    return text


def _country(read: _Reader, name: str) -> Country:
    said = read.text(f"{name}_name")
    return Country(code=read.text(name).upper(), names=(Text(text=said),) if said else ())


def _party(read: _Reader, name: str, country: str) -> BorderParty | None:
    said, address = read.text(name), read.text(f"{name}_address")
    lines = tuple(part.strip() for part in address.split(",", _ADDRESS_LINES - 1) if part.strip())
    return BorderParty(name=said, lines=lines, country=country.upper()) if said or lines else None


def _signing(read: _Reader, kind: str) -> Signing:
    return Signing(
        at=_moment(read.text("issued_at")),
        place=Place(name=read.text("place")),
        authority=read.text("authority"),
        officer=read.text("officer"),
        clauses=(Clause(id=1), Clause(id=2)) if kind == EXPORT else (),
    )


def _movements(read: _Reader, places: Form) -> tuple[Movement, ...]:
    mode = read.text("mode")
    movement = Movement(mode=places.codes.get("mode", {}).get(mode, mode), voyage=read.text("voyage"), means=read.text("means"))
    return (movement,) if movement != Movement() else ()


def _notes(form: Mapping[str, Any], read: _Reader, places: Form, kind: str) -> Iterator[Note]:
    for subject, name in (("ADEDL", "declaration"), ("DMCL", "marks")):
        if said := read.text(name):
            yield Note(subject=subject, texts=(Text(text=said),))
    if kind != REEXPORT:
        return
    texts, ticks = _Reader(form, places.reexport), _Reader(form, places.reexport_ticks)
    for subject in places.reexport:
        if said := texts.text(subject):
            yield Note(subject=subject, texts=(Text(text=said),))
    for subject in places.reexport_ticks:
        if said := ticks.text(subject):
            yield Note(subject=subject, texts=(Text(text="True" if said == "1" else "False"),))


def _references(form: Mapping[str, Any], places: Form, kind: str) -> Iterator[ReferencedDocument]:
    number = _Reader(form, places.reexport).text("RPCRF")
    if kind == REEXPORT and number:
        yield ReferencedDocument(type_code=EXPORT, relationship=_ORIGINAL, number=number)


def _lines(form: Mapping[str, Any], read: _Reader, places: Form) -> Iterator[PhytoLine]:
    found = read.value("lines")
    rows = found if isinstance(found, list) else [found]
    packages, treatments, origins = _packages(read), tuple(_treatments(form, places)), _origins(read)
    for sequence, row in enumerate((row for row in rows[:_MOST_LINES] if isinstance(row, Mapping)), start=1):
        line = _Reader(row, places.line)
        yield PhytoLine(
            sequence=sequence,
            descriptions=_texts(line.text("description")),
            scientific_names=_texts(line.text("scientific_name")),
            net_weight=line.measure("net_weight"),
            gross_weight=line.measure("gross_weight"),
            net_volume=line.measure("net_volume"),
            gross_volume=line.measure("gross_volume"),
            notes=tuple(_other_quantity(line)),
            # The form counts the packages of all lines together: they stand with the first.
            packages=packages if sequence == 1 else (),
            origins=origins,
            treatments=treatments,
        )


def _texts(said: str) -> tuple[Text, ...]:
    return (Text(text=said),) if said else ()


def _other_quantity(line: _Reader) -> Iterator[Note]:
    quantity = line.measure("quantity")
    if quantity is not None and quantity.unit:
        yield Note(subject="OQV", texts=(Text(text=str(quantity.value)),))
        yield Note(subject="OQU", texts=(Text(text=quantity.unit),))


def _packages(read: _Reader) -> tuple[Package, ...]:
    count, kind = read.number("package_count"), read.text("package_kind")
    return (Package(kind=kind, count=count, level=read.text("package_level") or "1"),) if count or kind else ()


def _origins(read: _Reader) -> tuple[Country, ...]:
    country = _country(read, "origin_country")
    return (country.model_copy(update={"subdivision": read.text("origin_place")}),) if country.code else ()


def _treatments(form: Mapping[str, Any], places: Form) -> Iterator[Treatment]:
    read = _Reader(form, places.treatment)
    said = {name: read.text(name) for name in ("name", "chemical", "concentration", "duration", "information")}
    if not any(said.values()):
        return
    kinds = (Characteristic(descriptions=(Text(text=kind), Text(text=said[name]))) for name, kind in _KINDS.items() if said[name])
    whole = Characteristic(descriptions=(Text(text=_FULL_TEXT), Text(text="; ".join(filter(None, said.values())))))
    yield Treatment(type_code=_TREATMENT, starts_at=_moment(read.text("on")), characteristics=(*kinds, whole))
