"""Certificates that may come: any value that XML can hold, and those of the folder ``certificates``."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st

from hub.canonical.border.parts import BorderParty, Country, Measure, Package, Place, Text
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

CERTIFICATES = Path(__file__).with_name("certificates")


def certificate(name: str) -> bytes:
    """Give the bytes of one of our certificates."""
    return (CERTIFICATES / f"{name}.xml").read_bytes()


_said = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")
_edge = st.text(_said, min_size=1, max_size=6).filter(lambda each: each not in ("NULL", "null", "(null)"))
#: Texts with blanks, breaks and markup inside and around.
free = st.one_of(
    st.just(""),
    _edge,
    st.tuples(st.sampled_from(["", "\n\t", "\r\n"]), _edge, st.sampled_from(["", " <&>\"' ", "\r\u2028 x"])).map("".join),
)
code = st.one_of(st.just(""), st.text("ABCZ019-/.", min_size=1, max_size=8))
must = st.text("ABCZ019-/.", min_size=1, max_size=8)
moments = st.sampled_from(["", "2026-02-27", "2026-02-27T09:15:00+07:00", "2024-02-29T23:59:59.5-11:00", "202602270915"])
quantities = st.one_of(
    st.decimals(min_value=Decimal("-1e14"), max_value=Decimal("1e14"), places=3),
    st.sampled_from(["0", "46.50", "1E+5", "0.000000001", "999999999999999.123456789"]).map(Decimal),
)
measures = st.builds(Measure, value=quantities, unit=code)


def some(values: st.SearchStrategy) -> st.SearchStrategy:
    """Give none to two of them."""
    return st.lists(values, max_size=2).map(tuple)


texts = some(
    st.one_of(
        st.builds(Text, text=free, language=st.sampled_from(["vi", "en"])),
        st.builds(Text, text=free.filter(bool)),
    )
)
notes = some(st.builds(Note, subject=code, texts=texts))
countries = st.builds(Country, code=code, names=texts, subdivision=free)
places = st.builds(Place, code=code, name=free)
parties = st.builds(
    BorderParty,
    name=free,
    lines=st.lists(free, max_size=5).filter(lambda each: not each or bool(each[-1])).map(tuple),
    types=some(st.tuples(must, code)),
)


references = st.builds(
    ReferencedDocument, type_code=code, relationship=code, number=code, issued_at=moments, information=free
)
treatments = st.builds(
    Treatment,
    type_code=code,
    starts_at=moments,
    ends_at=moments,
    duration=st.none() | measures,
    characteristics=some(st.builds(Characteristic, descriptions=texts, value=st.none() | measures)),
)
lines = st.builds(
    PhytoLine,
    sequence=st.integers(0, 999_999_999),
    descriptions=texts,
    common_names=texts,
    scientific_names=texts,
    intended_uses=texts,
    net_weight=st.none() | measures,
    gross_weight=st.none() | measures,
    net_volume=st.none() | measures,
    gross_volume=st.none() | measures,
    notes=notes,
    classifications=some(st.builds(Classification, system=code, code=code, names=texts)),
    packages=some(st.builds(Package, kind=code, level=code, count=st.none() | quantities, marks=free)),
    origins=some(countries),
    treatments=some(treatments),
)
signings = st.builds(
    Signing,
    at=moments,
    place=places,
    authority=free,
    officer=free,
    clauses=some(st.builds(Clause, id=st.integers(0, 99), text=free)),
)
phytos = st.builds(
    Phyto,
    number=must,
    type_code=must,
    status=must,
    name=free,
    issued_at=moments,
    issuer=free,
    notes=notes,
    references=some(references),
    signing=st.none() | signings,
    consignor=st.none() | parties,
    consignee=st.none() | parties,
    export_country=countries,
    import_country=countries,
    transit_countries=some(countries),
    unloading=st.none() | places,
    examination=free,
    movements=some(st.builds(Movement, mode=code, voyage=code, means=free)),
    equipment=some(st.builds(Equipment, id=code, seals=some(must))),
    items=some(st.builds(PhytoItem, cargo_types=some(must), lines=some(lines))),
)
