"""OpenSSH's own server, for SFTP alone: a port and keys of the tests' own on loopback, as the user that the tests run as."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.needed import lacking

SERVER = Path("/usr/sbin/sshd")
ABSENT = "sshd is not installed (Debian: apt-get install openssh-server): tests of SFTP are skipped"
PATIENCE_SECONDS = 20.0


@dataclass(kw_only=True)
class SftpServer:
    """One server; its folder has the client's key and the server's, as an endpoint's file refers to them."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> Path:
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def url(self, path: Path) -> str:
        """Give the address of a folder there."""
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Start, and wait until it says who it is."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([SERVER, "-D", "-e", "-f", self.folder / "config"], stderr=log, stdout=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text()

    def stop(self) -> None:
        """Stop, with every connection that it has."""
        if self.process is None:
            return
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        self.process.wait()
        self.process = None
        for child in children:
            subprocess.run(["/bin/kill", "-9", child], check=False, capture_output=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


@contextmanager
def sftp_server(folder: Path) -> Iterator[SftpServer]:
    """Lend a server; skip the test where there is none (CI: fail)."""
    if not SERVER.exists() or shutil.which("ssh-keygen") is None:
        lacking(ABSENT)
    folder.mkdir(parents=True)
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    made = SftpServer(folder=folder, port=port)
    kind, key = (folder / "host.pub").read_text().split()[:2]
    made.known_hosts.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    (folder / "config").write_text(_config(folder, port))
    # Where it runs as root, it wants this empty folder.
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _config(folder: Path, port: int) -> str:
    return "\n".join(
        (
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder}/host",
            f"AuthorizedKeysFile {folder}/client.pub",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            "Subsystem sftp internal-sftp",
            "ForceCommand internal-sftp",
            "",
        )
    )
