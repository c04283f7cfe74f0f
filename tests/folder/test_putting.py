"""Files that are put for a partner: one for each delivery, in order, once; and what it takes for one to be delivered."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import delivery
from hub.errors import InDoubt, NotAllowed, NotSent, Unavailable
from hub.folder.places import Away, Unsure
from hub.folder.reaching import Places
from hub.folder.transport import FolderTransport
from hub.ledger import outbox_verbs
from tests.support.engines import ENGINES, ledger_on
from tests.support.folder_world import FolderWorld, Touched, folder_world
from tests.support.hub import PARTNER, At, carry_all, document
from tests.support.looking import all_deliveries, broken_rows
from tests.support.sftp_server import SftpServer, sftp_server

LONG_SECONDS = 1000.0
DAY_SECONDS = 86_400.0
RESENDS = '[outbound.services.GuiHoSo]\non_doubt = "resend"\n[outbound.services.GuiTienTrinh]\non_doubt = "resend"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp") / "server") as made:
        yield made


@pytest.fixture(params=["local", "sftp"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderWorld]:
    given = request.getfixturevalue("server") if request.param == "sftp" else None
    with folder_world(tmp_path, server=given) as made:
        yield made


def send(world: FolderWorld, *dossiers: str) -> None:
    """Let the sender put one message of each dossier, and take them."""
    for number, dossier in enumerate(dossiers):
        world.sender.put(f"{number:02}.json", document(number, dossier, identity=f"M-{number}"))
    world.look()


def errors(world: FolderWorld) -> list[tuple[str, str]]:
    return [(each.state, each.error_code) for each in all_deliveries(world.hub.ledger)]


def test_files_stand_in_the_order_in_which_they_were_written(world: FolderWorld) -> None:
    send(world, "H01-1", "H01-2", "H01-1")
    carry_all(world.hub)

    names = world.partner.names("out")
    assert [name.split("-")[0] for name in names] == ["0000000001", "0000000002", "0000000003"]
    assert all(name.endswith(".json") and "H01" not in name for name in names)
    assert sorted(json.loads(body)["hoSo"]["soHoSo"] for body in world.partner.bodies()) == ["H01-1", "H01-1", "H01-2"]
    assert world.states() == ["delivered"] * 3


class Calls:
    """Keeps what a transport was asked to send, so that it can be sent again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outgoing: list[Any] = []
        real = FolderTransport.send

        def kept(transport: FolderTransport, outgoing: Any, fence: Any) -> Any:
            self.outgoing.append(outgoing)
            return real(transport, outgoing, fence)

        monkeypatch.setattr(FolderTransport, "send", kept)


def test_sent_again_the_same_bytes_are_there_already(world: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    send(world, "H01-1")
    carry_all(world.hub)
    fenced: list[bool] = []

    reply = world.hub.transports(world.hub.endpoint(PARTNER)).send(calls.outgoing[0], lambda: fenced.append(True))

    assert (reply.handed_over, fenced, len(world.partner.names("out"))) == (True, [], 1)


def test_other_bytes_under_its_name_park_it(world: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    write = FolderTransport._put
    monkeypatch.setattr(
        FolderTransport,
        "_put",
        lambda self, place, name, outgoing, ends_at: (
            (world.partner.root / "out" / name).write_bytes(b"something else"),
            write(self, place, name, outgoing, ends_at),
        ),
    )
    send(world, "H01-1")
    carry_all(world.hub)

    assert errors(world) == [("parked", NotAllowed.code)]
    assert world.partner.bodies() == [b"something else"]


def test_where_nothing_can_be_written_it_waits(world: FolderWorld) -> None:
    (world.partner.root / "out").rmdir()
    send(world, "H01-1")
    carry_all(world.hub)
    waiting = errors(world)
    (world.partner.root / "out").mkdir()
    world.clock.advance(LONG_SECONDS)
    carry_all(world.hub)

    assert (waiting, world.states(), len(world.partner.names("out"))) == ([("waiting", NotSent.code)], ["delivered"], 1)


@pytest.mark.parametrize(("done", "state"), [("yes", "delivered"), ("no", "waiting"), ("taken", "in_doubt")])
def test_a_connection_that_is_lost_at_the_rename(
    world: FolderWorld, monkeypatch: pytest.MonkeyPatch, done: str, state: str
) -> None:
    """What shows is what counts: the file, or its other name; where neither is there, the partner may have taken it."""

    def touch(step: str, given: Any) -> None:
        if step == ("move" if done == "no" else "move done") and given[0] == "out":
            if done == "taken":
                take_away(world)
            raise Unsure(104, "reset")

    opened = Places._opened
    monkeypatch.setattr(Places, "_opened", lambda self: Touched(opened(self), touch))
    send(world, "H01-1")
    carry_all(world.hub)

    visible = [name for name in world.partner.names("out") if not name.startswith(".")]
    assert (world.states(), len(visible)) == ([state], int(done == "yes"))
    assert state != "in_doubt" or errors(world) == [(state, InDoubt.code)]


def test_a_connection_that_is_lost_before_the_rename_is_no_doubt(world: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def touch(step: str, given: Any) -> None:
        if step == "write" and "out" in given:
            raise Away(104, "reset")

    opened = Places._opened
    monkeypatch.setattr(Places, "_opened", lambda self: Touched(opened(self), touch))
    send(world, "H01-1")
    carry_all(world.hub)

    assert errors(world) == [("waiting", NotSent.code)]


# --- delivered when the partner has taken it -----------------------------------------------------------------------


@pytest.fixture(params=ENGINES)
def gone(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderWorld]:
    at = At(services=RESENDS)
    with ledger_on(request.param) as address, folder_world(tmp_path, address, putting='delivered = "gone"\n', partner=at) as made:
        yield made


def take_away(world: FolderWorld) -> None:
    for name in world.partner.names("out"):
        (world.partner.root / "out" / name).unlink()


def test_a_file_is_delivered_when_the_partner_has_taken_it_away(gone: FolderWorld) -> None:
    send(gone, "H01-1", "H01-1")
    carry_all(gone.hub)
    gone.look(PARTNER)
    waiting = gone.states(), len(gone.partner.names("out"))
    take_away(gone)
    gone.look(PARTNER)
    carry_all(gone.hub)

    assert waiting == (["sending", "held"], 1)
    assert (gone.states(), len(gone.partner.names("out"))) == (["delivered", "sending"], 1)
    assert broken_rows(gone.hub.ledger) == []


def test_a_folder_that_is_not_there_has_not_been_emptied(gone: FolderWorld) -> None:
    send(gone, "H01-1")
    carry_all(gone.hub)
    (gone.partner.root / "out").rename(gone.partner.root / "unmounted")
    gone.look(PARTNER)

    assert gone.states() == ["sending"]


def test_one_that_is_not_taken_in_time_is_in_doubt_and_is_settled_late(tmp_path: Path) -> None:
    with folder_world(tmp_path, putting='delivered = "gone"\nacknowledge_seconds = 3600\n', partner=At(services="")) as world:
        send(world, "H01-1")
        carry_all(world.hub)
        world.clock.advance(3700)
        carry_all(world.hub)
        (late,) = all_deliveries(world.hub.ledger)
        take_away(world)
        world.look(PARTNER)

        assert (late.state, late.error_en.startswith("the partner did not say in time")) == ("in_doubt", True)
        assert world.states() == ["delivered"]


def test_a_restart_of_the_embedded_bus_leaves_what_is_waited_for_alone(gone: FolderWorld) -> None:
    send(gone, "H01-1")
    carry_all(gone.hub)
    gone.hub.ledger.recall_all(gone.hub.now(), gone.hub.doubt_policy)

    assert gone.states() == ["sending"]


def test_what_is_sent_again_after_a_doubt_is_the_same_file(gone: FolderWorld) -> None:
    send(gone, "H01-1")
    carry_all(gone.hub)
    gone.clock.advance(DAY_SECONDS + LONG_SECONDS)
    carry_all(gone.hub)
    gone.clock.advance(LONG_SECONDS)
    carry_all(gone.hub)
    again = gone.states(), len(gone.partner.names("out"))
    take_away(gone)
    gone.look(PARTNER)

    assert (again, gone.states()) == ((["sending"], 1), ["delivered"])


ASKS = '[outbound.services.GuiHoSo]\non_doubt = "ask"\nabsence_proves = true\n'


def test_what_is_asked_about_and_still_lies_there_is_waited_for_and_not_put_again(tmp_path: Path) -> None:
    with folder_world(tmp_path, putting='delivered = "gone"\nacknowledge_seconds = 60\n', partner=At(services=ASKS)) as world:
        send(world, "H01-1")
        carry_all(world.hub)
        for _ in range(3):
            world.clock.advance(LONG_SECONDS)
            carry_all(world.hub)
        asked = world.states()
        take_away(world)
        world.look(PARTNER)
        carry_all(world.hub)

        assert (asked, world.states(), world.partner.names("out")) == (["in_doubt"], ["delivered"], [])


def test_a_worker_that_dies_when_the_file_is_there_leaves_it_to_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*given: Any) -> None:
        raise SystemExit

    with folder_world(tmp_path, putting='delivered = "gone"\n', partner=At(services=ASKS)) as world:
        send(world, "H01-1")
        with monkeypatch.context() as patched:
            patched.setattr(delivery, "_lay_out", dies)
            with pytest.raises(SystemExit):
                carry_all(world.hub)
        world.look(PARTNER)
        for _ in range(2):
            world.clock.advance(LONG_SECONDS)
            carry_all(world.hub)
        found = world.states(), len(world.partner.names("out"))
        take_away(world)
        world.look(PARTNER)

        assert (found, world.states()) == ((["in_doubt"], 1), ["delivered"])


@pytest.mark.parametrize("putting", ["gone", "answered"])
def test_a_ledger_that_is_away_when_the_file_is_there_makes_a_doubt_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, putting: str
) -> None:
    """It lies there: to say that it surely did not arrive would put it a second time."""

    def away(*given: Any, **words: Any) -> None:
        raise Unavailable("away", "không phản hồi", where="ledger")

    with folder_world(tmp_path, putting=f'delivered = "{putting}"\n', partner=At(services=ASKS)) as world:
        send(world, "H01-1")
        with monkeypatch.context() as patched:
            patched.setattr(outbox_verbs, "lay_out", away)
            with pytest.raises(Unavailable):
                carry_all(world.hub)
        at_once = world.states()
        for _ in range(2):
            world.clock.advance(LONG_SECONDS)
            carry_all(world.hub)

        assert (at_once, world.states(), len(world.partner.names("out"))) == (["sending"], ["in_doubt"], 1)


# --- delivered when the partner has answered -----------------------------------------------------------------------


@pytest.fixture
def answered(tmp_path: Path) -> Iterator[FolderWorld]:
    with folder_world(tmp_path, putting='delivered = "answered"\n', partner=At(services="")) as made:
        yield made


def answer(world: FolderWorld, body: bytes, ending: str = "json") -> None:
    (name,) = world.partner.names("out")
    path = world.partner.root / "replies" / f"{name}.answer.{ending}"
    path.with_suffix(".tmp").write_bytes(body)
    path.with_suffix(".tmp").rename(path)


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b'{"ma": "00"}', "delivered"),
        (b'{"ma": "13"}', "parked"),
        (b"rubbish", "in_doubt"),
    ],
)
def test_the_partners_answer_is_read_as_its_reply_to_a_call(answered: FolderWorld, body: bytes, state: str) -> None:
    send(answered, "H01-1")
    carry_all(answered.hub)
    answered.look(PARTNER)
    before = answered.states()
    answer(answered, body)
    answered.look(PARTNER)

    assert (before, answered.states()) == (["sending"], [state])
    assert (answered.partner.names("replies"), len(answered.partner.names("taken"))) == ([], 1)
    assert broken_rows(answered.hub.ledger) == []


def test_the_partner_may_read_what_is_put_and_nobody_else(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with folder_world(tmp_path) as world:
            send(world, "H01-1")
            carry_all(world.hub)
            (name,) = world.partner.names("out")

            assert stat.S_IMODE((world.partner.root / "out" / name).stat().st_mode) == 0o640
    finally:
        os.umask(before)
