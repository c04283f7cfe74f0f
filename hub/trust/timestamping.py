"""Asking timestamping authorities (RFC 3161 over HTTP), in the order of the settings; a token is checked before it is used."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from cryptography.x509 import Certificate

from hub.errors import HubError, NotSent, Refused
from hub.rules import timestamps
from hub.rules.timestamps import Timestamp
from hub.telemetry import CLOCK_DRIFT_SECONDS, TIMESTAMPS
from hub.wire import HttpReply, Wire

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One timestamping authority."""

    name: str
    url: str
    #: Object identifier of the policy that is asked for; empty: the authority's own.
    policy: str = ""
    #: For HTTP Basic; empty: none is needed.
    user: str = ""
    password: str = field(default="", repr=False)
    deadline_seconds: float = 10.0

    def headers(self) -> dict[str, str]:
        """Write the headers of a request."""
        # RFC 3161, 3.4.
        found = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        if self.user:
            login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            found["Authorization"] = f"Basic {login}"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A token that was checked."""

    token: bytes
    timestamp: Timestamp
    #: Name of the authority that gave it.
    authority: str
    #: How far the hub's clock is ahead of the authority's; negative: behind.
    drift_seconds: float


@dataclass(frozen=True, kw_only=True)
class Timestamping:
    """The authorities of this hub, and whom it trusts."""

    wire: Wire
    authorities: tuple[Authority, ...]
    #: By which tokens are trusted: roots, or the authorities' own certificates; those of old tokens as well.
    trusted: tuple[Certificate, ...]
    clock: Callable[[], datetime]
    #: Draws a number that no request had before.
    nonce: Callable[[], int]
    max_drift_seconds: float

    def stamp(self, digest: bytes) -> Stamped:
        """Get a token over a digest (SHA-256) from the first authority that gives a good one.

        Raises what the last one failed with: NotSent, InDoubt, Refused or Untrusted.
        """
        failure: HubError = NotSent(
            "no timestamping authority is configured", "chưa khai báo tổ chức cấp dấu thời gian", where="timestamps"
        )
        for authority in self.authorities:
            try:
                stamped = self.ask(authority, digest)
            except HubError as error:
                failure = error
                TIMESTAMPS.labels(authority.name, error.code).inc()
                log.warning("timestamp.refused", authority=authority.name, error=error.code, where=error.where)
            else:
                TIMESTAMPS.labels(authority.name, "given").inc()
                self._compare_clocks(stamped)
                return stamped
        raise failure

    def check(self, token: bytes, digest: bytes) -> Timestamp:
        """Check a token that is kept; raises Untrusted."""
        return timestamps.check(token, digest, self.trusted)

    def ask(self, authority: Authority, digest: bytes) -> Stamped:
        """Get a token from one authority; raises NotSent, InDoubt, Refused or Untrusted."""
        nonce, before = self.nonce(), self.clock()
        reply = self.wire.call(
            "POST",
            authority.url,
            body=timestamps.request(digest, nonce, authority.policy),
            headers=authority.headers(),
            deadline_seconds=authority.deadline_seconds,
        )
        after = self.clock()
        _raise_for_status(reply, authority)
        token = timestamps.read_reply(reply.body, digest, nonce, authority.policy)
        timestamp = timestamps.check(token, digest, self.trusted)
        drift = drift_seconds(timestamp.at, before, after)
        return Stamped(token=token, timestamp=timestamp, authority=authority.name, drift_seconds=drift)

    def _compare_clocks(self, stamped: Stamped) -> None:
        CLOCK_DRIFT_SECONDS.labels(stamped.authority).set(stamped.drift_seconds)
        if abs(stamped.drift_seconds) > self.max_drift_seconds:
            log.error("clock.drift", authority=stamped.authority, seconds=round(stamped.drift_seconds, 3))


def drift_seconds(stated: datetime, before: datetime, after: datetime) -> float:
    """Say how far our clock is ahead of the one that stated a moment between two of ours; 0 where that cannot be told."""
    # Most authorities leave out what is below a second.
    rounding = 0.0 if stated.microsecond else 1.0
    ahead, behind = (before - stated).total_seconds() - rounding, (stated - after).total_seconds()
    return ahead if ahead > 0 else -behind if behind > 0 else 0.0


def _raise_for_status(reply: HttpReply, authority: Authority) -> None:
    if reply.status != 200:
        raise Refused(
            f"timestamping authority {authority.name} answers {reply.status}",
            f"tổ chức cấp dấu thời gian {authority.name} trả lời {reply.status}",
            where="timestamps",
            partner_code=str(reply.status),
        )
