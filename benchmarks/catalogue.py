"""How long it takes to compare catalogues: 100,000 procedures at 34 holders, field by field where fingerprints differ.

``python -m benchmarks.catalogue [--procedures N] [--holders N] [--differing SHARE] [--seed N] [--json]``. The snapshots are in a
SQLite ledger before the clock starts; timed is what ``procedures compare`` and the end of each pull do: what the owners say is
read, each holder's snapshot is streamed against it, and the differences are written down, the second time with nothing new.
The exit code says whether it took longer than a minute.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert

from hub.canonical.party import Agency
from hub.canonical.procedure import Procedure
from hub.ledger import catalogue_verbs
from hub.ledger.catalogue_tables import holder_pulls, holder_records
from hub.ledger.catalogue_verbs import Held, Told
from hub.ledger.ledger import Ledger
from hub.reconcile.procedures import comparing
from hub.reconcile.procedures.comparing import Codes, Side
from hub.reconcile.procedures.pulling import held_record
from hub.registers import catalogue
from hub.registers.procedures import row_of
from hub.rules.catalogue import Policy

PROCEDURES, HOLDERS, DIFFERING, SEED = 100_000, 34, 0.005, 1
LIMIT_SECONDS = 60.0
OWNERS = 22
TODAY = date(2026, 3, 2)
NOW = 1_772_400_000.0
AT_ONCE = 2_000


def procedure(rng: random.Random, number: int) -> Procedure:
    """Invent a procedure, as long as those of the portal are."""
    paper = {"MAGIAYTO": f"000.00.00.G99-KQ{number:06d}", "TENGIAYTO": "Tờ khai thử nghiệm", "SOBANCHINH": "1"}
    papers = [paper, paper, paper]
    steps = [{"TENTRINHTU": f"Bước {step}: nộp, thẩm định và trả kết quả"} for step in range(1, 5)]
    return Procedure(
        code=f"{1 + number // 1_000_000}.{number % 1_000_000:06d}",
        name=f"Cấp giấy phép thử nghiệm số {number}",
        active=rng.random() > 0.05,
        level=rng.choice((2, 3, 4)),
        field_code=f"G{number % OWNERS:02d}-TN01",
        field_name="Lĩnh vực thử nghiệm",
        announcing_agency=f"G{number % OWNERS:02d}",
        agencies=(Agency(code=f"H{1 + number % 63:02d}.07", name="Sở Thử nghiệm"),),
        details={
            "YEUCAU": "Không",
            "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": papers}],
            "TRINHTUTHUCHIEN": [{"TRUONGHOP": "", "TRINHTU": steps}],
        },
    )


def fill(ledger: Ledger, procedures: int, holders: Sequence[str], differing: float, seed: int) -> int:
    """Write what owners say and what holders hold; give how many procedures differ."""
    rng = random.Random(seed)  # noqa: S311 - invented, by seed
    told = Told(message_id="bench", source="bench", at=NOW, actor="bench", why="bench")
    made = [procedure(rng, number) for number in range(procedures)]
    held = {each.code: held_record(each.code, each) for each in made}
    for start in range(0, procedures, AT_ONCE):
        rows = [row_of(each.announcing_agency, each) for each in made[start : start + AT_ONCE]]
        ledger.change(partial(catalogue_verbs.tell, rows=rows, told=told))
    count = 0
    for holder in holders:
        kept: list[Held] = []
        others: list[Held] = []
        different = 0
        for each in made:
            if rng.random() < differing:
                different += each.active
                other = each.model_copy(update={"name": f"{each.name} (khác)"})
                others.append(held_record(each.code, other))
                kept.append(others[-1])
            else:
                kept.append(held[each.code])
        ledger.change(partial(_hold, holder=holder, rows=kept, records={each.digest: each.record for each in others}))
        count += different
    return count


def filled_at(folder: str, procedures: int, holders: Sequence[str], differing: float, seed: int) -> int:
    """Fill the ledger of a folder; give how many procedures differ."""
    ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
    try:
        return fill(ledger, procedures, holders, differing, seed)
    finally:
        ledger.close()


def _hold(conn: Connection, holder: str, rows: Sequence[Held], records: Mapping[str, str]) -> None:
    catalogue_verbs.keep_records(conn, records)
    written = [
        {"holder": holder, "code": each.code, "digest": each.digest, "plain": each.plain, "field_code": each.field_code}
        | {"level": None, "seen_at": NOW, "pull": "bench"}
        for each in rows
    ]
    conn.execute(insert(holder_records), written)
    whole = {"began_at": NOW, "done_at": NOW, "whole_from": NOW, "whole_at": NOW, "compared_at": None, "lease_until": 0.0}
    counts = {"listed": len(rows), "fetched": len(rows), "faulty": 0}
    conn.execute(insert(holder_pulls).values(holder=holder, pull="bench", actor="bench", why="bench", **whole, **counts))


def compare(ledger: Ledger, holders: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Compare every holder, as hub.reconcile.procedures.comparing does; give what is new, and what is over."""
    with ledger.read() as conn:
        said = catalogue.in_force(conn, TODAY)
    for holder in holders:
        kind = "portal" if holder == "dvcqg" else "province"
        at = Side(name=holder, kind=kind, agency="", policy=Policy())
        with ledger.read() as conn:
            found = tuple(comparing.differences(conn, at, Codes(procedures={}, fields={}), said))
        yield ledger.change(partial(catalogue_verbs.keep_differences, holder=holder, found=found, now=NOW))


def main() -> int:
    """Measure, print, and say whether it was fast enough."""
    given = arguments()
    holders = ["dvcqg", *(f"tinh_{number:02d}" for number in range(1, given.holders))]
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        ledger.create()
        ledger.close()
        began = time.perf_counter()
        # In a process of its own: what is measured here is the memory of comparing.
        with multiprocessing.get_context("spawn").Pool(1) as other:
            expected = other.apply(filled_at, (folder, given.procedures, holders, given.differing, given.seed))
        filled = time.perf_counter() - began
        ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        seconds, processor, rounds = [], [], []
        for _ in range(2):
            began, worked = time.perf_counter(), time.process_time()
            rounds.append(tuple(map(sum, zip(*compare(ledger, holders), strict=True))))
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - worked)
        ledger.close()
    sound = rounds == [(expected, 0), (0, 0)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "seed": given.seed,
        "procedures": given.procedures,
        "holders": len(holders),
        "differing": expected,
        "filled_seconds": round(filled, 1),
        "first_seconds": round(seconds[0], 1),
        "again_seconds": round(seconds[1], 1),
        "processor": [round(each, 1) for each in processor],
        "load": os.getloadavg()[0],
        "peak_mb": round(peak),
        "limit_seconds": LIMIT_SECONDS,
        "sound": sound,
    }
    print(json.dumps(told) if given.json else "\n".join(f"{name:16} {value}" for name, value in told.items()))
    return 0 if sound and max(seconds) < LIMIT_SECONDS else 1


def arguments() -> argparse.Namespace:
    """Read the words."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--procedures", type=int, default=PROCEDURES)
    words.add_argument("--holders", type=int, default=HOLDERS)
    words.add_argument("--differing", type=float, default=DIFFERING, help="share of a holder's procedures that differ")
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--json", action="store_true")
    return words.parse_args()


if __name__ == "__main__":
    sys.exit(main())
