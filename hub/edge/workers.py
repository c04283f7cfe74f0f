"""Workers and the dispatcher as threads of one process: graceful stop finishes what is held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from hub import delivery, dispatch
from hub.app import UNROUTED, Hub
from hub.bus import Acknowledge
from hub.errors import HubError, Untrusted
from hub.ledger.delivery_verbs import ClaimLost
from hub.rules.queued import Due
from hub.telemetry import QUARANTINED

log = structlog.get_logger()

#: Dispatch looks at the whole ledger so often: what other processes or the clock made due.
DISPATCH_SECONDS = 0.25


class Workers:
    """One consumer thread, and for each endpoint as many delivering threads as its concurrency.

    So a partner that hangs costs the others nothing.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._stop = threading.Event()
        self._pools = {
            name: ThreadPoolExecutor(endpoint.outbound.concurrency, thread_name_prefix=f"deliver-{name}")
            for name, endpoint in hub.endpoints.items()
            if endpoint.outbound
        }
        self._pools[UNROUTED] = ThreadPoolExecutor(1, thread_name_prefix="route-late")
        self._threads = [
            threading.Thread(target=self._forever, args=(self._consume,), name="consumer", daemon=True),
            threading.Thread(target=self._forever, args=(self._dispatch,), name="dispatcher", daemon=True),
        ]

    def start(self) -> None:
        """Take back what an earlier process held, then start consuming and dispatching."""
        recalled = self._hub.ledger.recall_all(self._hub.now(), self._hub.doubt_policy)
        if recalled:
            log.info("deliveries.recalled", count=recalled)
        for thread in self._threads:
            thread.start()

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
            dispatch.queue(self._hub, self._hub.bus.wait(left))

    def _consume(self) -> None:
        self._hub.bus.consume(self._hand_over, self._stop)

    def _hand_over(self, due: Due, acknowledge: Acknowledge) -> None:
        self._pools[due.endpoint].submit(self._work, due, acknowledge)

    def _work(self, due: Due, acknowledge: Acknowledge) -> None:
        try:
            (delivery.inquire if due.purpose == "inquire" else delivery.deliver)(self._hub, due)
        except Untrusted:
            QUARANTINED.labels(due.endpoint, "not_as_in_ledger").inc()
            log.error("bus.not_as_in_ledger", delivery=due.id, endpoint=due.endpoint)
        except ClaimLost:
            log.warning("delivery.claim_lost", delivery=due.id, endpoint=due.endpoint, epoch=due.epoch)
        except HubError as error:
            # Nothing recorded: the lease brings it back.
            log.error("worker.failed", delivery=due.id, error=error.code, where=error.where)
        except Exception:
            log.exception("worker.bug", delivery=due.id)
        finally:
            acknowledge()
