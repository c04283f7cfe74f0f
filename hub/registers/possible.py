"""What an operator can do about a delivery that stands still: the verbs that would be accepted now, as they are typed."""

from __future__ import annotations

from collections.abc import Collection

from hub.ledger.operator_verbs import TYPED
from hub.registers.records import DeliveryDetail
from hub.rules.lifecycle import DELIVERY, State

#: Outcomes of an attempt that may have arrived: another document would be a second one.
MAY_HAVE_ARRIVED = ("doubt", "sending")


def verbs(delivery: DeliveryDetail, on_doubt: str) -> tuple[str, ...]:
    """List the verbs for a delivery; ``on_doubt``: what its service declares (ask, resend, park)."""
    state = State(delivery.state)
    if state is State.DELIVERED and not delivery.unacknowledged:
        return ()
    arrived = any(attempt.outcome in MAY_HAVE_ARRIVED for attempt in delivery.attempts)
    listed = for_all(state, may_have_arrived=arrived, on_doubt={on_doubt})
    with_followers = ("abandon --followers",) if "abandon" in listed and delivery.followers else ()
    return (*listed, *with_followers)


def for_all(state: State, *, may_have_arrived: bool, on_doubt: Collection[str]) -> tuple[str, ...]:
    """List the verbs for several deliveries in one state that stand still.

    ``may_have_arrived``: an attempt of one of them; ``on_doubt``: what their services declare.
    """
    events = [event for event in DELIVERY[state] if event in TYPED and not (event == "rebuild" and may_have_arrived)]
    asks = ("ask",) if state is State.IN_DOUBT and set(on_doubt) == {"ask"} else ()
    return (*asks, *(TYPED[event] for event in events))
