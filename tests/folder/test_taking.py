"""Files that a partner puts for us: taken once, whole, in their order, answered, and moved away; nothing there is trusted."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.edge import folders
from hub.edge.folders import FolderWatch
from hub.edge.puller import Pullers
from hub.folder.reaching import Places
from hub.folder.sftp import SftpPlace
from hub.operations import pulls
from tests.support.engines import ENGINES, ledger_on
from tests.support.folder_world import EVERY_SECONDS, FolderWorld, Touched, folder_world
from tests.support.hub import PARTNER, SENDER, carry_all, document
from tests.support.looking import all_messages, broken_rows
from tests.support.sftp_server import SftpServer, sftp_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp") / "server") as made:
        yield made


@pytest.fixture(params=ENGINES)
def on_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderWorld]:
    """On both engines, in folders of this machine."""
    with ledger_on(request.param) as address, folder_world(tmp_path, address) as made:
        yield made


@pytest.fixture(params=["local", "sftp"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderWorld]:
    """In folders of this machine, and behind OpenSSH's server."""
    given = request.getfixturevalue("server") if request.param == "sftp" else None
    with folder_world(tmp_path, server=given) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[FolderWorld]:
    with folder_world(tmp_path) as made:
        yield made


def test_files_are_taken_in_the_order_of_their_names_answered_and_moved(on_engine: FolderWorld) -> None:
    world = on_engine
    world.sender.put("b.json", document(2, "H01-2"))
    world.sender.put("a.json", document(1, "H01-1"))

    world.look()

    assert world.sender.names("in") == []
    assert world.sender.names("taken") == ["a.json", "b.json"]
    answers = world.sender.answers()
    assert list(answers) == ["a.json.answer.json", "b.json.answer.json"]
    assert world.accepted() == [True, True]
    assert [each.subject for each in sorted(all_messages(world.hub.ledger), key=lambda row: row.subject)] == [
        "national:H01-1",
        "national:H01-2",
    ]
    assert broken_rows(world.hub.ledger) == []


def test_what_is_refused_is_moved_apart_with_every_fault_beside_it(world: FolderWorld) -> None:
    world.sender.put("a.json", b'{"hoSo": 1}')
    world.sender.put("b.json", b"\x00\xff rubbish")
    world.sender.put("c.json", b"")
    world.sender.put("d.json", document(1))

    world.look()

    assert (world.sender.names("refused"), world.sender.names("taken")) == (["a.json", "b.json", "c.json"], ["d.json"])
    assert world.sender.names("answers") == [f"{name}.json.answer.json" for name in "abcd"]
    assert sorted(world.accepted()) == [False, False, False, True]


def test_a_file_that_is_being_written_is_left_alone(world: FolderWorld) -> None:
    half = world.sender.root / "in"
    for name in ("a.json.tmp", "b.json.part", "c.json.FILEPART", ".hidden.json", "e.json.jws"):
        (half / name).write_bytes(document(1)[:20])

    world.look()

    assert len(world.sender.names("in")) == 5
    assert world.accepted() == []


def test_with_markers_a_file_is_whole_when_its_marker_is_there(tmp_path: Path) -> None:
    with folder_world(tmp_path, taking='complete = "marker"\nmarker = ".ok"\n') as world:
        (world.sender.root / "in" / "a.json").write_bytes(document(1)[:30])
        (world.sender.root / "in" / "lonely.json.ok").touch()
        world.look()
        before = (world.accepted(), world.sender.names("in"))
        world.sender.mark("a.json", document(1), ".ok")
        world.look()

        assert before == ([], ["a.json"])
        assert (world.accepted(), world.sender.names("in"), world.sender.names("taken")) == ([True], [], ["a.json"])


def test_the_same_file_again_gets_the_recorded_answer_and_is_taken_once(world: FolderWorld) -> None:
    world.sender.put("a.json", document(1))
    world.look()
    first = world.sender.answers()
    world.sender.put("a.json", document(1))
    world.look()

    assert world.sender.answers() == first
    assert [row.repeats for row in all_messages(world.hub.ledger)] == [1]
    assert (world.sender.names("in"), len(world.sender.names("taken"))) == ([], 2)


def test_the_same_name_with_other_bytes_is_another_message_and_loses_nothing(world: FolderWorld) -> None:
    world.sender.put("a.json", document(1, identity="M-1"))
    world.look()
    world.sender.put("a.json", document(2, identity="M-2"))
    world.look()

    assert world.accepted() == [True, True]
    assert len(world.sender.names("taken")) == 2
    assert len(world.sender.names("answers")) == 2


def test_what_is_no_plain_file_is_never_opened(small: FolderWorld) -> None:
    there = small.sender.root / "in"
    secret = small.folder / "keys" / "seal.pem"
    (there / "a.json").symlink_to(secret)
    (there / "b.json").symlink_to("/dev/zero")
    os.mkfifo(there / "c.json")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(there / "d.json"))
        (there / "e.json").mkdir()
        small.sender.put("f.json", document(1))

        small.look()

    assert small.accepted() == [True]
    assert small.sender.names("in") == ["e.json"]
    assert small.sender.names("refused") == ["a.json", "b.json", "c.json", "d.json"]
    assert (small.sender.names("answers"), secret.exists()) == (["f.json.answer.json"], True)


def test_a_link_behind_sftp_is_not_followed(server: SftpServer, tmp_path: Path) -> None:
    with folder_world(tmp_path, server=server) as world:
        (world.sender.root / "in" / "a.json").symlink_to(world.folder / "keys" / "seal.pem")
        os.mkfifo(world.sender.root / "in" / "b.json")

        world.look()

        assert (world.accepted(), world.sender.names("refused")) == ([], ["a.json", "b.json"])


def test_a_name_that_is_not_utf8_behind_sftp_is_told_and_once_renamed_all_goes_on(server: SftpServer, tmp_path: Path) -> None:
    with folder_world(tmp_path, server=server) as world, capture_logs() as logs:
        strange = os.fsencode(world.sender.root / "in") + b"/h\xf4.json"
        Path(os.fsdecode(strange)).write_bytes(document(1, "H01-1"))
        world.look()
        (told,) = [line for line in logs if line["event"] == "pull.failed"]
        assert (told["error"], world.accepted()) == ("not_sent", [])

        os.rename(strange, os.fsencode(world.sender.root / "in") + b"/ho.json")
        world.look()

        assert world.accepted() == [True]


def test_a_folder_that_became_a_link_is_not_followed(small: FolderWorld, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (small.sender.root / "taken").rmdir()
    (small.sender.root / "taken").symlink_to(elsewhere)
    small.sender.put("a.json", document(1))

    small.look()

    assert (list(elsewhere.iterdir()), small.sender.names("in")) == ([], ["a.json"])
    (small.sender.root / "taken").unlink()
    (small.sender.root / "taken").mkdir()
    small.look()
    assert (small.sender.names("taken"), small.sender.names("in"), len(all_messages(small.hub.ledger))) == (["a.json"], [], 1)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with folder_world(tmp_path, door="max_bytes = 1000\n") as world:
        with world.sender.put("a.json", b"").open("wb") as huge:
            huge.truncate(50_000_000_000)
        world.sender.put("b.json", document(1))
        world.look()

        assert (world.sender.names("refused"), world.sender.names("taken")) == (["a.json"], ["b.json"])
        assert "too_large" in (world.sender.root / "answers" / "a.json.answer.json").read_text()


@pytest.mark.parametrize("name", ["a\nb.json", "\x1b[31m.json", "x" * 250, "a\udcff.json"])
def test_a_name_that_could_hurt_who_reads_it_is_moved_apart_under_a_plain_one(small: FolderWorld, name: str) -> None:
    (small.sender.root / "in" / name).write_bytes(document(1))

    small.look()

    (given,) = small.sender.names("refused")
    assert (small.accepted(), small.sender.names("in"), given.isprintable()) == ([], [], True)


def test_names_that_lead_elsewhere_are_none() -> None:
    place = SftpPlace.__new__(SftpPlace)

    class Listing:
        def listdir_iter(self, path: str) -> Iterator[Any]:
            for name in ("../../etc/passwd", "..", ".", "", "a/b", "a\0b", "fine.json"):
                yield type("Entry", (), {"filename": name})

    place._sftp, place._root = Listing(), "/x"  # type: ignore[assignment]

    assert place.names("in", lambda name: True, 10) == ["fine.json"]


def test_of_very_many_files_only_some_are_held_at_once(small: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "BATCH", 10)
    for number in reversed(range(35)):
        small.sender.put(f"{number:03}.json", document(number, f"H01-{number}"))

    small.look()

    assert len(small.sender.names("taken")) == 35
    assert [row.subject for row in all_messages(small.hub.ledger)] != []


def test_a_full_disk_leaves_the_file_there_until_its_answer_can_be_written(
    small: FolderWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True]

    def touch(step: str, given: Any) -> None:
        if step == "write" and full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = Places._opened
    monkeypatch.setattr(Places, "_opened", lambda self: Touched(opened(self), touch))
    small.sender.put("a.json", document(1))
    small.look()
    there = small.sender.names("in"), small.sender.names("answers")
    full[0] = False
    small.look()

    assert there == (["a.json"], [])
    assert (small.sender.names("in"), small.sender.names("answers")) == ([], ["a.json.answer.json"])
    assert [row.repeats for row in all_messages(small.hub.ledger)] == [1]


def test_a_file_that_cannot_be_read_does_not_keep_the_others(small: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "BATCH", 2)

    def touch(step: str, given: Any) -> None:
        if step == "read" and given[1] in ("a.json", "b.json"):
            raise PermissionError(errno.EACCES, "Permission denied")

    opened = Places._opened
    monkeypatch.setattr(Places, "_opened", lambda self: Touched(opened(self), touch))
    for number, name in enumerate("abcd"):
        small.sender.put(f"{name}.json", document(number, f"H01-{number}"))
    watch = small.watch()
    small.clock.advance(EVERY_SECONDS)
    while watch.round():
        pass

    assert (small.sender.names("in"), small.sender.names("taken")) == (["a.json", "b.json"], ["c.json", "d.json"])


def test_a_file_that_changes_while_it_is_read_waits(small: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small.sender.put("a.json", document(1))
    fstat, number, seen = os.fstat, path.stat().st_ino, []

    def growing(file: int) -> os.stat_result:
        found = fstat(file)
        if found.st_ino == number and not seen:
            seen.append(True)
            with path.open("ab") as more:
                more.write(b" ")
        return found

    monkeypatch.setattr(os, "fstat", growing)
    small.look()
    waiting = small.sender.names("in"), small.accepted()
    small.look()

    assert (waiting, small.accepted()) == ((["a.json"], []), [True])


def test_one_process_at_a_time_takes(on_engine: FolderWorld) -> None:
    world = on_engine
    world.sender.put("a.json", document(1))
    world.clock.advance(EVERY_SECONDS)
    first, second = world.watch(holder="first"), world.watch(holder="second")
    taken: list[str] = []
    look = first._take

    def slowly(place: Any, name: str) -> None:
        # While the first is at a file, the second finds nothing to do.
        second.round()
        taken.append(name)
        look(place, name)

    first._take = slowly  # type: ignore[method-assign]
    first.round()

    assert (taken, [row.repeats for row in all_messages(world.hub.ledger)]) == (["a.json"], [0])


def test_a_server_with_another_key_is_not_spoken_with(server: SftpServer, tmp_path: Path) -> None:
    with folder_world(tmp_path, server=server) as world:
        known = world.folder / "keys" / "known_hosts"
        other = (server.folder / "client.pub").read_text().split()
        known.write_text(f"[127.0.0.1]:{server.port} {other[0]} {other[1]}\n")
        world.sender.put("a.json", document(1))

        world.look()

        assert (world.sender.names("in"), world.accepted()) == (["a.json"], [])


def test_a_server_that_goes_away_and_comes_back_is_connected_to_anew(server: SftpServer, tmp_path: Path) -> None:
    with folder_world(tmp_path, server=server) as world:
        watch = world.watch()
        world.sender.put("a.json", document(1))
        world.clock.advance(EVERY_SECONDS)
        watch.round()
        server.stop()
        world.sender.put("b.json", document(2, "H01-2"))
        world.clock.advance(EVERY_SECONDS)
        watch.round()
        away = world.sender.names("in")
        server.start()
        world.clock.advance(EVERY_SECONDS)
        watch.round()

        assert (away, world.sender.names("in"), world.accepted()) == (["b.json"], [], [True, True])


def test_both_sides_of_a_day(world: FolderWorld) -> None:
    """What one partner puts is taken, translated, and lies in the other's folder."""
    world.sender.put("a.json", document(1, "H01-1"))
    world.look(SENDER)
    carry_all(world.hub)

    (body,) = world.partner.bodies()
    assert (b"H01-1" in body, world.states()) == (True, ["delivered"])
    assert world.partner.names("out")[0].startswith("0000000001-GuiHoSo-")
    assert PARTNER in world.hub.endpoints


def test_a_process_that_polls_watches_folders(small: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, look = threading.Event(), FolderWatch.round

    def seen(watch: FolderWatch) -> bool:
        more = look(watch)
        if small.accepted():
            taken.set()
        return more

    monkeypatch.setattr(FolderWatch, "round", seen)
    small.sender.put("a.json", document(1))
    pullers = Pullers(small.hub)
    pullers.start()

    assert taken.wait(60)
    assert pullers.alive()
    pullers.stop()
    assert small.sender.names("taken") == ["a.json"]
    shown = {each.name: each for each in pulls.show(small.hub).lists}
    assert (shown["folder"].endpoint, shown["folder"].taken_day, shown["folder"].error) == (SENDER, 1, "")
