"""Dispatch: put deliveries whose turn has come on the bus (transactional outbox, publisher confirms)."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from hub.app import Hub

log = structlog.get_logger()


def queue(hub: Hub, rung: Collection[str] | None = None) -> int:
    """Queue what is due and publish it; give the number of published deliveries.

    ``rung``: look only at these endpoints, for which something was just recorded. Without it, look at all of them, and
    take back lapsed leases: what the clock or another process made due.
    """
    now = hub.now()
    if rung is None and (lapsed := hub.ledger.lapse(now, hub.doubt_policy)):
        log.warning("deliveries.lapsed", count=lapsed)
    budgets = [each for each in hub.budgets() if rung is None or each.endpoint in rung]
    due = hub.ledger.queue(now, budgets) if budgets else []
    refused = hub.bus.publish(due)
    if refused:
        log.error("bus.refused", count=len(refused))
        hub.ledger.unqueue(refused, hub.now())
    return len(due) - len(refused)
