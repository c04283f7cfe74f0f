"""Asking a partner what it holds, on behalf of a run that this process holds: within its rates and hours, some at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.canonical.held import HeldDossier
from hub.contract import DossierHolder
from hub.endpoint import Endpoint, outbound_of
from hub.errors import Busy, HubError, NotAllowed
from hub.ledger import reconciliation_verbs
from hub.ledger.reconciliation_verbs import Page
from hub.registers.reconciliations import Scope
from hub.rules import reconciling
from hub.telemetry import LOOK_UPS

log = structlog.get_logger()

#: Chains that are looked at in one step.
PAGE = 200
#: A step begins no more look-ups after so long: who is told to stop is waited for no longer.
STEP_SECONDS = 5.0
#: An answer that cannot be read is asked for again so often before it is a finding.
TRIES = 3
#: Waiting for an answer that did not come: seconds, twice as long each time, up to the ceiling.
FIRST_RETRY_SECONDS, CEILING_RETRY_SECONDS = 5.0, 600.0
#: Not asked any more in this step.
NOT_ASKED = HubError("not asked", "chưa hỏi")


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: ``on`` (there is more to do at once), ``wait`` (so many seconds), or ``leave`` it alone."""

    action: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """One step of one run, held by this process."""

    hub: Hub
    row: Any
    holder: str
    endpoint: Endpoint
    asked: DossierHolder
    scope: Scope

    @property
    def per_minute(self) -> int:
        """Look-ups in any minute: what was asked for, else the endpoint's; never more than half of what it takes."""
        policy = outbound_of(self.endpoint)
        own = self.scope.per_minute or policy.reconcile.rate_per_minute
        half = max(1, policy.rate_per_minute // 2) if policy.rate_per_minute else 0
        return min(own, half) if own and half else own or half


def asked_of(hub: Hub, endpoint: Endpoint) -> DossierHolder:
    """Give who can be asked what a partner holds; raise NotAllowed where its protocol has no such look-up."""
    outbound_of(endpoint)
    transport = hub.transports(endpoint)
    if not isinstance(transport, DossierHolder):
        raise NotAllowed(
            f"{endpoint.name} cannot be asked what it holds of a dossier: its protocol ({endpoint.adapter}) has no such look-up",
            f"không thể hỏi {endpoint.name} đang giữ gì của một hồ sơ: giao thức {endpoint.adapter} không có dịch vụ tra cứu",
            where=endpoint.name,
        )
    return transport


# --- how far it is -----------------------------------------------------------------------------------------------


def wait(hub: Hub, row: Any, holder: str, seconds: float, note: tuple[str, str], *, trouble: bool = False) -> Step:
    """Let the run wait so long, and say why."""
    told: dict[str, Any] = {"until": hub.now() + seconds, "trouble": trouble, "note": note, "now": hub.now()}
    hub.ledger.change(partial(reconciliation_verbs.wait, run_id=row.id, holder=holder, **told), f"reconcile:{row.id}")
    return Step("wait", seconds)


def record(work: Work, page: Page) -> bool:
    """Record a page, where the run is still ours; say whether it was."""
    verb = partial(reconciliation_verbs.record, run_id=work.row.id, holder=work.holder, page=page, now=work.hub.now())
    recorded = work.hub.ledger.change(verb, f"reconcile:{work.row.id}")
    if recorded and page.next_phase == "":
        log.info("reconcile.done", run=work.row.id, endpoint=work.endpoint.name)
    return bool(recorded)


def following(phase: str) -> str:
    """Name the part of a run after this one; empty where there is none."""
    place = reconciling.PHASES.index(phase) + 1
    return reconciling.PHASES[place] if place < len(reconciling.PHASES) else ""


def calls(work: Work, wanted: int) -> int:
    """Take as many calls as the rates have now; where there is none, all that are wanted."""
    if not work.per_minute or not wanted:
        return wanted
    verb = partial(
        reconciliation_verbs.use_calls,
        run_id=work.row.id,
        holder=work.holder,
        wanted=wanted,
        per_minute=work.per_minute,
        endpoint_per_minute=outbound_of(work.endpoint).rate_per_minute,
        now=work.hub.now(),
    )
    return work.hub.ledger.change(verb, f"reconcile:{work.row.id}")


def until_a_call(work: Work) -> Step:
    """Wait for the next call of the rate, which who dispatches may have taken."""
    return Step("wait", max(0.05, 30.0 / max(1, work.per_minute)))


def go_on(work: Work, *, cursor: str = "", **values: Any) -> Step:
    """Record a page that ends at the cursor; without one, the whole phase is done."""
    phase = work.row.phase
    next_phase = phase if cursor else following(phase)
    page = Page(phase=phase, cursor=work.row.cursor, next_phase=next_phase, next_cursor=cursor, **values)
    return Step("on" if record(work, page) else "leave")


# --- look-ups ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner said of one number."""

    held: HeldDossier | None = None
    error: HubError | None = None


def _look_up(work: Work, code: str) -> Answer:
    try:
        held = work.asked.dossier(code)
    except HubError as error:
        LOOK_UPS.labels(work.endpoint.name, error.code).inc()
        return Answer(error=error)
    except Exception as bug:
        log.exception("reconcile.bug", endpoint=work.endpoint.name)
        LOOK_UPS.labels(work.endpoint.name, "hub_error").inc()
        name = type(bug).__name__
        return Answer(error=HubError(f"internal error {name}", f"lỗi nội bộ {name}", where=name))
    LOOK_UPS.labels(work.endpoint.name, "absent" if held.absent else "shown").inc()
    return Answer(held=held)


def look_up_all(work: Work, codes: Sequence[str]) -> Iterator[Answer]:
    """Look numbers up, some at a time; after a failure, or when the step has taken long enough, no more of them is asked."""
    policy = outbound_of(work.endpoint)
    together = min(policy.reconcile.concurrency, policy.concurrency)
    ends_at = time.monotonic() + STEP_SECONDS
    with ThreadPoolExecutor(together, thread_name_prefix="reconcile") as pool:
        for start in range(0, len(codes), 4 * together):
            answers = list(pool.map(partial(_look_up, work), codes[start : start + 4 * together]))
            yield from answers
            if time.monotonic() > ends_at or any(each.error is not None for each in answers):
                return


def retry_seconds(troubles: int, error: HubError) -> float:
    asked = error.retry_after if isinstance(error, Busy) else None
    usual = min(CEILING_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(troubles, 10))
    return min(CEILING_RETRY_SECONDS, max(1.0, asked)) if asked is not None else usual
