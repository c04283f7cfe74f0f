"""Follower: ask partners what became of what they were given, until they say their last word (Polling Consumer).

A new word is given to intake like a call at the endpoint's door, and noted after that: a process that dies in between asks
again, and the same word is known by its identity.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Row

from hub import intake
from hub.app import Hub
from hub.contract import FOLLOWED_MESSAGE, FOLLOWED_SUBJECT, Followed, Following
from hub.edge.due_work import BATCH, DueWork
from hub.endpoint import Endpoint, outbound_of
from hub.errors import HubError, NotSent
from hub.ledger import word_verbs
from hub.telemetry import FOLLOWED

log = structlog.get_logger()

_DAY_SECONDS = 86_400.0


class Follower(DueWork):
    """Asks one endpoint about the deliveries of which it has not said its last word."""

    def __init__(self, hub: Hub, endpoint: Endpoint, holder: str, stop: threading.Event | None = None) -> None:
        super().__init__(hub, endpoint, word_verbs.FOLLOWED, holder, stop)
        self._policy = outbound_of(endpoint).follow

    def _look(self, cursor: str) -> bool:
        """Ask what it is time to ask."""
        with self._hub.ledger.read() as conn:
            rows = word_verbs.followed_now(conn, self.endpoint.name, now=self._hub.now(), limit=BATCH)
        transport: Following | None = self._transport(Following) if rows else None
        for row in rows:
            if self._stop.is_set() or transport is None:
                return False
            self._keep_lease()
            self._ask(transport, row)
        return self._done(cursor, more=len(rows) == BATCH)

    def _ask(self, transport: Following, row: Row[Any]) -> None:
        """Ask about one delivery; raise NotSent where the partner cannot be reached, so that the others wait as well."""
        try:
            found = transport.follow(row.number)
        except NotSent as error:
            self._in_vain(row, error.code)
            raise
        except HubError as error:
            self._in_vain(row, error.code)
        except Exception:
            log.exception("follow.bug", delivery=row.delivery_id)
            self._in_vain(row, "bug")
        else:
            self._hear(row, found)

    def _hear(self, row: Row[Any], found: Followed) -> None:
        """Give a new word to intake, and note it; the same word again is only noted where it is the last one."""
        if found.state == row.state and not found.final:
            self._in_vain(row, "")
            return
        if found.state != row.state:
            about = {FOLLOWED_SUBJECT: row.subject, FOLLOWED_MESSAGE: row.native_id}
            judged = intake.judge(self._hub, replace(found.request, headers={**found.request.headers, **about}))
            if not judged.settled:
                self._in_vain(row, judged.error.code if judged.error else "")
                return
        now = self._hub.now()
        heard = partial(word_verbs.heard, row=row, state=found.state, final=found.final, next_at=now + self._pause(0), now=now)
        self._hub.ledger.change(heard)
        FOLLOWED.labels(self.endpoint.name, "final" if found.final else "news").inc()
        log.info("follow.heard", delivery=row.delivery_id, state=found.state, final=found.final)

    def _in_vain(self, row: Row[Any], error: str) -> None:
        """Ask again later; after so many days without any news nobody asks any more."""
        now = self._hub.now()
        quiet = now - max(row.since, row.heard_at or 0.0)
        if quiet >= self._policy.give_up_days * _DAY_SECONDS:
            give_up = partial(word_verbs.give_up, row=row, error=error, now=now)
            self._hub.ledger.change(give_up, row.subject)
            FOLLOWED.labels(self.endpoint.name, "given_up").inc()
            log.error("follow.given_up", delivery=row.delivery_id, state=row.state, error=error)
            return
        next_at = now + self._pause(row.tries + 1)
        self._hub.ledger.change(partial(word_verbs.unheard, row=row, error=error, next_at=next_at))
        FOLLOWED.labels(self.endpoint.name, "failed" if error else "same").inc()
        if error:
            log.warning("follow.failed", delivery=row.delivery_id, error=error, tries=row.tries + 1)

    def _pause(self, tries: int) -> float:
        """Give the pause after so many questions in a row that brought nothing new."""
        # The exponent is bounded so that a thousand questions do not overflow the float.
        grown = self._policy.first_seconds * self._policy.factor ** min(tries, 60)
        return float(min(self._policy.ceiling_seconds, grown))
