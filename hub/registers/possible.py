"""What an operator can do about a delivery that stands still: the verbs that would be accepted now, as they are typed."""

from __future__ import annotations

from hub.ledger.operator_verbs import TYPED
from hub.registers.records import DeliveryDetail
from hub.rules.lifecycle import DELIVERY, State

#: Outcomes of an attempt that may have arrived: another document would be a second one.
_MAY_HAVE_ARRIVED = ("doubt", "sending")


def verbs(delivery: DeliveryDetail, on_doubt: str) -> tuple[str, ...]:
    """List the verbs for a delivery; ``on_doubt``: what its service declares (ask, resend, park)."""
    state = State(delivery.state)
    events = [event for event in DELIVERY[state] if event in TYPED]
    if state is State.DELIVERED and not delivery.unacknowledged:
        events = []
    if any(attempt.outcome in _MAY_HAVE_ARRIVED for attempt in delivery.attempts):
        events = [event for event in events if event != "rebuild"]
    asks = ("ask",) if state is State.IN_DOUBT and on_doubt == "ask" else ()
    return (*asks, *(TYPED[event] for event in events), *_with_followers(delivery, events))


def _with_followers(delivery: DeliveryDetail, events: list[str]) -> tuple[str, ...]:
    return ("abandon --followers",) if "abandon" in events and delivery.followers else ()
