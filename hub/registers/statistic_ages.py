"""How old a status was when a partner learnt it (the law says real time): from its moment to the end of its delivery."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from hub.ledger.tables import deliveries
from hub.ledger.values import OWN, URGENT, USUAL
from hub.rules.lifecycle import State
from hub.rules.statistics.form import Span

_ARRIVED = tuple(state.value for state in (State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE))
#: Rows that the database hands over at a time.
_PORTION = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """The ages of one sender's statuses at one recipient."""

    origin: str
    endpoint: str
    #: Deliveries that arrived in the period, and of these those whose message does not say since when.
    count: int
    untold: int
    #: Told with a moment that lay ahead when they arrived: a clock is wrong, or the moment invented.
    ahead: int
    #: In seconds; None: none was told.
    p50: float | None
    p99: float | None
    longest: float | None


@dataclass(slots=True)
class _Pair:
    count: int = 0
    untold: int = 0
    ahead: int = 0
    ages: array[float] = field(default_factory=lambda: array("d"))


def ages(conn: Connection, endpoints: Iterable[str], span: Span) -> tuple[Age, ...]:
    """Give the ages by sender and recipient; for each recipient the ranges of an index are read."""
    return tuple(age for endpoint in sorted(endpoints) for age in _at(conn, endpoint, span))


def _at(conn: Connection, endpoint: str, span: Span) -> list[Age]:
    pairs: dict[str, _Pair] = {}
    of_endpoint = (deliveries.c.endpoint == endpoint) & deliveries.c.state.in_(_ARRIVED)
    here = of_endpoint & deliveries.c.priority.in_((URGENT, USUAL)) & (deliveries.c.kind == "dossier")
    in_span = (deliveries.c.due_at >= span.begin) & (deliveries.c.due_at < span.until)
    # What the hub made to mend tells an old status once more: no sender told it late.
    told = deliveries.c.origin != OWN
    query = select(deliveries.c.origin, deliveries.c.due_at, deliveries.c.happened_at).where(here & in_span & told)
    for origin, arrived, happened in conn.execute(query.execution_options(yield_per=_PORTION)):
        pair = pairs.setdefault(origin, _Pair())
        pair.count += 1
        if happened is None:
            pair.untold += 1
        elif happened > arrived:
            pair.ahead += 1
        else:
            pair.ages.append(arrived - happened)
    return [_age(origin, endpoint, pair) for origin, pair in sorted(pairs.items())]


def _age(origin: str, endpoint: str, pair: _Pair) -> Age:
    listed = sorted(pair.ages)
    return Age(
        origin=origin,
        endpoint=endpoint,
        count=pair.count,
        untold=pair.untold,
        ahead=pair.ahead,
        p50=percentile(listed, 50),
        p99=percentile(listed, 99),
        longest=listed[-1] if listed else None,
    )


def percentile(listed: Sequence[float], share: int) -> float | None:
    """Give the value below or at which so many percent of a sorted list stand (nearest rank)."""
    return listed[max(0, -(-len(listed) * share // 100) - 1)] if listed else None
