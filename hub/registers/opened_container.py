"""A container of evidence that was opened for its check, and what comes of one check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from hub.errors import HubError
from hub.rules import cades, certificates, timestamps
from hub.rules.stored_zip import Reader

OK, FAILED, NOT_CHECKED = "ok", "failed", "not_checked"
#: A document of which a signature is checked; larger ones are refused at the doors.
MAX_DOCUMENT = 64_000_000
MAX_SMALL = 20_000_000
#: What readers raise on octets that are not what they should be (binascii.Error and UnicodeError are ValueErrors).
UNREADABLE = (HubError, *certificates.UNREADABLE, KeyError, IndexError, AttributeError, RecursionError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one check."""

    check: str
    #: File or files that it is about.
    about: str
    outcome: str
    vi: str
    en: str


class NotHere(Exception):
    """The bytes of a check are not in the container."""


@dataclass(slots=True)
class Opened:
    """A container that can be read at all."""

    reader: Reader
    digests: Mapping[str, str]
    #: Whom the reader trusts; nobody, where that was not said.
    anchors: tuple[x509.Certificate, ...]

    def read(self, path: str, limit: int = MAX_SMALL) -> bytes:
        """Give a file of the container."""
        entry = self.reader.entries.get(path)
        if entry is None:
            raise NotHere(path)
        if entry.size > limit:
            raise ValueError("too large")
        return self.reader.read(path, limit)

    def certificate(self, path: str) -> x509.Certificate:
        """Read a certificate (PEM) of the container."""
        return x509.load_pem_x509_certificate(self.read(path))


def result(check: str, about: str, outcome: str, words: tuple[str, str]) -> Result:
    """Make what comes of a check, with its words in Vietnamese and English."""
    return Result(check=check, about=about, outcome=outcome, vi=words[0], en=words[1])


def check_token(opened: Opened, path: str, digest: bytes) -> None:
    """Check a time token, and its authority where the reader says whom to trust; raise Untrusted."""
    token = opened.read(path)
    stamp = cades.check_token(token, digest)
    if opened.anchors and stamp.certificate not in opened.anchors:
        timestamps.check(token, digest, opened.anchors)
