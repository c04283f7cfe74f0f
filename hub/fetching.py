"""Files that lie elsewhere: fetched and tried over HTTP, within limits of size and time, never from our own network unawares."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from hub.errors import BadSettings, HubError, InDoubt, NotSent
from hub.rules import own_network
from hub.rules.own_network import Network
from hub.wire import Wire

#: What answered is believed to answer for so long, what did not is asked again after so long.
GOOD_SECONDS, BAD_SECONDS = 300.0, 15.0
#: Addresses whose answer is remembered; the one that was asked for longest ago is forgotten first.
MOST_REMEMBERED = 10_000
#: A host that failed is left alone for so many times as long as that took, within these bounds: so a province whose file server
#: hangs costs the others a small part of the workers' time.
PENALTY, LEAST_PENALTY_SECONDS, MOST_PENALTY_SECONDS = 5.0, 15.0, 600.0
#: What an address may have in it as it stands; letters with accents and blanks are written as senders mean them.
_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
#: A look whether something is there takes no longer; a file that is fetched has the delivery's whole time.
LOOK_SECONDS = 10.0


class _Enough(Exception):
    """The first bytes are here: it can be fetched."""


@dataclass(kw_only=True)
class Fetching:
    """Fetches what partners name, and tries what is about to be sent; one for each process."""

    #: Networks of our own in which files may lie all the same.
    allowed: tuple[Network, ...] = ()
    clock: Callable[[], float] = time.monotonic
    _outside: Wire = field(init=False, repr=False)
    _own: Wire = field(init=False, repr=False, default_factory=Wire)
    #: Address -> until when its answer counts, and what was wrong (empty: nothing).
    _known: OrderedDict[str, tuple[float, str]] = field(init=False, repr=False, default_factory=OrderedDict)
    #: Host -> until when it is left alone, and why.
    _failing: dict[str, tuple[float, str]] = field(init=False, repr=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._outside = Wire(admits=lambda address: own_network.admits(address, self.allowed))

    def fetch(self, url: str, take: Callable[[bytes], None], *, max_bytes: int, seconds: float) -> None:
        """Fetch a file piece by piece; raise NotSent, which says in ``en`` and ``vi`` only why, where it does not come whole."""
        with self._patient_with(url):
            try:
                reply = self._outside.fetch(callable_address(url), take, max_bytes=max_bytes, deadline_seconds=seconds)
            except (BadSettings, InDoubt, NotSent) as error:
                raise _not_there(_cause(error)) from error
        if reply.status != 200:
            raise _not_there(f"HTTP {reply.status}")

    def try_own(self, address: str, *, seconds: float) -> None:
        """Raise NotSent where nobody answers at an address of ours, as a partner would reach it."""
        # One stands for all: what is tried is the way to this hub, not the single file.
        self._remembered(address.rpartition("/")[0], lambda: _head(self._own, address, min(seconds, LOOK_SECONDS)))

    def try_elsewhere(self, url: str, *, seconds: float) -> None:
        """Raise NotSent where a file cannot be fetched at the address that the sender gave."""
        with self._patient_with(url):
            self._remembered(url, lambda: self._look(callable_address(url), seconds))

    def close(self) -> None:
        """Close idle connections."""
        self._outside.close()
        self._own.close()

    def _remembered(self, key: str, look: Callable[[], str]) -> None:
        with self._lock:
            until, cause = self._known.get(key, (0.0, ""))
        if self.clock() >= until:
            cause = look()
            with self._lock:
                self._known[key] = self.clock() + (BAD_SECONDS if cause else GOOD_SECONDS), cause
                self._known.move_to_end(key)
                while len(self._known) > MOST_REMEMBERED:
                    self._known.popitem(last=False)
        if cause:
            raise _not_there(cause)

    @contextmanager
    def _patient_with(self, url: str) -> Iterator[None]:
        """Leave a host alone that has failed not long ago; an answer, whatever it says, is no failure of the host."""
        host, began = urlsplit(url).netloc, self.clock()
        with self._lock:
            until, cause = self._failing.get(host, (0.0, ""))
        if began < until:
            raise _not_there(cause)
        try:
            yield
        except NotSent as error:
            if not error.where.startswith("HTTP "):
                self._leave_alone(host, error.where, self.clock() - began)
            raise

    def _leave_alone(self, host: str, cause: str, took: float) -> None:
        now = self.clock()
        penalty = min(max(took * PENALTY, LEAST_PENALTY_SECONDS), MOST_PENALTY_SECONDS)
        with self._lock:
            self._failing = {name: known for name, known in self._failing.items() if known[0] > now}
            self._failing[host] = now + penalty, cause

    def _look(self, url: str, seconds: float) -> str:
        """Say what is wrong with an address; empty where it gives a file. Many servers know no HEAD."""
        ends_at = self.clock() + min(seconds, LOOK_SECONDS)
        if not _head(self._outside, url, ends_at - self.clock()):
            return ""
        try:
            return _first_byte(self._outside, url, ends_at - self.clock())
        except (BadSettings, InDoubt, NotSent) as error:
            return _cause(error)


def callable_address(url: str) -> str:
    """Write an address as HTTP has it: what stands in it beyond ASCII is encoded."""
    return quote(url.strip(), safe=_SAFE)


def is_address(url: str) -> bool:
    """Say whether a text is an http(s) address without user or password."""
    try:
        parts = urlsplit(callable_address(url))
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and port != 0


def _head(wire: Wire, url: str, seconds: float) -> str:
    """Say what is wrong with an address by HEAD, which counts as no fetch; empty where there is a file."""
    try:
        status = wire.call("HEAD", url, deadline_seconds=max(seconds, 0.001)).status
    except (BadSettings, InDoubt, NotSent) as error:
        return _cause(error)
    return "" if status == 200 else f"HTTP {status}"


def _first_byte(wire: Wire, url: str, seconds: float) -> str:
    def take(piece: bytes) -> None:
        raise _Enough

    try:
        headers = {"Range": "bytes=0-0"}
        reply = wire.fetch(url, take, headers=headers, max_bytes=2**62, deadline_seconds=max(seconds, 0.001))
    except _Enough:
        return ""
    # A file without a byte is no file.
    return f"HTTP {reply.status}"


def _cause(error: HubError) -> str:
    """Say why, without the address: it may name a person."""
    if isinstance(error, BadSettings):
        return "no http address"
    below = error.__cause__ or error
    return f"{type(below).__name__}: {below}"


def _not_there(cause: str) -> NotSent:
    return NotSent(f"the file cannot be fetched ({cause})", f"không tải được tệp ({cause})", where=cause)


def networks(given: Iterable[str], where: str) -> tuple[Network, ...]:
    """Read networks as the settings have them; raise BadSettings where one is none."""
    try:
        return own_network.networks(given)
    except ValueError as error:
        raise BadSettings(
            f"{where}: {error} (write 10.20.0.0/16)", f"{where}: không phải dải mạng: {error} (ví dụ 10.20.0.0/16)", where=where
        ) from error
