"""Reading the ledger in tests: states, chains, and the promises that hold at every moment."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from hub.ledger import journal
from hub.ledger.ledger import Ledger
from hub.ledger.tables import chains, deliveries, messages
from hub.rules.lifecycle import ENDED, State


def delivery(ledger: Ledger, delivery_id: str) -> Row[Any]:
    """Give one delivery's row."""
    with ledger.read() as conn:
        return conn.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one()


def state(ledger: Ledger, delivery_id: str) -> State:
    """Give one delivery's state."""
    return State(delivery(ledger, delivery_id).state)


def all_deliveries(ledger: Ledger) -> list[Row[Any]]:
    """Give every delivery, chain by chain in order."""
    query = select(deliveries).order_by(deliveries.c.endpoint, deliveries.c.subject, deliveries.c.place)
    with ledger.read() as conn:
        return list(conn.execute(query))


def all_messages(ledger: Ledger) -> list[Row[Any]]:
    """Give every message in order of arrival."""
    with ledger.read() as conn:
        return list(conn.execute(select(messages).order_by(messages.c.received_at)))


def head_place(ledger: Ledger, endpoint: str = "bo", subject: str = "national:1") -> int:
    """Give the place that a chain points at."""
    query = select(chains.c.head_place).where((chains.c.endpoint == endpoint) & (chains.c.subject == subject))
    with ledger.read() as conn:
        return int(conn.execute(query).scalar_one())


def broken_rows(ledger: Ledger) -> list[tuple[str, int, str]]:
    """Say what is wrong with the journal: (subject, number, what)."""
    with ledger.read() as conn:
        return [(each.subject, each.number, each.en) for each in journal.verify(conn)]


def check_chains(ledger: Ledger, *, waiting: frozenset[str] = frozenset(), left: frozenset[str] = frozenset()) -> None:
    """Check every chain: the head is the first that is not done, and nothing behind it has begun.

    ``waiting``: services whose chain moves on only when the delivery is acknowledged; ``left``: partners whose place
    another took: what was moved to it leaves gaps.
    """
    with ledger.read() as conn:
        for (endpoint, subject), rows in _by_chain(conn).items():
            here = (chains.c.endpoint == endpoint) & (chains.c.subject == subject)
            chain = conn.execute(select(chains).where(here)).one()
            _check_chain(chain, rows, waiting, endpoint in left)


def _by_chain(conn: Connection) -> dict[tuple[str, str], list[Row[Any]]]:
    found: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in conn.execute(select(deliveries).order_by(deliveries.c.place)):
        found[row.endpoint, row.subject].append(row)
    return found


def _check_chain(chain: Row[Any], rows: list[Row[Any]], waiting: frozenset[str], has_gaps: bool) -> None:
    name = f"chain ({chain.endpoint}, {chain.subject})"
    shown = [(row.place, row.state) for row in rows]
    assert has_gaps or [row.place for row in rows] == list(range(1, chain.next_place)), f"{name}: places {shown}"
    open_ones = [row.place for row in rows if not _is_done(row, waiting)]
    assert chain.head_place == (open_ones[0] if open_ones else chain.next_place), f"{name}: head {chain.head_place} of {shown}"
    for row in rows:
        if row.place > chain.head_place:
            assert row.state in (State.HELD, State.ABANDONED), f"{name}: follower before its head is done: {shown}"
        if row.place == chain.head_place:
            assert row.state != State.HELD, f"{name}: head was never given its turn: {shown}"


def _is_done(row: Row[Any], waiting: frozenset[str]) -> bool:
    if row.state == State.DELIVERED and row.service in waiting:
        return False
    return State(row.state) in ENDED
