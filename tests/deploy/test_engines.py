"""The settings under deploy/ for PostgreSQL and RabbitMQ, tried on the programs that read them."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from hub.endpoint import OutboundPolicy
from hub.ledger.engine import READERS
from hub.sections import DoorsSection
from tests.docs import pages
from tests.support import postgres, rabbit

#: Paths of certificates that a test has not; ports and places of its own.
_ELSEWHERE = re.compile(r"^(ssl_\w+_file|ssl) =.*$", re.MULTILINE)


def said(program: Path, folder: Path, name: str) -> str:
    """Ask the server how it would start on a folder's settings."""
    account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*account, str(program / "postgres"), "-D", str(folder), "-C", name], capture_output=True, check=False, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous_commit", "on"),
        ("synchronous_standby_names", "ANY 1 (a, b, c)"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("password_encryption", "scram-sha-256"),
        ("log_min_error_statement", "panic"),
        ("log_parameter_max_length_on_error", "0"),
        ("default_toast_compression", "lz4"),
    ],
)
def test_postgresql_takes_the_settings_that_the_promises_need(name: str, value: str) -> None:
    postgres.require()
    program = postgres.programs()
    assert program is not None
    folder = Path(str(postgres.shared().folder)) / f"settings-{name}"
    folder.mkdir(mode=0o755)
    text = _ELSEWHERE.sub("", pages.page("deploy/postgresql/lienthong.conf"))
    (folder / "postgresql.conf").write_text(text, encoding="utf-8")
    (folder / "PG_VERSION").write_text(program.parent.name, encoding="ascii")
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, *_account())
    folder.chmod(0o700)

    assert said(program, folder, name) == value


def _account() -> tuple[int, int]:
    found = pwd.getpwnam(postgres.ACCOUNT)
    return found.pw_uid, found.pw_gid


def test_postgresql_has_room_for_every_process() -> None:
    """The page runs six processes on each of three machines; a process has its readers, a writer and one more."""
    found = re.search(r"^max_connections = (\d+)$", pages.page("deploy/postgresql/lienthong.conf"), re.MULTILINE)

    assert found is not None and int(found[1]) >= 3 * 6 * (READERS + 2) + 20
    assert f"({READERS + 2} for each process" in pages.page("deploy/postgresql/lienthong.conf")


def test_nobody_reaches_the_database_without_tls_and_a_password() -> None:
    lines = [line.split() for line in pages.page("deploy/postgresql/pg_hba.conf").splitlines() if not line.startswith("#")]

    assert {(line[0], line[-1]) for line in lines} == {("local", "peer"), ("hostssl", "scram-sha-256")}


def test_rabbitmq_starts_on_the_settings() -> None:
    """On one node, without certificates and others that it has not here."""
    lines = pages.page("deploy/rabbitmq/rabbitmq.conf").splitlines()
    # Disk and memory of the test's own machine, whatever they are.
    elsewhere = ("#", "listeners.", "ssl_options.", "cluster_formation.", "vm_memory", "disk_free")
    kept = [line for line in lines if line and not line.startswith(elsewhere)]
    rabbit.shared()  # skips, or fails in CI, where RabbitMQ is not installed
    node = rabbit.Node("".join(f"{line}\n" for line in kept))
    try:
        node.start()
        names = ("cluster_partition_handling", "consumer_timeout")
        told = [node.erlang(f"application:get_env(rabbit, {name}).") for name in names]
    finally:
        node.close()

    assert told == ["{ok, pause_minority}", "{ok, 1800000}"]


def test_the_broker_lets_a_worker_hold_a_message_as_long_as_a_call_takes() -> None:
    found = re.search(r"^consumer_timeout = (\d+)$", pages.page("deploy/rabbitmq/rabbitmq.conf"), re.MULTILINE)

    assert found is not None and int(found[1]) / 1000 > 10 * OutboundPolicy().deadline_seconds


def test_the_ledgers_address_leads_to_whichever_server_is_the_primary() -> None:
    """SQLAlchemy and libpq read the three hosts of the page's example as three."""
    found = re.search(r'url = "(postgresql[^"]+)"', pages.page("docs/deployment.md"))
    assert found is not None
    _, given = PGDialect_psycopg().create_connect_args(make_url(found[1]))

    assert given["host"] == "a.example.org,b.example.org,c.example.org"
    assert (given["target_session_attrs"], given["sslmode"]) == ("read-write", "verify-full")


def test_the_front_tells_the_hub_who_calls_and_nobody_else_can() -> None:
    """It replaces both headers, keeps health and counters to itself, and lets in what the doors take."""
    text = pages.page("deploy/nginx/lienthong.conf")
    header = re.search(r"client_certificate_header = \"([\w-]+)\"", pages.page("docs/deployment.md"))

    assert header is not None
    assert f"proxy_set_header {header[1]} $ssl_client_escaped_cert;" in text
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "location = /metrics { return 404; }" in text and "location /health/ { return 404; }" in text
    assert "client_max_body_size    30m;" in text
    assert text.count("{") == text.count("}")
    assert DoorsSection().body_seconds <= float(re.findall(r"proxy_read_timeout (\d+)s", text)[0])
