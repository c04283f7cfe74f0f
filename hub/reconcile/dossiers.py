"""Compare what a partner holds of each dossier with what the ledger says that it was told, page by page.

``begin`` and its like write into the ledger what is to be done; ``advance`` does a part of it, called again and again by whoever
carries reconciliations out. Everything that it goes on from stands in the ledger: a process that dies costs a page of look-ups.
No row is locked and no commit is open while the partner is asked, and a dossier that moved meanwhile is no finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.endpoint import outbound_of
from hub.errors import HubError, NotAllowed
from hub.ledger import reconciliation_verbs
from hub.ledger.reconciliation_verbs import LEASE_SECONDS
from hub.operations.said import require
from hub.reconcile import beyond, comparing
from hub.reconcile.asking import CEILING_RETRY_SECONDS, Step, Work, asked_of, wait
from hub.registers import plan_choice, reconciliations
from hub.registers.names import dossier_key
from hub.registers.reconciliations import Run, Scope
from hub.rules.succession import records_of

log = structlog.get_logger()

#: Numbers of dossiers that a person may name.
MOST_CODES = 1000
#: While the partner may not be asked (paused, closed, breaker open) it is looked so often whether it may.
HELD_UP_SECONDS = 30.0
EVERYTHING = Scope()

# --- begun, stopped, resumed -------------------------------------------------------------------------------------


def begin(hub: Hub, endpoint: str, scope: Scope = EVERYTHING, *, actor: str, why: str, night: str = "") -> Run:
    """Begin a reconciliation with a partner; raise NotAllowed where one runs, or where the partner cannot be asked."""
    require(actor, why)
    asked_of(hub, hub.endpoint(endpoint))
    records = (endpoint, *records_of(hub.successors.current(), endpoint))
    with hub.ledger.read() as conn:
        total = len(scope.subjects) or sum(reconciliations.chains_of(conn, each) for each in records)
    run_id = hub.new_id()
    said: dict[str, Any] = {"total": total, "night": night, "actor": actor, "why": why, "now": hub.now()}
    verb = partial(reconciliation_verbs.begin, run_id=run_id, endpoint=endpoint, scope=scope.as_text(), **said)
    hub.ledger.change(verb, f"reconcile:{run_id}")
    log.info("reconcile.started", run=run_id, endpoint=endpoint, actor=actor, night=night)
    return _run(hub, run_id)


def subjects_of(hub: Hub, codes: Sequence[str]) -> tuple[str, ...]:
    """Find the dossiers of these numbers; raise NotAllowed where one is not known, or where there are too many."""
    if len(codes) > MOST_CODES:
        raise NotAllowed(
            f"at most {MOST_CODES} dossiers can be named", f"chỉ nêu được tối đa {MOST_CODES} hồ sơ", where="codes"
        )
    found = []
    with hub.ledger.read() as conn:
        for code in codes:
            key = dossier_key(conn, code)
            if not key:
                raise NotAllowed(f"no dossier has the number {code!r}", f"không có hồ sơ nào mang mã {code!r}", where=code)
            found.append(key)
    return tuple(dict.fromkeys(found))


def stop(hub: Hub, run_id: str, *, actor: str, why: str) -> Run:
    """Stop a run where it is."""
    return _switch(hub, run_id, reconciliation_verbs.stop, actor, why)


def resume(hub: Hub, run_id: str, *, actor: str, why: str) -> Run:
    """Go on with a run that was stopped."""
    return _switch(hub, run_id, reconciliation_verbs.resume, actor, why)


def _switch(hub: Hub, run_id: str, verb: Callable[..., None], actor: str, why: str) -> Run:
    require(actor, why)
    with hub.ledger.read() as conn:
        whole = reconciliations.known(conn, run_id)
    hub.ledger.change(partial(verb, run_id=whole, actor=actor, why=why, now=hub.now()), f"reconcile:{whole}")
    log.info("reconcile.switched", run=whole, verb=verb.__name__, actor=actor)
    return _run(hub, whole)


def _run(hub: Hub, run_id: str) -> Run:
    with hub.ledger.read() as conn:
        return reconciliations.find(conn, run_id)


# --- carried out -------------------------------------------------------------------------------------------------


def advance(hub: Hub, run_id: str, holder: str) -> Step:
    """Do the next part of a run, as its holder, and say what is to be done next."""
    with hub.ledger.glance() as conn:
        endpoint = reconciliations.endpoint_of(conn, run_id)
    policy = hub.endpoints[endpoint].outbound if endpoint in hub.endpoints else None
    seconds = LEASE_SECONDS + (policy.deadline_seconds if policy else 0.0)
    verb = partial(reconciliation_verbs.hold, run_id=run_id, holder=holder, seconds=seconds, now=hub.now())
    row = hub.ledger.change(verb, f"reconcile:{run_id}")
    if row is None:
        return Step("leave")
    if row.again_at - hub.now() > 0:
        return Step("wait", min(row.again_at - hub.now(), CEILING_RETRY_SECONDS))
    try:
        known = hub.endpoint(endpoint)
        work = Work(hub, row, holder, known, asked_of(hub, known), reconciliations.scope_of(row.scope))
    except HubError as error:
        return wait(hub, row, holder, HELD_UP_SECONDS, (error.vi, error.en))
    if held_up := _held_up(work):
        return wait(hub, row, holder, HELD_UP_SECONDS, held_up)
    return _PARTS[row.phase](work)


def _held_up(work: Work) -> tuple[str, str] | None:
    """Say why the partner may not be asked now; None where it may."""
    if not outbound_of(work.endpoint).is_open(work.hub.clock()):
        return "ngoài khung giờ của đối tác", "outside of the partner's hours"
    with work.hub.ledger.glance() as conn:
        restraint = plan_choice.restraints(conn, work.hub.now()).get(work.endpoint.name)
    words = {
        "paused": ("điểm kết nối đang tạm dừng", "the endpoint is paused"),
        "breaker_open": ("đối tác đang mất kết nối", "the partner cannot be reached"),
    }
    return words[restraint] if restraint else None


_PARTS: Mapping[str, Callable[[Work], Step]] = {
    "dossiers": comparing.dossiers,
    "before": comparing.before,
    "numbers": beyond.numbers,
    "unrouted": beyond.unrouted,
    "list": beyond.listed,
}
