"""The replayer as a thread: carries plans out, step by step, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import structlog

from hub.app import Hub
from hub.edge.leased import holder_name
from hub.errors import HubError
from hub.ledger import plan_verbs
from hub.operations import replays
from hub.registers import plans

log = structlog.get_logger()

#: So often it looks whether a plan was started, and, while one runs, what became of what it carried out.
LOOK_SECONDS = 0.5
BUSY_SECONDS = 0.1
#: So often it says that it is there.
SEEN_SECONDS = 5.0


class Replayer:
    """One thread. Any number of processes may have one: each plan is carried out by the first to hold it.

    It has no state of its own: where a process dies, another goes on when the lease has lapsed.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.name = holder_name(hub)
        self._stop = threading.Event()
        self._seen_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="replayer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the item that is being carried out, and give back the plans that it held."""
        self._stop.set()
        self._thread.join()
        self._try("", lambda: self._hub.ledger.change(partial(plan_verbs.gone, name=self.name)))

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(BUSY_SECONDS if self.round() else LOOK_SECONDS)

    def round(self) -> bool:
        """Do for each plan what there is to do now; say whether one of them is this thread's to look at again soon."""
        self._try("", self._say_seen)
        found: list[str] = []
        self._try("", lambda: found.extend(self._watched()))
        return any([self._advance(plan_id) for plan_id in found if not self._stop.is_set()])

    def _watched(self) -> tuple[str, ...]:
        with self._hub.ledger.glance() as conn:
            return plans.watched(conn)

    def _advance(self, plan_id: str) -> bool:
        """Let a plan go on; while there is something to carry out, at once again."""
        decisions: list[str] = []
        while self._try(plan_id, lambda: decisions.append(replays.advance(self._hub, plan_id, self.name).action)):
            if decisions[-1] != "carry" or self._stop.is_set():
                break
        return bool(decisions) and decisions[-1] != "leave"

    def _say_seen(self) -> None:
        if time.monotonic() - self._seen_at >= SEEN_SECONDS:
            self._hub.ledger.change(partial(plan_verbs.seen, name=self.name, now=self._hub.now()))
            self._seen_at = time.monotonic()

    def _try(self, plan_id: str, work: Callable[[], object]) -> bool:
        """Do a part of the work; what fails with one plan keeps the others from nothing."""
        try:
            work()
        except HubError as error:
            log.error("replayer.failed", plan=plan_id, error=error.code, where=error.where)
        except Exception:
            log.exception("replayer.bug", plan=plan_id)
        else:
            return True
        return False
