"""Circuit breakers: failures in a row to reach a partner, and until when it is left alone."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from hub.ledger.dispatch_verbs import BREAKER_FAILURES
from hub.ledger.sql import Statement
from hub.ledger.tables import endpoint_states

_CLOSE_BREAKER = Statement(
    update(endpoint_states)
    .where((endpoint_states.c.endpoint == bindparam("at_endpoint")) & (endpoint_states.c.failures > 0))
    .values(failures=0, open_until=0.0)
)

BREAKER_SECONDS = 5.0
BREAKER_CEILING_SECONDS = 300.0


def close(conn: Connection, endpoint: str) -> None:
    """Record that the partner answers; it costs nothing where its breaker counted no failure."""
    _CLOSE_BREAKER.run(conn, at_endpoint=endpoint)


def count_failure(conn: Connection, endpoint: str, now: float) -> None:
    """Count one more failure in a row; from the fifth on the breaker opens, each time for twice as long."""
    here = endpoint_states.c.endpoint == endpoint
    row = conn.execute(select(endpoint_states.c.failures, endpoint_states.c.open_until).where(here)).first()
    if row is not None and row.open_until > now:
        # A call that was under way when the breaker opened says nothing new.
        return
    failures = row.failures + 1 if row is not None else 1
    opened = 0.0
    if failures >= BREAKER_FAILURES:
        opened = now + min(BREAKER_SECONDS * 2 ** min(failures - BREAKER_FAILURES, 16), BREAKER_CEILING_SECONDS)
    _set(conn, endpoint, failures, opened)


def _set(conn: Connection, endpoint: str, failures: int, open_until: float) -> None:
    here = endpoint_states.c.endpoint == endpoint
    row = conn.execute(select(endpoint_states.c.failures).where(here).with_for_update()).first()
    if row is None and failures:
        conn.execute(
            insert(endpoint_states).values(
                endpoint=endpoint, paused=False, why="", actor="", failures=failures, open_until=open_until
            )
        )
    elif row is not None and (row.failures or failures):
        conn.execute(update(endpoint_states).where(here).values(failures=failures, open_until=open_until))
