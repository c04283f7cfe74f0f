"""Which bytes may be deleted: old enough for what they are kept for, and named by nothing that may still be sent.

Pure: the ledger says what there is and what is needed, these rules choose. Only bytes are ever deleted; rows, digests,
identities and the journal outlive them.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum

DAY_SECONDS = 86_400.0
#: ``named_at`` of a payload is right to the day: naming the same bytes again moves it only when it is older than this.
REFRESH_SECONDS = DAY_SECONDS


class Kept(IntEnum):
    """What bytes are kept for, the longest last."""

    #: The hub's own reading of a message: needed until its deliveries are done.
    WORK = 0
    #: What came, what went, signatures, certificates, receipts: proof.
    PROOF = 1
    #: Answers to accepted messages: a message that is repeated, even years later, gets the recorded answer again.
    REPEAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What was named last before these moments (seconds since 1970 UTC) may go."""

    work: float
    proof: float

    def of(self, kept_for: int) -> float | None:
        """Give the moment for bytes of this kind; None where they are never deleted."""
        return {Kept.WORK: self.work, Kept.PROOF: self.proof}.get(Kept(kept_for))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Bytes that are there."""

    digest: str
    size: int
    named_at: float
    kept_for: int


def cuts(now: float, *, days: int, proof_days: int) -> Cuts:
    """Compute the cuts; proof is never deleted before the work that it proves.

    A day is added: ``named_at`` may be that much behind the last message that names the bytes.
    """
    work = now - days * DAY_SECONDS - REFRESH_SECONDS
    return Cuts(work=work, proof=min(work, now - proof_days * DAY_SECONDS - REFRESH_SECONDS))


def deletable(stored: Iterable[Stored], needed: Set[str], at: Cuts) -> tuple[Stored, ...]:
    """Choose what may go: old enough for its kind, and not needed.

    ``needed``: the digests that deliveries which are not done, and their messages, name.
    """
    return tuple(each for each in stored if each.digest not in needed and _is_old(each, at))


def _is_old(each: Stored, at: Cuts) -> bool:
    cut = at.of(each.kept_for)
    return cut is not None and each.named_at < cut
