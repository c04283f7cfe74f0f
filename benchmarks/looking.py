"""How long what an operator looks at takes beside a million messages: each act by itself, cold, and warm (median and max of 20).

``python -m benchmarks.looking [--messages N] [--engine sqlite] [--engine postgresql] [--json]``. What takes longer than 300 ms
warm is marked, and the program's exit code says so. Cold, which is shown but not judged, is how fast the disk reads: on a
connection that was not used before, with the database's file out of the machine's memory (SQLite), or right after a restart of
the server (PostgreSQL), where the first act pays for those behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import full_ledger
from benchmarks.full_ledger import NOW, PROVINCES, RECIPIENTS, Full
from hub import bootstrap
from hub.app import Hub
from hub.edge.acts.act import Asked, perform
from hub.edge.acts.everything import ACTS
from hub.ledger.ledger import Ledger
from hub.operations import counting
from hub.registers import history, measures, names
from hub.registers.records import Filters
from hub.rules.people import Person, Role
from hub.telemetry import configure_logging
from tests.support import hub as hubs
from tests.support import postgres

MESSAGES = 1_000_000
ROUNDS = 20
#: What an operator waits for at most.
LIMIT_SECONDS = 0.3
EVERYBODY = Person(login="bench", roles=frozenset(Role))
#: Works on one province.
ONE_PROVINCE = replace(EVERYBODY, scope=frozenset({PROVINCES[4]}))
#: One look, which gives what was found.
Look = Callable[[Hub], Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one act takes, in seconds."""

    engine: str
    name: str
    cold: float
    median: float
    greatest: float

    @property
    def is_slow(self) -> bool:
        return max(self.median, self.greatest) > LIMIT_SECONDS


# --- what is looked at -------------------------------------------------------------------------------------------


def looks(full: Full, hub: Hub) -> dict[str, Look]:
    """Name every look; what they need to be asked is taken from the ledger first."""
    failures = perform(hub, EVERYBODY, ACTS["failures"], ACTS["failures"].asked())
    largest = failures.parked[0].name
    members = perform(hub, EVERYBODY, ACTS["group show"], ACTS["group show"].asked(group=largest))
    refused = failures.refused[0].name
    sought = {
        "a dossier's number": full.dossier,
        "the beginning of many numbers": "000.00.05",
        "an applicant's number": full.number,
        "a procedure": "1.004100",
        "an agency": "H05",
        "a message": full.message[:8],
        "a delivery": full.delivery,
        "the sender's identifier": "M-000000123.000",
        "the partner's identifier": full.native_id,
        "a digest, received": full.raw_digest,
        "a digest, sent": full.business_digest,
        "words of an error": "thiếu mã",
        "words that stand nowhere": "không có ở đâu cả",
    }
    return {
        "status, a day": act("status"),
        "status, a week": act("status", days=7),
        "status, one province": act("status", ONE_PROVINCE, days=7),
        "failures": act("failures"),
        "failures by procedure": act("failures", by="procedure"),
        "failures, one province": act("failures", ONE_PROVINCE),
        "group show, the largest": act("group show", group=largest),
        "group show, its next page": act("group show", group=largest, after=members.next),
        "group show, of refusals": act("group show", group=refused),
        "doubts": act("doubts"),
        "doubts, one province": act("doubts", ONE_PROVINCE),
        **{f"find {what}": act("find", q=text) for what, text in sought.items()},
        **{f"find {what}, one province": act("find", ONE_PROVINCE, q=sought[what]) for what in list(sought)[:2]},
        "timeline": act("timeline", name=full.dossier),
        "timeline of thousands of entries": act("timeline", name=full.long_dossier),
        "timeline of thousands, the newest": act("timeline", name=full.long_dossier, newest=True),
        "show a message": act("show", name=full.message),
        "show a delivery": act("show", name=full.parked),
        **_lists(full, failures.refused[0].cause.endpoint),
    }


def _lists(full: Full, refusing: str) -> dict[str, Look]:
    filters = {
        "all": Filters(),
        "of an endpoint": Filters(endpoint=PROVINCES[4]),
        "of a procedure": Filters(procedure="1.004100"),
        "of a procedure there is not": Filters(procedure="9.999999"),
        "accepted": Filters(accepted=True),
        "refused": Filters(accepted=False),
        "refused, of an endpoint": Filters(accepted=False, endpoint=refusing),
        "of an error": Filters(error="no_mapping"),
        "of an error there is not": Filters(error="nothing"),
        "of a dossier": Filters(subject=full.dossier),
        "since an hour": Filters(since=NOW - 3600),
    }
    return {
        **{f"messages {what}": _listing(given) for what, given in filters.items()},
        "show, on the command line": _reading(lambda conn: history.timeline(conn, full.dossier)),
        "names": _reading(lambda conn: names.resolve(conn, full.delivery)),
        "measures": _reading(lambda conn: measures.measure(conn, (*PROVINCES, *RECIPIENTS), NOW)),
    }


def _listing(filters: Filters) -> Look:
    return _reading(lambda conn: history.listing(conn, filters))


def act(verb: str, person: Person = EVERYBODY, **asked: Any) -> Look:
    """Make a look of an act."""
    found = ACTS[verb]
    given: Asked = found.asked(**asked)
    return lambda hub: perform(hub, person, found, given)


def _reading(read: Callable[[Any], Any]) -> Look:
    def look(hub: Hub) -> Any:
        with hub.ledger.read() as conn:
            return read(conn)

    return look


# --- measuring ---------------------------------------------------------------------------------------------------


def configure(folder: Path, url: str) -> Path:
    """Write a configuration with all endpoints."""
    partners = {name: hubs.At() for name in RECIPIENTS}
    hubs.configure(folder, partners, ledger=url, bus='[finding]\nkey = "file:keys/finding.key"\n')
    (folder / "keys" / "finding.key").write_bytes(full_ledger.KEY.secret)
    for number, name in enumerate(PROVINCES, start=1):
        words = f'adapter = "template"\ntitle = "Tỉnh thử nghiệm {number}"\nagency_code = "H{number:02}"\n[inbound]\n'
        (folder / "endpoints" / f"{name}.toml").write_text(words, encoding="utf-8")
    return folder


def open_hub(folder: Path) -> Hub:
    """Open the hub at the moment at which the ledger ends."""
    return bootstrap.open_hub(bootstrap.load_settings(folder), clock=lambda: datetime.fromtimestamp(NOW, UTC))


def run(engine: str, folder: Path, full: Full, forget: Callable[[], None], *, rounds: int = ROUNDS) -> Iterator[Row]:
    """Measure every look on one engine; ``forget``: makes the machine forget what it has read."""
    hub = open_hub(folder)
    counted = _counted(hub)
    every = looks(full, hub)
    hub.ledger.close()
    if counted:
        yield Row(engine=engine, name="count an hour", cold=counted[0], median=statistics.median(counted), greatest=max(counted))
    forget()
    for name, look in every.items():
        hub = open_hub(folder)
        try:
            first = _seconds(hub, look)
            warm = [_seconds(hub, look) for _ in range(rounds)]
        finally:
            hub.ledger.close()
        yield Row(engine=engine, name=name, cold=first, median=statistics.median(warm), greatest=max(warm))
        if engine == "sqlite":
            forget()


def _counted(hub: Hub) -> list[float]:
    """Count the hours of a week, as the hub does of its own accord."""
    taken: list[float] = []
    while True:
        begin = time.perf_counter()
        if not counting.count_hours(hub):
            return taken
        taken.append(time.perf_counter() - begin)


def _seconds(hub: Hub, look: Look) -> float:
    begin = time.perf_counter()
    look(hub)
    return time.perf_counter() - begin


def _forget_file(path: Path) -> None:
    """Have the machine's memory give up a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def ledger_on(engine: str, folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Lend an empty ledger, and what makes the machine forget what it has read of it."""
    if engine == "sqlite":
        path = folder / "ledger.db"
        yield f"sqlite:///{path}", lambda: _forget_file(path)
        return
    cluster = postgres.Cluster(durable=True, shared_buffers="512MB", maintenance_work_mem="512MB", wal_level="minimal")
    try:
        with cluster.database() as url:
            yield url, lambda: _restart(cluster)
    finally:
        cluster.end()


def _restart(cluster: postgres.Cluster) -> None:
    cluster.say("CHECKPOINT")
    cluster.stop()
    for path in cluster.data.glob("base/*/*"):
        _forget_file(path)
    cluster.start()


def measure(engine: str, messages: int, rounds: int = ROUNDS) -> Iterator[Row]:
    """Make a ledger on one engine and measure every look."""
    with tempfile.TemporaryDirectory(prefix="lienthong-looking-") as name, ledger_on(engine, Path(name)) as (url, forget):
        ledger = Ledger(url)
        ledger.create()
        ledger.close()
        begin = time.perf_counter()
        full = full_ledger.fill(url, messages)
        print(f"{engine}: {full.messages:,} messages written in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
        yield from run(engine, configure(Path(name), url), full, forget, rounds=rounds)


def _line(row: Row) -> str:
    numbers = "".join(f"{seconds * 1000:9.1f}" for seconds in (row.cold, row.median, row.greatest))
    return f"{row.engine:11}{row.name:44}{numbers}{'   SLOW' if row.is_slow else ''}"


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.looking", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--engine", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    configure_logging(json=False, level="ERROR")
    engines = given.engine or ["sqlite", *(["postgresql"] if postgres.programs() else [])]
    rows = []
    if not given.json:
        print(f"{'engine':11}{'milliseconds of':44}{'cold':>9}{'median':>9}{'max':>9}")
    for engine in engines:
        for row in measure(engine, given.messages, given.rounds):
            rows.append(row)
            if not given.json:
                print(_line(row), flush=True)
    if given.json:
        print(json.dumps([{**asdict(row), "slow": row.is_slow} for row in rows], indent=2))
    slow = [row.name for row in rows if row.is_slow]
    if not given.json:
        print(f"{len(slow)} of {len(rows)} above {LIMIT_SECONDS * 1000:.0f} ms")
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
