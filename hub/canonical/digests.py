"""How bytes are named everywhere, in the ledger, in seals, in the payload store: by their digest."""

from __future__ import annotations

import hashlib
import re

#: ``sha256:`` and 64 hex digits.
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(body: bytes) -> str:
    """Name bytes by their digest: ``sha256:`` and 64 hex digits."""
    return named(sha256(body))


def sha256(octets: bytes) -> str:
    """Give the SHA-256 of octets, in hex, as certificates, lists and manifests are named by it."""
    return hashlib.sha256(octets).hexdigest()


def named(hexed: str) -> str:
    """Make the name of a SHA-256 given in hex."""
    return f"sha256:{hexed}"
