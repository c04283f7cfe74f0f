"""Dramatiq: worker processes with threads on a quorum queue, with a blocking HTTP client kept by each thread.

Run as ``dramatiq benchmarks.peers.dramatiq_peer``; ``python -m benchmarks.peers.dramatiq_peer FILE`` fills the queue.
"""

from __future__ import annotations

import sys
from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from benchmarks.peers.filling import read_documents
from benchmarks.work import Post, Settings, Unit

SETTINGS = Settings.read()
UNIT = Unit(SETTINGS.keys, verify=SETTINGS.verify, translate=SETTINGS.translate)
POST = Post(SETTINGS.sink_url)


class QuorumBroker(RabbitmqBroker):
    """Dramatiq has no option for quorum queues; its users override the arguments."""

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {**super()._build_queue_arguments(queue_name), "x-queue-type": "quorum"}


dramatiq.set_broker(QuorumBroker(url=SETTINGS.amqp_url, confirm_delivery=True))


@dramatiq.actor(queue_name=SETTINGS.queue, max_retries=5)
def forward(document: str) -> None:
    """Verify, validate, translate, sign and post one document."""
    POST(UNIT.request(document.encode()))


if __name__ == "__main__":
    for one in read_documents(sys.argv[1]):
        forward.send(one)
