"""Verbs on one endpoint: pause and resume."""

from __future__ import annotations

import structlog

from hub.app import UNROUTED, Hub
from hub.operations.said import require

log = structlog.get_logger()


def pause(hub: Hub, endpoint: str, *, actor: str, why: str) -> None:
    """Put nothing more of an endpoint on the bus; what is being sent is finished, messages are still received."""
    _switch(hub, endpoint, actor, why, paused=True)


def resume(hub: Hub, endpoint: str, *, actor: str, why: str) -> None:
    """Let an endpoint's deliveries go again, and forget that the partner could not be reached."""
    _switch(hub, endpoint, actor, why, paused=False)


def _switch(hub: Hub, endpoint: str, actor: str, why: str, *, paused: bool) -> None:
    require(actor, why)
    if endpoint != UNROUTED:
        hub.endpoint(endpoint)
    hub.ledger.pause(endpoint, paused=paused, actor=actor, why=why, now=hub.now())
    log.info("endpoint.paused" if paused else "endpoint.resumed", endpoint=endpoint, actor=actor)
    hub.bus.wake(endpoint)
