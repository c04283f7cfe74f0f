"""A ledger on PostgreSQL over TLS: the server is known by its authority and its name, and the password stands by reference."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import bootstrap
from hub.errors import Unavailable
from hub.ledger.ledger import Ledger
from tests.support import acceptances as make
from tests.support import hub as support
from tests.support import postgres
from tests.support.looking import all_messages
from tests.support.postgres import Cluster
from tests.support.tls import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def cluster(authority: Authority) -> Iterator[Cluster]:
    """A server that speaks TLS, and over TCP nothing else."""
    postgres.require()
    made = Cluster()
    for path, name in zip(authority.issue("server"), ("server.crt", "server.key"), strict=True):
        to = made.data / name
        shutil.copy(path, to)
        to.chmod(0o600)
        made.give(to)
    (made.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n", encoding="utf-8")
    made.restart(ssl="on")
    yield made
    made.end()


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    with cluster.database() as url:
        yield url.partition("@/")[2].partition("?")[0]


def opened(folder: Path, url: str) -> Ledger:
    """Open the ledger of a configuration folder whose password is in a file."""
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "database.password").write_text(f"{postgres.PASSWORD}\n", encoding="utf-8")
    support.configure(folder, {}, ledger=f'{url}"\npassword = "file:keys/database.password')
    return bootstrap.open_ledger(bootstrap.load_settings(folder))


def test_a_server_of_the_private_authority_is_spoken_to_in_secret(
    cluster: Cluster, authority: Authority, database: str, tmp_path: Path
) -> None:
    ledger = opened(tmp_path, cluster.address(database, sslmode="verify-full", sslrootcert=str(authority.ca)))
    ledger.record_received(make.acceptance())

    asked = "SELECT DISTINCT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = %s"
    spoken = cluster.say(asked, database)
    assert len(all_messages(ledger)) == 1
    assert spoken == [(True, "TLSv1.3")]
    ledger.close()


def test_a_server_of_another_authority_is_not_spoken_to(cluster: Cluster, database: str, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    another = Authority(tmp_path / "others")

    with pytest.raises(Unavailable, match="SSL error"):
        opened(tmp_path, cluster.address(database, sslmode="verify-full", sslrootcert=str(another.ca)))


def test_a_server_of_another_name_is_not_spoken_to(cluster: Cluster, authority: Authority, database: str, tmp_path: Path) -> None:
    """The certificate is for 127.0.0.1; the same machine has other names."""
    url = cluster.address(database, sslmode="verify-full", sslrootcert=str(authority.ca)).replace("127.0.0.1", "localhost")

    with pytest.raises(Unavailable, match="does not match host name"):
        opened(tmp_path, url)


def test_a_server_is_not_spoken_to_in_the_open(cluster: Cluster, database: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no encryption"):
        opened(tmp_path, cluster.address(database, sslmode="disable"))


def test_a_missing_authority_is_said_before_anybody_is_asked(cluster: Cluster, database: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="root certificate file"):
        opened(tmp_path, cluster.address(database, sslmode="verify-full", sslrootcert=str(tmp_path / "none.pem")))
