"""What the ledger says that a partner ought to hold: chain by chain in the order of their keys, a page at a time."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.engine import Row

from hub.canonical.codes import Status
from hub.ledger.tables import attempts, chains, deliveries, dossier_codes, dossiers, journal
from hub.registers.reconciliations import Scope
from hub.rules.lifecycle import DOSSIER, State

#: Deliveries of a chain of which it is looked what they told before, from the last one on.
EARLIER = 20
_ARRIVED = (State.DELIVERED.value, State.ACKNOWLEDGED.value)
_COLUMNS = tuple(
    deliveries.c[name]
    for name in (
        "id",
        "subject",
        "place",
        "kind",
        "service",
        "state",
        "variant",
        "head",
        "business_digest",
        "canonical_digest",
        "error_code",
        "error_where",
        "partner_code",
        "attempts",
        "updated_at",
        "due_at",
    )
)


@dataclass(slots=True)
class Ought:
    """One chain of a partner, as far as a comparison needs it."""

    subject: str
    next_place: int
    head_place: int
    #: The last delivery that says everything of the dossier; None: none does.
    last: Row[Any] | None = None
    #: The last such one that arrived.
    arrived: Row[Any] | None = None
    #: The first one that is not done; None: all are.
    head: Row[Any] | None = None


@dataclass(frozen=True, slots=True)
class OughtPage:
    """Some chains, in order; how many keys were looked at, and up to where."""

    chains: tuple[Ought, ...]
    cursor: str
    seen: int
    end: bool


def page(
    conn: Connection, endpoint: str, tells: Collection[str], scope: Scope, *, threshold: str, after: str, limit: int
) -> OughtPage:
    """Read the next chains of a partner that are in the scope; ``tells``: services that say everything of a dossier."""
    keys = conn.execute(_keys(endpoint, scope, after, limit)).fetchall()
    last = keys[-1].subject if keys else after
    wanted = {row.subject: Ought(row.subject, row.next_place, row.head_place) for row in keys if _is_in(row, scope, threshold)}
    _fill(conn, endpoint, wanted, frozenset(tells))
    return OughtPage(tuple(wanted.values()), last, len(keys), end=len(keys) < limit)


def _keys(endpoint: str, scope: Scope, after: str, limit: int) -> Select[Any]:
    query = (
        select(chains.c.subject, chains.c.next_place, chains.c.head_place, dossiers.c.status, dossiers.c.updated_at)
        .outerjoin(dossiers, dossiers.c.key == chains.c.subject)
        .where((chains.c.endpoint == endpoint) & (chains.c.subject > after))
    )
    if scope.subjects:
        query = query.where(chains.c.subject.in_(scope.subjects))
    return query.order_by(chains.c.subject).limit(limit)


def _is_in(row: Row[Any], scope: Scope, threshold: str) -> bool:
    if row.status is None:
        # A catalogue or a notice: no dossier.
        return False
    if scope.since is not None and row.updated_at < scope.since:
        return False
    if scope.only_open and not DOSSIER[Status(row.status)]:
        return False
    return not threshold or hashed(scope.seed, row.subject) <= threshold


def hashed(seed: str, subject: str) -> str:
    """Give what decides whether a dossier is in a sample."""
    return hashlib.sha256(f"{seed}\n{subject}".encode()).hexdigest()


def threshold(conn: Connection, endpoint: str, scope: Scope) -> str:
    """Find the largest hash that is in a sample; where there are fewer dossiers, the largest there can be."""
    smallest: list[str] = []
    for subject in _subjects(conn, endpoint, scope):
        # A heap of what is largest at its top, since the largest of the sample is what goes.
        found = _turned(hashed(scope.seed, subject))
        if len(smallest) < scope.sample:
            heapq.heappush(smallest, found)
        elif found > smallest[0]:
            heapq.heapreplace(smallest, found)
    return _turned(smallest[0]) if len(smallest) >= scope.sample else "g"


_TURN = str.maketrans("0123456789abcdef", "fedcba9876543210")


def _turned(text: str) -> str:
    """Turn the order of hashes round."""
    return text.translate(_TURN)


def _subjects(conn: Connection, endpoint: str, scope: Scope) -> Iterator[str]:
    after, limit = "", 5000
    while rows := conn.execute(_keys(endpoint, scope, after, limit)).fetchall():
        yield from (row.subject for row in rows if _is_in(row, scope, ""))
        after = rows[-1].subject
        if len(rows) < limit:
            return


def _fill(conn: Connection, endpoint: str, wanted: dict[str, Ought], tells: frozenset[str]) -> None:
    for some in _portions(list(wanted)):
        here = (deliveries.c.endpoint == endpoint) & deliveries.c.subject.in_(some)
        query = select(*_COLUMNS).where(here).order_by(deliveries.c.subject, deliveries.c.place)
        for row in conn.execute(query, execution_options={"yield_per": 500}):
            _take(wanted[row.subject], row, tells)


def _take(chain: Ought, row: Row[Any], tells: frozenset[str]) -> None:
    if row.place == chain.head_place:
        chain.head = row
    if row.kind != "dossier" or row.service not in tells:
        return
    chain.last = row
    if row.state in _ARRIVED:
        chain.arrived = row


def again(conn: Connection, endpoint: str, subjects: Collection[str], tells: Collection[str]) -> dict[str, Ought]:
    """Read these chains once more, to see whether they have gone on."""
    rows = [
        row
        for some in _portions(sorted(subjects))
        for row in conn.execute(
            select(chains.c.subject, chains.c.next_place, chains.c.head_place).where(
                (chains.c.endpoint == endpoint) & chains.c.subject.in_(some)
            )
        )
    ]
    found = {row.subject: Ought(row.subject, row.next_place, row.head_place) for row in rows}
    _fill(conn, endpoint, found, frozenset(tells))
    return found


def is_same(before: Ought, now: Ought | None) -> bool:
    """Say whether a chain stands as it was seen."""
    if now is None or before.next_place != now.next_place or before.head_place != now.head_place:
        return False
    return _mark(before.last) == _mark(now.last) and _mark(before.head) == _mark(now.head)


def _mark(row: Row[Any] | None) -> tuple[str, str] | None:
    return (row.id, row.state) if row is not None else None


def _portions(subjects: Sequence[str]) -> Iterator[Sequence[str]]:
    return (subjects[start : start + 200] for start in range(0, len(subjects), 200))


# --- more of one chain -------------------------------------------------------------------------------------------


def arrived_before(conn: Connection, endpoint: str, chain: Ought, tells: Collection[str]) -> Sequence[Row[Any]]:
    """Give what arrived before the last one and says everything of the dossier, the newest first."""
    assert chain.last is not None
    here = (deliveries.c.endpoint == endpoint) & (deliveries.c.subject == chain.subject)
    query = (
        select(*_COLUMNS)
        .where(here & (deliveries.c.place < chain.last.place) & (deliveries.c.kind == "dossier"))
        .where(deliveries.c.state.in_(_ARRIVED) & deliveries.c.service.in_(sorted(tells)))
        .order_by(deliveries.c.place.desc())
        .limit(EARLIER)
    )
    return conn.execute(query).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How a delivery was taken: the partner's code, when, and the reply."""

    code: str
    at: float
    digest: str


def receipt(conn: Connection, delivery_id: str) -> Receipt | None:
    """Give the receipt of a delivery; None where no attempt brought one."""
    here = (attempts.c.delivery_id == delivery_id) & (attempts.c.outcome == "delivered")
    query = select(attempts.c.partner_code, attempts.c.ended_at, attempts.c.reply_digest).where(here)
    row = conn.execute(query.order_by(attempts.c.number.desc()).limit(1)).first()
    return Receipt(code=row.partner_code, at=row.ended_at or 0.0, digest=row.reply_digest) if row is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an operator stated of a delivery, and when."""

    event: str
    actor: str
    at: float


def said(conn: Connection, subject: str, delivery_id: str) -> Said | None:
    """Give the last word of an operator on a delivery that has ended; None where there is none."""
    query = (
        select(journal.c.event, journal.c.actor, journal.c.at, journal.c.entry)
        .where((journal.c.subject == subject) & journal.c.event.like("operator.%"))
        .order_by(journal.c.number.desc())
        .limit(100)
    )
    for row in conn.execute(query):
        if json.loads(row.entry).get("delivery") == delivery_id:
            return Said(event=row.event, actor=row.actor, at=row.at)
    return None


def other_numbers(conn: Connection, subject: str, but: str) -> tuple[str, ...]:
    """Give the other numbers of a dossier, without who issued them."""
    rows = conn.execute(select(dossier_codes.c.code).where(dossier_codes.c.key == subject).order_by(dossier_codes.c.code))
    found = (code.partition(":")[2] for code in rows.scalars())
    return tuple(dict.fromkeys(number for number in found if number and number != but))


def keys_of(conn: Connection, numbers: Collection[str]) -> dict[str, str]:
    """Find the dossiers of these numbers, given as ``numbering:number``."""
    found: dict[str, str] = {}
    for some in _portions(sorted(numbers)):
        rows = conn.execute(select(dossier_codes.c.code, dossier_codes.c.key).where(dossier_codes.c.code.in_(some)))
        found |= {row.code: row.key for row in rows}
    return found


def with_chain(conn: Connection, endpoint: str, subjects: Collection[str]) -> set[str]:
    """Say which of these dossiers a partner was told of."""
    found: set[str] = set()
    for some in _portions(sorted(subjects)):
        here = (chains.c.endpoint == endpoint) & chains.c.subject.in_(some)
        found |= set(conn.execute(select(chains.c.subject).where(here)).scalars())
    return found


def standing_still(conn: Connection, endpoint: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """Give the first deliveries of chains that stand still, in the order of their keys: those no rule matched."""
    first = (deliveries.c.endpoint == chains.c.endpoint) & (deliveries.c.subject == chains.c.subject)
    query: Select[Any] = (
        select(*_COLUMNS, deliveries.c.origin, deliveries.c.part, chains.c.next_place)
        .join(deliveries, first & (deliveries.c.place == chains.c.head_place))
        .where((chains.c.endpoint == endpoint) & (chains.c.subject > after))
        .order_by(chains.c.subject)
        .limit(limit)
    )
    return conn.execute(query).fetchall()
