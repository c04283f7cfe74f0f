"""What follows a failed attempt: a decision is a value, and touches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hub.errors import Busy, HubError, InDoubt, NotSent


class RedeliveryPolicy(Protocol):
    """What deciding needs of an endpoint's ``[outbound.redelivery]`` table."""

    @property
    def first_seconds(self) -> float: ...
    @property
    def factor(self) -> float: ...
    @property
    def ceiling_seconds(self) -> float: ...
    @property
    def jitter(self) -> float: ...
    @property
    def max_attempts(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``wait`` some seconds and send the same bytes, ``park`` for a person, or ``doubt``: ask, resend or stay."""

    action: str
    #: Seconds until the next try (wait), or until doubt may be settled.
    delay: float = 0.0
    #: For ``doubt``: what may be done about it (ask, resend, park).
    doubt: str = ""


def decide(
    error: HubError, attempts: int, policy: RedeliveryPolicy, *, on_doubt: str, settle_after: float, draw: float
) -> Decision:
    """Decide what follows an error; ``draw`` is a random number from 0 to 1 for the jitter."""
    if isinstance(error, InDoubt):
        return Decision(action="doubt", delay=settle_after, doubt=on_doubt)
    if not isinstance(error, NotSent) or attempts >= policy.max_attempts:
        return Decision(action="park")
    return Decision(action="wait", delay=_delay(error, attempts, policy, draw))


def _delay(error: NotSent, attempts: int, policy: RedeliveryPolicy, draw: float) -> float:
    told = error.retry_after if isinstance(error, Busy) else None
    # The exponent is bounded so that a thousand attempts do not overflow the float.
    grown = policy.first_seconds * policy.factor ** min(max(attempts - 1, 0), 60)
    wait = min(grown, policy.ceiling_seconds) if told is None else min(told, policy.ceiling_seconds)
    # Only ever longer than told: a partner that says 30 seconds is not asked after 24.
    return wait * (1 + policy.jitter * draw)
