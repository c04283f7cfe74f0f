"""E-mail over SMTP: encryption with checks, one total deadline, and whether the server may have taken the message.

The only room that speaks SMTP. A message is taken when the server says so after the full stop that ends it (RFC 5321, 4.1.1.4);
what fails before that full stop leaves surely did not arrive, what fails after it may have.
"""

from __future__ import annotations

import io
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hub.errors import BadSettings, Busy, HubError, InDoubt, NotSent, Refused
from hub.rules.alerts import Mail

_clock = time.monotonic
_READ_BYTES = 8192
#: A reply of a server has so many octets at most.
_MOST_REPLY_BYTES = 100_000


def send(mail: Mail, to: str, message: bytes) -> None:
    """Give one message to the mail server, for one address.

    Raises NotSent where it cannot be reached or is not who it should be, Busy where it says later (4xx), Refused where it says
    no for good (5xx), InDoubt where it may have the message, BadSettings where its authorities cannot be read.
    """
    ends_at = _clock() + mail.deadline_seconds
    tls = _tls(mail) if mail.security != "none" else None
    session = _Session(mail, tls, ends_at)
    left = False

    def leaves() -> None:
        nonlocal left
        left = True

    try:
        _hand_over(session, mail, tls, to, message, leaves)
    except (OSError, smtplib.SMTPException, ValueError, UnicodeError) as error:
        raise _failed(error, mail, left) from error
    finally:
        session.close()


def _tls(mail: Mail) -> ssl.SSLContext:
    """Make what checks the server's certificate and name."""
    try:
        checked = ssl.create_default_context(cafile=mail.ca or None)
    except (OSError, ssl.SSLError) as error:
        where = "hub.toml [alerts.mail] ca"
        raise BadSettings(
            f"{where}: authorities cannot be read ({type(error).__name__})",
            f"{where}: không đọc được chứng thư số của tổ chức cấp ({type(error).__name__})",
            where=where,
        ) from error
    checked.minimum_version = ssl.TLSVersion.TLSv1_2
    return checked


def _hand_over(
    session: _Session, mail: Mail, tls: ssl.SSLContext | None, to: str, message: bytes, leaves: Callable[[], None]
) -> None:
    session.begin()
    if tls is not None and mail.security == "starttls":
        session.encrypt(tls)
    if mail.user:
        session.login(mail.user, mail.password)
    session.expect(session.mail(mail.sender), 250)
    session.expect(session.rcpt(to), 250, 251)
    session.expect(session.docmd("DATA"), 354)
    leaves()
    session.send(_dotted(message))
    session.expect(session.getreply(), 250)
    session.bid_farewell()


def _dotted(message: bytes) -> bytes:
    """Write a message as it goes after DATA (RFC 5321, 4.5.2)."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


class _Answered(smtplib.SMTPResponseException):
    """The server answered what we did not hope for; smtplib makes up answers of its own, e.g. of a line that is too long."""


class _Session(smtplib.SMTP):
    """A session in which every wait ends by one deadline, and a server that drips gains nothing."""

    def __init__(self, mail: Mail, tls: ssl.SSLContext | None, ends_at: float) -> None:
        # Without a host nothing is connected yet; what we are called is known when we are.
        super().__init__(local_hostname="localhost")
        self._mail, self._tls, self._ends_at = mail, tls, ends_at

    def begin(self) -> None:
        """Connect, encrypted from the first byte where the settings say so, and hear what the server can."""
        self._host = self._mail.host
        self.expect(self.connect(self._mail.host, self._mail.port), 220)
        self.local_hostname = _own_name(self._timed().plain)
        self.ehlo_or_helo_if_needed()

    def encrypt(self, tls: ssl.SSLContext) -> None:
        """Go on encrypted, or not at all: what was said before counts no more (RFC 3207, 4.2)."""
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("STARTTLS is not offered")
        self.expect(self.docmd("STARTTLS"), 220)
        timed = self._timed()
        if timed.has_more():
            # Somebody between us may have put words before the first encrypted one.
            raise smtplib.SMTPServerDisconnected("octets before TLS")
        encrypted = _wrapped(tls, timed.plain, self._mail.host, self._ends_at)
        self.sock = _Timed(encrypted, self._ends_at)  # type: ignore[assignment]
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        self.ehlo_or_helo_if_needed()

    def expect(self, said: tuple[int, bytes], *codes: int) -> None:
        """Raise what the server said, where it is none of these."""
        code, words = said
        if code not in codes:
            raise _Answered(code, words)

    def bid_farewell(self) -> None:
        """End the session politely; the message is taken, so that nobody needs to wait for an answer."""
        with suppress(OSError, smtplib.SMTPException):
            self.putcmd("QUIT")

    def _timed(self) -> _Timed:
        assert isinstance(self.sock, _Timed)
        return self.sock

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = _connected(host, port, self._ends_at)
        if self._tls is None or self._mail.security != "tls":
            return _Timed(plain, self._ends_at)
        return _Timed(_wrapped(self._tls, plain, host, self._ends_at), self._ends_at)


def _own_name(plain: socket.socket) -> str:
    """Write our address as a server is greeted (RFC 5321, 4.1.3)."""
    address = plain.getsockname()[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _connected(host: str, port: int, ends_at: float) -> socket.socket:
    """Connect to the first address that answers; one that does not leaves the others their share of the time."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for place, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_rest(ends_at) / (len(found) - place))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _wrapped(tls: ssl.SSLContext, plain: socket.socket, host: str, ends_at: float) -> socket.socket:
    plain.settimeout(_rest(ends_at))
    try:
        return tls.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False)
    except OSError:
        plain.close()
        raise


def _rest(ends_at: float) -> float:
    rest = ends_at - _clock()
    if rest <= 0:
        raise TimeoutError("total deadline passed")
    return rest


class _Timed(io.RawIOBase):
    """What smtplib takes for a socket: before each wait it is told what is left of the deadline."""

    def __init__(self, plain: socket.socket, ends_at: float) -> None:
        super().__init__()
        self.plain, self._ends_at = plain, ends_at
        self._got = 0
        self._reader: io.BufferedReader | None = None

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give what lines are read from."""
        self._reader = io.BufferedReader(self, _READ_BYTES)
        return self._reader

    def has_more(self) -> bool:
        """Say whether more was received than was read."""
        if self._reader is None:
            return False
        self.plain.setblocking(False)
        try:
            return bool(self._reader.peek(1))
        except (BlockingIOError, TimeoutError):
            return False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.plain.gettimeout() != 0:
            self.plain.settimeout(_rest(self._ends_at))
        try:
            count = self.plain.recv_into(buffer)
        except BlockingIOError:
            return None
        self._got += count
        if self._got > _MOST_REPLY_BYTES:
            raise smtplib.SMTPServerDisconnected("the server says too much")
        return count

    def sendall(self, octets: bytes) -> None:
        view = memoryview(octets)
        while view:
            self.plain.settimeout(_rest(self._ends_at))
            view = view[self.plain.send(view) :]

    def close(self) -> None:
        if not self.closed:
            self.plain.close()
        super().close()


# --- what failures mean ------------------------------------------------------------------------------------------


def _failed(error: Exception, mail: Mail, left: bool) -> HubError:
    """Say what a failure means: did the whole message leave, and what did the server say?"""
    place = f"smtp://{mail.host}:{mail.port}"
    answered = _Answered if left else smtplib.SMTPResponseException
    if isinstance(error, answered) and 400 <= error.smtp_code < 600:
        return _said(error.smtp_code, place)
    if left:
        return InDoubt(
            f"{place} did not say whether it took the message ({type(error).__name__})",
            f"{place} không trả lời đã nhận thư hay chưa ({type(error).__name__})",
            where=place,
        )
    cause = _cause(error)
    return NotSent(f"{place} cannot be used ({cause})", f"không gửi được qua {place} ({cause})", where=place)


def _said(code: int, place: str) -> HubError:
    # The server's words may repeat an address; its code says enough.
    en, vi = f"{place} answers {code}", f"{place} trả lời {code}"
    if code < 500:
        return Busy(en, vi, where=place, partner_code=str(code))
    if code in (534, 535, 538):
        en, vi = f"{en}: user or password is wrong", f"{vi}: sai tài khoản hoặc mật khẩu"
    return Refused(en, vi, where=place, partner_code=str(code))


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return str(error)
    return f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) and error.strerror else type(error).__name__
