"""Circuit breakers: failures in a row to reach a partner, and until when it is left alone.

A breaker is a measure, not a promise: whoever finds its row held by another process leaves it as it is. Waiting would
make all deliveries of a partner wait for each other, and two groups of verbs for each other's rows.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from hub.ledger.dispatch_verbs import BREAKER_FAILURES
from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import endpoint_states

_HERE = endpoint_states.c.endpoint == bindparam("at_endpoint")
_COUNTING = (
    select(endpoint_states.c.endpoint).where(_HERE & (endpoint_states.c.failures > 0)).with_for_update(skip_locked=True)
)
_CLOSE_BREAKER = Statement(
    update(endpoint_states)
    .where(endpoint_states.c.endpoint == _COUNTING.correlate(None).scalar_subquery())
    .values(failures=0, open_until=0.0)
)
_ROW = Statement(
    select(endpoint_states.c.failures, endpoint_states.c.open_until).where(_HERE).with_for_update(skip_locked=True)
)
_IS_THERE = Statement(select(endpoint_states.c.endpoint).where(_HERE))
_NEW = insert_new(endpoint_states, "endpoint")
_COUNT = Statement(
    update(endpoint_states).where(_HERE).values(failures=bindparam("new_failures"), open_until=bindparam("new_open_until"))
)

BREAKER_SECONDS = 5.0
BREAKER_CEILING_SECONDS = 300.0


def close(conn: Connection, endpoint: str) -> None:
    """Record that the partner answers; it costs nothing where its breaker counted no failure."""
    _CLOSE_BREAKER.run(conn, at_endpoint=endpoint)


def count_failure(conn: Connection, endpoint: str, now: float) -> None:
    """Count one more failure in a row; from the fifth on the breaker opens, each time for twice as long."""
    row = _ROW.run(conn, at_endpoint=endpoint).first()
    if row is None:
        if _IS_THERE.run(conn, at_endpoint=endpoint).first() is None:
            _NEW.run(conn, endpoint=endpoint, paused=False, why="", actor="", failures=1, open_until=0.0, paced_until=0.0)
        return
    if row.open_until > now:
        # A call that was under way when the breaker opened says nothing new.
        return
    failures = row.failures + 1
    opened = 0.0
    if failures >= BREAKER_FAILURES:
        opened = now + min(BREAKER_SECONDS * 2 ** min(failures - BREAKER_FAILURES, 16), BREAKER_CEILING_SECONDS)
    _COUNT.run(conn, at_endpoint=endpoint, new_failures=failures, new_open_until=opened)
