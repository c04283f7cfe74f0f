"""What watches the hub: alive, ready, metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from hub import rounds
from hub.app import UNROUTED, Hub
from hub.edge.http.identity import UNKNOWN, Gate, same_as_one, token_sha256
from hub.edge.http.routes import Guarded
from hub.edge.http.turned_away import Unidentified
from hub.errors import HubError, Unavailable
from hub.ledger.tables import messages
from hub.registers import alerts, measures, reconciliations, seals
from hub.registers.alert_facts import RUN_SECONDS
from hub.registers.measures import Measures
from hub.registers.seals import SealMeasures
from hub.telemetry import (
    ALERTS,
    BREAKER,
    CERTIFICATE_DAYS,
    DELIVERIES,
    OLDEST_DUE_SECONDS,
    PARKED,
    PAUSED,
    RECONCILED,
    SEALING_BEHIND_SECONDS,
    UNAUTHENTICATED,
)

log = structlog.get_logger()

#: However often a stranger asks, the ledger is tried once in this time.
CHECK_SECONDS = 1.0
#: A look that takes longer is an answer of its own: a commit that waits for a standby which is away waits for ever.
PATIENCE_SECONDS = 5.0
#: What is counted in the ledger at each look; what is gone must not stay.
_COUNTED = (ALERTS, DELIVERIES, PARKED, OLDEST_DUE_SECONDS, BREAKER, PAUSED, RECONCILED, SEALING_BEHIND_SECONDS)
#: No endpoint has an empty name, so the verb that tries the writer changes nothing.
_NOBODY = ""


class Health:
    """Answers whether this process lives, and whether every part that it uses works.

    ``uses_bus``: it dispatches or delivers. Who only takes messages needs the ledger alone. ``stamps``: timestamps are asked for.
    """

    def __init__(
        self, hub: Hub, gate: Gate, metrics_token_sha256: str, *, uses_bus: bool = False, stamps: bool = False
    ) -> None:
        self._hub = hub
        self._stamps = stamps
        self._checks: dict[str, Callable[[], None]] = {"ledger_read": self._read, "ledger_write": self._write}
        if uses_bus:
            self._checks["bus"] = self._bus
        self._gate = gate
        self._metrics_token = metrics_token_sha256.lower()
        self._lock = threading.Lock()
        self._scraping = threading.Lock()
        self._checked_at = self._began_at = float("-inf")
        self._said: dict[str, str] = {}

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(route_class=Guarded, include_in_schema=False)
        router.add_api_route("/health/live", self.live, methods=["GET"], response_class=Response)
        router.add_api_route("/health/ready", self.ready, methods=["GET"], response_class=Response)
        router.add_api_route("/metrics", self.metrics, methods=["GET"], response_class=Response)
        return router

    async def live(self) -> Response:
        """Say that the event loop turns, and that no round hangs (then 503); touches nothing else."""
        fine = rounds.move()
        return JSONResponse({"status": "alive" if fine else "stuck"}, 200 if fine else 503)

    async def ready(self) -> Response:
        """Say whether what this process uses works; 503 where not."""
        said = await run_in_threadpool(self.check)
        fine = all(value == "ok" for value in said.values())
        return JSONResponse({"status": "ready" if fine else "not ready", **said}, 200 if fine else 503)

    def check(self) -> dict[str, str]:
        """Try the ledger: a row of ``messages`` is read, and the group writer commits a verb that changes nothing.

        Of the bus it is asked whether its connections stand. One caller tries; the others are told what the last try said,
        or that this one gets no answer, so that a ledger that hangs does not take every thread with it.
        """
        if not self._lock.acquire(timeout=0 if self._said else PATIENCE_SECONDS):
            hangs = time.monotonic() - self._began_at > PATIENCE_SECONDS
            return dict.fromkeys(self._checks, "no answer") if hangs or not self._said else self._said
        try:
            self._began_at = time.monotonic()
            if time.monotonic() - self._checked_at > CHECK_SECONDS:
                self._said = {name: self._try(name, check) for name, check in self._checks.items()}
                self._checked_at = time.monotonic()
            return self._said
        finally:
            self._lock.release()

    def _try(self, name: str, check: Callable[[], None]) -> str:
        try:
            check()
        except (HubError, DBAPIError) as error:
            log.error("health.not_ready", check=name, cause=type(error).__name__)
            return "failed"
        return "ok"

    def _read(self) -> None:
        with self._hub.ledger.read() as conn:
            conn.execute(select(messages.c.id).limit(1)).first()

    def _write(self) -> None:
        self._hub.ledger.take_notices(_NOBODY, 0, self._hub.now())

    def _bus(self) -> None:
        if not self._hub.bus.ready():
            raise Unavailable("the broker does not answer", "RabbitMQ không phản hồi", where="bus")

    async def metrics(self, request: Request) -> Response:
        """Give the counters: with the metrics token where one is set, else to this machine only."""
        if not self._may_read_metrics(request):
            UNAUTHENTICATED.labels(UNKNOWN).inc()
            raise Unidentified
        return Response(await run_in_threadpool(self._numbers), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _numbers(self) -> bytes:
        """Write all counters; what is not done is counted in the ledger now, where other processes' work stands too."""
        found = self._measured()
        with self._scraping:
            _show(found, self._stamps)
            self._show_certificates()
            return generate_latest()

    def _measured(self) -> tuple[Measures, SealMeasures, Mapping[str, int], Mapping[str, int]] | None:
        try:
            with self._hub.ledger.read() as conn:
                now = self._hub.now()
                found = measures.measure(conn, (*self._sending(), UNROUTED), now)
                runs = reconciliations.last_of_each(conn, self._sending(), now - RUN_SECONDS)
                differing = {run.endpoint: run.findings for run in runs}
                return found, seals.measure(conn, now), alerts.by_severity(conn), differing
        except (Unavailable, DBAPIError) as error:
            # The other counters are wanted most when the ledger does not answer.
            log.error("metrics.ledger_unread", cause=type(error).__name__)
            return None

    def _show_certificates(self) -> None:
        """Say how many days each certificate has; where another one goes on nothing stops, and nobody must act."""
        CERTIFICATE_DAYS.clear()
        for each in self._hub.certificates:
            if not each.followed:
                CERTIFICATE_DAYS.labels(each.place).set(each.days_left(self._hub.clock()))

    def _sending(self) -> list[str]:
        return [name for name, endpoint in self._hub.endpoints.items() if endpoint.outbound]

    def _may_read_metrics(self, request: Request) -> bool:
        if self._metrics_token:
            return same_as_one(token_sha256(request), (self._metrics_token,))
        return self._gate.local(request)


def _show(
    measured: tuple[Measures, SealMeasures, Mapping[str, int], Mapping[str, int]] | None, stamps: bool
) -> None:
    """Set the gauges; where nothing could be counted they are absent, which an alarm can see."""
    for gauge in _COUNTED:
        gauge.clear()
    if measured is None:
        return
    found, sealed, open_alerts, differing = measured
    for severity, number in open_alerts.items():
        ALERTS.labels(severity).set(number)
    SEALING_BEHIND_SECONDS.labels("seal").set(sealed.unsealed_seconds)
    if stamps:
        SEALING_BEHIND_SECONDS.labels("timestamp").set(sealed.unstamped_seconds)
    for gauge, numbers in ((DELIVERIES, found.not_done), (PARKED, found.parked)):
        for labels, number in numbers.items():
            gauge.labels(*labels).set(number)
    by_endpoint = {OLDEST_DUE_SECONDS: found.oldest_due, BREAKER: found.breakers, PAUSED: found.paused, RECONCILED: differing}
    for gauge, values in by_endpoint.items():
        for endpoint, value in values.items():
            gauge.labels(endpoint).set(value)
