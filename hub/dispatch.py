"""Dispatch: put deliveries whose turn has come on the bus (transactional outbox, publisher confirms)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from hub.app import Hub
from hub.ledger.values import Lapsed
from hub.telemetry import LAPSED, bind_subject, lines_about

log = structlog.get_logger()


def queue(hub: Hub, rung: Collection[str] | None = None) -> int:
    """Queue what is due and publish it; give the number of published deliveries.

    ``rung``: look only at these endpoints, for which something was just recorded. Without it, look at all of them, and
    take back lapsed leases: what the clock or another process made due.
    """
    now = hub.now()
    if rung is None:
        tell_lapsed(hub.ledger.lapse(now, hub.doubt_policy))
    looked_at = (each for each in hub.budgets() if rung is None or each.endpoint in rung)
    budgets = [each for each in looked_at if hub.bus.takes(each.endpoint)]
    due = hub.ledger.queue(now, budgets) if budgets else []
    refused = hub.bus.publish(due)
    for each in due:
        # Below the usual level: what was received and what was delivered are lines enough for a message that goes well.
        log.debug("delivery.queued", delivery=each.id, endpoint=each.endpoint, epoch=each.epoch, subject=each.subject)
    if refused:
        log.error("bus.refused", count=len(refused))
        hub.ledger.unqueue(refused, hub.now())
    return len(due) - len(refused)


def tell_lapsed(lapsed: Sequence[Lapsed]) -> None:
    """Count and log what was taken back from workers, each with its ids: they are never many."""
    LAPSED.inc(len(lapsed))
    for each in lapsed:
        with lines_about(delivery=each.delivery, endpoint=each.endpoint, message=each.message):
            bind_subject(each.subject)
            log.warning("delivery.lapsed", state=each.state.value)
