"""Numbers by which an applicant is found: of identity papers and of taxes, as keyed hashes, from which nobody reads them.

HMAC-SHA-256 (RFC 2104) over the digits, cut to 128 bits. A plain hash would be no protection: all numbers there can be are
tried in an hour. The hash begins with the key's own name, so that those of an older key can be told apart and deleted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message

#: Bytes of a key at least.
SHORTEST_KEY = 16
#: 12 digits: personal number; 9: old identity card; 10, or 13 with a branch: tax code.
_NUMBER = re.compile(r"\d{9}|\d{10}|\d{12}|\d{13}")
_BETWEEN = re.compile(r"[\s.\-]")
#: Letters of a number at most, with what may stand between the digits.
_LONGEST = 30
_HASH_DIGITS, _NAME_DIGITS = 32, 8


def number_in(text: str) -> str:
    """Give the digits of a text that can be such a number; else an empty text."""
    if len(text) > _LONGEST:
        return ""
    digits = _BETWEEN.sub("", text)
    return digits if digits.isascii() and _NUMBER.fullmatch(digits) else ""


@dataclass(frozen=True)
class NumberKey:
    """The key under which numbers are hashed."""

    secret: bytes = field(repr=False)

    @cached_property
    def name(self) -> str:
        """Name the key, without telling anything of it."""
        return hmac.new(self.secret, b"name of this key", hashlib.sha256).hexdigest()[:_NAME_DIGITS]

    def hashed(self, number: str) -> str:
        """Hash a number's digits."""
        digest = hmac.new(self.secret, f"number {number}".encode(), hashlib.sha256).hexdigest()
        return f"{self.name}:{digest[:_HASH_DIGITS]}"


def hashes(message: Message, key: NumberKey | None) -> tuple[str, ...]:
    """Give the hashes of the numbers of a dossier's applicant; none where there is no key, or for another message."""
    if key is None or not isinstance(message, DossierMessage):
        return ()
    return tuple(key.hashed(number) for number in dict.fromkeys(_numbers(message)))


def _numbers(message: DossierMessage) -> Iterable[str]:
    applicant = message.dossier.applicant
    given = (applicant.identity_number, applicant.tax_code, *(each.number for each in applicant.identities))
    return filter(None, map(number_in, given))
