"""Celery: prefork workers on a quorum queue, acknowledged late, with a blocking HTTP client.

Run as ``celery -A benchmarks.peers.celery_peer worker``; ``python -m benchmarks.peers.celery_peer FILE`` fills the queue.
"""

from __future__ import annotations

import sys

from celery import Celery
from kombu import Queue

from benchmarks.peers.filling import read_documents
from benchmarks.work import Post, Settings, Unit

SETTINGS = Settings.read()
#: Loaded in the parent, so that the forked workers share it.
UNIT = Unit(SETTINGS.keys, verify=SETTINGS.verify, translate=SETTINGS.translate)
POST = Post(SETTINGS.sink_url)

app = Celery("bench", broker=SETTINGS.amqp_url)
app.conf.update(
    task_queues=[Queue(SETTINGS.queue, queue_arguments={"x-queue-type": "quorum"}, durable=True)],
    task_default_queue=SETTINGS.queue,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    # For each worker process. Celery sees the quorum queue and asks for it without global QoS.
    worker_prefetch_multiplier=50,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_disable_rate_limits=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
)


@app.task(name="bench.forward", autoretry_for=(OSError,), retry_backoff=True, max_retries=5)
def forward(document: str) -> None:
    """Verify, validate, translate, sign and post one document."""
    POST(UNIT.request(document.encode()))


if __name__ == "__main__":
    for one in read_documents(sys.argv[1]):
        forward.apply_async(args=(one,), delivery_mode="persistent")
