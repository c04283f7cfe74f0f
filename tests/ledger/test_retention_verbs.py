"""Whatever happened in a ledger, retention never deletes what a live delivery names, nor what its time is not over for."""

from __future__ import annotations

import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hub.canonical.receipt import Receipt
from hub.contract import Outgoing
from hub.errors import InDoubt, NotAllowed, Refused
from hub.ledger import retention_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.tables import attachment_uses, attachments, attempts, chains, deliveries, journal, messages, metadata, payloads
from hub.ledger.values import Evidence, Notice
from hub.rules.lifecycle import ENDED, State
from hub.rules.redelivery import Decision
from hub.rules.retention import DAY_SECONDS, Cuts, Kept, Stored, cuts, deletable
from tests.support import acceptances as make
from tests.support import postgres
from tests.support.looking import broken_rows, check_chains

ENDPOINTS = ("bo", "cong")
FILES = tuple(f"sha256:{number:064x}" for number in range(3))
WAITING = "ack"


class Life:
    """A ledger to which anything may happen, in any order, on any day."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = make.AT
        self.runs = 0
        self.given: set[str] = set()

    def shared(self, number: int, among: int) -> int:
        """Choose one of a few bodies: of all time, or of this half-year."""
        era = 0 if number % 3 else int((self.now - make.AT) / (180 * DAY_SECONDS)) + 1
        return 100 * era + number % among

    def receive(self, number: int) -> None:
        """A message about one of three dossiers; bytes, certificates, answers and files are shared with others."""
        planned = tuple(
            make.planned(
                f"national:{number % 3}",
                endpoint,
                canonical=b"canonical %d" % self.shared(number, 4),
                service=WAITING if number % 5 == 0 else "GuiHoSo",
                park=make.PARK if number % 7 == 0 else None,
            )
            for endpoint in ENDPOINTS[: number % 3]
        )
        file = FILES[number % 4 : number % 4 + 1]
        for digest in file if number % 2 else set(file) - self.given:
            self.given.add(digest)
            self.ledger.record_given(digest, size=9, givers=("mot_cua",), now=self.now)
        self.ledger.record_received(
            make.acceptance(
                f"national:{number % 3}",
                body=b"raw %d" % self.shared(number, 6),
                certificate=b"certificate" if number % 2 else b"",
                canonical=(b"canonical %d" % self.shared(number, 4),),
                planned=planned,
                at=self.now,
                attachments=file,
            )
        )

    def refuse(self, number: int) -> None:
        self.ledger.record_refused(make.refusal(b"raw %d" % self.shared(number, 6), at=self.now))

    def work(self, number: int) -> None:
        """Send what is due at one endpoint, to any end."""
        endpoint = ENDPOINTS[number % 2]
        for due in self.ledger.queue(self.now, make.budgets(endpoint, concurrency=1)):
            held = self.ledger.claim(due, self.now, make.LEASE_SECONDS)
            if held is None:
                continue
            outgoing = Outgoing(service=held.service, body=b"business %d" % self.shared(number, 3))
            sending = self.ledger.record_sending(held, outgoing, held.id, self.now, make.LEASE_SECONDS)
            evidence = Evidence(sent=b"sent %d" % self.shared(number, 3), reply=b"reply %d" % self.shared(number, 2))
            if number % 4 < 2:
                waits = held.service == WAITING
                self.ledger.record_delivered(sending, Receipt(), evidence, make.DELIVERED, self.now, waits=waits)
            else:
                error, action = (Refused("", ""), "park") if number % 4 == 2 else (InDoubt("", ""), "doubt")
                decision = Decision(action=action, doubt="park" if action == "doubt" else "")
                self.ledger.record_failed(sending, error, decision, evidence, None, self.now)

    def operate(self, number: int) -> None:
        """Let an operator do something to one delivery that stands still."""
        with self.ledger.read() as conn:
            still = (State.PARKED.value, State.IN_DOUBT.value, State.DELIVERED.value)
            query = select(deliveries.c.id, deliveries.c.service).where(deliveries.c.state.in_(still))
            services = {row.id: row.service for row in conn.execute(query.order_by(deliveries.c.created_at, deliveries.c.id))}
        ids = list(services)
        if not ids:
            return
        told: dict[str, Any] = {"actor": "a", "why": "w", "now": self.now}
        notice = Notice(outcome="abandoned", code="", vi="", en="")
        # What arrived still waits for its acknowledgement where its service says so (Hub.waits_for_acknowledgement).
        waits = services[ids[number % len(ids)]] == WAITING
        arrived: dict[str, Any] = {"evidence": b"letter %d" % (number % 2), "found": {}, "waits": waits, "notice": notice}
        verbs: tuple[Callable[[str], None], ...] = (
            lambda one: self.ledger.release(one, **told),
            lambda one: self.ledger.rebuild(one, **told),
            lambda one: self.ledger.settle(one, arrived=True, **arrived, **told),
            lambda one: self.ledger.settle(one, arrived=False, **arrived, **told),
            lambda one: self.ledger.settle_answer(one, acknowledged=True, evidence=b"letter 0", notice=notice, **told),
            lambda one: self.ledger.abandon(one, notice=notice, **told),
        )
        with suppress(NotAllowed):
            verbs[number % len(verbs)](ids[number % len(ids)])

    def wait(self, number: int) -> None:
        self.now += (number % 97) * DAY_SECONDS / 2

    def delete(self, number: int) -> None:
        """Run retention, and look whether it kept what it must."""
        days = number % 150 + 1
        at = cuts(self.now, days=days, proof_days=days * (number % 3 + 1))
        before, gone_before = counted(self.ledger), Named(self.ledger).gone
        self.runs += 1
        run_retention(self.ledger, at, f"run-{self.runs}", self.now)
        named = Named(self.ledger)
        # A file that was over already may be named again, and is still over: only bodies come again with who names them.
        assert named.missing_and_needed() - (gone_before & set(FILES)) == set()
        assert named.missing_and_young(at) - gone_before == set()
        assert named.there_and_over(at) == set()
        assert counted(self.ledger) == before
        assert broken_rows(self.ledger) == []
        check_chains(self.ledger, waiting=frozenset({WAITING}))


def run_retention(ledger: Ledger, at: Cuts, run_id: str, now: float, batch: int = 3) -> None:
    """Do what hub.retention does, in small batches."""
    with ledger.read() as conn:
        needed = retention_verbs.needed(conn, at, now=now)
        lists: list[list[Stored]] = [retention_verbs.old_bodies(conn, at, (-1.0, ""), 10_000, kind) for kind in Kept]
        files = retention_verbs.old_attachments(conn, at, (-1.0, ""), 10_000)
    for listed in lists:
        chosen = deletable(listed, needed, at)
        for place in range(0, len(chosen), batch):
            ledger.delete_bodies(run_id, chosen[place : place + batch], at, actor="a", now=now)
    removed: list[str] = []
    ledger.delete_attachments(run_id, deletable(files, needed, at), at, remove=removed.append, actor="a", now=now)


def counted(ledger: Ledger) -> dict[str, int]:
    """Count the rows of every table but the journal, of which there may only be more."""
    tables = [table for table in metadata.sorted_tables if not table.name.startswith("journal")]
    with ledger.read() as conn:
        return {table.name: conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


class Named:
    """Reads the whole ledger, row by row, and says of every digest who names it: slowly, and by no index."""

    def __init__(self, ledger: Ledger) -> None:
        with ledger.read() as conn:
            tables = (messages, deliveries, attempts, chains, journal, payloads, attachments, attachment_uses)
            self.rows = {table.name: conn.execute(select(table)).all() for table in tables}
        self.there = {row.digest for row in self.rows["payloads"] if row.body is not None}
        self.there |= {row.digest for row in self.rows["attachments"] if row.deleted_at is None}
        self.gone = {row.digest for name in ("payloads", "attachments") for row in self.rows[name]} - self.there
        #: digest -> moments at which it was named, for the work and as proof.
        self.work: dict[str, list[float]] = defaultdict(list)
        self.proof: dict[str, list[float]] = defaultdict(list)
        self.answers = {row.answer_digest for row in self.rows["messages"] if row.accepted}
        self._read()

    def _read(self) -> None:
        received = {row.id: row.received_at for row in self.rows["messages"]}
        for row in self.rows["messages"]:
            for digest in (row.raw_digest, row.signed_digest, row.certificate_digest, row.signature_digest, row.answer_digest):
                self.proof[digest].append(row.received_at)
            for digest in json.loads(row.canonical):
                self.work[digest].append(row.received_at)
        for row in self.rows["deliveries"]:
            self.work[row.canonical_digest].append(row.created_at)
        for row in self.rows["attempts"]:
            for digest in (row.business_digest, row.sent_digest, row.reply_digest):
                self.proof[digest].append(row.ended_at or row.started_at)
        for row in self.rows["journal"]:
            entry = json.loads(row.entry)
            for digest in (entry.get("evidence", ""), entry.get("reply", "")):
                self.proof[digest].append(row.at)
        for row in self.rows["attachment_uses"]:
            self.work[row.digest].append(received[row.message_id])

    def needed(self) -> set[str]:
        """Everything that a live delivery, its attempts and its message name."""
        heads = {(row.endpoint, row.subject): row.head_place for row in self.rows["chains"]}
        live = [
            row
            for row in self.rows["deliveries"]
            if State(row.state) not in ENDED or heads[row.endpoint, row.subject] == row.place
        ]
        ids, of = {row.id for row in live}, {row.message_id for row in live}
        found = {digest for row in live for digest in (row.canonical_digest, row.business_digest)}
        found |= {
            digest
            for row in self.rows["attempts"]
            if row.delivery_id in ids
            for digest in (row.business_digest, row.sent_digest, row.reply_digest)
        }
        for row in self.rows["messages"]:
            if row.id in of:
                found |= {row.raw_digest, row.signed_digest, row.certificate_digest, row.answer_digest}
                found |= set(json.loads(row.canonical))
        return found | {row.digest for row in self.rows["attachment_uses"] if row.message_id in of}

    def missing_and_needed(self) -> set[str]:
        return self.gone & self.needed()

    def missing_and_young(self, at: Cuts) -> set[str]:
        """What was deleted though a row names it that is not old enough, or that must be given again."""
        young = {digest for digest in self.gone if any(moment >= at.work + DAY_SECONDS for moment in self.work[digest])}
        young |= {digest for digest in self.gone if any(moment >= at.proof + DAY_SECONDS for moment in self.proof[digest])}
        return young | (self.gone & self.answers)

    def there_and_over(self, at: Cuts) -> set[str]:
        """What nothing needs and nobody has named for long, and yet is there."""
        over = set()
        for digest in self.there - self.needed() - self.answers:
            times = (*self.work[digest], *self.proof[digest])
            cut = at.proof if self.proof[digest] else at.work
            if times and max(times) < cut - DAY_SECONDS:
                over.add(digest)
        return over


EVENTS = ("receive", "receive", "work", "work", "operate", "wait", "wait", "delete", "refuse")
LIVES = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 10_000)), max_size=60)


@contextmanager
def born(url: str) -> Iterator[Life]:
    ledger = Ledger(url)
    ledger.create()
    try:
        yield Life(ledger)
    finally:
        ledger.close()


def live(life: Life, events: list[tuple[str, int]]) -> None:
    for name, number in events:
        getattr(life, name)(number)
    life.wait(90)
    life.delete(30)


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_no_deletable_set_ever_touches_what_a_live_delivery_names(events: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, born(f"sqlite:///{Path(folder) / 'ledger.db'}") as life:
        live(life, events)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_on_postgresql(seed: int) -> None:
    """The same room of events, drawn without shrinking: a database for each would cost too much."""
    drawn = random.Random(seed)
    events = [(drawn.choice(EVENTS), drawn.randrange(10_000)) for _ in range(150)]
    with postgres.ledger_url() as url, born(url) as life:
        live(life, events)


def test_lives_reach_what_the_property_is_about(tmp_path: Path) -> None:
    """A property about deletions among live deliveries says nothing where there are none of either."""
    drawn = random.Random(1)
    with born(f"sqlite:///{tmp_path / 'ledger.db'}") as life:
        for _ in range(300):
            getattr(life, drawn.choice(EVENTS))(drawn.randrange(10_000))
        named = Named(life.ledger)
        deleted, live_ones = len(named.gone), len(named.needed() & named.there)

    assert deleted > 5 and live_ones > 5
