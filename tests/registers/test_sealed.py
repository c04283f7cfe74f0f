"""Whatever is changed in the journal or in the seals is found and named, also what the journal's own chains cannot show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, update

from hub import pins
from hub import sealing as flow
from hub.ledger.journal import GENESIS, row_hash
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal, journal_heads, seal_leaves, seals
from hub.pins import Pin
from hub.registers import integrity
from hub.registers import seals as register
from hub.rules import ledger_seal, merkle
from hub.rules.ledger_seal import End
from tests.support.engines import ENGINES, ledger_on
from tests.support.sealer import AT, World, asking, check_token, served, write

SUBJECTS = ("national:1", "national:2", "national:3")
SEALS = 3
ROWS = 6


@pytest.fixture(scope="module", params=ENGINES)
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A journal of three subjects with six rows each, under three seals with timestamps, and rows that are not sealed yet."""
    folder: Path = tmp_path_factory.mktemp("seals")
    with ledger_on(request.param) as address, served(folder / "tsa") as tsa:
        ledger = Ledger(address.replace("sqlite:///", f"sqlite:///{folder}/"))
        ledger.create()
        world = World(ledger)
        for _ in range(SEALS):
            write(ledger, *SUBJECTS, *SUBJECTS)
            assert flow.seal(world.sealing()) == 1
            world.later()
        assert flow.stamp(world.sealing(timestamping=asking(tsa.url))) == SEALS
        write(ledger, *SUBJECTS[:2])
        yield world
        ledger.close()


class TamperedOnPurpose(Exception):
    """Takes the tampering back."""


def found_after(world: World, tamper: Callable[[Connection], Any], **given: Any) -> list[tuple[str, str, str]]:
    """Verify a ledger that was tampered with, and put it back."""
    found: list[tuple[str, str, str]] = []

    def verb() -> None:
        with world.ledger.apart() as conn:
            tamper(conn)
            told = integrity.wrong(conn, check_token=check_token, **given)
            found.extend((each.kind, each.name, each.en) for each in told)
            raise TamperedOnPurpose

    with pytest.raises(TamperedOnPurpose):
        verb()
    return found


def row(subject: str, number: int) -> Any:
    return (journal.c.subject == subject) & (journal.c.number == number)


def leaf(number: int, position: int) -> Any:
    return (seal_leaves.c.seal == number) & (seal_leaves.c.position == position)


def test_what_was_written_is_whole(book: World) -> None:
    ticks: list[int] = []

    assert book.wrong(tick=ticks.append) == []
    with book.ledger.read() as conn:
        size = integrity.size(conn)
    assert (size.journal_rows, size.seals, size.sealed) == (20, 3, 9)
    assert sum(ticks) == size.rows


# --- any single change --------------------------------------------------------------------------------------------

IN_A_ROW = [{"at": 1.0}, {"actor": "x"}, {"event": "x"}, {"entry": "{}"}, {"hash": "0" * 64}, {"previous": "1" * 64}]
IN_A_SEAL = [
    {"number": 9},
    {"at": 1.0},
    {"upto": 1},
    {"upto": 99},
    {"leaves": 2},
    {"leaves": 9},
    {"leaves": 2_000_000_000},
    {"previous": "1" * 64},
    {"root": "2" * 64},
    {"root": "no hash"},
    {"token": b"x"},
    {"token": None},
    {"stamped_at": None},
    {"stamped_at": 1.0},
]
IN_A_LEAF = [{"seal": 9}, {"position": 9}, {"subject": "national:9"}, {"number": 1}, {"hash": "0" * 64}]
FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@FEW
@given(subject=st.sampled_from(SUBJECTS), number=st.integers(1, ROWS), change=st.sampled_from(IN_A_ROW))
def test_a_changed_row_is_named(book: World, subject: str, number: int, change: dict[str, Any]) -> None:
    found = found_after(book, lambda conn: conn.execute(update(journal).where(row(subject, number)).values(**change)))

    assert ("journal", f"{subject} #{number}") in {each[:2] for each in found}


@FEW
@given(number=st.integers(1, SEALS), change=st.sampled_from(IN_A_SEAL))
def test_a_changed_seal_is_named(book: World, number: int, change: dict[str, Any]) -> None:
    found = found_after(book, lambda conn: conn.execute(update(seals).where(seals.c.number == number).values(**change)))

    assert ("seal", str(number)) in {each[:2] for each in found}


@FEW
@given(number=st.integers(1, SEALS), position=st.integers(1, 3), change=st.sampled_from(IN_A_LEAF))
def test_a_changed_leaf_is_named(book: World, number: int, position: int, change: dict[str, Any]) -> None:
    found = found_after(book, lambda conn: conn.execute(update(seal_leaves).where(leaf(number, position)).values(**change)))

    assert str(number) in {each[1] for each in found if each[0] == "seal"}


@FEW
@given(number=st.integers(1, SEALS), position=st.integers(1, 3))
def test_a_removed_leaf_is_named(book: World, number: int, position: int) -> None:
    found = found_after(book, lambda conn: conn.execute(delete(seal_leaves).where(leaf(number, position))))

    assert ("seal", str(number), f"leaf {position} was removed") in found


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_seal_is_named(book: World, number: int) -> None:
    with_leaves = found_after(book, lambda conn: conn.execute(delete(seals).where(seals.c.number == number)))

    def without(conn: Connection) -> None:
        conn.execute(delete(seals).where(seals.c.number == number))
        conn.execute(delete(seal_leaves).where(seal_leaves.c.seal == number))

    assert ("seal", str(number), "was removed; 3 leaves of it are left") in with_leaves
    assert ("seal", str(number), "was removed") in found_after(book, without)


# --- what the journal's own chains cannot show --------------------------------------------------------------------


def test_a_subject_that_was_removed_with_its_head_is_named(book: World) -> None:
    def remove(conn: Connection) -> None:
        conn.execute(delete(journal).where(journal.c.subject == SUBJECTS[1]))
        conn.execute(delete(journal_heads).where(journal_heads.c.subject == SUBJECTS[1]))

    found = found_after(book, remove)

    assert {each[:2] for each in found} == {("journal", f"{SUBJECTS[1]} #{number}") for number in (2, 4, 6)}


def test_a_tail_that_was_cut_off_with_the_head_set_back_is_named(book: World) -> None:
    subject = SUBJECTS[2]

    def cut(conn: Connection) -> None:
        conn.execute(delete(journal).where((journal.c.subject == subject) & (journal.c.number > 5)))
        end = conn.execute(select(journal.c.hash).where(row(subject, 5))).scalar_one()
        conn.execute(update(journal_heads).where(journal_heads.c.subject == subject).values(number=5, hash=end))

    assert found_after(book, cut) == [("journal", f"{subject} #6", "was removed after it was sealed (3)")]


def rewrite(conn: Connection, subject: str, number: int) -> None:
    """Change a row, and write every hash after it anew, the head's as well: the chain is right again."""
    rows = conn.execute(select(journal).where(journal.c.subject == subject).order_by(journal.c.number)).all()
    previous = GENESIS
    for each in rows:
        actor = "nobody" if each.number == number else each.actor
        digest = row_hash(subject, each.number, each.at, actor, each.event, each.entry, previous)
        conn.execute(update(journal).where(journal.c.seq == each.seq).values(actor=actor, previous=previous, hash=digest))
        previous = digest
    conn.execute(update(journal_heads).where(journal_heads.c.subject == subject).values(hash=previous))


def test_a_history_that_was_written_anew_with_right_hashes_is_named(book: World) -> None:
    found = found_after(book, lambda conn: rewrite(conn, SUBJECTS[0], 3))

    assert {each[:2] for each in found} == {("journal", f"{SUBJECTS[0]} #{number}") for number in (4, 6)}


def test_a_row_that_was_slipped_in_where_all_is_sealed_is_named(book: World) -> None:
    def slip_in(conn: Connection) -> None:
        end = conn.execute(select(journal).where(row(SUBJECTS[2], ROWS))).one()
        digest = row_hash(end.subject, 7, AT, "hub", "test.event", "{}", end.hash)
        values = {"seq": 0, "subject": end.subject, "number": 7, "at": AT, "actor": "hub", "event": "test.event", "entry": "{}"}
        conn.execute(journal.insert().values(**values, previous=end.hash, hash=digest))
        conn.execute(update(journal_heads).where(journal_heads.c.subject == end.subject).values(number=7, hash=digest))

    found = found_after(book, slip_in)

    assert found == [("journal", f"{SUBJECTS[2]} #7", "was added to a part of the journal that was sealed")]


def seal_anew(conn: Connection) -> None:
    """Write all leaves and roots anew, as the journal says now: only timestamps and pinned roots know better."""
    before = None
    for each in conn.execute(select(seals).order_by(seals.c.number)).all():
        ends = []
        for one in list(register.ends_of(conn, each.number)):
            digest = conn.execute(select(journal.c.hash).where(row(one.subject, one.number))).scalar_one()
            ends.append(End(one.subject, one.number, digest))
            same = (seal_leaves.c.seal == each.number) & (seal_leaves.c.subject == one.subject)
            conn.execute(update(seal_leaves).where(same).values(hash=digest))
        before = ledger_seal.make(before, ends, at=each.at, upto=each.upto)
        values = {"previous": before.previous, "root": before.root}
        conn.execute(update(seals).where(seals.c.number == each.number).values(**values))


def test_seals_that_were_made_anew_are_shown_by_their_timestamps(book: World) -> None:
    def tamper(conn: Connection) -> None:
        rewrite(conn, SUBJECTS[0], 3)
        seal_anew(conn)

    found = found_after(book, tamper)

    assert {each[:2] for each in found} == {("seal", "2"), ("seal", "3")}
    assert all("its timestamp is not right" in each[2] and "HASH_FAILURE" in each[2] for each in found)


def test_without_timestamps_only_pinned_roots_show_it(book: World) -> None:
    with book.ledger.read() as conn:
        pinned = [Pin(each.number, each.root) for each in register.roots(conn, after=0)]

    def tamper(conn: Connection) -> None:
        rewrite(conn, SUBJECTS[0], 3)
        seal_anew(conn)
        conn.execute(update(seals).values(token=None, stamped_at=None))

    assert found_after(book, tamper) == []
    found = found_after(book, tamper, pinned=pinned)
    assert found == [("pin", number, "its root is not the one that was pinned") for number in ("2", "3")]


def test_the_last_seals_removed_with_all_that_was_below_them_are_shown_by_pinned_roots(book: World) -> None:
    with book.ledger.read() as conn:
        pinned = [Pin(each.number, each.root) for each in register.roots(conn, after=0)]

    def tamper(conn: Connection) -> None:
        conn.execute(delete(seals).where(seals.c.number == 3))
        conn.execute(delete(seal_leaves).where(seal_leaves.c.seal == 3))

    assert found_after(book, tamper) == []
    assert found_after(book, tamper, pinned=pinned) == [("pin", "3", "was pinned, and the ledger has no such seal")]


def test_roots_that_were_written_to_a_file_are_those_of_the_ledger(book: World, tmp_path: Path) -> None:
    path = tmp_path / "roots"
    assert flow.publish(book.sealing(publish=path)) == SEALS

    assert book.wrong(pinned=pins.read(path)) == []


# --- proofs -------------------------------------------------------------------------------------------------------


def test_a_proof_leads_from_a_subjects_last_sealed_row_to_a_root_with_a_timestamp(book: World) -> None:
    with book.ledger.read() as conn:
        proof = register.proof_of(conn, SUBJECTS[1])
        sealed = conn.execute(select(journal.c.hash).where(row(SUBJECTS[1], ROWS))).scalar_one()

    assert proof is not None
    assert (proof.subject, proof.number, proof.hash, proof.seal) == (SUBJECTS[1], ROWS, sealed, 3)
    assert proof.octets.decode() == f'["end","{SUBJECTS[1]}",{ROWS},"{sealed}"]'
    assert merkle.climb(merkle.leaf(proof.octets), proof.path) == proof.root
    assert proof.token is not None
    assert check_token(proof.token, proof.root) == proof.stamped_at


def test_every_seal_of_a_subject_proves_an_earlier_row(book: World) -> None:
    with book.ledger.read() as conn:
        proofs = list(register.proofs_of(conn, SUBJECTS[0]))

    assert [(each.seal, each.number) for each in proofs] == [(1, 2), (2, 4), (3, 6)]
    assert all(merkle.climb(merkle.leaf(each.octets), each.path) == each.root for each in proofs)


def test_a_subject_that_is_not_sealed_has_no_proof(book: World) -> None:
    with book.ledger.read() as conn:
        assert register.proof_of(conn, "national:9") is None


def test_each_root_proves_all_seals_before_it(book: World) -> None:
    with book.ledger.read() as conn:
        made = list(register.roots(conn, after=0))
        ends = list(register.ends_of(conn, 3))
    first = ledger_seal.first_octets(made[2].number, made[2].at, made[2].upto, made[2].previous)
    hashes = list(ledger_seal.leaf_hashes(first, ends))

    assert merkle.climb(hashes[0], merkle.path(hashes, 0)) == made[2].digest
    assert made[1].root in first.decode()


def test_it_is_told_how_far_sealing_is_behind(book: World) -> None:
    with book.ledger.read() as conn:
        found = register.measure(conn, AT + 77)
    assert (found.unsealed_seconds, found.unstamped_seconds) == (77.0, 0.0)
