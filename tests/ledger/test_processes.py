"""SQLite shared by processes: no update is lost, places and journal numbers have no gap."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hub.ledger.ledger import Ledger
from tests.support import acceptances as make
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains

PROCESSES = 4
EACH = 50
PATIENCE_SECONDS = 120.0

#: What each process does: repeat one message (read, add one, write), add to one chain, and begin chains that others begin.
WORK = """
import sys
from hub.ledger.ledger import Ledger
from tests.support import acceptances as make
url, count = sys.argv[1], int(sys.argv[2])
ledger = Ledger(url)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    ledger.record_received(make.acceptance(body=b"one", identity="M-1"))
    ledger.record_received(make.acceptance(body=make.new_id().encode(), planned=(make.planned(),)))
    subject = f"national:new-{number}"
    ledger.record_received(make.acceptance(subject, body=make.new_id().encode(), planned=(make.planned(subject),)))
ledger.close()
"""


@pytest.mark.slow
def test_four_processes_lose_no_update(ledger: Ledger, url: str) -> None:
    ledger.record_received(make.acceptance(body=b"one", identity="M-1"))
    command = [sys.executable, "-c", WORK, url, str(EACH)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(PATIENCE_SECONDS) for process in running] == [0] * PROCESSES

    (first,) = [row for row in all_messages(ledger) if row.identity]
    assert first.repeats == PROCESSES * EACH
    places = [row.place for row in all_deliveries(ledger) if row.subject == "national:1"]
    assert places == list(range(1, PROCESSES * EACH + 1))
    assert len(all_deliveries(ledger)) == 2 * PROCESSES * EACH
    check_chains(ledger)
    assert broken_rows(ledger) == []
