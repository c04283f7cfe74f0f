"""What the seals of the ledger cost the messages: messages recorded in a second, while a sealer works and while none does.

``python -m benchmarks.sealing [MESSAGES]``. Rounds with and without take turns on one ledger (SQLite, synchronous). The sealer
seals ten times a second, where a hub does so once a minute; authorities are asked by its own thread, for each seal once, so they
are left out here.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from hub import sealing
from hub.contract import Answer
from hub.ledger.ledger import Ledger
from hub.ledger.values import Acceptance
from hub.telemetry import configure_logging
from hub.trust.timestamping import Timestamping
from hub.wire import Wire

THREADS = 8
ROUNDS = 6
#: A hub seals once a minute.
EVERY_SECONDS = 0.1


@dataclass(kw_only=True)
class Report:
    """Messages a second in each round, and how many seals were made."""

    without: list[float] = field(default_factory=list)
    sealed: list[float] = field(default_factory=list)
    seals: int = 0

    @property
    def share(self) -> float:
        """What is left of the rate while a sealer works all the time."""
        return statistics.median(self.sealed) / statistics.median(self.without)


def run(messages: int, rounds: int = ROUNDS) -> Report:
    """Measure."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="lienthong-sealing-") as name:
        ledger = Ledger(f"sqlite:///{name}/ledger.db")
        ledger.create()
        parts = _parts(ledger)
        for _ in range(rounds):
            report.without.append(_rate(ledger, messages))
            with _sealing_all_the_time(parts, report):
                report.sealed.append(_rate(ledger, messages))
        ledger.close()
    return report


def _rate(ledger: Ledger, messages: int) -> float:
    given = [_message() for _ in range(messages)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(ledger.record_received, given))
    return messages / (time.perf_counter() - begin)


def _message() -> Acceptance:
    named = str(uuid.uuid4())
    return Acceptance(
        message_id=named,
        endpoint="bench",
        at=time.time(),
        subject=f"national:{named}",
        kind="dossier",
        event="status",
        procedure="1.000001",
        identity=named,
        raw=named.encode() * 100,
        signed=named.encode() * 90,
        certificate=b"certificate",
        canonical=(named.encode() * 80,),
        verdict="{}",
        warnings="[]",
        answer=Answer(status=200, body=named.encode(), content_type="text/plain"),
        planned=(),
        dossiers=(),
    )


@contextmanager
def _sealing_all_the_time(parts: sealing.Sealing, report: Report) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        ends = False
        while not ends:
            ends = stop.wait(EVERY_SECONDS)
            report.seals += sealing.seal(parts)

    sealer = threading.Thread(target=work)
    sealer.start()
    try:
        yield
    finally:
        stop.set()
        sealer.join()


def _parts(ledger: Ledger) -> sealing.Sealing:
    numbers = count(1)
    nobody = Timestamping(
        wire=Wire(),
        authorities=(),
        trusted=(),
        clock=lambda: datetime.now(UTC),
        nonce=lambda: next(numbers),
        max_drift_seconds=5.0,
    )
    return sealing.Sealing(
        ledger=ledger,
        now=time.time,
        every_seconds=0.0,
        batch=10_000,
        publish=None,
        timestamping=nobody,
        first_retry_seconds=60.0,
        ceiling_retry_seconds=600.0,
    )


def _told(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.0f}/s ({', '.join(f'{rate:.0f}' for rate in rates)})"


def main() -> None:
    """Print a report."""
    configure_logging(json=True, level="WARNING")
    report = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    sys.stdout.write(
        f"messages recorded: without a sealer {_told(report.without)}, with one that seals ten times a second "
        f"{_told(report.sealed)}, {report.seals} seals: {report.share:.2f} of the rate\n"
    )


if __name__ == "__main__":
    main()
