"""What a seal of the ledger is over, octet by octet: anybody can compute its root again from what is written here.

A seal's first leaf says which seal it is, and the root of the one before; each further leaf says which row was the last of a
subject. The hash chain of that subject proves all rows before it, and one root proves every seal before its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hub.canonical.compact_json import compact
from hub.rules import merkle

#: Root of the seal before the first one.
NO_ROOT = "0" * 64


@dataclass(frozen=True, slots=True)
class End:
    """The last row of a subject's chain, as a seal is over it."""

    subject: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One seal of the ledger."""

    #: From 1 on, without gaps.
    number: int
    #: Seconds since 1970 UTC, by the hub's clock.
    at: float
    #: Each row of the journal up to this place is proved by this seal or by an earlier one.
    upto: int
    #: Root of the seal before, hex.
    previous: str
    #: Leaves, the first one among them.
    leaves: int
    root: str

    @property
    def digest(self) -> bytes:
        """Give the root as the digest that a timestamp is over."""
        return bytes.fromhex(self.root)


def first_octets(number: int, at: float, upto: int, previous: str) -> bytes:
    """Write the first leaf: UTF-8 of a JSON array without blanks."""
    return compact(["seal", number, f"{at:.6f}", upto, previous]).encode()


def end_octets(end: End) -> bytes:
    """Write the leaf of a subject's last row."""
    return compact(["end", end.subject, end.number, end.hash]).encode()


def make(before: Seal | None, ends: Iterable[End], *, at: float, upto: int) -> Seal:
    """Seal the ends of some chains, after another seal."""
    number, previous = (before.number + 1, before.root) if before is not None else (1, NO_ROOT)
    hashes = list(leaf_hashes(first_octets(number, at, upto, previous), ends))
    return Seal(number=number, at=at, upto=upto, previous=previous, leaves=len(hashes), root=merkle.root(hashes).hex())


def leaf_hashes(first: bytes, ends: Iterable[End]) -> Iterator[bytes]:
    """Hash a seal's leaves in order."""
    yield merkle.leaf(first)
    for end in ends:
        yield merkle.leaf(end_octets(end))
