"""People and organisations in a dossier, and agencies that handle it."""

from __future__ import annotations

from enum import StrEnum

from hub.canonical.base import Frozen


class PartyKind(StrEnum):
    """LoaiDoiTuong of the first-generation portal; other systems' numbers are mapped to these."""

    CITIZEN = "1"
    BUSINESS = "2"
    STATE_AGENCY = "3"
    OTHER = "4"


class Identity(Frozen):
    """One identity paper: kind ``1`` 12-digit personal number, ``2`` 9-digit old card; others as the partner gives them."""

    kind: str
    number: str


class Party(Frozen):
    """The owner of a dossier or the one who submits it."""

    kind: PartyKind = PartyKind.CITIZEN
    name: str = ""
    #: Number on the owner's paper; never logged, indexed only by keyed hash.
    identity_number: str = ""
    identities: tuple[Identity, ...] = ()
    #: TechID of the national single sign-on account (MaDoiTuong).
    tech_id: str = ""
    tax_code: str = ""
    address: str = ""
    phone: str = ""
    fax: str = ""
    email: str = ""


class Agency(Frozen):
    """An agency: identifier (QĐ 20/2020 or older form, kept as given) and name."""

    code: str = ""
    name: str = ""
