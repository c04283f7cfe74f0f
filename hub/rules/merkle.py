"""Merkle trees (RFC 9162, 2.1): one root stands for any number of leaves, and a short path proves that a leaf is below it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: What is hashed begins with these, so that no node can be given for a leaf (RFC 9162, 2.1.1).
_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Step:
    """One step up to the root: the hash that stands beside ours."""

    digest: bytes
    #: True: it stands to the left of ours.
    left: bool


def leaf(octets: bytes) -> bytes:
    """Hash what a leaf says."""
    return hashlib.sha256(_LEAF + octets).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """Compute the root over the hashes of leaves; they may be a stream of any length (RFC 9162, 2.1.2)."""
    whole: list[tuple[int, bytes]] = []
    for each in leaves:
        height, digest = 0, each
        while whole and whole[-1][0] == height:
            height, digest = height + 1, _node(whole.pop()[1], digest)
        whole.append((height, digest))
    if not whole:
        return hashlib.sha256(b"").digest()
    digest = whole.pop()[1]
    while whole:
        digest = _node(whole.pop()[1], digest)
    return digest


def path(leaves: Sequence[bytes], index: int) -> tuple[Step, ...]:
    """Give the steps from one leaf up to the root, the nearest first (RFC 9162, 2.1.3.1).

    Raises IndexError where there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    steps = []
    level = list(leaves)
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            steps.append(Step(level[beside], left=beside < index))
        # The last one of an odd number goes up as it is.
        level = [_node(*level[at : at + 2]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]
        index //= 2
    return tuple(steps)


def climb(leaf: bytes, path: Iterable[Step]) -> bytes:
    """Compute the root that a leaf's hash and its path lead to."""
    digest = leaf
    for step in path:
        digest = _node(step.digest, digest) if step.left else _node(digest, step.digest)
    return digest


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
