"""Folders behind SFTP (paramiko): the server is known by its pinned host key, and every step ends by a deadline."""

from __future__ import annotations

import errno
import logging
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
from paramiko.sftp import CMD_EXTENDED

from hub.endpoint import FolderPolicy
from hub.errors import BadSettings
from hub.folder.places import Away, Changing, Look, NotAFile, TooLarge, Unlisted, Unsure, first
from hub.rules.folder_names import Address, is_safe

# Its lines name files and hosts; what matters is in our own events.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

#: Connecting, the keys' exchange, and logging in, each.
CONNECT_SECONDS = 10.0
#: So long a server may take for one step.
STEP_SECONDS = 30.0


class SftpPlace:
    """The folders below a path of an SFTP server, over one connection."""

    def __init__(self, address: Address, policy: FolderPolicy, *, step_seconds: float = STEP_SECONDS) -> None:
        """Connect and log in; raise Away where that fails, BadSettings where a key cannot be read."""
        self._root = address.path
        self._client = paramiko.SSHClient()
        try:
            self._client.load_host_keys(policy.known_hosts)
        except (OSError, paramiko.SSHException) as error:
            raise _unreadable("known_hosts", error) from error
        # Who is not the one we know is nobody.
        self._client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            self._sftp = self._connected(address, policy)
            channel = self._sftp.get_channel()
            assert channel is not None
            channel.settimeout(step_seconds)
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._client.close()
            raise Away(errno.EHOSTUNREACH, _why(error)) from error

    def _connected(self, address: Address, policy: FolderPolicy) -> paramiko.SFTPClient:
        password = policy.password.get_secret_value()
        key = _key(policy.key, password) if policy.key else None
        self._client.connect(
            address.host,
            address.port,
            address.user,
            password=None if key else password,
            pkey=key,
            timeout=CONNECT_SECONDS,
            banner_timeout=CONNECT_SECONDS,
            auth_timeout=CONNECT_SECONDS,
            channel_timeout=CONNECT_SECONDS,
            allow_agent=False,
            look_for_keys=False,
        )
        return self._client.open_sftp()

    @property
    def is_open(self) -> bool:
        """Say whether the connection still stands, as far as is known."""
        transport = self._client.get_transport()
        return transport is not None and transport.is_active()

    def names(self, folder: str, wanted: Callable[[str], bool], most: int) -> list[str]:
        """Give the first names, in their order; a name that would lead elsewhere is none."""
        with self._step():
            listed = (each.filename for each in self._sftp.listdir_iter(self._path(folder)))
            try:
                return first((name for name in listed if is_safe(name) and wanted(name)), most)
            except UnicodeDecodeError as error:
                # The client library reads no such name, nor what comes after it on this connection.
                self.close()
                raise Unlisted(errno.EILSEQ, "a name is not UTF-8") from error

    def look(self, folder: str, name: str) -> Look | None:
        """Look what a name stands for."""
        try:
            with self._step():
                found = self._sftp.lstat(self._path(folder, name))
        except FileNotFoundError:
            return None
        return _look(found)

    def read(self, folder: str, name: str, most: int) -> bytes:
        """Read a plain file."""
        path = self._path(folder, name)
        with self._step():
            before = _look(self._sftp.lstat(path))
            if not before.plain:
                raise NotAFile(errno.EINVAL, "not a plain file")
            if before.size > most:
                raise TooLarge(errno.EFBIG, f"{before.size} bytes")
            with self._sftp.open(path, "rb") as file:
                file.prefetch(before.size)
                # One byte more than there should be: a file that grows meanwhile must not fill the memory.
                body: bytes = file.read(before.size + 1)
                after = _look(file.stat())
        if len(body) != before.size or (after.size, after.modified) != (before.size, before.modified):
            raise Changing(errno.EAGAIN, "changed while it was read")
        return body

    def write(self, folder: str, name: str, body: bytes) -> None:
        """Write a new file; to the disk, where the server can be told so."""
        path = self._path(folder, name)
        self.remove(folder, name)
        with self._step(), self._sftp.open(path, "wx") as file:
            file.set_pipelined(True)
            file.write(body)
            file.set_pipelined(False)
            file.flush()
            # OpenSSH's own; others do without.
            with suppress(OSError):
                self._sftp._request(CMD_EXTENDED, "fsync@openssh.com", file.handle)
            written = file.stat().st_size
        if written != len(body):
            raise OSError(errno.EIO, f"the server has {written} of {len(body)} bytes")

    def move(self, folder: str, name: str, to: str, new: str) -> None:
        """Give a file another name, in one step."""
        old, path = self._path(folder, name), self._path(to, new)
        try:
            with self._step(changes=True):
                # By the protocol's own word nothing is written over (draft-ietf-secsh-filexfer-02, 6.5).
                self._sftp.rename(old, path)
        except (Away, Unsure, FileNotFoundError):
            raise
        except OSError as error:
            if self.look(to, new) is not None:
                raise FileExistsError(errno.EEXIST, "there is one of this name") from error
            with self._step(changes=True):
                # A server that does that by a link cannot, where links are not allowed.
                self._sftp.posix_rename(old, path)

    def remove(self, folder: str, name: str) -> None:
        """Remove a file."""
        with suppress(FileNotFoundError), self._step(changes=True):
            self._sftp.remove(self._path(folder, name))

    def close(self) -> None:
        """Hang up."""
        with suppress(Exception):
            self._client.close()

    def _path(self, folder: str, name: str = "") -> str:
        return "/".join(part for part in (self._root, folder, name) if part) or "/"

    @contextmanager
    def _step(self, *, changes: bool = False) -> Iterator[None]:
        """Say by OSErrors of ours what went wrong; ``changes``: what was lost on the way may have been done."""
        try:
            yield
        except (NotAFile, TooLarge, Unlisted, FileNotFoundError, PermissionError):
            raise
        except (OSError, EOFError, paramiko.SSHException, UnicodeDecodeError) as error:
            if self._said_by_server(error):
                raise
            self.close()
            kind = Unsure if changes else Away
            raise kind(errno.ECONNRESET, _why(error)) from error

    def _said_by_server(self, error: Exception) -> bool:
        """Say whether the server answered: paramiko gives its refusals as plain OSErrors, over a line that still stands."""
        plain = type(error) is OSError
        return plain and self.is_open and "closed" not in str(error).lower()


def _look(found: Any) -> Look:
    mode = found.st_mode or 0
    return Look(plain=stat.S_ISREG(mode), folder=stat.S_ISDIR(mode), size=found.st_size or 0, modified=float(found.st_mtime or 0))


def _key(path: str, password: str) -> paramiko.PKey:
    try:
        # Whatever kind it is (Ed25519, ECDSA, RSA).
        found: paramiko.PKey = paramiko.PKey.from_path(path, password.encode() or None)
    except Exception as error:
        # Of files that are no keys it raises many things.
        raise _unreadable("key", error) from error
    return found


def _unreadable(what: str, error: Exception) -> BadSettings:
    # Never the text of an error about a key.
    return BadSettings(
        f"[folder] {what} cannot be read ({type(error).__name__})",
        f"[folder] không đọc được {what} ({type(error).__name__})",
        where=f"[folder] {what}",
    )


def _why(error: BaseException) -> str:
    if isinstance(error, paramiko.BadHostKeyException):
        return "the server shows another host key than known_hosts"
    if isinstance(error, paramiko.AuthenticationException):
        return "the server does not accept the user with this password or key"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
