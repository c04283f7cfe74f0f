"""Files of dossiers: given by digest, streamed to the payload store and out of it, read only by whom they are for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from hub.app import Hub
from hub.canonical.digests import DIGEST
from hub.edge.http import content_digest
from hub.edge.http.bodies import LARGEST_AT_ONCE, check_head, chunks_of
from hub.edge.http.identity import Gate
from hub.edge.http.routes import Guarded
from hub.edge.http.turned_away import (
    BadCall,
    BodyTooLarge,
    BodyTooSlow,
    Deleted,
    NotReady,
    NotThere,
    TooManyAtOnce,
)
from hub.errors import Damaged, missing
from hub.payloads import PIECE_BYTES, Kept, Reading, Receiving
from hub.registers.attachments import AttachmentRow, readable
from hub.rules.attachments import address
from hub.sections import PayloadsSection

log = structlog.get_logger()

_DIGEST_EXAMPLE = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AttachmentView(BaseModel):
    """A file that the hub holds now."""

    digest: str = Field(description="Mã băm SHA-256 của tệp", examples=[_DIGEST_EXAMPLE])
    size: int = Field(description="Số byte", examples=[48213])
    url: str = Field(
        description="Địa chỉ của tệp: ghi vào trường đường dẫn tải tệp của thông điệp",
        examples=[f"https://truc.example.org/attachments/{_DIGEST_EXAMPLE}"],
    )


class AttachmentApi:
    """The routes of files; the proof of identity is the same as at the door."""

    def __init__(self, hub: Hub, gate: Gate, section: PayloadsSection, *, idle_seconds: float) -> None:
        self._hub = hub
        self._gate = gate
        self._max_bytes = section.max_bytes
        self._seconds = section.body_seconds
        self._idle_seconds = idle_seconds
        #: Files that each caller is sending. Lives in the event loop's thread, so it needs no lock.
        self._coming: Counter[str] = Counter()

    def router(self) -> APIRouter:
        """Make the routes; each identifies the caller before anything else of the call is looked at."""
        router = APIRouter(route_class=Guarded, tags=["Tệp đính kèm"])

        async def callers(request: Request) -> tuple[str, ...]:
            return self._gate.names(request)

        known = Depends(callers)

        async def give(request: Request, response: Response, names: tuple[str, ...] = known) -> AttachmentView:
            """Gửi nguyên nội dung tệp; gửi lại cùng tệp không tạo bản thứ hai."""
            view = await self.give(request, names)
            response.headers["Location"] = view.url
            return view

        async def fetch(
            request: Request,
            digest: Annotated[str, Path(description="Mã băm của tệp, dạng sha256:…", examples=[_DIGEST_EXAMPLE])],
            names: tuple[str, ...] = known,
        ) -> Response:
            """Tải một tệp: chỉ đơn vị đã gửi tệp và nơi nhận thông điệp có nêu tệp này."""
            return await self.fetch(digest, names, head=request.method == "HEAD")

        router.post("/attachments", status_code=201, summary="Gửi một tệp", operation_id="guiTep")(give)
        there = "/attachments/{digest}"
        router.get(there, response_class=Response, summary="Tải một tệp", operation_id="taiTep")(fetch)
        router.head(there, response_class=Response, include_in_schema=False)(fetch)
        return router

    # --- in

    async def give(self, request: Request, names: tuple[str, ...]) -> AttachmentView:
        """Take one file; nothing of it counts before it is whole, on the disk and in the ledger."""
        check_head(request, self._max_bytes)
        stated = content_digest.stated(request)
        with self._one_more(names[0]):
            kept = await self._received(request, stated)
        await run_in_threadpool(self._record, kept, names)
        log.info("attachment.given", digest=kept.digest, size=kept.size, by=names[0])
        return AttachmentView(digest=kept.digest, size=kept.size, url=address(self._hub.public_url, kept.digest))

    @contextmanager
    def _one_more(self, caller: str) -> Iterator[None]:
        if self._coming[caller] >= LARGEST_AT_ONCE:
            raise TooManyAtOnce
        self._coming[caller] += 1
        try:
            yield
        finally:
            self._coming[caller] -= 1

    async def _received(self, request: Request, stated: dict[str, str]) -> Kept:
        receiving = await run_in_threadpool(self._hub.payloads.receive)
        try:
            await self._stream_in(request, receiving)
            if not receiving.size:
                raise BadCall((missing("body", "nội dung tệp"),))
            content_digest.compare(receiving.digest, stated)
            return await run_in_threadpool(receiving.keep)
        finally:
            receiving.discard()

    async def _stream_in(self, request: Request, receiving: Receiving) -> None:
        """Write the body as it comes, in pieces; the caller sends no faster than they are written."""
        piece = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in self._chunks(request):
                    piece += chunk
                    if receiving.size + len(piece) > self._max_bytes:
                        raise BodyTooLarge(self._max_bytes)
                    if len(piece) >= PIECE_BYTES:
                        await run_in_threadpool(receiving.write, bytes(piece))
                        piece.clear()
                await run_in_threadpool(receiving.write, bytes(piece))
        except TimeoutError:
            raise BodyTooSlow(self._seconds) from None

    async def _chunks(self, request: Request) -> AsyncIterator[bytes]:
        chunks = chunks_of(request)
        while True:
            try:
                async with asyncio.timeout(self._idle_seconds):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise BodyTooSlow(self._idle_seconds) from None
            if chunk is None:
                return
            yield chunk

    def _record(self, kept: Kept, names: tuple[str, ...]) -> None:
        self._hub.ledger.record_given(kept.digest, size=kept.size, givers=names, now=self._hub.now())
        if self._hub.payloads.size(kept.digest) is None:
            # Retention deleted the same file in between, and its bytes with it.
            raise NotReady

    # --- out

    async def fetch(self, digest: str, names: tuple[str, ...], *, head: bool) -> Response:
        """Give a file out; raise NotThere for one of others as for one that does not exist."""
        row = await run_in_threadpool(self._row, digest, names)
        if row is None:
            raise NotThere
        if row.deleted_at is not None:
            raise Deleted
        reading = await run_in_threadpool(self._hub.payloads.open, digest)
        if reading is None:
            log.error("attachment.lost", digest=digest)
            raise NotReady
        headers = _headers(digest, reading.size)
        if head:
            reading.close()
            return Response(headers=headers)
        return _Streamed(digest, reading, await self._first_piece(digest, reading), headers, self._seconds)

    def _row(self, digest: str, names: tuple[str, ...]) -> AttachmentRow | None:
        if not DIGEST.fullmatch(digest):
            return None
        # Before a reader is taken: the book of successions looks into the ledger itself now and then.
        lines = self._hub.lines_of(names)
        with self._hub.ledger.read() as conn:
            return readable(conn, (digest,), lines).get(digest)

    async def _first_piece(self, digest: str, reading: Reading) -> bytes:
        """Read before the answer begins: of a small file that was changed not even the head is sent."""
        try:
            return await run_in_threadpool(reading.read)
        except BaseException as error:
            reading.close()
            if isinstance(error, Damaged):
                log.error("attachment.damaged", digest=digest)
                raise NotReady from None
            raise


def _headers(digest: str, size: int) -> dict[str, str]:
    name = digest.partition(":")[2]
    return {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
        # What a citizen uploaded is never shown in a browser as if it were ours.
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "no-store",
        content_digest.HEADER: content_digest.written(digest),
    }


class _Streamed(StreamingResponse):
    """A file on its way to one caller: read as fast as it is taken, closed in every case, and not held open for ever."""

    def __init__(self, digest: str, reading: Reading, first: bytes, headers: dict[str, str], seconds: float) -> None:
        super().__init__(self._pieces(first), headers=headers)
        self._digest = digest
        self._reading = reading
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await super().__call__(scope, receive, send)
        except Damaged:
            # The last piece was not sent: the caller sees that the body is cut off.
            log.error("attachment.damaged", digest=self._digest)
            raise
        except TimeoutError:
            log.warning("attachment.too_slow", digest=self._digest)
            raise
        finally:
            self._reading.close()

    async def _pieces(self, first: bytes) -> AsyncIterator[bytes]:
        piece = first
        while piece:
            yield piece
            piece = await run_in_threadpool(self._reading.read)
