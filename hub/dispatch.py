"""Dispatch: put deliveries whose turn has come on the bus (transactional outbox, publisher confirms)."""

from __future__ import annotations

import structlog

from hub.app import Hub

log = structlog.get_logger()


def queue(hub: Hub) -> int:
    """Take back lapsed leases, queue what is due, publish it; give the number of published deliveries."""
    now = hub.now()
    if lapsed := hub.ledger.lapse(now, hub.doubt_policy):
        log.warning("deliveries.lapsed", count=lapsed)
    due = hub.ledger.queue(now, hub.budgets())
    refused = hub.bus.publish(due)
    if refused:
        log.error("bus.refused", count=len(refused))
        hub.ledger.unqueue(refused, hub.now())
    return len(due) - len(refused)
