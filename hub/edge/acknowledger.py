"""Acknowledger: give partners our word on what they hold for us (Competing Consumers' acknowledgement, after the commit).

The word stands in the ledger since the message does: a process that dies after it said the word and before that is noted says
it again, and a partner that waits for none any more says so.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Row

from hub.app import Hub
from hub.contract import Acknowledging, Owed
from hub.edge.due_work import BATCH, DueWork
from hub.endpoint import Endpoint, outbound_of
from hub.errors import Busy, HubError, NotSent, Refused
from hub.ledger import word_verbs
from hub.rules import redelivery
from hub.telemetry import WORDS

log = structlog.get_logger()


class Acknowledger(DueWork):
    """Says what is owed at one endpoint."""

    def __init__(self, hub: Hub, endpoint: Endpoint, holder: str, stop: threading.Event | None = None) -> None:
        super().__init__(hub, endpoint, word_verbs.OWED, holder, stop)

    def _look(self, cursor: str) -> bool:
        """Say what is owed now; what waits longest first."""
        name, now = self.endpoint.name, self._hub.now()
        with self._hub.ledger.read() as conn:
            words = word_verbs.owed_now(conn, name, now=now, limit=BATCH)
        # An empty round still opens no connection to the partner.
        transport: Acknowledging | None = self._transport(Acknowledging) if words else None
        for word in words:
            if self._stop.is_set() or transport is None:
                return False
            self._keep_lease()
            self._say(transport, word)
        self._hub.ledger.change(partial(word_verbs.forget_said, endpoint=name, before=now - word_verbs.FORGET_SECONDS))
        return self._done(cursor, more=len(words) == BATCH)

    def _say(self, transport: Acknowledging, word: Row[Any]) -> None:
        """Say one word, and note it; raise NotSent where the partner cannot be reached, so that the others wait as well."""
        try:
            transport.acknowledge(Owed(number=word.number, kind=word.kind, text=word.text))
        except Refused as error:
            # It has heard us before, or wants nothing more of us: there is nothing left to say.
            self._said(word, error.partner_code or error.code)
        except NotSent as error:
            self._unsaid(word, error)
            raise
        except HubError as error:
            self._unsaid(word, error)
        except Exception:
            log.exception("word.bug", number=word.number)
            self._unsaid(word, None)
        else:
            self._said(word, "")

    def _said(self, word: Row[Any], error: str) -> None:
        self._hub.ledger.change(partial(word_verbs.said, word=word, error=error, now=self._hub.now()))
        WORDS.labels(self.endpoint.name, word.kind).inc()
        log.info("word.said", number=word.number, kind=word.kind, message=word.message_id or None, told=error or None)

    def _unsaid(self, word: Row[Any], error: HubError | None) -> None:
        code = error.code if error else "bug"
        policy = outbound_of(self.endpoint).redelivery
        pause = redelivery.ask_again_in(word.tries + 1, policy, settle_after=_told(error), draw=self._hub.draw())
        self._hub.ledger.change(partial(word_verbs.unsaid, word=word, error=code, next_at=self._hub.now() + pause))
        WORDS.labels(self.endpoint.name, "unsaid").inc()
        log.warning("word.unsaid", number=word.number, kind=word.kind, error=code, tries=word.tries + 1)


def _told(error: HubError | None) -> float:
    """Give the seconds that a busy partner asked us to wait."""
    return (error.retry_after or 0.0) if isinstance(error, Busy) else 0.0
