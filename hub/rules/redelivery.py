"""What follows a failed attempt: a decision is a value, and touches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hub.errors import Busy, CannotSign, HubError, InDoubt, NotSent


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
    """Decide what follows an error; ``draw`` is a random number from 0 to 1 for the jitter.

    What was tried as often as the policy allows is left to a person, in whatever way it fails.
    """
    if isinstance(error, InDoubt):
        return Decision(action="doubt", delay=settle_after, doubt=on_doubt if attempts < policy.max_attempts else "park")
    if not isinstance(error, NotSent) or attempts >= policy.max_attempts:
        return Decision(action="park")
    return Decision(action="wait", delay=_delay(error, attempts, policy, draw))


def decide_unsigned(error: CannotSign, policy: RedeliveryPolicy, *, draw: float) -> Decision:
    """Decide what follows where a message cannot be signed now: it waits, however often, since nothing is wrong with it."""
    delay = max(policy.first_seconds, min(error.retry_after, policy.ceiling_seconds))
    return Decision(action="wait", delay=_jittered(delay, policy, draw))


def decide_rewrite(attempts: int, policy: RedeliveryPolicy, *, draw: float) -> Decision:
    """Decide what follows where the partner has it already: write anew, at once at first, and not for ever."""
    if attempts >= policy.max_attempts:
        return Decision(action="park")
    return Decision(action="rewrite", delay=_grown(attempts - 2, policy, draw) if attempts > 2 else 0.0)


def ask_again_in(inquiries: int, policy: RedeliveryPolicy, *, settle_after: float, draw: float) -> float:
    """Say after how many seconds the partner is asked again about a doubt that so many inquiries left open."""
    return max(settle_after, _grown(inquiries, policy, draw))


def _delay(error: NotSent, attempts: int, policy: RedeliveryPolicy, draw: float) -> float:
    told = error.retry_after if isinstance(error, Busy) else None
    # Only ever longer than told: a partner that says 30 seconds is not asked after 24.
    return _grown(attempts, policy, draw) if told is None else _jittered(min(told, policy.ceiling_seconds), policy, draw)


def _grown(attempts: int, policy: RedeliveryPolicy, draw: float) -> float:
    # The exponent is bounded so that a thousand attempts do not overflow the float.
    grown = policy.first_seconds * policy.factor ** min(max(attempts - 1, 0), 60)
    return _jittered(min(grown, policy.ceiling_seconds), policy, draw)


def _jittered(wait: float, policy: RedeliveryPolicy, draw: float) -> float:
    return wait * (1 + policy.jitter * draw)
