"""Group commit: a verb is atomic, its caller waits for the commit that holds it, and nobody pays for another's verb."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from hub.errors import BadSettings, NotAllowed, Unavailable
from hub.ledger import engine as engine_module
from hub.ledger import journal as journal_module
from hub.ledger.engine import open_engine
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal_heads, metadata
from hub.ledger.writer import GroupWriter
from tests.support.waiting import Waiting

PATIENCE_SECONDS = 30.0


class Gate:
    """Stops every COMMIT at a door that the test opens, and counts them."""

    def __init__(self, engine: Engine) -> None:
        self._commit = engine.dialect.do_commit
        engine.dialect.do_commit = self._stop_and_commit  # type: ignore[method-assign]
        self.reached = threading.Event()
        self.open = threading.Event()
        self.commits = 0
        self.fails_with: list[Exception | None] = []

    def _stop_and_commit(self, connection: Any) -> None:
        self.reached.set()
        assert self.open.wait(PATIENCE_SECONDS), "the test never opened the gate"
        problem = self.fails_with.pop(0) if self.fails_with else None
        if problem:
            raise problem
        self._commit(connection)
        self.commits += 1


class Desk:
    """A group writer with a gate at its commits, and threads that call it."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        metadata.create_all(self.engine)
        self.gate = Gate(self.engine)
        self.writer = GroupWriter(self.engine)
        self.waiting = self.writer.rounds.waiting = Waiting()
        self._callers = ThreadPoolExecutor(32)

    def call(self, verb: Callable[[Connection], Any], key: str = "") -> Future[Any]:
        """Call the writer from a thread of its own."""
        return self._callers.submit(self.writer.run, verb, key)

    def call_while_busy(self, *verbs: Callable[[Connection], Any]) -> list[Future[Any]]:
        """Keep the writer at a commit until all verbs wait behind it, so that they make one group; then open the gate."""
        first = self.call(writes("first"))
        assert self.gate.reached.wait(PATIENCE_SECONDS)
        waiting = []
        for verb in verbs:
            waiting.append(self.call(verb))
            self.waiting.wait_for(len(waiting), PATIENCE_SECONDS)
        self.gate.open.set()
        assert first.result(PATIENCE_SECONDS) == "first"
        return waiting

    def names(self) -> set[str]:
        """Read what is committed."""
        with self.engine.connect() as conn:
            return set(conn.execute(select(journal_heads.c.subject)).scalars())

    def broken(self, text: str) -> Exception:
        """Make the driver's own error."""
        error: Exception = self.engine.dialect.loaded_dbapi.OperationalError(text)
        return error

    def close(self) -> None:
        self.gate.open.set()
        self.writer.close()
        self._callers.shutdown()
        self.engine.dispose()


def writes(name: str) -> Callable[[Connection], str]:
    """A verb that writes one row and gives its name back."""

    def verb(conn: Connection) -> str:
        conn.execute(insert(journal_heads).values(subject=name, number=1, hash=""))
        return name

    return verb


def refuses(name: str) -> Callable[[Connection], str]:
    """A verb that writes one row and then finds that it may not."""

    def verb(conn: Connection) -> str:
        writes(name)(conn)
        raise NotAllowed("no", "không")

    return verb


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    made = Desk(url)
    yield made
    made.close()


def test_a_caller_goes_on_only_after_the_commit_that_holds_its_verb(desk: Desk) -> None:
    called = desk.call(writes("one"))
    assert desk.gate.reached.wait(PATIENCE_SECONDS)
    assert not called.done()
    assert desk.names() == set()

    desk.gate.open.set()

    assert called.result(PATIENCE_SECONDS) == "one"
    assert desk.names() == {"one"}


def test_verbs_that_wait_go_in_one_commit(desk: Desk) -> None:
    names = [f"verb {number}" for number in range(20)]

    waiting = desk.call_while_busy(*map(writes, names))

    assert [each.result(PATIENCE_SECONDS) for each in waiting] == names
    assert desk.names() == {"first", *names}
    assert desk.gate.commits == 2


def test_a_verb_that_fails_neither_fails_nor_delays_the_others_of_its_group(desk: Desk) -> None:
    waiting = desk.call_while_busy(writes("a"), refuses("b"), writes("c"), refuses("d"), writes("e"))

    assert [waiting[place].result(PATIENCE_SECONDS) for place in (0, 2, 4)] == ["a", "c", "e"]
    for place in (1, 3):
        with pytest.raises(NotAllowed):
            waiting[place].result(PATIENCE_SECONDS)
    assert desk.names() == {"first", "a", "c", "e"}
    assert desk.gate.commits == 2


def test_a_verb_that_the_database_refuses_is_taken_out_of_its_group(desk: Desk) -> None:
    waiting = desk.call_while_busy(writes("a"), writes("first"), writes("b"))

    assert [waiting[place].result(PATIENCE_SECONDS) for place in (0, 2)] == ["a", "b"]
    with pytest.raises(IntegrityError):
        waiting[1].result(PATIENCE_SECONDS)
    assert desk.names() == {"first", "a", "b"}


def test_a_group_whose_commit_fails_is_tried_one_by_one(desk: Desk) -> None:
    desk.gate.fails_with = [None, desk.broken("the disk is full")]

    waiting = desk.call_while_busy(*map(writes, "abc"))

    assert [each.result(PATIENCE_SECONDS) for each in waiting] == ["a", "b", "c"]
    assert desk.names() == {"first", "a", "b", "c"}
    assert desk.gate.commits == 4


def test_a_verb_whose_own_commit_fails_did_not_happen_and_says_so(desk: Desk) -> None:
    desk.gate.open.set()
    desk.gate.fails_with = [desk.broken("the disk is full")]

    with pytest.raises(Unavailable):
        desk.writer.run(writes("lost"))

    assert desk.names() == set()
    assert desk.writer.run(writes("next")) == "next"


def test_a_bug_in_a_verb_reaches_its_caller_and_the_writer_goes_on(desk: Desk) -> None:
    desk.gate.open.set()

    with pytest.raises(ZeroDivisionError):
        desk.writer.run(lambda conn: 1 // 0)

    assert desk.writer.run(writes("next")) == "next"


SECRET = "Nguyễn Thử Nghiệm"


def says_it_twice(conn: Connection) -> None:
    """A verb that writes what is there already, on the way of the hot statements."""
    texts = dict.fromkeys(("actor", "event", "entry", "previous", "hash"), "")
    journal_module._APPEND.change(conn, [{"subject": SECRET, "number": 1, "at": 1.0, **texts}])
    says_it_twice(conn)


@pytest.mark.parametrize("verb", [writes(SECRET), says_it_twice])
def test_an_error_of_the_database_does_not_show_the_values_of_the_row(desk: Desk, verb: Callable[[Connection], Any]) -> None:
    desk.gate.open.set()
    desk.writer.run(writes(SECRET))

    with pytest.raises(IntegrityError) as caught:
        desk.writer.run(verb)

    assert SECRET not in f"{caught.value} {caught.value.orig!r}"


def test_many_readers_at_once_share_a_few_connections_and_the_rest_are_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "READER_SECONDS", 0.0)
    ledger = Ledger(url)
    ledger.create()
    try:
        with ExitStack() as open_ones:
            for _ in range(engine_module.READERS):
                open_ones.enter_context(ledger.read()).execute(select(journal_heads.c.subject)).fetchall()
            with pytest.raises(Unavailable), ledger.read():
                pass
        with ledger.read() as conn:
            assert conn.execute(select(journal_heads.c.subject)).fetchall() == []
    finally:
        ledger.close()


def test_a_reader_sees_all_as_of_one_moment_and_writes_nothing(ledger: Ledger) -> None:
    with ledger.read() as conn:
        assert conn.execute(select(journal_heads.c.subject)).fetchall() == []
        ledger._write(writes("meanwhile"))
        assert conn.execute(select(journal_heads.c.subject)).fetchall() == []

    with ledger.read() as conn:
        assert conn.execute(select(journal_heads.c.subject)).scalars().all() == ["meanwhile"]


@pytest.mark.parametrize(
    "address",
    ["", "sqlite://", "sqlite:///:memory:", "mysql://host/db", "oracle+x://a:secret@b/c", "postgresql+psycopg2://h/d", "///"],
)
def test_an_address_that_is_not_served_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(BadSettings) as caught:
        open_engine(address)

    assert "secret" not in f"{caught.value.en} {caught.value.vi}"


def test_closing_finishes_what_was_given_and_refuses_what_comes_later(desk: Desk) -> None:
    waiting = desk.call_while_busy(*map(writes, "abc"))
    desk.writer.close()

    assert [each.result(PATIENCE_SECONDS) for each in waiting] == ["a", "b", "c"]
    late = desk.call(writes("late"))
    with pytest.raises(Unavailable):
        late.result(PATIENCE_SECONDS)


def test_only_its_own_account_reads_a_new_ledger(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine)
    with engine.connect():
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    engine.dispose()

    assert set(modes.values()) == {0o600}
    assert "ledger.db-wal" in modes
