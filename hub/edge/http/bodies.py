"""Bodies: read within limits of size, time and memory, before any thread is taken for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from hub.edge.http.turned_away import BodyCutOff, BodyEncoded, BodyTooLarge, BodyTooSlow, TooManyAtOnce

#: One door may hold so many of its largest bodies at once; a partner that sends more must not take the others' memory.
LARGEST_AT_ONCE = 4


class Bodies:
    """Reads bodies, and counts for each door how many bytes are held until their answers are known.

    Lives in the event loop's thread, so it needs no lock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def read(self, request: Request, door: str, max_bytes: int) -> AsyncIterator[bytes]:
        """Give the body, held until the block ends; raise what turns the call away."""
        check_head(request, max_bytes)
        taken = 0
        chunks: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    async for chunk in chunks_of(request):
                        taken += len(chunk)
                        self._held[door] += len(chunk)
                        if taken > max_bytes:
                            raise BodyTooLarge(max_bytes)
                        if self._held[door] > LARGEST_AT_ONCE * max_bytes:
                            raise TooManyAtOnce
                        chunks.append(chunk)
            except TimeoutError:
                raise BodyTooSlow(self._seconds) from None
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            yield body
        finally:
            self._held[door] -= taken
            if not self._held[door]:
                del self._held[door]


def check_head(request: Request, max_bytes: int) -> None:
    """Turn a body away by what its headers say, before it is read."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise BodyEncoded
    # The server has refused a Content-Length that is no number, or stands twice.
    if int(request.headers.get("content-length") or 0) > max_bytes:
        raise BodyTooLarge(max_bytes)


async def chunks_of(request: Request) -> AsyncIterator[bytes]:
    """Give the body as it comes; raise BodyCutOff where the caller goes away before its end."""
    while True:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise BodyCutOff
        if event.get("body"):
            yield event["body"]
        if not event.get("more_body"):
            return
