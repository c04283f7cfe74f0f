"""Sealing loses nothing and does nothing twice: with authorities that are down, slow or hostile, two sealers, and kill -9."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hub import pins
from hub import sealing as flow
from hub.edge.sealer import Sealer
from hub.ledger import seal_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal, seal_leaves, seals
from hub.pins import Pin
from tests.support import dying_sealer, tsa
from tests.support.engines import ENGINES, ledger_on
from tests.support.sealer import EVERY, World, asking, served, subjects, write
from tests.support.tsa import Tsa, authorities

#: After so many failures the wait no longer grows.
TRIES = 9
#: A server notices that a process was killed after some rounds.
ROUNDS = 10_000


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ledger_on(request.param) as address:
        yield address.replace("sqlite:///", f"sqlite:///{tmp_path}/")


@pytest.fixture
def world(url: str) -> Iterator[World]:
    ledger = Ledger(url)
    ledger.create()
    yield World(ledger)
    ledger.close()


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Tsa]:
    with served(tmp_path / "tsa") as server:
        yield server


def kept(world: World) -> list[tuple[int, bool, int]]:
    """Give of each seal its number, whether it has a timestamp, and how often one was asked for."""
    with world.ledger.read() as conn:
        return [(row.number, row.token is not None, row.asked) for row in conn.execute(select(seals).order_by(seals.c.number))]


def sealed_rows(world: World) -> list[tuple[str, int]]:
    with world.ledger.read() as conn:
        return [(row.subject, row.number) for row in conn.execute(select(seal_leaves))]


# --- when a seal is made


def test_nothing_new_makes_no_seal(world: World) -> None:
    assert flow.seal(world.sealing()) == 0
    write(world.ledger, "a")
    assert flow.seal(world.sealing()) == 1
    world.later()
    assert flow.seal(world.sealing()) == 0


def test_a_seal_is_made_when_it_is_time_to(world: World) -> None:
    write(world.ledger, "a")
    flow.seal(world.sealing())
    write(world.ledger, "a")

    world.later(EVERY - 1)
    assert flow.seal(world.sealing()) == 0
    world.later(1)
    assert flow.seal(world.sealing()) == 1


def test_a_clock_that_was_set_back_puts_no_seal_off(world: World) -> None:
    write(world.ledger, "a")
    flow.seal(world.sealing())
    write(world.ledger, "a")

    world.later(-1_000_000)

    assert flow.seal(world.sealing()) == 1


def test_a_ledger_that_was_there_before_is_sealed_in_turn(world: World) -> None:
    write(world.ledger, *subjects(25))

    assert flow.seal(world.sealing(batch=10)) == 3
    assert sorted(sealed_rows(world)) == sorted((subject, 1) for subject in subjects(25))
    assert world.wrong() == []


def test_who_is_told_to_stop_stops_between_two_seals(world: World) -> None:
    write(world.ledger, *subjects(25))
    answers = iter([False, True])

    assert flow.seal(world.sealing(batch=10), lambda: next(answers)) == 1
    world.later()
    assert flow.seal(world.sealing(batch=10)) == 2
    assert world.wrong() == []


# --- timestamps


def test_one_token_is_over_the_root_of_many_subjects(world: World, authority: Tsa, tmp_path: Path) -> None:
    write(world.ledger, *subjects(50))
    sealing = world.sealing(timestamping=asking(authority.url))
    flow.seal(sealing)

    assert flow.stamp(sealing) == 1
    assert len(authority.asked) == 1
    with world.ledger.read() as conn:
        row = conn.execute(select(seals)).one()
    assert row.leaves == 51
    assert tsa.accepts(row.token, bytes.fromhex(row.root), authorities()[0], tmp_path)
    assert world.wrong() == []


def test_without_authorities_seals_wait_for_one_and_get_it_later(world: World, authority: Tsa) -> None:
    for _ in range(3):
        write(world.ledger, "a")
        flow.seal(world.sealing())
        world.later()
    assert flow.stamp(world.sealing()) == 0

    assert flow.stamp(world.sealing(timestamping=asking(authority.url))) == 3
    assert kept(world) == [(1, True, 1), (2, True, 1), (3, True, 1)]


def test_while_no_authority_answers_it_is_asked_less_and_less_often_and_nothing_is_lost(world: World) -> None:
    sealing = world.sealing(timestamping=asking("http://127.0.0.1:9"))
    write(world.ledger, "a")
    flow.seal(sealing)
    waits = []
    for _ in range(TRIES):
        assert flow.stamp(sealing) == 0
        with world.ledger.read() as conn:
            waits.append(seal_verbs.oldest_unstamped(conn).ask_at - world.moment())
        world.later(waits[-1])

    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0]
    assert kept(world) == [(1, False, TRIES)]


def test_before_its_time_nobody_is_asked(world: World, authority: Tsa) -> None:
    write(world.ledger, "a")
    flow.seal(world.sealing())
    flow.stamp(world.sealing(timestamping=asking("http://127.0.0.1:9")))

    world.later(4)
    assert flow.stamp(world.sealing(timestamping=asking(authority.url))) == 0
    assert authority.asked == []
    world.later(1)
    assert flow.stamp(world.sealing(timestamping=asking(authority.url))) == 1


@pytest.mark.parametrize(
    "fault", ["garbage", "giant", "rejection", "wrong_nonce", "wrong_digest", "forged", "status", "malformed", "hang_before"]
)
def test_what_a_hostile_authority_gives_is_not_kept(world: World, authority: Tsa, fault: str) -> None:
    write(world.ledger, "a")
    flow.seal(world.sealing())
    authority.forge()
    authority.faults.add(fault, value={"status": 503, "hang_before": 0}.get(fault))
    sealing = world.sealing(timestamping=asking(authority.url))

    assert flow.stamp(sealing) == 0
    assert kept(world) == [(1, False, 1)]
    world.later(5)
    assert flow.stamp(sealing) == 1
    assert world.wrong() == []


def test_a_slow_authority_holds_no_commit_open(world: World, authority: Tsa) -> None:
    """Its answer does not come before somebody else has written to the ledger."""
    write(world.ledger, "a")
    flow.seal(world.sealing())
    asked, written = threading.Event(), threading.Event()
    usual = authority._reply

    def slow(query: bytes) -> bytes:
        asked.set()
        assert written.wait(60)
        return usual(query)

    authority._reply = slow  # type: ignore[method-assign]
    stamped: list[int] = []
    sealing = world.sealing(timestamping=asking(authority.url, deadline_seconds=60))
    sealer = threading.Thread(target=lambda: stamped.append(flow.stamp(sealing)))
    sealer.start()
    assert asked.wait(60)
    write(world.ledger, "b")
    written.set()
    sealer.join()

    assert stamped == [1]


# --- two sealers


def test_two_sealers_at_once_make_each_seal_and_ask_for_each_timestamp_once(world: World, url: str, authority: Tsa) -> None:
    write(world.ledger, *subjects(60))
    other = World(Ledger(url), world.moment)
    parts = [each.sealing(batch=10, timestamping=asking(authority.url)) for each in (world, other)]
    begin = threading.Barrier(2)

    def work(sealing: flow.Sealing) -> None:
        begin.wait()
        flow.seal(sealing)
        flow.stamp(sealing)

    threads = [threading.Thread(target=work, args=(each,)) for each in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.ledger.close()
    # Who met the other's lock left the rest for the next round.
    for _ in range(6):
        world.later(EVERY)
        flow.seal(parts[0])
    world.later(EVERY)
    flow.stamp(parts[0])

    assert Counter(sealed_rows(world)).most_common(1)[0][1] == 1
    assert sorted(sealed_rows(world)) == sorted((subject, 1) for subject in subjects(60))
    assert len(authority.asked) == len(kept(world)) == 6
    assert world.wrong() == []


# --- the file of roots


def test_each_root_is_written_once_in_order(world: World, tmp_path: Path) -> None:
    path = tmp_path / "roots" / "of the hub.txt"
    sealing = world.sealing(publish=path, batch=10)
    write(world.ledger, *subjects(25))
    flow.seal(sealing)

    assert (flow.publish(sealing), flow.publish(sealing)) == (3, 0)
    world.later()
    write(world.ledger, "a")
    flow.seal(sealing)
    assert flow.publish(sealing) == 1

    with world.ledger.read() as conn:
        made = [Pin(row.number, row.root) for row in conn.execute(select(seals).order_by(seals.c.number))]
    assert list(pins.read(path)) == made
    assert world.wrong(pinned=pins.read(path)) == []


def test_a_ledger_with_fewer_seals_than_were_published_is_told(world: World, tmp_path: Path, capsys) -> None:
    path = tmp_path / "roots"
    path.write_text(f"7 {'0' * 64} 2026-03-02T09:15:04+07:00\n")
    write(world.ledger, "a")
    flow.seal(world.sealing(publish=path))

    assert flow.publish(world.sealing(publish=path)) == 0
    assert "seals.fewer_than_published" in capsys.readouterr().out


# --- the thread


def test_the_thread_seals_stamps_and_publishes_and_stops_when_told(world: World, authority: Tsa, tmp_path: Path) -> None:
    write(world.ledger, "a")
    path = tmp_path / "roots"
    sealer = Sealer(world.sealing(timestamping=asking(authority.url), publish=path))
    done = threading.Event()
    usual = sealer.round

    def round_and_tell() -> None:
        usual()
        done.set()

    sealer.round = round_and_tell  # type: ignore[method-assign]
    sealer.start()
    assert done.wait(60)
    assert sealer.alive()
    sealer.stop()

    assert not sealer.alive()
    assert kept(world) == [(1, True, 1)]
    assert [each.number for each in pins.read(path)] == [1]


def test_a_file_that_cannot_be_written_keeps_nobody_from_sealing(world: World, authority: Tsa, capsys) -> None:
    write(world.ledger, "a")

    Sealer(world.sealing(timestamping=asking(authority.url), publish=Path("/dev/null/roots"))).round()

    assert kept(world) == [(1, True, 1)]
    assert "sealer.failed" in capsys.readouterr().out


# --- kill -9


@pytest.mark.slow
def test_wherever_a_sealer_is_killed_the_next_one_does_what_is_left_and_nothing_twice(
    world: World, url: str, authority: Tsa, tmp_path: Path
) -> None:
    path = tmp_path / "roots"
    names = subjects(3)
    write(world.ledger, *names)
    touches = dying_sealer.run(url, authority.url, path, world.moment(), 0)
    assert touches is not None
    assert touches > 10
    for last in range(1, touches + 1):
        world.later(1000)
        write(world.ledger, *names)
        assert dying_sealer.run(url, authority.url, path, world.moment(), last) is None
        _finish(world, authority, path)

        numbers = [each.number for each in pins.read(path)]
        assert numbers == list(range(1, last + 2)), f"killed at touch {last}"
        assert [has for _, has, _ in kept(world)] == [True] * (last + 1)
        assert sorted(sealed_rows(world)) == sorted((name, number) for name in names for number in range(1, last + 2))
    assert world.wrong(pinned=pins.read(path)) == []


def _finish(world: World, authority: Tsa, path: Path) -> None:
    """Do another round, later than the killed one was to be waited for."""
    world.later(100)
    sealing = world.sealing(timestamping=asking(authority.url), publish=path)
    for _ in range(ROUNDS):
        flow.seal(sealing)
        if _all_sealed(world):
            break
    flow.stamp(sealing)
    flow.publish(sealing)


def _all_sealed(world: World) -> bool:
    with world.ledger.read() as conn:
        last = seal_verbs.last(conn)
        return last is not None and last.upto == seal_verbs.newest_row(conn)


def test_the_journal_is_left_as_it_was(world: World, authority: Tsa) -> None:
    """Sealing writes to tables of its own only."""
    write(world.ledger, *subjects(5))
    with world.ledger.read() as conn:
        before = [tuple(row) for row in conn.execute(select(journal))]

    sealing = world.sealing(timestamping=asking(authority.url))
    flow.seal(sealing)
    flow.stamp(sealing)

    with world.ledger.read() as conn:
        assert [tuple(row) for row in conn.execute(select(journal))] == before
    assert json.loads(before[0][6]) == {"vi": "số"}
