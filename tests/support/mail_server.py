"""A mail server on a port of its own, which does what it is told: encrypts, wants a password, refuses, hangs, drips, cuts."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from pathlib import Path

ADDRESS = "127.0.0.1"


@dataclass
class MailServer:
    """Started and stopped by ``with``."""

    security: str = "none"
    certificate: tuple[Path, Path] | None = None
    #: User and password; empty: nobody is asked.
    login: tuple[str, str] | None = None
    #: Stage (connect, ehlo, starttls, auth, mail, rcpt, data, message) -> what is answered there instead.
    answers: dict[str, str] = field(default_factory=dict)
    #: Stage at which the connection is cut, or nothing more is said.
    cuts: str = ""
    hangs: str = ""
    #: Stage at which one byte comes now and then, and never a whole line; seconds between them.
    drips: str = ""
    #: Words that come in the clear right behind the answer to STARTTLS.
    smuggled: bytes = b""
    #: What was taken, and who said so to whom: (sender, recipient, message).
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    #: Every line that a client said, over what: (encrypted, line).
    said: list[tuple[bool, str]] = field(default_factory=list)
    sessions: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server((ADDRESS, 0))
        self.port = self._socket.getsockname()[1]
        self._stopped = threading.Event()
        self._lines: list[socket.socket] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._news = threading.Condition()

    def __enter__(self) -> MailServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.close()

    def messages(self) -> list[EmailMessage]:
        """Read what was taken."""
        return [BytesParser(policy=SMTP).parsebytes(raw) for _, _, raw in self.taken]  # type: ignore[misc]

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.sessions += 1
            self._lines.append(line)
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError, _Ended), line:
            _Talk(self, line).go()

    def encrypted(self, line: socket.socket) -> ssl.SSLSocket:
        assert self.certificate is not None
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*map(str, self.certificate))
        wrapped = tls.wrap_socket(line, server_side=True)
        self._lines.append(wrapped)
        return wrapped

    def wait_for_stop(self, seconds: float | None = None) -> bool:
        return self._stopped.wait(seconds)


class _Ended(Exception):
    """The session is over."""


class _Talk:
    """One session."""

    def __init__(self, server: MailServer, line: socket.socket) -> None:
        self._server, self._line, self._is_encrypted = server, line, False
        self._left = b""

    def go(self) -> None:
        if self._server.security == "tls":
            self._encrypt()
        self._answer("connect", "220 ready")
        sender = recipient = ""
        while True:
            words = self._read()
            self._server.said.append((self._is_encrypted, words))
            verb = words.split(" ")[0].split(":")[0].upper()
            if verb in ("EHLO", "HELO"):
                self._answer("ehlo", self._features())
            elif verb == "STARTTLS":
                self._start_tls()
            elif verb == "AUTH":
                self._authenticate(words)
            elif verb == "MAIL":
                sender = words.partition("<")[2].partition(">")[0]
                self._answer("mail", "250 ok")
            elif verb == "RCPT":
                recipient = words.partition("<")[2].partition(">")[0]
                self._answer("rcpt", "250 ok")
            elif verb == "DATA":
                self._take(sender, recipient)
            elif verb == "QUIT":
                self._answer("quit", "221 bye")
                raise _Ended
            else:
                self._say("500 what?")

    def _features(self) -> str:
        lines = ["250-here", "250-8BITMIME"]
        if self._server.security == "starttls" and not self._is_encrypted:
            lines.append("250-STARTTLS")
        if self._server.login and (self._is_encrypted or self._server.security == "none"):
            lines.append("250-AUTH PLAIN LOGIN")
        return "\r\n".join([*lines, "250 HELP"])

    def _start_tls(self) -> None:
        if self._server.smuggled:
            self._line.sendall(b"220 go on\r\n" + self._server.smuggled)
            self._read()
        self._answer("starttls", "220 go on")
        self._encrypt()

    def _encrypt(self) -> None:
        self._line = self._server.encrypted(self._line)
        self._is_encrypted = True
        self._left = b""

    def _authenticate(self, words: str) -> None:
        given = words.split(" ")
        if given[1].upper() == "PLAIN":
            user, password = base64.b64decode(given[2]).decode().split("\0")[1:]
        else:
            user = base64.b64decode(given[2]).decode() if len(given) > 2 else self._asked("VXNlcm5hbWU6")
            password = self._asked("UGFzc3dvcmQ6")
        self._answer("auth", "235 ok" if (user, password) == self._server.login else "535 no")

    def _asked(self, prompt: str) -> str:
        self._say(f"334 {prompt}")
        return base64.b64decode(self._read()).decode()

    def _take(self, sender: str, recipient: str) -> None:
        self._answer("data", "354 go on")
        if "data" in self._server.answers:
            return
        body = self._read_until(b"\r\n.\r\n")
        if "message" not in self._server.answers:
            whole = body.removesuffix(b".\r\n")
            lines = whole.split(b"\r\n")
            self._server.taken.append(
                (sender, recipient, b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines))
            )
        self._answer("message", "250 taken")

    def _answer(self, stage: str, usual: str) -> None:
        if self._server.cuts == stage:
            raise _Ended
        if self._server.hangs == stage:
            self._server.wait_for_stop()
            raise _Ended
        if self._server.drips == stage:
            while not self._server.wait_for_stop(0.02):
                self._line.sendall(b"2")
            raise _Ended
        self._say(self._server.answers.get(stage, usual))

    def _say(self, words: str) -> None:
        self._line.sendall(words.encode() + b"\r\n")

    def _read(self) -> str:
        return self._read_until(b"\r\n").decode("utf-8", "replace").strip()

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._left:
            got = self._line.recv(65_536)
            if not got:
                raise _Ended
            self._left += got
        found, _, self._left = self._left.partition(end)
        return found + end
