"""The register: whose a certificate is, at which endpoints, and what it may sign; a table of lines that people keep (CSV)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from cryptography import x509

from hub.canonical.base import VIETNAM
from hub.errors import BadSettings

COLUMNS = ("issuer", "serial", "purpose", "owner", "endpoints", "may_sign", "valid_from", "valid_to", "note")
REQUIRED = COLUMNS[:6]
#: A register is a table for people; a larger one is a mistake.
MAX_FILE_BYTES = 10_000_000

#: Stands for CN while a name is read: ``cryptography`` takes 64 octets of that at most, X.520 means 64 letters (1 to 3 octets).
_ANY_LENGTH = x509.ObjectIdentifier("2.5.4.3.0")
#: Issuer (RFC 4514) and serial number: what names a certificate (RFC 5280, 4.1.2.2); a common name names nobody.
Key = tuple[str, int]


class Wrong:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._vi: list[str] = []
        self._en: list[str] = []
        self._where = ""

    def add(self, where: str, vi: str, en: str) -> None:
        """Take one fault."""
        self._vi.append(f"{where}: {vi}")
        self._en.append(f"{where}: {en}")
        self._where = self._where or where

    def raise_if_any(self) -> None:
        """Raise BadSettings with all faults, named after the first."""
        if self._en:
            raise BadSettings("; ".join(self._en), "; ".join(self._vi), where=self._where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One line of the register."""

    #: Code of an agency, or name of a system.
    owner: str
    #: Purpose of the anchor at which its path ends: another authority may give the same names and numbers.
    purpose: str
    #: Names of endpoints; ``*`` = all.
    endpoints: frozenset[str]
    #: Kinds of messages, as patterns; see ``hub.rules.certificates.check_may_sign``.
    may_sign: tuple[str, ...]
    valid_from: datetime | None = None
    #: The first moment after.
    valid_to: datetime | None = None

    def holds(self, endpoint: str, purpose: str, now: datetime) -> bool:
        """Say whether the line speaks of an endpoint now."""
        begun = self.valid_from is None or self.valid_from <= now
        over = self.valid_to is not None and self.valid_to <= now
        return begun and not over and purpose == self.purpose and self.is_about(endpoint)

    def is_about(self, endpoint: str) -> bool:
        """Say whether the line speaks of an endpoint at any time."""
        return bool(self.endpoints & {endpoint, "*"})


def moment(day: date | None, *, end: bool = False) -> datetime | None:
    """Give the first or the last moment of a day in Vietnam."""
    if day is None:
        return None
    return datetime.combine(day, time.max if end else time.min, VIETNAM).astimezone(UTC)


def read_register(path: Path, purposes: set[str], wrong: Wrong) -> Mapping[Key, tuple[Registered, ...]]:
    """Read the register; what is wrong goes to ``wrong``, by line and column. No file is an empty register."""
    found: dict[Key, tuple[Registered, ...]] = {}
    if not path.is_file():
        return found
    if path.stat().st_size > MAX_FILE_BYTES:
        wrong.add(str(path), f"lớn hơn {MAX_FILE_BYTES} byte", f"larger than {MAX_FILE_BYTES} bytes")
        return found
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if _columns_fit(path, [str(name) for name in reader.fieldnames or ()], wrong):
                for row in reader:
                    key, line = _line(f"{path}:{reader.line_num}", row, purposes, wrong)
                    if line is not None:
                        found[key] = (*found.get(key, ()), line)
    except (ValueError, csv.Error) as error:
        wrong.add(str(path), f"không đọc được: {error}", f"cannot be read: {error}")
    return found


def _columns_fit(path: Path, names: list[str], wrong: Wrong) -> bool:
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing:
        wrong.add(str(path), f"thiếu cột: {', '.join(missing)}", f"columns are missing: {', '.join(missing)}")
    if unknown:
        wrong.add(str(path), f"cột không có trong sổ: {', '.join(unknown)}", f"unknown columns: {', '.join(unknown)}")
    return not (missing or unknown)


def _line(where: str, row: Mapping[Any, Any], purposes: set[str], wrong: Wrong) -> tuple[Key, Registered | None]:
    """Read one line, and tell all its faults; a line of blanks is none."""
    cells = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    if not any(cells.values()) and None not in row:
        return ("", 0), None
    read: dict[str, Any] = {}
    for name, (reader, vi, en) in _CELLS.items():
        try:
            read[name] = reader(cells[name])
        except ValueError:
            wrong.add(f"{where} [{name}]", vi, en)
    if cells["purpose"] and cells["purpose"] not in purposes:
        wrong.add(f"{where} [purpose]", "không có [[anchor]] nào thuộc loại này", "no [[anchor]] has this purpose")
    if None in row:
        wrong.add(where, "thừa ô", "too many cells")
    if len(read) < len(_CELLS):
        return ("", 0), None
    return (read.pop("issuer"), read.pop("serial")), Registered(**read)


def _issuer(text: str) -> str:
    """Bring a name into the form in which certificates' issuers are compared."""
    read = x509.Name.from_rfc4514_string(_given(text), {"CN": _ANY_LENGTH})
    return read.rfc4514_string({_ANY_LENGTH: "CN"})


def _serial(text: str) -> int:
    digits = _given(text).replace(":", "").replace(" ", "").lower().removeprefix("0x")
    # RFC 5280, 4.1.2.2: at most 20 octets.
    if not 1 <= len(digits) <= 42 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(text)
    return int(digits, 16)


def _given(text: str) -> str:
    if not text:
        raise ValueError("empty")
    return text


def _day(text: str) -> datetime | None:
    return moment(date.fromisoformat(text)) if text else None


_DAY_VI, _DAY_EN = 'phải là ngày dạng "2026-09-02"', 'must be a day such as "2026-09-02"'
#: Column -> how it is read (ValueError: not at all), and what it must be.
_CELLS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "issuer": (_issuer, "phải là tên theo RFC 4514, như kết quả kiểm tra ghi", "must be a name (RFC 4514), as verdicts show"),
    "serial": (_serial, "phải là số sê-ri viết theo hệ 16", "must be a serial number in hexadecimal"),
    "purpose": (_given, "phải nêu loại tổ chức gốc", "must name the purpose of an anchor"),
    "owner": (_given, "phải nêu mã cơ quan hoặc tên hệ thống", "must name an agency or a system"),
    "endpoints": (lambda text: frozenset(_given(text).split()), "phải nêu điểm kết nối, hoặc *", "must name endpoints, or *"),
    "may_sign": (lambda each: tuple(_given(each).split()), "phải nêu loại thông điệp, hay *", "must name kinds of message, or *"),
    "valid_from": (_day, _DAY_VI, _DAY_EN),
    "valid_to": (_day, _DAY_VI, _DAY_EN),
}
