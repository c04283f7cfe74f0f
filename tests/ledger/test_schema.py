"""The tables that revisions make are those of ``tables.py``, and a ledger of any earlier version becomes one of this version."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect, text

import hub.ledger
from hub.errors import BadSettings, Unavailable
from hub.ledger import schema
from hub.ledger.engine import open_engine
from hub.ledger.ledger import Ledger
from hub.ledger.migrations import HEAD, online
from hub.ledger.migrations.versions.r0001_tables import metadata as first_tables
from hub.ledger.tables import metadata
from tests.support import acceptances as make
from tests.support import postgres
from tests.support.looking import all_deliveries, check_chains

#: Every room of tables adds its own to the same metadata.
for room in pkgutil.iter_modules(hub.ledger.__path__):
    if room.name.endswith("_tables"):
        importlib.import_module(f"hub.ledger.{room.name}")


PROCESSES = 4
PATIENCE_SECONDS = 120.0


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    """An engine on a database without tables."""
    made = open_engine(empty_url)
    yield made
    made.dispose()


def statements(engine: Engine) -> list[str]:
    """Collect what is said to the database from now on."""
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda conn, cursor, statement, *rest: said.append(statement))
    return said


def differences(engine: Engine) -> list[Any]:
    """Compare the database with ``tables.py``."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def test_the_revisions_make_exactly_the_tables(engine: Engine) -> None:
    schema.bring_forward(engine)

    assert differences(engine) == []


def test_the_comparison_would_see_a_difference(engine: Engine) -> None:
    schema.bring_forward(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX deliveries_by_lease"))
        connection.execute(text("ALTER TABLE plans ADD COLUMN more INTEGER"))

    assert sorted(each[0] for each in differences(engine)) == ["add_index", "remove_column"]


def test_the_checks_of_the_tables_are_there(engine: Engine, tmp_path: Path) -> None:
    """Alembic's comparison leaves CHECKs out."""
    schema.bring_forward(engine)
    made = checks(engine)
    other = open_engine(f"sqlite:///{tmp_path / 'other.db'}")
    metadata.create_all(other)

    assert made.keys() == checks(other).keys() == {"deliveries_state"}
    assert quoted(made["deliveries_state"]) == quoted(checks(other)["deliveries_state"])


def checks(engine: Engine) -> dict[str, str]:
    seen = inspect(engine)
    return {str(each["name"]): each["sqltext"] for table in metadata.tables for each in seen.get_check_constraints(table)}


def quoted(condition: str) -> set[str]:
    return set(condition.split("'")[1::2])


def test_the_last_revision_is_the_one_that_the_program_looks_for() -> None:
    script = ScriptDirectory.from_config(schema._config(None))  # type: ignore[arg-type]

    assert script.get_heads() == [HEAD]


def test_where_nothing_is_to_be_done_it_costs_one_look(engine: Engine) -> None:
    schema.bring_forward(engine)
    said = statements(engine)

    schema.bring_forward(engine)

    assert said == [schema._VERSION]


def test_it_says_nothing_about_logging(engine: Engine) -> None:
    root, before = logging.getLogger(), logging.getLogger("alembic")
    state = (root.level, list(root.handlers), before.level, list(before.handlers))
    other = logging.getLogger("tests.other")

    schema.bring_forward(engine)

    assert (root.level, root.handlers, before.level, before.handlers) == (state[0], state[1], state[2], state[3])
    assert not other.disabled


# --- ledgers that are there already


def as_of_the_first_version(engine: Engine) -> None:
    """Make the tables as version 0.1.0 did, with a message and a delivery."""
    first_tables.create_all(engine)
    message = {column.name: "" for column in first_tables.tables["messages"].columns}
    message |= {"id": "m-1", "received_at": 1.0, "accepted": True, "answer_status": 200, "repeats": 0}
    delivery = {column.name: "" for column in first_tables.tables["deliveries"].columns}
    delivery |= {"id": "d-1", "message_id": "m-1", "endpoint": "bo", "subject": "national:1", "state": "pending", "head": "{}"}
    delivery |= dict.fromkeys(("lease_until", "due_at", "created_at", "updated_at"), 1.0)
    delivery |= {"epoch": 0, "attempts": 0, "fruitless": 0, "place": 1, "part": "{}", "canonical_digest": "sha256:1"}
    chain = {"endpoint": "bo", "subject": "national:1", "next_place": 2, "head_place": 1, "held": "{}"}
    body = {"digest": "sha256:1", "size": 1, "body": b"1", "stored_at": 1.0}
    with engine.begin() as connection:
        for name, row in (("payloads", body), ("messages", message), ("deliveries", delivery), ("chains", chain)):
            connection.execute(first_tables.tables[name].insert(), row)


def test_a_ledger_of_the_first_version_is_adopted_with_all_that_it_holds(engine: Engine, empty_url: str) -> None:
    as_of_the_first_version(engine)

    ledger = Ledger(empty_url)
    ledger.create()

    assert differences(engine) == []
    assert [row.id for row in all_deliveries(ledger)] == ["d-1"]
    ledger.record_received(make.acceptance(planned=(make.planned(),)))
    assert [each.id for each in ledger.queue(make.AT, make.budgets())] == ["d-1"]
    check_chains(ledger)
    ledger.close()


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE attempts ADD COLUMN more TEXT", "DROP INDEX notices_by_message", "DROP TABLE plan_items"],
)
def test_tables_that_are_not_of_the_first_version_are_refused_and_left_alone(engine: Engine, change: str) -> None:
    as_of_the_first_version(engine)
    with engine.begin() as connection:
        connection.execute(text(change))
    before = sorted(inspect(engine).get_table_names())

    with pytest.raises(BadSettings, match=r"is not of a ledger"):
        schema.bring_forward(engine)

    assert sorted(inspect(engine).get_table_names()) == before


def test_a_database_with_other_tables_only_is_taken(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_somebody_else (a INTEGER)"))

    schema.bring_forward(engine)

    assert {"of_somebody_else", "deliveries"} <= set(inspect(engine).get_table_names())


def test_a_newer_ledger_is_refused_with_what_to_do(ledger: Ledger) -> None:
    with ledger._engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(BadSettings) as caught:
        ledger.create()

    assert "revision 9999" in caught.value.en and "Install" in caught.value.en
    assert "9999" in caught.value.vi and "Hãy cài lại" in caught.value.vi


# --- several at once

OPEN = """
import sys
from hub.ledger.ledger import Ledger
ledger = Ledger(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
ledger.create()
ledger.create()
ledger.close()
"""


@pytest.mark.slow
def test_processes_that_start_at_once_make_the_tables_once(engine: Engine, empty_url: str) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", OPEN, empty_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    assert [process.wait(PATIENCE_SECONDS) for process in running] == [0] * PROCESSES
    assert differences(engine) == []


# --- what is PostgreSQL's own


@pytest.fixture
def server() -> Iterator[Engine]:
    """A ledger on PostgreSQL."""
    with postgres.shared().database() as address:
        made = open_engine(address)
        schema.bring_forward(made)
        yield made
        made.dispose()


def test_bodies_are_kept_as_they_are(server: Engine) -> None:
    query = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'payloads'::regclass AND attname = 'body'"
    with server.connect() as connection:
        assert connection.execute(text(query)).scalar() in ("e", b"e")


def test_a_ledger_that_another_brings_forward_is_waited_for(server: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "WAIT_SECONDS", 0.0)
    with server.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    with schema._alone(server), pytest.raises(Unavailable, match="another process"):
        schema.bring_forward(server)


def in_revision(engine: Engine, step: Callable[[], None]) -> None:
    """Carry out a step as a revision does."""
    with engine.connect() as connection:
        told = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with told.begin_transaction(_per_migration=True), Operations.context(told):
            step()


def indexes(engine: Engine, table: str) -> dict[str, list[Any]]:
    return {str(each["name"]): list(each["column_names"]) for each in inspect(engine).get_indexes(table)}


def test_an_index_is_built_beside_a_writer_that_has_not_committed(server: Engine) -> None:
    """An ordinary build would wait for the writer, and all later writers for the build."""
    with server.connect() as writer:
        writer.execute(text("INSERT INTO journal_heads VALUES ('a', 1, '')"))
        with pytest.raises(Exception, match="LockNotAvailable"), server.begin() as builder:
            builder.execute(text("SET LOCAL lock_timeout = '50ms'"))
            builder.execute(text("CREATE INDEX heads_by_hash ON journal_heads (hash)"))
        writer.rollback()

    in_revision(server, lambda: online.create_index("heads_by_hash", "journal_heads", ["hash"]))

    assert indexes(server, "journal_heads")["heads_by_hash"] == ["hash"]


def test_an_index_whose_building_was_interrupted_is_made_anew(server: Engine) -> None:
    with server.connect() as connection:
        connection.execute(text("INSERT INTO journal_heads VALUES ('a', 1, ''), ('b', 1, '')"))
        connection.commit()
    with pytest.raises(Exception, match="could not create unique index"):
        in_revision(server, lambda: online.create_index("heads_by_hash", "journal_heads", ["hash"], unique=True))
    assert "heads_by_hash" in indexes(server, "journal_heads")

    with server.begin() as connection:
        connection.execute(text("DELETE FROM journal_heads WHERE subject = 'b'"))
    in_revision(server, lambda: online.create_index("heads_by_hash", "journal_heads", ["hash"], unique=True))

    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'heads_by_hash'::regclass"
    with server.connect() as connection:
        assert connection.execute(text(valid)).scalar() is True


def test_an_index_that_is_replaced_has_its_new_columns_on_each_engine(engine: Engine) -> None:
    schema.bring_forward(engine)

    for _ in range(2):  # a second try, as after an interruption, changes nothing
        in_revision(engine, lambda: online.replace_index("plans_by_actor", "plans", ["actor", "verb"]))

    assert indexes(engine, "plans")["plans_by_actor"] == ["actor", "verb"]
