"""What border documents are made of: texts in languages, quantities, parties, places, packages."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from hub.canonical.base import Frozen

#: A quantity as it was written, without loss: ``46.50`` stays ``46.50``.
Quantity = Annotated[Decimal, Field(max_digits=24, decimal_places=9, allow_inf_nan=False)]


class Text(Frozen):
    """A text, and the language that it is said to be in (ISO 639-1); empty: not said."""

    text: str
    language: str = ""


class Measure(Frozen):
    """A quantity with its unit (UN/ECE Recommendation 20, ``KGM``)."""

    value: Quantity
    unit: str = ""


class Money(Frozen):
    """An amount with its currency (ISO 4217)."""

    value: Quantity
    currency: str = ""


class Country(Frozen):
    """A country (ISO 3166-1 alpha-2), its names, and a part of it where that is said."""

    code: str = ""
    names: tuple[Text, ...] = ()
    subdivision: str = ""


class Place(Frozen):
    """A place: UN/LOCODE where it has one, and its name."""

    code: str = ""
    name: str = ""


class BorderParty(Frozen):
    """Who sends or receives goods: name, lines of the address, country; personal data, never logged."""

    name: str = ""
    lines: tuple[str, ...] = ()
    country: str = ""
    tax_id: str = ""
    #: Kinds of party as the document lists them, each with the name of the list.
    types: tuple[tuple[str, str], ...] = ()


class Package(Frozen):
    """Packages of one kind (UN/ECE Recommendation 21), and the marks on them."""

    kind: str = ""
    count: Quantity | None = None
    #: Level of packing; 1 is the outermost.
    level: str = ""
    marks: str = ""
