"""What the gauges show: counted rightly, and on indexes however much was ever delivered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, create_engine, insert, literal, select, text
from sqlalchemy.dialects import postgresql, sqlite

from hub.errors import InDoubt, NotSent
from hub.ledger import breakers
from hub.ledger.dispatch_verbs import BREAKER_FAILURES
from hub.ledger.ledger import Ledger
from hub.ledger.tables import deliveries
from hub.ledger.values import Evidence
from hub.registers import measures
from hub.registers.measures import CLOSED, HALF_OPEN, OPEN, Measures
from hub.rules.redelivery import Decision
from tests.support import acceptances as make
from tests.support.acceptances import AT
from tests.support.engines import ENGINES, ledger_on

#: So many deliveries that are done; enough for a database to rather use an index than read them all.
DONE = 30_000


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ledger_on(request.param) as address:
        yield address.replace("sqlite:///", f"sqlite:///{tmp_path}/")


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    made = Ledger(url)
    made.create()
    yield made
    made.close()


def measured(ledger: Ledger, *endpoints: str, now: float = AT) -> Measures:
    with ledger.read() as conn:
        return measures.measure(conn, endpoints or ("bo",), now)


def receive(ledger: Ledger, subject: str, *endpoints: str, **given: Any) -> None:
    planned = tuple(make.planned(subject, endpoint, **given) for endpoint in endpoints or ("bo",))
    ledger.record_received(make.acceptance(subject, subject.encode(), planned=planned))


def fail(ledger: Ledger, error: Any, decision: Decision) -> None:
    ledger.record_failed(make.send_one(ledger), error, decision, Evidence(), None, AT)


def test_what_is_not_done_is_counted_by_endpoint_and_state(ledger: Ledger) -> None:
    receive(ledger, "national:1", "bo", "so")
    receive(ledger, "national:1")
    make.deliver_one(ledger, "so")

    assert measured(ledger, "bo", "so").not_done == {("bo", "pending"): 1, ("bo", "held"): 1}


def test_what_is_parked_is_counted_by_its_cause(ledger: Ledger) -> None:
    receive(ledger, "national:1", park=make.PARK)
    receive(ledger, "national:2", park=("no_mapping", "codes/x", "no row", "thiếu mã"))
    receive(ledger, "national:3", park=make.PARK)

    assert measured(ledger).parked == {("bo", "out_of_step"): 2, ("bo", "no_mapping"): 1}


def test_the_oldest_due_is_told_by_its_age(ledger: Ledger) -> None:
    """Also while it waits, is queued or is being sent; not before its moment, and not in doubt or parked."""
    receive(ledger, "national:1")
    receive(ledger, "national:2", "so", park=make.PARK)
    ages = [measured(ledger, "bo", "so", now=AT + 100).oldest_due]
    make.send_one(ledger)
    ages.append(measured(ledger, "bo", "so", now=AT + 200).oldest_due)

    assert ages == [{"bo": 100.0, "so": 0.0}, {"bo": 200.0, "so": 0.0}]


def test_what_waits_is_due_from_its_moment_on(ledger: Ledger) -> None:
    receive(ledger, "national:1")
    fail(ledger, NotSent("no", "không"), Decision(action="wait", delay=60.0))

    assert [measured(ledger, now=AT + after).oldest_due["bo"] for after in (59, 60, 90)] == [0.0, 0.0, 30.0]


def test_a_doubt_is_not_due_but_counted(ledger: Ledger) -> None:
    receive(ledger, "national:1")
    fail(ledger, InDoubt("?", "?"), Decision(action="doubt", doubt="park"))
    found = measured(ledger, now=AT + 1000)

    assert (found.not_done, found.oldest_due) == ({("bo", "in_doubt"): 1}, {"bo": 0.0})


def test_breaker_and_pause_are_told_for_every_endpoint(url: str, ledger: Ledger) -> None:
    engine = create_engine(url)
    with engine.begin() as conn:
        for _ in range(BREAKER_FAILURES):
            breakers.count_failure(conn, "bo", AT)
        breakers.count_failure(conn, "gone", AT)
    engine.dispose()
    ledger.pause("so", paused=True, actor="an", why="bảo trì", now=AT)
    during, after = (measured(ledger, "bo", "so", "xa", now=AT + later) for later in (1, 10))

    assert [during.breakers, after.breakers] == [
        {"bo": OPEN, "so": CLOSED, "xa": CLOSED}, {"bo": HALF_OPEN, "so": CLOSED, "xa": CLOSED},
    ]  # fmt: skip
    assert during.paused == {"bo": False, "so": True, "xa": False}


def test_an_endpoint_whose_file_was_taken_away_is_still_counted(ledger: Ledger) -> None:
    """What waits there would wait for ever, unseen."""
    receive(ledger, "national:1", "old", "bo")
    found = measured(ledger, "bo", now=AT + 5)

    assert found.not_done == {("bo", "pending"): 1, ("old", "pending"): 1}
    assert found.oldest_due == {"bo": 5.0, "old": 5.0}


# --- how it is asked ------------------------------------------------------------------------------------------------


@pytest.fixture
def full(url: str, ledger: Ledger) -> Iterator[Connection]:
    """A ledger in which very much is done, and a little is not."""
    receive(ledger, "national:1", "bo", "so")
    make.deliver_one(ledger)
    engine = create_engine(url)
    with engine.begin() as conn:
        _multiply(conn)
        conn.execute(text("ANALYZE"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if conn.dialect.name == "postgresql":
            # What an index alone can answer shows after this; a ledger that runs is cleaned by itself.
            conn.execute(text("VACUUM ANALYZE deliveries"))
        yield conn
    engine.dispose()


def _multiply(conn: Connection) -> None:
    (row,) = conn.execute(select(deliveries).where(deliveries.c.state == "delivered")).mappings()
    rows = [{**row, "id": f"done-{number}", "subject": f"national:done-{number}"} for number in range(DONE)]
    conn.execute(insert(deliveries), rows)


def plan(conn: Connection, query: Select[Any]) -> str:
    """Let the database say how it would answer."""
    dialect = postgresql.dialect() if conn.dialect.name == "postgresql" else sqlite.dialect()
    words = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    before = "EXPLAIN" if conn.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row[-1]) for row in conn.exec_driver_sql(f"{before} {words}"))


ASKED = {"counting": measures.counting(("bo", "so")), "causes": measures.causes(("bo", "so")), "ever": measures.ever()}


@pytest.mark.parametrize("query", ASKED.values(), ids=ASKED)
def test_nothing_that_is_done_is_read(full: Connection, query: Select[Any]) -> None:
    told = plan(full, query)

    assert "deliveries_by" in told
    assert "Seq Scan on deliveries" not in told and "SCAN deliveries\n" not in f"{told}\n", told


def test_counting_a_large_backlog_is_answered_by_an_index_alone(full: Connection) -> None:
    """On SQLite; PostgreSQL takes whichever index it thinks is shorter."""
    if full.dialect.name != "sqlite":
        pytest.skip("PostgreSQL chooses by what is in the table")

    assert "COVERING INDEX deliveries_by_due" in plan(full, measures.counting(("bo", "so")))


def test_the_test_sees_a_plan_that_reads_everything(full: Connection) -> None:
    told = plan(full, select(deliveries.c.id).where(deliveries.c.error_en == literal("x")))

    assert "Seq Scan on deliveries" in told or "SCAN deliveries" in told
