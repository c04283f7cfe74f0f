"""Files that a partner fetches at an address that was made for it: who has the address may read, and it says nothing else.

An address that never was, has expired, was ended or used up, or whose file is deleted: the answer is the same. Which of these
it is stands in ``link show``, and in the counters.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.app import Hub
from hub.edge.http.bodies import LARGEST_AT_ONCE
from hub.edge.http.identity import UNKNOWN, Gate
from hub.edge.http.routes import Guarded
from hub.edge.http.turned_away import NotReady, NotThere, TooManyAtOnce, TooOften
from hub.edge.web.limits import Limiter, network
from hub.errors import Damaged, TooMany
from hub.ledger import link_verbs
from hub.payloads import Reading
from hub.registers import links
from hub.registers.links import Link
from hub.rules import file_links
from hub.sections import PayloadsSection
from hub.telemetry import FILE_FETCHES

log = structlog.get_logger()
T = TypeVar("T")

#: Names that lead nowhere, for each caller: guessing is hopeless, but each one is a look into the ledger.
STRANGE_PER_MINUTE = 60
#: Calls at one address: more is no download, and each is a commit.
CALLS_PER_MINUTE = 120
#: Threads that look addresses up and read files, of their own: whoever calls here takes none from the doors.
THREADS = 16
#: Files on their way to one partner at the same time.
MOST_FOR_ONE = 32
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class FileDoor:
    """The route at which partners fetch files."""

    def __init__(self, hub: Hub, gate: Gate, section: PayloadsSection) -> None:
        self._hub = hub
        self._gate = gate
        self._seconds = section.body_seconds
        self._strange = Limiter(STRANGE_PER_MINUTE)
        self._calls = Limiter(CALLS_PER_MINUTE)
        self._threads = CapacityLimiter(THREADS)
        #: Files on their way, by address and by partner. Lives in the event loop's thread, so it needs no lock.
        self._going: Counter[str] = Counter()

    def router(self) -> APIRouter:
        """Make the route; it is in no description, since nobody calls it of his own accord."""
        router = APIRouter(route_class=Guarded, include_in_schema=False)

        async def fetch(request: Request, name: str) -> Response:
            return await self.fetch(request, name)

        router.add_api_route(f"{file_links.PLACE}{{name}}", fetch, methods=["GET", "HEAD"], response_class=Response)
        return router

    async def fetch(self, request: Request, name: str) -> Response:
        """Give a file out; raise NotThere for every address that is not good, whatever the reason."""
        link = await self._link(request, name)
        reading = await self._thread(self._hub.payloads.open, link.digest)
        if reading is None:
            log.error("file.lost", digest=link.digest)
            raise NotReady
        try:
            part = _part(request, link.digest, reading.size)
            if part is None:
                return self._unsatisfiable(reading)
            headers = _headers(link, part, reading.size)
            if request.method == "HEAD":
                reading.close()
                return Response(status_code=part.status, headers=headers)
            return await self._begun(link, reading, part, headers)
        except BaseException:
            reading.close()
            raise

    async def _link(self, request: Request, name: str) -> Link:
        caller = network(self._gate.address(request))
        self._check_patience(caller)
        link = await self._thread(self._find, name) if file_links.NAME.fullmatch(name) else None
        if link is None or link.state != "good":
            FILE_FETCHES.labels(link.endpoint if link else UNKNOWN, link.state if link else "unknown").inc()
            if link is None and caller:
                _count(self._strange, caller)
            raise NotThere
        _count(self._calls, link.id)
        return link

    def _check_patience(self, caller: str) -> None:
        if caller and self._strange.is_spent(caller):
            raise TooOften

    def _find(self, name: str) -> Link | None:
        with self._hub.ledger.glance() as conn:
            return links.find(conn, file_links.hash_of(name), self._hub.now())

    def _unsatisfiable(self, reading: Reading) -> Response:
        reading.close()
        return Response(status_code=416, headers={**_ALWAYS, "Content-Range": f"bytes */{reading.size}"})

    async def _begun(self, link: Link, reading: Reading, part: _Part, headers: dict[str, str]) -> Response:
        """Count the fetch, and begin to send: of a small file that was changed not even the head goes out."""
        if self._going[link.id] >= LARGEST_AT_ONCE or self._going[link.endpoint] >= MOST_FOR_ONE:
            raise TooManyAtOnce
        pieces = _Pieces(reading, part)
        try:
            first = await self._thread(pieces.next)
        except Damaged:
            log.error("file.damaged", digest=link.digest)
            raise NotReady from None
        now = self._hub.now()
        if not await self._thread(self._hub.ledger.change, partial(link_verbs.begin_fetch, sought=link.id, now=now)):
            # Another fetch was the last one that there was, or an operator was faster.
            raise NotThere
        FILE_FETCHES.labels(link.endpoint, "begun").inc()
        return _Given(self, link, pieces, first, part, headers)

    @contextmanager
    def going(self, link: Link) -> Iterator[None]:
        """Count a file on its way until it is there, or its caller is gone."""
        keys = (link.id, link.endpoint)
        self._going.update(keys)
        try:
            yield
        finally:
            for key in keys:
                self._going[key] -= 1
                if not self._going[key]:
                    del self._going[key]

    async def ended(self, link: Link) -> None:
        """Record that the whole file was sent."""
        now = self._hub.now()
        await self._thread(self._hub.ledger.change, partial(link_verbs.end_fetch, sought=link.id, now=now), link.subject)
        FILE_FETCHES.labels(link.endpoint, "whole").inc()
        log.info("file.fetched_by_partner", link=link.id[:8], endpoint=link.endpoint, digest=link.digest)

    async def read(self, pieces: _Pieces) -> bytes:
        """Give the next piece of a file."""
        return await self._thread(pieces.next)

    @property
    def seconds(self) -> float:
        return self._seconds

    async def _thread(self, act: Callable[..., T], *given: object) -> T:
        return await to_thread.run_sync(act, *given, limiter=self._threads)


def _count(limiter: Limiter, key: str) -> None:
    try:
        limiter.take(key)
    except TooMany:
        raise TooOften from None


# --- which part ------------------------------------------------------------------------------------------------------


class _Part:
    """The bytes that are asked for, from the first to the last of them."""

    def __init__(self, first: int, last: int, size: int, *, asked: bool) -> None:
        self.first, self.last, self.asked = first, last, asked
        self.is_whole = first == 0 and last == size - 1

    @property
    def status(self) -> int:
        return 206 if self.asked else 200

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def _part(request: Request, digest: str, size: int) -> _Part | None:
    """Read which part is asked for (RFC 9110 14); None where there is no such part. What is not understood asks for all."""
    whole = _Part(0, size - 1, size, asked=False)
    given = request.headers.getlist("range")
    found = _RANGE.fullmatch(given[0].strip()) if len(given) == 1 and request.method == "GET" else None
    if found is None or not (found[1] or found[2]) or request.headers.get("if-range", _tag(digest)) != _tag(digest):
        return whole
    if not found[1]:
        first, last = max(0, size - int(found[2])), size - 1
        return _Part(first, last, size, asked=True) if int(found[2]) and size else None
    first, last = int(found[1]), min(int(found[2]) if found[2] else size - 1, size - 1)
    if found[2] and int(found[2]) < int(found[1]):
        return whole
    return _Part(first, last, size, asked=True) if first < size else None


class _Pieces:
    """The part of a file, piece by piece. What stands before it is read as well: so that its end is judged by the digest."""

    def __init__(self, reading: Reading, part: _Part) -> None:
        self._reading = reading
        self._skip = part.first
        self._left = part.length

    def next(self) -> bytes:
        """Give the next piece; none at the end. Raises Damaged."""
        while self._left:
            piece = self._reading.read()
            if not piece:
                return b""
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            if given := piece[skipped : skipped + self._left]:
                self._left -= len(given)
                return given
        return b""

    def close(self) -> None:
        """Let the file go."""
        self._reading.close()


# --- the answer ------------------------------------------------------------------------------------------------------

#: Nothing that a citizen uploaded is shown in a browser as if it were ours, kept on the way, or named to others.
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


def _headers(link: Link, part: _Part, size: int) -> dict[str, str]:
    headers = {
        **_ALWAYS,
        "Content-Type": file_links.KINDS.get(link.kind, file_links.UNKNOWN_KIND),
        "Content-Length": str(part.length),
        "Content-Disposition": f'attachment; filename="{file_links.file_name(link.digest, link.kind)}"',
        "ETag": _tag(link.digest),
    }
    return {**headers, "Content-Range": f"bytes {part.first}-{part.last}/{size}"} if part.asked else headers


def _tag(digest: str) -> str:
    return f'"{digest.partition(":")[2][:32]}"'


class _Given(StreamingResponse):
    """A file on its way to a partner: read as fast as it is taken, closed in every case, and not held open for ever."""

    def __init__(
        self, door: FileDoor, link: Link, pieces: _Pieces, first: bytes, part: _Part, headers: dict[str, str]
    ) -> None:
        super().__init__(self._sent(first), status_code=part.status, headers=headers)
        self._door, self._link, self._file, self._part = door, link, pieces, part
        self._whole = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._door.going(self._link):
                async with asyncio.timeout(self._door.seconds):
                    await super().__call__(scope, receive, send)
            if self._whole:
                await self._door.ended(self._link)
        except Damaged:
            # The last piece was not sent: the caller sees that the body is cut off.
            log.error("file.damaged", digest=self._link.digest)
            raise
        except TimeoutError:
            log.warning("file.too_slow", digest=self._link.digest)
            raise
        finally:
            self._file.close()

    async def _sent(self, first: bytes) -> AsyncIterator[bytes]:
        piece = first
        while piece:
            yield piece
            piece = await self._door.read(self._file)
        self._whole = self._part.is_whole
