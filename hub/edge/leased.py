"""What is done again and again for an endpoint, by one process at a time: a lease, rounds, pauses after failures."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.endpoint import Endpoint, outbound_of
from hub.errors import HubError
from hub.ledger import pull_verbs
from hub.telemetry import PULL_FAILED, lines_about

log = structlog.get_logger()

#: After a failure: doubled from the first to the list's own time.
FIRST_PAUSE_SECONDS = 5.0


#: Who calls a partner keeps a lease this much longer than one call may take.
LEASE_CALLS = 2


def holder_name(hub: Hub) -> str:
    """Name this process as the holder of leases: where it runs, and one of its own, since numbers of processes come again."""
    return f"{socket.gethostname()}:{os.getpid()}:{hub.new_id()[:8]}"


def seconds_for_calls(hub: Hub, endpoint: Endpoint) -> float:
    """Give the length of a lease under which the partner is called."""
    return LEASE_CALLS * outbound_of(endpoint).deadline_seconds + hub.lease_margin


class LeaseLost(Exception):
    """Another process does this now."""


class Leased:
    """Looks at one list of an endpoint, or at its folder; of several processes one at a time does."""

    def __init__(
        self,
        hub: Hub,
        endpoint: Endpoint,
        name: str,
        every: float,
        holder: str,
        seconds: float,
        stop: threading.Event | None = None,
    ) -> None:
        """``seconds``: the lease's length, longer than anything that is done without keeping it."""
        self.endpoint, self.name = endpoint, name
        self._hub, self._every, self._holder, self._seconds = hub, every, holder, seconds
        self._stop = stop or threading.Event()
        self._leased_at = 0.0

    def round(self) -> bool:
        """Look once where it is time to; say whether there may be more at once."""
        with lines_about(endpoint=self.endpoint.name):
            try:
                cursor = self._change(pull_verbs.take, now=self._now_leased(), seconds=self._seconds)
                return cursor is not None and self._look(str(cursor))
            except LeaseLost:
                log.warning("pull.lease_lost", list=self.name)
            except HubError as error:
                self._failed(error.code, error.where)
            except Exception:
                log.exception("pull.bug", list=self.name)
                self._failed("bug", self.name)
            return False

    def _look(self, cursor: str) -> bool:
        """Do one round's work from the cursor on, and say at its end when the next is (``_done``)."""
        raise NotImplementedError

    def _done(self, cursor: str, *, more: bool) -> bool:
        """Write that everything before the cursor was taken, and rest, unless there is more; raise LeaseLost."""
        next_at = self._hub.now() + (0.0 if more else self._rest_seconds())
        if not self._change(pull_verbs.advance, cursor=cursor, next_at=next_at, now=self._hub.now()):
            raise LeaseLost
        return more

    def _rest_seconds(self) -> float:
        """Give the time between the end of a list and the next question."""
        return self._every

    def _now_leased(self) -> float:
        self._leased_at = self._hub.now()
        return self._leased_at

    def _keep_lease(self) -> None:
        """Keep the lease, where a good part of it is over; raise LeaseLost where it was taken."""
        if self._hub.now() - self._leased_at < self._seconds / 4:
            return
        if not self._change(pull_verbs.keep, now=self._now_leased(), seconds=self._seconds):
            raise LeaseLost

    def _failed(self, code: str, where: str) -> None:
        """Write that this round failed, and wait; where even that cannot be written, the lease ends by itself."""
        PULL_FAILED.labels(self.endpoint.name, self.name, code).inc()
        log.error("pull.failed", list=self.name, error=code, where=where)
        try:
            with self._hub.ledger.read() as conn:
                before = pull_verbs.failures(conn, self.endpoint.name, self.name)
            pause = min(self._every, FIRST_PAUSE_SECONDS * 2.0 ** min(before, 20))
            self._change(pull_verbs.failed, error=code, next_at=self._hub.now() + pause)
        except HubError as error:
            log.error("pull.failure_not_written", error=error.code)

    def _change(self, verb: Callable[..., Any], **given: Any) -> Any:
        return self._hub.ledger.change(
            partial(verb, endpoint=self.endpoint.name, name=self.name, holder=self._holder, **given)
        )
