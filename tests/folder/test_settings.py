"""What an endpoint's ``[folder]`` must be; what would silently have no effect is refused. And ``lienthong check``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import bootstrap
from hub.edge.cli.checks import endpoints, parts
from hub.errors import BadSettings, NotSent
from hub.folder.reaching import Places, look_at
from hub.rules import folder_names
from hub.settings import Settings
from tests.support import hub as support
from tests.support.folder_world import FOLDERS, FolderWorld, folder_world
from tests.support.hub import PARTNER, SENDER
from tests.support.sftp_server import SftpServer, sftp_server

BOTH = 'take = "in"\nput = "out"\n'
LOCAL = 'url = "file:///srv/x"\n'
SFTP = 'url = "sftp://hub@sftp.example.org/x"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp") / "server") as made:
        yield made


def settings(folder: Path, table: str, *, head: str = "[inbound]\n[outbound]\n") -> Settings:
    """Read a folder with one endpoint that has this table."""
    support.configure(folder, {})
    file = folder / "endpoints" / f"{PARTNER}.toml"
    options = '[options]\nurl = "http://127.0.0.1:9"\ntoken = "secret"\n'
    file.write_text(f'adapter = "template"\ntitle = "Bộ"\n{options}{head}[folder]\n{table}', encoding="utf-8")
    return bootstrap.load_settings(folder)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (LOCAL, "does nothing"),
        ('url = "/srv/x"\ntake = "in"\n', "url must be"),
        ('url = "file:///"\ntake = "in"\n', "url must be"),
        ('url = "file:///a/../b"\ntake = "in"\n', "url must be"),
        ('url = "sftp://sftp.example.org/x"\ntake = "in"\n', "url must be"),
        ('url = "sftp://hub:secret@sftp.example.org/x"\ntake = "in"\n', "has a password in it"),
        (f"{SFTP}{BOTH}", "known_hosts must name"),
        (f'{SFTP}{BOTH}known_hosts = "file:keys/seal.pem"\n', "name a password or a key"),
        (f'{LOCAL}take = "../in"\n', "must be a path below"),
        (f'{LOCAL}take = "/in"\n', "must be a path below"),
        (f'{LOCAL}take = "in"\ntaken = "in"\n', "each another one"),
        (f'{LOCAL}take = "x"\nput = "x"\n', "each another one"),
        (f'{LOCAL}put = "out"\nname = "x.json"\n', "must have {number}"),
        (f'{LOCAL}put = "out"\nname = "{{number}}-{{dossier}}"\n', "may have"),
        (f'{LOCAL}put = "out"\nname = ".{{number}}"\n', "begins with no dot"),
        (f'{LOCAL}{BOTH}[amqp]\nurl = "amqp://a@b/"\npassword = "env:HOME"\npublish_exchange = "x"\n', "in one way"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_opened(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(says)) as told:
        settings(tmp_path, table)

    assert "secret" not in told.value.en + told.value.vi


@pytest.mark.parametrize(("head", "table"), [("[inbound]\n", 'put = "out"\n'), ("[outbound]\n", 'take = "in"\n')])
def test_a_direction_without_its_table_is_refused(tmp_path: Path, head: str, table: str) -> None:
    with pytest.raises(BadSettings, match="has no"):
        settings(tmp_path, LOCAL + table, head=head)


def test_secrets_are_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", "p-a-s-s")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "known").write_text("")
    found = settings(tmp_path, f'{SFTP}{BOTH}password = "env:SFTP_PASSWORD"\nknown_hosts = "file:keys/known"\n')
    policy = found.endpoints[PARTNER].folder

    assert policy is not None
    assert (policy.password.get_secret_value(), policy.known_hosts) == ("p-a-s-s", str(tmp_path / "keys" / "known"))
    assert "p-a-s-s" not in repr(policy)


@pytest.fixture(params=["local", "sftp"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderWorld]:
    given = request.getfixturevalue("server") if request.param == "sftp" else None
    with folder_world(tmp_path, server=given, putting='delivered = "answered"\n') as made:
        yield made


def test_check_tries_every_folder_and_leaves_nothing(world: FolderWorld) -> None:
    said = world.hub.transports(world.hub.endpoint(PARTNER)).probe()
    taking = look_at(Places(world.hub.endpoint(SENDER)))

    assert (said.endswith("replies, taken, out"), taking.endswith("in, taken, refused, answers")) == (True, True)
    assert [side.names(each) for side in (world.sender, world.partner) for each in FOLDERS] == [[]] * (2 * len(FOLDERS))


@pytest.mark.parametrize("missing", ["in", "taken", "refused", "answers"])
def test_check_names_the_folder_that_is_not_there(world: FolderWorld, missing: str) -> None:
    (world.sender.root / missing).rmdir()

    with pytest.raises(NotSent, match="there is no such folder") as told:
        look_at(Places(world.hub.endpoint(SENDER)))
    assert told.value.where.endswith(f"/{missing}") or missing == "in"


def test_check_shows_it(world: FolderWorld) -> None:
    found = bootstrap.load_settings(world.folder)
    (watched,) = parts._watched(found)
    finding = parts._probe_folder(watched)

    assert (watched.name, finding.level, "can be worked in" in finding.en) == (SENDER, "ok", True)
    lines = list(endpoints.look(found, found.endpoints[SENDER], world.hub.adapters["template"]))
    assert not [line for line in lines if "nobody can open this door" in line.en]


def test_names_of_files_keep_to_themselves() -> None:
    name = folder_names.name_of(
        "{number}-{service}-{id}.{extension}", number=7, service="a/../b", identity="x" * 36, body=b"\xef\xbb\xbf <a/>"
    )

    assert name == f"0000000007-a_.._b-{'x' * 36}.xml"
    assert folder_names.key_of("Đơn.xml", "sha256:" + 64 * "a").isascii()
    assert len(folder_names.key_of("Đ" * 300, "sha256:" + 64 * "a")) < 190
    assert folder_names.key_of("a é", 64 * "a") != folder_names.key_of("a è", 64 * "a")
