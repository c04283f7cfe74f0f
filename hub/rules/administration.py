"""Codes of agencies and areas over time: what a code was on a day, who answers for it now, which names are the same name; pure.

Codes live on: a dossier keeps its number and the codes it came with for ever. So nothing here rewrites or refuses a code; it
only says what one means. Numbers and other keys that *contain* an agency code (``KQ.G07.000001``) are never judged by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hub.canonical.codes import CodeRow, CodeTables

#: Code lists of administration. ``agencies``: code -> who answers for it on these days, itself while it is valid.
AGENCIES = "agencies"
#: Statistical code -> agency; a code without a row on a day is closed on that day.
AREAS = "areas"
#: Closed statistical code -> the one that its area has now.
AREA_SUCCESSORS = "area_successors"
#: Identifier of another form -> of QĐ 20/2020.
ALIASES = "aliases"
#: Postal code -> statistical code.
POSTAL = "postal"

#: QCVN 102:2016: lowest level first, 13 characters.
_OLD_FORM = re.compile(r"([0-9]{3})\.([0-9]{2})\.([0-9]{2})\.([A-Z][0-9]{2})")
#: QĐ 20/2020: highest level first, 35 characters at most.
_NEW_FORM = re.compile(r"[A-Z][0-9]{2}(\.[0-9A-Z]{1,32}){0,8}")
_LONGEST = 35
#: Answers that are kept with the tables: codes come from outside, so not all of them.
_MOST_REMEMBERED = 20_000
#: ``<agency>-<yymmdd or yyyymmdd>-<digits>``; the last group grows, and any other number is opaque.
_NUMBER = re.compile(r"([0-9A-Z.]{3,35})-([0-9]{6}|[0-9]{8})-([0-9]{4,10})")
#: Tones of Vietnamese, as combining marks: grave, acute, tilde, hook above, dot below.
_TONES = "\u0300\u0301\u0303\u0309\u0323"
#: A syllable whose tone stands on either of two vowels: ``oà``/``òa``, ``uỷ``/``ủy``, ``oẹ``/``ọe``.
_TWO_VOWELS = frozenset({"oa", "oe", "uy"})
_PAIR = re.compile(f"(o[ae]|uy)([{_TONES}])|([ou])([{_TONES}])([aey])")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-", "—": "-"})


class Standing(StrEnum):
    """What a code is on a day."""

    CURRENT = "current"
    #: It was valid once, and is not on that day.
    CLOSED = "closed"
    UNKNOWN = "unknown"
    #: Of an agency: only its level 1 is in the list, and current. Lower levels have no national list.
    LEVEL_ONE = "level_one"


@dataclass(frozen=True, slots=True)
class AgencyCode:
    """An agency identifier, taken apart."""

    text: str
    #: Letter and two digits: the ministry, province or council it belongs to.
    level_one: str
    #: Lower levels, the highest first; those that are not used are left out.
    lower: tuple[str, ...]
    #: QCVN 102:2016, the lowest level first.
    is_old_form: bool


@dataclass(frozen=True, slots=True)
class DossierNumber:
    """A dossier's number of one of the usual shapes, taken apart; for looking only."""

    agency: AgencyCode
    day: date
    sequence: str


# --- reading -----------------------------------------------------------------------------------------------------


def read_agency_code(text: str) -> AgencyCode | None:
    """Take an agency identifier of either form apart; None where it is neither."""
    if old := _OLD_FORM.fullmatch(text):
        lowest, middle, high, level_one = old.groups()
        return AgencyCode(text, level_one, tuple(part for part in (high, middle, lowest) if part.strip("0")), True)
    if len(text) <= _LONGEST and _NEW_FORM.fullmatch(text):
        level_one, *lower = text.split(".")
        return AgencyCode(text, level_one, tuple(lower), False)
    return None


def level_one(code: str) -> str:
    """Give the code of the ministry, province or council that an agency belongs to; empty where it is no identifier."""
    read = read_agency_code(code)
    return read.level_one if read else ""


def suggested(code: str) -> str:
    """Give what an identifier of the old form would be in the new one by cutting; empty where it is not of the old form.

    To be looked up in the province's own list, and never used unasked: provinces issued new numbers.
    """
    read = read_agency_code(code)
    return ".".join((read.level_one, *read.lower)) if read and read.is_old_form else ""


def read_dossier_number(text: str) -> DossierNumber | None:
    """Take a dossier's number apart where it has a usual shape; None: it is opaque, which is no fault."""
    found = _NUMBER.fullmatch(text.strip().upper())
    agency = read_agency_code(found[1]) if found else None
    day = _day(found[2]) if found else None
    return DossierNumber(agency, day, found[3]) if found and agency and day else None


def _day(digits: str) -> date | None:
    try:
        return date.fromisoformat(digits if len(digits) == 8 else f"20{digits}")
    except ValueError:
        return None


# --- agencies ----------------------------------------------------------------------------------------------------


def agency_on(codes: CodeTables, code: str, day: date) -> CodeRow | None:
    """Find what an agency code itself was on a day: name, type; None where it was closed, or is not in the list."""
    row = codes.find(AGENCIES, code, day)
    return row if row is not None and row.value == code else None


def chain_on(codes: CodeTables, code: str, day: date) -> tuple[str, ...]:
    """Give an agency code and who took over from it, one after the other, as they stand on a day.

    An unknown code, and one that is led round in a circle, stands alone.
    """
    chain = [code]
    while (following := _next(codes, chain[-1], day)) != chain[-1]:
        if following in chain:
            return (code,)
        chain.append(following)
    return tuple(chain)


def owner_on(codes: CodeTables, code: str, day: date) -> str:
    """Give the agency that answers for a code on a day: the code itself where it is current or unknown.

    Of a lower level that is in no list it is the agency of level 1, once that has another code; an identifier of the old
    form, whose new one nobody told us, always counts as its level 1.
    """
    known = codes.remembered
    owner = known.get((code, day))
    if owner is None:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        owner = known[code, day] = chain_on(codes, code, day)[-1]
    return owner


def _next(codes: CodeTables, code: str, day: date) -> str:
    row = codes.find(AGENCIES, code, day)
    if row is not None:
        return row.value or code
    alias = codes.find(ALIASES, code, day)
    if alias is not None:
        return alias.value or code
    if codes.versions(AGENCIES, code):
        # Closed, and nobody is named: no row is made up.
        return code
    read = read_agency_code(code)
    if read is None or not codes.versions(AGENCIES, read.level_one):
        return code
    owner = owner_on(codes, read.level_one, day) if read.level_one != code else code
    return owner if read.is_old_form or owner != read.level_one else code


def province_today(codes: CodeTables, code: str, day: date) -> str:
    """Give the level-1 code that answers for an agency code on a day; the code where it is no identifier."""
    owner = owner_on(codes, code, day)
    return level_one(owner) or owner


def name_on(codes: CodeTables, code: str, day: date) -> str:
    """Name an agency on a day as it was called then, or who answers for it if it was closed; of a lower level, level 1."""
    owner = owner_on(codes, code, day)
    row = codes.find(AGENCIES, owner, day) or codes.find(AGENCIES, level_one(owner), day)
    return row.name if row else ""


def current(codes: CodeTables, letter: str, day: date) -> tuple[CodeRow, ...]:
    """List the agencies of level 1 that are valid on a day; ``letter``: G ministries, H provinces, K councils."""
    names = sorted({row.code for row in codes.tables.get(AGENCIES, ()) if row.code.startswith(letter)})
    found = (agency_on(codes, name, day) for name in names)
    return tuple(row for row in found if row is not None and "." not in row.code)


def predecessors(codes: CodeTables, code: str, day: date) -> tuple[str, ...]:
    """List the codes of level 1 that an agency answers for on a day, beside its own."""
    names = sorted({row.code for row in codes.tables.get(AGENCIES, ())} - {code})
    return tuple(name for name in names if owner_on(codes, name, day) == code)


# --- areas -------------------------------------------------------------------------------------------------------


def area_on(codes: CodeTables, code: str, day: date) -> CodeRow | None:
    """Find what an area code was on a day; None where it was closed, or is not in the list."""
    return codes.find(AREAS, code, day)


def meant(codes: CodeTables, table: str, code: str, day: date) -> CodeRow | None:
    """Find what a code means on a day, or meant last before it was closed; None where it was never in the list by then."""
    row = codes.find(table, code, day)
    if row is not None:
        return row
    before = [each for each in codes.versions(table, code) if each.valid_to is not None and each.valid_to <= day]
    return max(before, key=lambda each: each.valid_to or day, default=None)


def area_owner(codes: CodeTables, code: str, day: date, today: date) -> str:
    """Give the agency that answers today for what an area code meant on a day; empty where it is not in the list."""
    row = meant(codes, AREAS, code, day)
    return owner_on(codes, row.value, today) if row else ""


def area_today(codes: CodeTables, code: str, today: date) -> str:
    """Give the code that an area has today; the code itself where it is current or unknown."""
    seen = [code]
    while (row := codes.find(AREA_SUCCESSORS, seen[-1], today)) is not None:
        if row.value in seen:
            return code
        seen.append(row.value)
    return seen[-1]


def ambiguous(codes: CodeTables, table: str, code: str) -> bool:
    """Say whether a code means one thing on one day and another on another (areas 15, 24, 44 …): without a date it says neither.

    A name or a type that changed is no other thing; nor is an agency code that was closed, which is still its own.
    """
    if table != AREAS:
        return False
    return len({row.value for row in codes.versions(table, code)}) > 1


# --- both --------------------------------------------------------------------------------------------------------


def standing(codes: CodeTables, table: str, code: str, day: date) -> Standing:
    """Say what a code is on a day."""
    if table == AGENCIES:
        return _agency_standing(codes, code, day)
    if codes.find(table, code, day) is not None:
        return Standing.CURRENT
    return Standing.CLOSED if codes.versions(table, code) or codes.versions(AREA_SUCCESSORS, code) else Standing.UNKNOWN


def _agency_standing(codes: CodeTables, code: str, day: date) -> Standing:
    if agency_on(codes, code, day) is not None:
        return Standing.CURRENT
    if codes.versions(AGENCIES, code):
        return Standing.CLOSED
    alias = codes.find(ALIASES, code, day)
    if alias is not None and alias.value != code:
        return _agency_standing(codes, alias.value, day)
    above = level_one(code)
    if not above or above == code or not codes.versions(AGENCIES, above):
        return Standing.UNKNOWN
    return Standing.LEVEL_ONE if agency_on(codes, above, day) else Standing.CLOSED


def uncorroborated(codes: CodeTables, table: str, code: str, day: date) -> bool:
    """Say whether what a code means on a day was found in no public source; of a lower agency, its level 1."""
    row = meant(codes, table, code, day)
    if row is None and table == AGENCIES:
        row = codes.find(AGENCIES, level_one(code), day)
    return row is not None and not row.corroborated


def codes_named(codes: CodeTables, text: str) -> Iterator[str]:
    """Give the agencies and areas whose name, on some day, is this name."""
    key = name_key(text)
    for table in (AGENCIES, AREAS):
        yield from dict.fromkeys(row.code for row in codes.tables.get(table, ()) if row.name and name_key(row.name) == key)


# --- names -------------------------------------------------------------------------------------------------------


def name_key(text: str) -> str:
    """Make what names are compared by: one form of Unicode, small letters, one blank, one place of the tone, one apostrophe."""
    apart = unicodedata.normalize("NFD", text.translate(_APOSTROPHES).casefold())
    folded = unicodedata.normalize("NFC", _PAIR.sub(_tone_last, apart))
    return " ".join(folded.split()).replace(" - ", "-")


def _tone_last(found: re.Match[str]) -> str:
    """Put the tone of ``òa`` where that of ``oà`` stands."""
    if found[1] or f"{found[3]}{found[5]}" not in _TWO_VOWELS:
        return found[0]
    return f"{found[3]}{found[5]}{found[4]}"


def same_name(one: str, other: str) -> bool:
    """Say whether two spellings are one name."""
    return name_key(one) == name_key(other)
