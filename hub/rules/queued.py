"""What dispatch puts on the bus for one delivery, and what a worker gets from it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery put on the bus: deliver it, or inquire what became of it."""

    id: str
    endpoint: str
    epoch: int
    #: ``deliver`` or ``inquire``.
    purpose: str
    canonical: bytes
    #: What it is about, for the dispatcher's own log lines; it does not travel, a worker learns it by its claim.
    subject: str = field(default="", compare=False)
