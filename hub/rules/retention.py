"""Which bytes may be deleted: old enough for what they are kept for, and named by nothing that may still be sent.

Pure: the ledger says what there is and what is needed, these rules choose. Only bytes are ever deleted; rows, digests,
identities and the journal outlive them.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum

DAY_SECONDS = 86_400.0
#: Border documents, and what is said about them, are kept for three years at least (OCP of ATIGA, Rule 31), one of which may
#: have a 29 February.
BORDER_DAYS = 1096
#: How the subjects of border documents begin (``BorderMessage.subject``).
BORDER_SUBJECT = "border:"
#: ``named_at`` of a payload is right to the day: naming the same bytes again moves it only when it is older than this.
REFRESH_SECONDS = DAY_SECONDS


class Kept(IntEnum):
    """What bytes are kept for; the numbers stand in the ledger, their order says nothing: see ``lasts``."""

    #: The hub's own reading of a message: needed until its deliveries are done.
    WORK = 0
    #: What came, what went, signatures, certificates, receipts: proof.
    PROOF = 1
    #: Answers to accepted messages: a message that is repeated, even years later, gets the recorded answer again.
    REPEAT = 2
    #: All bytes of border documents: longer than proof, whatever is set for that.
    BORDER = 3

    @property
    def lasts(self) -> int:
        """Give a number that is larger the longer bytes of this kind are kept."""
        return _LASTS[self]


_LASTS = {Kept.WORK: 0, Kept.PROOF: 1, Kept.BORDER: 2, Kept.REPEAT: 3}


def kept_for(least: Kept, *subjects: str) -> Kept:
    """Say what bytes under these subjects are kept for: for ``least``, or as long as a border document among them."""
    of_border = any(subject.startswith(BORDER_SUBJECT) for subject in subjects)
    return max(least, Kept.BORDER if of_border else least, key=lambda each: each.lasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What was named last before these moments (seconds since 1970 UTC) may go."""

    work: float
    proof: float
    border: float

    def of(self, kind: int) -> float | None:
        """Give the moment for bytes of this kind; None where they are never deleted."""
        return {Kept.WORK: self.work, Kept.PROOF: self.proof, Kept.BORDER: self.border}.get(Kept(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Bytes that are there."""

    digest: str
    size: int
    named_at: float
    kept_for: int


def cuts(now: float, *, days: int, proof_days: int, border_days: int = BORDER_DAYS) -> Cuts:
    """Compute the cuts; proof is never deleted before the work that it proves, a border document never before either.

    A day is added: ``named_at`` may be that much behind the last message that names the bytes.
    """
    work = now - days * DAY_SECONDS - REFRESH_SECONDS
    proof = min(work, now - proof_days * DAY_SECONDS - REFRESH_SECONDS)
    return Cuts(work=work, proof=proof, border=min(proof, now - max(border_days, BORDER_DAYS) * DAY_SECONDS - REFRESH_SECONDS))


def deletable(stored: Iterable[Stored], needed: Set[str], at: Cuts) -> tuple[Stored, ...]:
    """Choose what may go: old enough for its kind, and not needed.

    ``needed``: the digests that deliveries which are not done, and their messages, name.
    """
    return tuple(each for each in stored if each.digest not in needed and _is_old(each, at))


def _is_old(each: Stored, at: Cuts) -> bool:
    cut = at.of(each.kept_for)
    return cut is not None and each.named_at < cut
