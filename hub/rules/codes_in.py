"""Codes in a canonical message, with the day that decides what they mean; and whether one may be shown at all; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.canonical.base import local
from hub.rules import administration
from hub.rules.administration import AREAS

AGENCY, NUMBER, PROVINCE, DISTRICT, COMMUNE, POSTAL, PROCEDURE, FIELD = KINDS = (
    "agency", "number", "province", "district", "commune", "postal", "procedure", "field",
)  # fmt: skip
#: Names in a form under which codes stand, without case and underscores; those of the portal and of the Single Window.
_KEYS: Mapping[str, str] = {
    "matinh": PROVINCE, "matinhthanh": PROVINCE, "matinhthanhpho": PROVINCE, "provincecode": PROVINCE, "province": PROVINCE,
    "mahuyen": DISTRICT, "maquanhuyen": DISTRICT, "districtcode": DISTRICT,
    "maxa": COMMUNE, "maphuongxa": COMMUNE, "maxaphuong": COMMUNE, "communecode": COMMUNE, "wardcode": COMMUNE,
    "mabuuchinh": POSTAL, "mabuucuc": POSTAL, "postalcode": POSTAL, "zipcode": POSTAL,
}  # fmt: skip
_SHAPES: Mapping[str, re.Pattern[str]] = {
    PROVINCE: re.compile(r"[0-9]{1,2}"),
    DISTRICT: re.compile(r"[0-9]{1,3}"),
    COMMUNE: re.compile(r"[0-9]{1,5}"),
    POSTAL: re.compile(r"[0-9]{2,6}"),
    PROCEDURE: re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,59}"),
    FIELD: re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,59}"),
}
#: So many digits in a row may be somebody's number.
_SOMEBODYS = re.compile(r"[0-9]{8,}")
#: A form is looked through so far: it comes from outside.
_MOST_NODES = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """One code in a message."""

    kind: str
    code: str
    #: What stands beside it as its name.
    name: str = ""
    #: The day that decides what it means; None: nothing in the message says one.
    day: date | None = None


def showable(kind: str, code: str) -> bool:
    """Say whether a value has the shape of its code: one that has not may be anything, somebody's number too."""
    if kind in (AGENCY, NUMBER):
        return administration.read_agency_code(code) is not None and not _SOMEBODYS.search(code)
    return _SHAPES[kind].fullmatch(code) is not None and not _SOMEBODYS.search(code)


def codes_in(message: Mapping[str, Any], places: Sequence[tuple[str, str]] = ()) -> Iterator[Found]:
    """Give the codes of a canonical message's JSON tree.

    ``places``: dotted paths of routing rules, and the code list of each. Of a dossier's number the agency in it is given, with
    the number's own day: that it is closed today is no fault. Codes in other keys (of results, papers) are left alone.
    """
    if message.get("kind") == "catalogue":
        yield from _in_catalogue(message)
    elif message.get("kind") == "dossier" and isinstance(message.get("dossier"), Mapping):
        yield from _in_dossier(message, message["dossier"], places)


def _in_catalogue(message: Mapping[str, Any]) -> Iterator[Found]:
    day = _day(message.get("sent_at"))
    yield from _code(AGENCY, message.get("owner"), "", day)
    for procedure in _list(message.get("procedures")):
        yield from _code(PROCEDURE, procedure.get("code"), procedure.get("name"), day)
        yield from _code(FIELD, procedure.get("field_code"), procedure.get("field_name"), day)
        for agency in _list(procedure.get("agencies")):
            yield from _code(AGENCY, agency.get("code"), agency.get("name"), day)


def _in_dossier(
    message: Mapping[str, Any], dossier: Mapping[str, Any], places: Sequence[tuple[str, str]]
) -> Iterator[Found]:
    day = _day(dossier.get("submitted_at")) or _day(message.get("sent_at"))
    agency, procedure = _tree(dossier.get("agency")), _tree(dossier.get("procedure"))
    yield from _code(AGENCY, agency.get("code"), agency.get("name"), day)
    yield from _code(PROCEDURE, procedure.get("code"), procedure.get("name"), day)
    yield from _code(FIELD, procedure.get("field_code"), procedure.get("field_name"), day)
    yield from _in_numbers(dossier)
    seen = set()
    for key, value, name in _named(_tree(dossier.get("form"))):
        seen.add(value)
        yield from _code(_KEYS[key], value, name, day)
    for path, table in places:
        value = _at(message, path)
        if table == AREAS and value not in seen:
            yield from _code(COMMUNE if len(value) > 3 else PROVINCE, value, "", day)


def _in_numbers(dossier: Mapping[str, Any]) -> Iterator[Found]:
    for number in (dossier.get("code"), *_tree(dossier.get("other_codes")).values()):
        read = administration.read_dossier_number(number) if isinstance(number, str) else None
        if read is not None:
            yield Found(NUMBER, read.agency.text, "", read.day)


def _code(kind: str, value: Any, name: Any, day: date | None) -> Iterator[Found]:
    code = value.strip() if isinstance(value, str) else ""
    if code:
        yield Found(kind, code, name.strip() if isinstance(name, str) else "", day)


def _named(form: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Walk through a form, and give the members that are named as codes, each with the name that stands beside it."""
    waiting: list[Any] = [form]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, Mapping):
            plain = {_plain(key): value for key, value in node.items()}
            yield from ((key, value, plain.get(_beside(key), "")) for key, value in plain.items() if key in _KEYS)
        parts = node.values() if isinstance(node, Mapping) else node
        waiting.extend(part for part in parts if isinstance(part, Mapping | list))


def _plain(key: str) -> str:
    return key.replace("_", "").casefold()


def _beside(key: str) -> str:
    """Name the member that holds a code's name: ``TenTinh`` of ``MaTinh``, ``ProvinceName`` of ``ProvinceCode``."""
    return f"ten{key.removeprefix('ma')}" if key.startswith("ma") else f"{key.removesuffix('code')}name"


def _at(message: Mapping[str, Any], path: str) -> str:
    value: Any = message
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return value.strip() if isinstance(value, str) else ""


def _tree(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else iter(())


def _day(value: Any) -> date | None:
    try:
        return local(datetime.fromisoformat(value)).date() if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
