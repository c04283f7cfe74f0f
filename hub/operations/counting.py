"""Counts hours that are over, for the figures of the front page: by whoever comes to it, each hour once."""

from __future__ import annotations

from functools import partial

import structlog

from hub.app import Hub
from hub.ledger import flow_verbs
from hub.registers import flow

log = structlog.get_logger()

#: The front page shows so many hours, at most; older ones are not counted any more.
SHOWN_HOURS = 24 * 7


def count_hours(hub: Hub, *, most: int = 1) -> int:
    """Count some hours that are over and not counted yet, the newest first; give how many were counted here."""
    with hub.ledger.read() as conn:
        missing = flow.missing(conn, hub.now(), SHOWN_HOURS)
        names = flow.endpoints(conn, hub.endpoints) if missing else frozenset()
    return sum(_count(hub, hour, names) for hour in missing[:most])


def _count(hub: Hub, hour: int, names: frozenset[str]) -> bool:
    with hub.ledger.read() as conn:
        counted = flow.count(conn, hour, names)
    kept = hub.ledger.change(partial(flow_verbs.record_hour, hour=hour, counted=counted, now=hub.now()))
    log.debug("flow.counted", hour=hour, kept=kept)
    return kept
