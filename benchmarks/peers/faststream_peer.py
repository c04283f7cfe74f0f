"""FastStream with aio-pika and aiohttp: worker processes with an event loop each, on a quorum queue.

Run as ``faststream run benchmarks.peers.faststream_peer:app``; ``python -m benchmarks.peers.faststream_peer FILE`` fills
the queue. The work is done in the loop itself: handing it to threads costs more than it gives, since there is only one
core for each process.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue

from benchmarks.peers.filling import read_documents
from benchmarks.work import HEADERS, Settings, Unit, check_taken

PREFETCH = 50
#: Messages on their way to the broker at the same time while the queue is filled.
_WINDOW = 100
SETTINGS = Settings.read()
UNIT = Unit(SETTINGS.keys, verify=SETTINGS.verify, translate=SETTINGS.translate)
QUEUE = RabbitQueue(SETTINGS.queue, queue_type=QueueType.QUORUM, durable=True)

# Neither a log line nor a check of types for each message.
broker = RabbitBroker(SETTINGS.amqp_url, logger=None, apply_types=False)
_sessions: list[aiohttp.ClientSession] = []


@asynccontextmanager
async def _lifespan() -> AsyncIterator[None]:
    """Keep one client for the process: its connections are reused."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=PREFETCH)) as session:
        _sessions.append(session)
        yield


app = FastStream(broker, lifespan=_lifespan, logger=None)


async def _as_it_is(message: RabbitMessage) -> bytes:
    """Leave the body alone: no guessing of its type."""
    return bytes(message.body)


@broker.subscriber(
    QUEUE, channel=Channel(prefetch_count=PREFETCH), ack_policy=AckPolicy.NACK_ON_ERROR, no_reply=True, decoder=_as_it_is
)
async def forward(document: bytes) -> None:
    """Verify, validate, translate, sign and post one document."""
    body = UNIT.request(document)
    async with _sessions[0].post(SETTINGS.sink_url, data=body, headers=HEADERS) as response:
        check_taken(response.status, await response.read())


async def _fill(path: str) -> None:
    async with RabbitBroker(SETTINGS.amqp_url, logger=None) as publisher:
        await publisher.declare_queue(QUEUE)
        waiting: list[bytes] = []

        async def publish() -> None:
            await asyncio.gather(*(publisher.publish(one, QUEUE, persist=True, mandatory=True) for one in waiting))
            waiting.clear()

        for one in read_documents(path):
            waiting.append(one.encode())
            if len(waiting) == _WINDOW:
                await publish()
        await publish()


if __name__ == "__main__":
    asyncio.run(_fill(sys.argv[1]))
