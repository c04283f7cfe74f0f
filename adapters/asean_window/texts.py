"""Values as they are written in a document, and back; nothing is guessed: what cannot be read is said (pure)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from adapters.asean_window.xml_side import Place

#: Years beyond which a moment cannot be reckoned with.
FIRST_YEAR, LAST_YEAR = 1900, 2199
_LONGEST_NUMBER = 34
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,9}", re.ASCII)
#: A day may be written with an offset (xs:date); it stays the day that it is, in whichever zone.
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})", re.ASCII)
_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


class Unreadable(Exception):
    """A text that is no such value: code of the fault, and what it should be."""

    def __init__(self, vi: str, en: str, code: str = "bad_value") -> None:
        super().__init__(en)
        self.code, self.vi, self.en = code, vi, en


def written(value: Any, place: Place) -> str:
    """Write a value; empty where there is none. Raises Unreadable where a list of codes lacks it."""
    if place.join:
        return place.join.join(value or ())
    if value is None or value == "":
        return ""
    text = _plain(value, place)
    if not place.codes:
        return text
    if text not in place.codes:
        raise Unreadable("mã không có nơi ghi trong lược đồ này", "this schema has no code for it", "not_in_list")
    return place.codes[text]


def _plain(value: Any, place: Place) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        # Years before 1000 lose their zeros in strftime.
        return value.strftime(place.format) if place.format else value.isoformat()
    return str(value)


def read(text: str, place: Place) -> Any:
    """Read a text; None where it says nothing. Raises Unreadable."""
    text = text.strip()
    if place.join:
        return [part for part in text.split(place.join)] if text else None
    if place.codes:
        meant = next((value for value, code in place.codes.items() if code == text), None)
        if meant is None and text:
            raise Unreadable("mã không thuộc danh mục của lược đồ này", "the code is not in this schema's list", "not_in_list")
        text = meant or ""
    return _READERS[place.leaf.kind](text, place) if text else None


def _text(text: str, place: Place) -> str:
    return text


def _number(text: str, place: Place) -> int:
    if not _WHOLE.fullmatch(text):
        raise Unreadable("phải là số nguyên", "it must be a whole number")
    return int(text)


def _decimal(text: str, place: Place) -> Decimal:
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        raise Unreadable("phải là số", "it must be a number")
    return Decimal(text)


def _flag(text: str, place: Place) -> bool:
    if text not in _FLAGS:
        raise Unreadable("phải là true hoặc false", "it must be true or false")
    return _FLAGS[text]


def _day(text: str, place: Place) -> date:
    try:
        if place.format:
            return _reckonable(datetime.strptime(text, place.format)).date()
        found = _DAY.fullmatch(text)
        if found:
            return _reckonable(datetime.fromisoformat(found[1])).date()
    except ValueError:
        pass
    raise Unreadable("phải là ngày có thật, đúng dạng của lược đồ", "it must be a day that there is, in the schema's form")


def _moment(text: str, place: Place) -> datetime:
    try:
        if place.format:
            return _reckonable(_with_offset(datetime.strptime(text, place.format), place))
        if _MOMENT.fullmatch(text):
            return _reckonable(_with_offset(datetime.fromisoformat(_MICROSECONDS.sub(r"\1", text)), place))
    except ValueError:
        pass
    raise Unreadable("phải là thời điểm có thật, kèm múi giờ", "it must be a moment that there is, with its offset")


def _with_offset(moment: datetime, place: Place) -> datetime:
    """Give a moment that was written without an offset the one that the package says; without one, nobody knows when it was."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=offset(place.zone))


def offset(zone: str) -> timezone:
    """Read ``Z`` or ``+07:00``; raises ValueError for anything else."""
    if zone == "Z":
        return UTC
    found = _OFFSET.fullmatch(zone)
    if not found:
        raise ValueError(f"{zone!r} is no offset")
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def _reckonable(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError("no year of ours")
    return moment


def _choice(text: str, place: Place) -> str:
    if text not in place.leaf.choices:
        raise Unreadable("không thuộc danh mục cho phép", "it is not one of the values allowed", "not_in_list")
    return text


_READERS = {
    "text": _text,
    "number": _number,
    "decimal": _decimal,
    "flag": _flag,
    "day": _day,
    "moment": _moment,
    "choice": _choice,
}
