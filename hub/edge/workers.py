"""Workers and the dispatcher as threads of one process: graceful stop finishes what is held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import structlog

from hub import delivery, dispatch
from hub.app import UNROUTED, Hub
from hub.bus.port import Acknowledge
from hub.errors import HubError, Untrusted
from hub.ledger.delivery_verbs import ClaimLost
from hub.rules.queued import Due
from hub.telemetry import QUARANTINED, lines_about

log = structlog.get_logger()

#: Dispatch looks at the whole ledger so often: what other processes or the clock made due.
DISPATCH_SECONDS = 0.25
#: So often another thread looks through what the broker gave up delivering.
DEAD_SECONDS = 5.0


class Workers:
    """Dispatch in one thread; deliver with one consumer thread, and for each endpoint as many threads as its concurrency.

    So a partner that hangs costs the others nothing. A process may do one of both only. Who dispatches also looks, in another
    thread, through what the broker gave up.
    """

    def __init__(self, hub: Hub, *, dispatch: bool = True, work: bool = True) -> None:
        self._stop = threading.Event()
        self._hub = replace(hub, pause=self._stop.wait)
        self._pools = {
            name: ThreadPoolExecutor(endpoint.outbound.concurrency, thread_name_prefix=f"deliver-{name}")
            for name, endpoint in hub.endpoints.items()
            if endpoint.outbound
        }
        self._pools[UNROUTED] = ThreadPoolExecutor(1, thread_name_prefix="route-late")
        chosen = {
            "consumer": (work, self._consume),
            "dispatcher": (dispatch, self._dispatch),
            # A queue that does not answer must not hold dispatch up; memory gives nothing up.
            "dead": (dispatch and not hub.bus.embedded, self._look_at_dead),
        }
        self._threads = [
            threading.Thread(target=self._forever, args=(target,), name=name, daemon=True)
            for name, (wanted, target) in chosen.items()
            if wanted
        ]

    def start(self) -> None:
        """Start consuming and dispatching; where the bus died with an earlier process, take back what that one held first."""
        if self._hub.bus.embedded:
            dispatch.tell_lapsed(self._hub.ledger.recall_all(self._hub.now(), self._hub.doubt_policy))
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Say whether every thread that was started still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Stop dispatching and consuming, and finish the deliveries that are being sent."""
        self._stop.set()
        self._hub.bus.wake()
        for thread in self._threads:
            thread.join()
        for pool in self._pools.values():
            # What waits in a pool is given back by its lease; what runs is finished.
            pool.shutdown(wait=True, cancel_futures=True)

    def _forever(self, work: Callable[[], None]) -> None:
        """Keep a thread going: a ledger or bus that does not answer is waited for, not died of."""
        while not self._stop.is_set():
            try:
                work()
            except Exception:
                log.exception("thread.failed", thread=threading.current_thread().name)
                self._stop.wait(DISPATCH_SECONDS)

    def _dispatch(self) -> None:
        """Look at everything, then for a while only where a bell rings."""
        dispatch.queue(self._hub)
        until = time.monotonic() + DISPATCH_SECONDS
        while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            if rung := self._hub.bus.wait(left):
                dispatch.queue(self._hub, rung)

    def _look_at_dead(self) -> None:
        self._hub.bus.drain_dead(self._stop)
        self._stop.wait(DEAD_SECONDS)

    def _consume(self) -> None:
        self._hub.bus.consume(self._hand_over, self._stop)

    def _hand_over(self, due: Due, acknowledge: Acknowledge) -> None:
        self._pools[due.endpoint].submit(self._work, due, acknowledge)

    def _work(self, due: Due, acknowledge: Acknowledge) -> None:
        if self._stop.is_set():
            acknowledge(done=False)
            return
        with lines_about(delivery=due.id, endpoint=due.endpoint, epoch=due.epoch):
            try:
                (delivery.inquire if due.purpose == "inquire" else delivery.deliver)(self._hub, due)
            except Untrusted:
                QUARANTINED.labels(due.endpoint, "not_as_in_ledger").inc()
                log.error("bus.not_as_in_ledger")
            except ClaimLost:
                log.warning("delivery.claim_lost")
            except HubError as error:
                # Nothing recorded: the lease brings it back.
                log.error("worker.failed", error=error.code, where=error.where)
            except Exception:
                log.exception("worker.bug")
            finally:
                acknowledge()
