"""What watches the hub: alive, ready, metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from hub.app import Hub
from hub.edge.http.identity import UNKNOWN, Gate, same_as_one, token_sha256
from hub.edge.http.routes import Guarded
from hub.edge.http.turned_away import Unidentified
from hub.errors import HubError, Unavailable
from hub.ledger.tables import messages
from hub.registers import fates
from hub.telemetry import DELIVERIES, UNAUTHENTICATED

log = structlog.get_logger()

#: However often a stranger asks, the ledger is tried once in this time.
CHECK_SECONDS = 1.0
#: No endpoint has an empty name, so the verb that tries the writer changes nothing.
_NOBODY = ""


class Health:
    """Answers whether this process lives and can take messages."""

    def __init__(self, hub: Hub, gate: Gate, metrics_token_sha256: str) -> None:
        self._hub = hub
        self._gate = gate
        self._metrics_token = metrics_token_sha256.lower()
        self._lock = threading.Lock()
        self._scraping = threading.Lock()
        self._checked_at = float("-inf")
        self._said: dict[str, str] = {}

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(route_class=Guarded, include_in_schema=False)
        router.add_api_route("/health/live", self.live, methods=["GET"])
        router.add_api_route("/health/ready", self.ready, methods=["GET"], response_class=Response)
        router.add_api_route("/metrics", self.metrics, methods=["GET"], response_class=Response)
        return router

    async def live(self) -> dict[str, str]:
        """Say that the event loop turns; touches nothing else."""
        return {"status": "alive"}

    async def ready(self) -> Response:
        """Say whether the ledger can be read and its writer commits; 503 where not."""
        said = await run_in_threadpool(self.check)
        fine = all(value == "ok" for value in said.values())
        return JSONResponse({"status": "ready" if fine else "not ready", **said}, 200 if fine else 503)

    def check(self) -> dict[str, str]:
        """Try the ledger: a row of ``messages`` is read, and the group writer commits a verb that changes nothing.

        One caller tries; the others are told what the last try said, so that a ledger that hangs does not
        take every thread with it.
        """
        if not self._lock.acquire(blocking=not self._said):
            return self._said
        try:
            if time.monotonic() - self._checked_at > CHECK_SECONDS:
                self._said = {"ledger_read": self._try(self._read), "ledger_write": self._try(self._write)}
                self._checked_at = time.monotonic()
            return self._said
        finally:
            self._lock.release()

    def _try(self, check: Any) -> str:
        try:
            check()
        except (HubError, DBAPIError) as error:
            log.error("health.not_ready", check=check.__name__.strip("_"), cause=type(error).__name__)
            return "failed"
        return "ok"

    def _read(self) -> None:
        with self._hub.ledger.read() as conn:
            conn.execute(select(messages.c.id).limit(1)).first()

    def _write(self) -> None:
        self._hub.ledger.take_notices(_NOBODY, 0, self._hub.now())

    async def metrics(self, request: Request) -> Response:
        """Give the counters: with the metrics token where one is set, else to this machine only."""
        if not self._may_read_metrics(request):
            UNAUTHENTICATED.labels(UNKNOWN).inc()
            raise Unidentified
        return Response(await run_in_threadpool(self._numbers), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _numbers(self) -> bytes:
        """Write all counters; what is not done is counted in the ledger now, where other processes' work stands too."""
        counted = self._not_done()
        with self._scraping:
            DELIVERIES.clear()
            for (endpoint, state), number in counted.items():
                DELIVERIES.labels(endpoint, state).set(number)
            return generate_latest()

    def _not_done(self) -> Mapping[tuple[str, str], int]:
        try:
            with self._hub.ledger.read() as conn:
                return fates.not_done(conn)
        except (Unavailable, DBAPIError) as error:
            # The other counters are wanted most when the ledger does not answer.
            log.error("metrics.ledger_unread", cause=type(error).__name__)
            return {}

    def _may_read_metrics(self, request: Request) -> bool:
        if self._metrics_token:
            return same_as_one(token_sha256(request), (self._metrics_token,))
        return self._gate.local(request)
