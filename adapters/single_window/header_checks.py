"""What the first generation checks in a header, field by field: every fault at once, each with its place and code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import SUBJECT_PATH, Head, read_moment
from hub.errors import Fault, HubError, InvalidMessage, missing

#: Digit of a rule in a code ``N00<rule><field>``.
MANDATORY, NOT_LISTED, NUMBER_FORMAT, NUMBER_VALUE, TOO_LONG, BAD_SIGNS, DATE, MAIL = range(1, 9)
_HEADER = "/Envelope/Header"
_PARTY = ("name", "identity", "countryCode", "ministryCode", "organizationCode")
#: Number of a field in a code. Two of them were seen (documentType 13, sendDate 19), and they lead to those of Subject; the
#: ones before are assumed: version, messageId, then five values of each party, unitCode without one.
FIELDS: Mapping[str, int] = {
    f"{_HEADER}/Reference/version": 1,
    f"{_HEADER}/Reference/messageId": 2,
    **{f"{_HEADER}/From/{name}": number for number, name in enumerate(_PARTY, 3)},
    **{f"{_HEADER}/To/{name}": number for number, name in enumerate(_PARTY, 8)},
    f"{SUBJECT_PATH}/documentType": 13,
    f"{SUBJECT_PATH}/type": 14,
    f"{SUBJECT_PATH}/function": 15,
    f"{SUBJECT_PATH}/reference": 16,
    f"{SUBJECT_PATH}/preReference": 17,
    f"{SUBJECT_PATH}/documentYear": 18,
    f"{SUBJECT_PATH}/sendDate": 19,
}
#: Our fault code -> the rule's digit. What is not here is a value that is not allowed.
_RULES: Mapping[str, int] = {
    "missing": MANDATORY,
    "not_in_list": NOT_LISTED,
    "bad_type": NUMBER_FORMAT,
    "too_long": TOO_LONG,
    "bad_length": TOO_LONG,
    "bad_character": BAD_SIGNS,
    "bad_text": BAD_SIGNS,
}
#: Longest value of each element of a party.
_PARTY_LENGTHS = {"name": 255, "identity": 13, "countryCode": 2, "ministryCode": 20, "organizationCode": 20, "unitCode": 20}
_LENGTHS = {"documentType": 100, "type": 3, "function": 3}
#: Whole numbers of Subject: the least and the greatest value.
_BOUNDS = {
    "documentType": (0, 999),
    "type": (0, 999),
    "reference": (1, 999_999_999),
    "preReference": (1, 999_999_999),
    "documentYear": (1000, 9999),
}
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


def faults(head: Head, dialect: Dialect) -> Iterable[Fault]:
    """List what is wrong in a header by the rules of the first generation."""
    yield from _length(f"{_HEADER}/Reference/version", head.version, 50)
    # One side writes 35 into its check and takes the 36 signs of a UUID all the same.
    yield from _length(f"{_HEADER}/Reference/messageId", head.message_id, 36)
    for side, values in (("From", head.sender), ("To", head.receiver)):
        for name in dialect.party_required:
            if not values.get(name):
                yield missing(f"{_HEADER}/{side}/{name}")
        for name, most in _PARTY_LENGTHS.items():
            yield from _length(f"{_HEADER}/{side}/{name}", values.get(name, ""), most)
    for name in dialect.subject_order:
        yield from _subject(name, head.subject.get(name, ""), dialect)


def _subject(name: str, value: str, dialect: Dialect) -> Iterable[Fault]:
    path = f"{SUBJECT_PATH}/{name}"
    if not value:
        yield missing(path)
    elif name in dialect.integers:
        yield from _number(path, value, *_BOUNDS[name])
    elif name == "sendDate":
        yield from _moment(path, value)
    else:
        yield from _length(path, value, _LENGTHS.get(name, dialect.reference_max))


def _number(path: str, value: str, least: int, most: int) -> Iterable[Fault]:
    if not _NUMBER.fullmatch(value):
        yield Fault(path, "bad_type", "phải là số nguyên", "it must be a whole number")
    elif not least <= int(value) <= most:
        yield Fault(path, "out_of_range", f"phải từ {least} đến {most}", f"it must be from {least} to {most}")


def _moment(path: str, value: str) -> Iterable[Fault]:
    try:
        read_moment(value)
    except ValueError:
        vi, en = "ngày giờ phải có dạng yyyy-MM-dd HH:mm:ss", "date and time must be yyyy-MM-dd HH:mm:ss"
        yield Fault(path, "bad_value", vi, en)


def _length(path: str, value: str, most: int) -> Iterable[Fault]:
    if len(value) > most:
        yield Fault(path, "too_long", f"dài quá {most} ký tự", f"it is longer than {most} characters")


def code(fault: Fault, error: HubError) -> str:
    """Give the code of a fault as the first generation has it: ``N00``, the rule's digit, two digits of the field."""
    number = FIELDS.get(fault.path, 0)
    rule = NUMBER_VALUE
    if isinstance(error, InvalidMessage):
        is_date = fault.path.endswith("Date") and fault.code == "bad_value"
        rule = DATE if is_date else _RULES.get(fault.code, NUMBER_VALUE)
    return f"N00{rule}{number:02d}"
