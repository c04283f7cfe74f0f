"""Reconciliations that begin by themselves, once a day for each partner, at the time that its file gives."""

from __future__ import annotations

from datetime import datetime, time

import structlog

from hub.app import Hub
from hub.canonical.base import local
from hub.contract import DossierHolder
from hub.endpoint import ReconcilePolicy
from hub.errors import HubError
from hub.ledger import reconciliation_verbs
from hub.reconcile import dossiers
from hub.registers.reconciliations import Run, Scope

log = structlog.get_logger()

#: One that could not begin so long after its time is left for the next day: it would run while people work.
LATE_HOURS = 6
_DAY_SECONDS = 86_400.0


def begin_due(hub: Hub) -> list[Run]:
    """Begin what is due and was not begun today; what cannot begin now is tried again."""
    now = local(hub.clock())
    begun = []
    for name, endpoint in sorted(hub.endpoints.items()):
        policy = endpoint.outbound.reconcile if endpoint.outbound is not None else None
        if policy is None or not policy.at or not is_due(policy.at, now) or _was_begun(hub, name, now):
            continue
        try:
            if isinstance(hub.transports(endpoint), DossierHolder):
                begun.append(_begin(hub, name, policy, now))
        except HubError as error:
            log.warning("reconcile.not_begun", endpoint=name, error=error.code, cause=error.en)
    return begun


def is_due(at: str, now: datetime) -> bool:
    """Say whether it is the time of a daily one, or not long after."""
    begins = datetime.combine(now.date(), time.fromisoformat(at), now.tzinfo)
    return 0 <= (now - begins).total_seconds() < LATE_HOURS * 3600


def _was_begun(hub: Hub, endpoint: str, now: datetime) -> bool:
    with hub.ledger.glance() as conn:
        return reconciliation_verbs.was_begun(conn, endpoint, now.date().isoformat())


def _begin(hub: Hub, endpoint: str, policy: ReconcilePolicy, now: datetime) -> Run:
    night = now.date().isoformat()
    since = now.timestamp() - policy.days * _DAY_SECONDS if policy.days else None
    scope = Scope(since=since, only_open=policy.scope == "open", sample=policy.sample, seed=night)
    why = "đối chiếu hằng ngày theo cấu hình / daily, as configured"
    return dossiers.begin(hub, endpoint, scope, actor="hub", why=why, night=night)
