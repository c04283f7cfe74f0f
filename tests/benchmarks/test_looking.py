"""The measurement of looking: its ledger is one that the hub could have written, and no look at it reads a large table whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from benchmarks import full_ledger, looking
from benchmarks.full_ledger import Full
from hub.app import Hub
from hub.ledger.ledger import Ledger
from hub.ledger.tables import attempts, deliveries, journal, messages, payloads
from hub.operations import counting
from tests.support.engines import ENGINES, ledger_on

MESSAGES = 3000
#: Tables that have a row for each message, or more.
LARGE = (
    "messages", "deliveries", "attempts", "journal", "journal_heads", "payloads", "chains", "dossiers", "dossier_codes",
    "finding_keys", "identities", "notices",
)  # fmt: skip
#: These ask for the newest of nearly all there is, or for the last place of the journal: a walk that a bound ends at once.
WALKS = ("messages all", "messages accepted", "find a digest, received", "find a digest, sent")


#: An index in which only refused messages stand: a walk through it is short.
FEW = "INDEX messages_refused"


@dataclass
class Filled:
    """A ledger with very many messages, and the hub on it."""

    url: str
    folder: Path
    full: Full
    hub: Hub


@pytest.fixture(scope="module", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("full")
    with ledger_on(request.param) as address:
        url = address.replace("sqlite:///", f"sqlite:///{folder}/")
        made = Ledger(url)
        made.create()
        made.close()
        full = full_ledger.fill(url, MESSAGES)
        hub = looking.open_hub(looking.configure(folder, url))
        counting.count_hours(hub, most=200)
        yield Filled(url, folder, full, hub)
        hub.ledger.close()


def count(filled: Filled, *columns: Any) -> list[Any]:
    with filled.hub.ledger.read() as conn:
        return list(conn.execute(select(*columns)).one())


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_its_shares_are_as_told(filled: Filled) -> None:
    (number,) = count(filled, func.count(messages.c.id))
    (refused,) = count(filled, func.count(messages.c.id).filter(messages.c.accepted.is_(False)))
    (standing,) = count(filled, func.count(deliveries.c.id).filter(deliveries.c.state.in_(["parked", "in_doubt"])))

    assert number == filled.full.messages
    assert 0.005 < refused / number < 0.02 and 0.005 < standing / number < 0.02


def test_copies_are_messages_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_ledger, "WRITTEN", 300)
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = Ledger(url)
    ledger.create()
    ledger.close()
    full = full_ledger.fill(url, 1500)
    ledger = Ledger(url)
    with ledger.read() as conn:
        numbers = [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in (messages, journal)]
        moments = list(conn.execute(select(journal.c.at).order_by(journal.c.seq)).scalars())
        lost = conn.execute(select(func.count()).where(deliveries.c.message_id.not_in(select(messages.c.id)))).scalar_one()
        alone = conn.execute(select(func.count()).where(attempts.c.delivery_id.not_in(select(deliveries.c.id)))).scalar_one()
        named = conn.execute(select(func.count()).where(deliveries.c.canonical_digest.not_in(select(payloads.c.digest))))
        assert named.scalar_one() == 0
    ledger.close()

    assert numbers[0] == full.messages == 1500 + 30
    assert (lost, alone) == (0, 0)
    assert all(later > earlier - 5 for earlier, later in pairwise(moments))


# --- the looks -------------------------------------------------------------------------------------------------------


def test_every_look_finds_something_or_is_there_to_find_nothing(filled: Filled) -> None:
    nothing = {"find words that stand nowhere", "messages of a procedure there is not", "messages of an error there is not"}
    for name, look in looking.looks(filled.full, filled.hub).items():
        if not name.endswith("one province"):
            found = look(filled.hub)
            empty = found in ((), []) or getattr(found, "sections", True) == ()
            assert empty is (name in nothing), name


@dataclass
class Asked:
    """Statements that the ledger was asked, with what was given."""

    seen: list[tuple[str, Any]] = field(default_factory=list)

    def listen(self, hub: Hub) -> None:
        event.listen(hub.ledger._engine, "before_cursor_execute", self._note)

    def _note(self, _conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            self.seen.append((statement, parameters))


def test_no_look_reads_a_large_table_whole(filled: Filled) -> None:
    """The database itself is asked how it would answer each statement."""
    asked = Asked()
    asked.listen(filled.hub)
    whole: dict[str, str] = {}
    for name, look in looking.looks(filled.full, filled.hub).items():
        asked.seen.clear()
        look(filled.hub)
        for statement, parameters in list(asked.seen):
            for step in _steps(filled, statement, parameters):
                if name not in WALKS or "LIMIT" not in statement:
                    whole[f"{name}: {step}"] = " ".join(statement.split())[:300]

    assert whole == {}


def _steps(filled: Filled, statement: str, parameters: Any) -> list[str]:
    """Give the steps of a plan that read all of a large table, or of one of its indexes."""
    with filled.hub.ledger._engine.connect() as conn:
        if conn.dialect.name == "sqlite":
            rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            aliases = {"behind": "deliveries", "head": "deliveries", "its_chain": "chains"}
            scans = [str(row[-1]) for row in rows if str(row[-1]).startswith("SCAN ") and FEW not in str(row[-1])]
            return [step for step in scans if aliases.get(step.split()[1], step.split()[1]) in LARGE]
        # A table of some thousand rows is sooner read whole; whether an index would serve shows where that is forbidden.
        conn.exec_driver_sql("SET enable_seqscan = off")
        rows = conn.exec_driver_sql(f"EXPLAIN {statement}", parameters).fetchall()
        conn.rollback()
        words = [str(row[0]).strip() for row in rows]
        return [step for step in words if (found := re.search(r"Seq Scan on (\w+)", step)) and found[1] in LARGE]


def test_the_check_of_plans_would_see_a_table_that_is_read_whole(filled: Filled) -> None:
    assert _steps(filled, "SELECT count(*) FROM messages WHERE kind = 'x'", ())


def test_it_reports_every_look_with_three_numbers(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[None] = []
    monkeypatch.setattr(looking, "looks", lambda full, hub: {"doubts": looking.act("doubts")})

    rows = list(looking.run("sqlite", filled.folder, filled.full, lambda: forgotten.append(None), rounds=2))

    assert [row.name for row in rows] == ["doubts"]
    assert all(0 < row.median <= row.greatest for row in rows)
    assert forgotten
