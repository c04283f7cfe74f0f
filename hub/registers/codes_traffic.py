"""Codes of real traffic: the newest messages' content, read in windows, and which procedures a catalogue has."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from hub.ledger import payloads
from hub.ledger.ledger import Ledger
from hub.ledger.tables import procedures
from hub.registers import real_messages
from hub.registers.real_messages import Real, Wanted

#: Codes that are asked for in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One canonical message, as JSON gives it; an empty tree where retention has deleted it."""

    real: Real
    tree: Mapping[str, Any]


def newest(ledger: Ledger, wanted: Wanted, since: float) -> Iterator[Read | None]:
    """Give messages, the newest first, back to a moment; None where a window had none, so that a clock can be looked at.

    Each window is read by an index, and one body at a time: a catalogue may have megabytes.
    """
    after: tuple[float, str] | None = None
    while True:
        with ledger.read() as conn:
            window = real_messages.window(conn, wanted, after)
            for real in window.found:
                if real.received_at < since:
                    return
                yield Read(real=real, tree=_tree(payloads.get(conn, real.canonical_digest)))
        if not window.found:
            yield None
        after = window.after
        if after is None or after[0] < since:
            return


def _tree(body: bytes | None) -> Mapping[str, Any]:
    tree = json.loads(body) if body else {}
    return tree if isinstance(tree, dict) else {}


def catalogued(conn: Connection, codes: Sequence[str]) -> Collection[str] | None:
    """Say which of these procedures some owner's catalogue has; None where the hub was told no catalogue."""
    owners = list(conn.execute(select(procedures.c.owner).distinct()).scalars())
    if not owners:
        return None
    found: set[str] = set()
    for owner in owners:
        # By owner and code, as the key's index is: codes alone would read every catalogue.
        left = sorted(set(codes) - found)
        for start in range(0, len(left), _AT_ONCE):
            some = left[start : start + _AT_ONCE]
            query = select(procedures.c.code).where((procedures.c.owner == owner) & procedures.c.code.in_(some))
            found.update(conn.execute(query).scalars())
    return found
