"""The work of the night, task by task: holders of procedures are pulled, partners' lists of codes are taken over, reports of the
month before are made.

And what is done as soon as there is something to do: what agencies told anew is compared with each holder. A task is taken by one
process, once for its day or month; one that fails is tried again, and one whose process died is taken up by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.canonical.base import local
from hub.errors import HubError
from hub.ledger import catalogue_verbs, night_verbs
from hub.operations import statistics
from hub.reconcile import partner_codes
from hub.reconcile.nightly import is_due
from hub.reconcile.procedures import comparing, following, pulling
from hub.registers import catalogue

log = structlog.get_logger()

FOLLOWING = "catalogue"
#: After the journal's rule nobody's word is taken without a reason.
WHY = "hằng đêm theo cấu hình / nightly, as configured"
WHY_MONTHLY = "hằng tháng theo cấu hình / monthly, as configured"


class Leave(Exception):
    """It is time to stop, or another process has the task now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A task while this process is at it."""

    hub: Hub
    task: Task
    holder: str
    #: Waits so many seconds; True: it is time to stop.
    stops: Callable[[float], bool]

    def keep(self, *_: object) -> None:
        """Keep the task for longer; raise Leave where it is time to stop, or somebody else has it."""
        verb = partial(night_verbs.keep, task=self.task.name, holder=self.holder, now=self.hub.now())
        if self.stops(0.0) or not self.hub.ledger.change(verb):
            raise Leave

    def wait(self, seconds: float) -> None:
        """Wait; raise Leave where it is time to stop."""
        if self.stops(seconds):
            raise Leave

    def done(self, conn: Connection) -> None:
        """Write that the task is done, in the commit of its last change; raise Leave where somebody else has it."""
        if not night_verbs.done(conn, self.task.name, self.task.due, holder=self.holder):
            raise Leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to do."""

    name: str
    #: For which day or month it is done once; empty: whenever there is something to do.
    due: str
    work: Callable[[Work], None]


def due(hub: Hub) -> tuple[Task, ...]:
    """Name what there is to do now, and is not done yet."""
    now = local(hub.clock())
    tasks = [*_pulls(hub, now), *_lists(hub, now), *_reports(hub, now)]
    with hub.ledger.glance() as conn:
        left = [task for task in tasks if not night_verbs.is_done(conn, task.name, task.due)]
        changed = catalogue_verbs.has_changes(conn)
    return (*left, *([Task(name=FOLLOWING, due="", work=_follow)] if changed else []))


def take(hub: Hub, task: Task, holder: str) -> bool:
    """Take a task; False where another process has it, or it failed just now."""
    return hub.ledger.change(partial(night_verbs.take, task=task.name, due=task.due, holder=holder, now=hub.now()))


def leave(hub: Hub, task: Task, holder: str) -> None:
    """Give a task back that was taken and is not done."""
    hub.ledger.change(partial(night_verbs.leave, task=task.name, holder=holder))


def carry(work: Work) -> None:
    """Do a task that was taken; what fails is tried again later."""
    hub, name = work.hub, work.task.name
    try:
        work.task.work(work)
    except Leave:
        leave(hub, work.task, work.holder)
    except HubError as error:
        log.error("night.failed", task=name, due=work.task.due, error=error.code, where=error.where)
        hub.ledger.change(partial(night_verbs.failed, task=name, holder=work.holder, error=error.code, now=hub.now()))
    except Exception:
        log.exception("night.bug", task=name, due=work.task.due)
        hub.ledger.change(partial(night_verbs.failed, task=name, holder=work.holder, error="bug", now=hub.now()))


# --- holders of procedures -----------------------------------------------------------------------------------------


def _pulls(hub: Hub, now: datetime) -> list[Task]:
    at = hub.catalogue.pull_at
    if not at or not is_due(at, now):
        return []
    night = now.date().isoformat()
    return [Task(name=f"procedures:{each}", due=night, work=partial(_pull, each)) for each in comparing.holders(hub)]


def _pull(holder: str, work: Work) -> None:
    hub = work.hub
    since = _beginning(hub)
    begun = -1.0
    while begun < since:
        # One that was cut before tonight is brought to its end first: what it saw is of then.
        pulling.pull(hub, holder, actor="hub", why=WHY, progress=work.keep, wait=work.wait)
        with hub.ledger.read() as conn:
            begun = catalogue.pulls(conn)[holder].whole_from or 0.0
    hub.ledger.change(work.done)


def _beginning(hub: Hub) -> float:
    now = local(hub.clock())
    return datetime.combine(now.date(), time.fromisoformat(hub.catalogue.pull_at), now.tzinfo).timestamp()


# --- partners' lists of codes ----------------------------------------------------------------------------------------


def _lists(hub: Hub, now: datetime) -> list[Task]:
    night = now.date().isoformat()
    times = {name: each.outbound.take_codes_at for name, each in hub.endpoints.items() if each.outbound is not None}
    due_now = [name for name, at in times.items() if at and is_due(at, now)]
    return [Task(name=f"codes:{name}", due=night, work=partial(_take_codes, name)) for name in due_now]


def _take_codes(endpoint: str, work: Work) -> None:
    """Take over list after list; what was taken before a process died is the same when it is taken again."""
    for service in partner_codes.holder_of(work.hub, endpoint).code_lists:
        work.keep()
        partner_codes.pull(work.hub, endpoint, service, take=True, actor="hub", why=WHY)
    work.hub.ledger.change(work.done)


# --- reports of the month before -----------------------------------------------------------------------------------


def _reports(hub: Hub, now: datetime) -> list[Task]:
    month = hub.monthly.due(now)
    return [Task(name=f"statistics:{form}", due=month, work=partial(_report, form)) for form in statistics.FORMS if month]


def _report(form: str, work: Work) -> None:
    told = {"actor": "hub", "why": WHY_MONTHLY}
    statistics.make(work.hub, form, work.task.due, progress=work.keep, also=work.done, **told)


# --- what agencies told anew ---------------------------------------------------------------------------------------


def _follow(work: Work) -> None:
    while following.follow(work.hub):
        work.keep()
    work.hub.ledger.change(work.done)
