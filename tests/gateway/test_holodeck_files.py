"""Holodeck B2B by files: names from our identifiers, headers of both kinds, signals, and files that are not whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.canonical.border.message import TechnicalState
from hub.contract import Owed
from hub.errors import HubError, InDoubt, InvalidMessage, NotSent
from hub.folder.local import LocalPlace
from hub.folder.places import Unsure
from hub.gateway.file_drop import FileDrop
from hub.gateway.mmd import MMD
from hub.rules import xml
from tests.support.gateway_world import DOCUMENT, OURS, Gateways, gateways, never, outgoing
from tests.support.sftp_server import SftpServer, sftp_server


@pytest.fixture(params=["ebms", "mmd"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateways]:
    with gateways("holodeck", tmp_path, format=request.param) as made:
        yield made


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Gateways]:
    with gateways("holodeck", tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp") / "server") as made:
        yield made


def names(world: Gateways, folder: str) -> list[str]:
    assert world.folder is not None
    return sorted(os.listdir(world.folder / folder))


def put(world: Gateways, name: str, content: bytes, age: float = 0.0) -> None:
    assert world.folder is not None
    path = world.folder / "msg_in" / name
    path.write_bytes(content)
    os.utime(path, (path.stat().st_mtime - age, path.stat().st_mtime - age))


def test_metadata_is_what_holodeck_documents(plain: Gateways) -> None:
    plain.transport().send(outgoing(), never)
    assert plain.folder is not None
    root = xml.parse((plain.folder / "msg_out" / f"{OURS}.mmd").read_bytes())
    part = root.find(f"{{{MMD}}}PayloadInfo/{{{MMD}}}PartInfo")

    assert root.tag == f"{{{MMD}}}MessageMetaData"
    assert [child.tag.partition("}")[2] for child in root] == ["MessageInfo", "PartyInfo", "CollaborationInfo", "PayloadInfo"]
    assert part is not None and (plain.folder / "msg_out" / str(part.get("location"))).read_bytes() == DOCUMENT
    assert names(plain, "msg_out") == [f"{OURS}.mmd", f"{OURS}.payload"]


def test_a_rejected_submission_is_followed_to_its_reason(plain: Gateways) -> None:
    number = plain.transport().send(outgoing(), never).follow
    plain.server.faults.add("rejects")
    plain.work()
    word = plain.transport()._gateway.status(number)

    assert (word.code, word.technical, word.final) == ("rejected", TechnicalState.FAILED, True)
    assert "no P-Mode" in word.text


def test_states_follow_the_names_of_the_file(tmp_path: Path) -> None:
    with gateways("holodeck", tmp_path, delivers=False) as world:
        number = world.transport().send(outgoing(), never).follow
        before = world.transport()._gateway.status(number)
        world.work()
        after = world.transport()._gateway.status(number)
        world.say(number, "failed", "no receipt came")
        failed = world.transport()._gateway.status(number)
        world.say(number, "delivered")
        late = world.transport()._gateway.status(number)

    assert (before.code, before.technical) == ("mmd", TechnicalState.PENDING)
    assert (after.code, after.technical, after.final) == ("accepted", TechnicalState.SENT, False)
    assert (failed.code, failed.technical, failed.text) == ("EBMS:0301", TechnicalState.FAILED, "no receipt came")
    assert late.technical is TechnicalState.DELIVERED_WITH_WARNINGS


def test_messages_come_in_both_kinds_of_header(world: Gateways) -> None:
    number = world.receive()
    fetched = world.transport()._gateway.fetch(number)

    assert (fetched.body, fetched.from_party, fetched.action, fetched.conversation) == (DOCUMENT, "ID", "Submit", "c-1")
    world.transport().acknowledge(Owed(number=number, kind="taken"))
    assert names(world, "msg_in") == []
    assert len(names(world, "msg_taken")) == 2


def test_folders_behind_sftp_do_as_well(plain: Gateways, sftp: SftpServer) -> None:
    assert plain.folder is not None
    url, proof = sftp.url(plain.folder), {"key": str(sftp.key), "known_hosts": str(sftp.known_hosts)}
    plain.policy = plain.policy.model_copy(update={"url": url, **proof})
    transport = plain.transport()
    sent = transport.send(outgoing(), never)
    plain.work()
    number = plain.receive()
    listed = plain.numbers()
    fetched = transport._gateway.fetch(number)
    transport.acknowledge(Owed(number=number, kind="taken"))

    assert (listed, fetched.body, plain.numbers()) == ([number], DOCUMENT, [])
    assert transport.follow(sent.follow).final and transport.probe().startswith("sftp://")
    transport.close()


def test_a_refused_message_is_moved_away_under_another_name(plain: Gateways) -> None:
    number = plain.receive()
    plain.transport().acknowledge(Owed(number=number, kind="failed"))

    assert all(name.startswith("refused-") for name in names(plain, "msg_taken"))


def test_a_header_that_is_being_written_is_left_alone(plain: Gateways) -> None:
    plain.server.faults.add("truncated")
    plain.receive("half@id")
    other = plain.receive("whole@id")

    assert plain.numbers() == [other]


def test_a_header_that_stays_broken_is_told_when_nothing_else_is_there(plain: Gateways) -> None:
    put(plain, "broken.xml", b"<eb:Messaging", age=1000.0)

    with pytest.raises(NotSent, match=r"broken\.xml cannot be read"):
        plain.numbers()


def test_a_payload_that_is_not_there_yet_is_waited_for(plain: Gateways) -> None:
    number = plain.receive()
    assert plain.folder is not None
    (payload,) = (plain.folder / "msg_in").glob("pl-*")
    payload.unlink()

    with pytest.raises(InDoubt):
        plain.transport()._gateway.fetch(number)
    assert plain.numbers() == [number]


@pytest.mark.parametrize("location", ["../../../etc/passwd", "", "..", "a/../../b", "pl-link"])
def test_a_payload_outside_of_the_folder_is_never_read(plain: Gateways, location: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    assert plain.folder is not None
    (plain.folder / "msg_in" / "pl-link").symlink_to(tmp_path / "secret")
    put(plain, "m.xml", HOSTILE.format(location=location).encode())

    with pytest.raises((InvalidMessage, InDoubt)):
        plain.transport()._gateway.fetch("h@id")


HOSTILE = (
    f'<MessageMetaData xmlns="{MMD}"><MessageInfo><MessageId>h@id</MessageId></MessageInfo><PartyInfo><From><PartyId>ID</PartyId>'
    '</From></PartyInfo><CollaborationInfo><ConversationId>c</ConversationId></CollaborationInfo><PayloadInfo><PartInfo '
    'location="{location}"/></PayloadInfo></MessageMetaData>'
)


def test_the_same_number_with_other_content_is_listed_as_another_row(plain: Gateways) -> None:
    """A duplicate identifier with new content is an incident: intake must see it, and both stay on the disk."""
    number = plain.receive(body=DOCUMENT)
    transport = plain.transport()
    first = transport._gateway.list_inbound()
    transport.acknowledge(Owed(number=number, kind="taken"))
    plain.receive(number, body=b"<Other/>", conversation="c-2")
    second = transport._gateway.list_inbound()
    transport.acknowledge(Owed(number=number, kind="failed"))
    plain.receive(number, body=b"<Third/>", conversation="c-3")
    transport.acknowledge(Owed(number=number, kind="failed"))

    assert [each.number for each in first] == [each.number for each in second] == [number]
    assert first[0].row != second[0].row
    assert len(names(plain, "msg_taken")) == 6 and names(plain, "msg_in") == []


def test_signals_are_put_aside_and_never_listed(plain: Gateways) -> None:
    plain.say("x@gw.vn.example", "delivered")

    assert plain.numbers() == []
    assert names(plain, "msg_in") == [] and names(plain, "msg_taken")[0].startswith("signal-x_gw.vn.example-")


def test_a_connection_lost_while_the_file_got_its_name_is_looked_after(
    plain: Gateways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the file got its name is not known; it is there, so the message was given."""
    move = LocalPlace.move

    def lost(self: LocalPlace, folder: str, name: str, to: str, new: str) -> None:
        move(self, folder, name, to, new)
        if new.endswith(".mmd"):
            raise Unsure(104, "lost")

    monkeypatch.setattr(LocalPlace, "move", lost)
    assert plain.transport().send(outgoing(), never).handed_over
    monkeypatch.undo()

    def before(self: LocalPlace, folder: str, name: str, to: str, new: str) -> None:
        if new.endswith(".mmd"):
            raise Unsure(104, "lost")
        move(self, folder, name, to, new)

    monkeypatch.setattr(LocalPlace, "move", before)
    with pytest.raises(NotSent):
        plain.transport().send(outgoing("another"), never)


def test_a_submission_that_was_cleared_away_proves_nothing(plain: Gateways) -> None:
    assert plain.transport().ask(outgoing(), None).known == "unknown"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\0",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<MessageMetaData/>",
        b'<Messaging><UserMessage><PartyInfo/></UserMessage></Messaging>',
        b"<Messaging><SignalMessage/></Messaging>",
        b"<Messaging>" + b"<a>" * 500 + b"</a>" * 500 + b"</Messaging>",
    ],
)
def test_whatever_lies_there_is_no_crash(plain: Gateways, document: bytes) -> None:
    put(plain, "odd.xml", document, age=1000.0)
    good = plain.receive()

    assert plain.numbers() == [good]
    try:
        FileDrop(plain.endpoint).fetch("nobody@id")
    except HubError:
        return
    raise AssertionError("a message that is not there was fetched")
