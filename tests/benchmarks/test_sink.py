"""The sink answers what the hub takes for a receipt, and counts what arrived."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from adapters.single_window.transport import Requests
from benchmarks import sink, work
from benchmarks.sink import Arrivals, Sink
from hub.canonical.codes import CodeTables
from hub.contract import Opened, Outgoing, Reply, Writing
from hub.rules import signatures
from hub.rules.trust import TrustSnapshot
from hub.wire import Wire
from tests.benchmarks.world import KEYS, MESSAGE_ID, made


@pytest.fixture(scope="module")
def running() -> Iterator[Sink]:
    with sink.started() as one:
        yield one


def outgoing(document: bytes) -> Outgoing:
    """Write what the hub would write to the ministry's system."""
    now = datetime.now(UTC)
    octets = signatures.signed_part(document, TrustSnapshot(pinned=(KEYS.trader_signer.certificate,)), now).signed_bytes
    incoming = ADAPTER.read_message(octets, Opened(document=octets), work.COMING)
    (message,), contents = incoming.messages, work.contents_of(incoming)
    writing = Writing(options=work.GOING, codes=CodeTables(), held={}, now=now, message_id=MESSAGE_ID, contents=contents)
    return ADAPTER.write_message(message, ADAPTER.plan(message, work.GOING)[0], writing)


@pytest.mark.parametrize("payload", ["cdata", "escaped"])
def test_the_hub_reads_the_answer_as_a_receipt(running: Sink, payload: str) -> None:
    """By the adapter's own reader, for both ways in which a document travels."""
    running.reset(1)
    (dossier,) = made(1)
    written = outgoing(dossier.document)
    options = Options(role="ministry", outbound={"url": running.url, "payload": payload})
    requests = Requests(options)
    wire = Wire()
    try:
        body = requests.build(written)
        got = wire.call("POST", running.url, body=body, headers=requests.headers(), deadline_seconds=30)
    finally:
        wire.close()

    assert ADAPTER.read_receipt(Reply(status=got.status, body=got.body, sent=body), written).code == "99"
    assert running.report()["arrived"] == 1


def test_a_second_arrival_is_a_duplicate_and_rubbish_is_refused(running: Sink, tmp_path: Path) -> None:
    """Both are told, neither counts."""
    dossiers = made(3)
    running.reset(len(dossiers))
    unit, post = work.Unit(KEYS.write(tmp_path)), work.Post(running.url)
    for dossier in (*dossiers, dossiers[0]):
        post(unit.request(dossier.document))
    with pytest.raises(work.WorkFailed):
        post(b"<no-message/>")
    report = running.report()

    assert (report["arrived"], report["duplicates"], report["unreadable"]) == (3, 1, 1)


def test_the_rate_is_taken_between_a_quarter_and_nineteen_twentieths() -> None:
    """A slow start and a slow end count for nothing."""
    arrivals = Arrivals(expected=100)
    for number in range(100):
        arrivals.add(str(number), 1000.0 + number if number < 24 or number > 94 else 1100.0 + number * 0.01)

    assert arrivals.report()["rate"] == pytest.approx(100.0)


def test_without_all_arrivals_there_is_no_rate() -> None:
    """Half a run is no measurement."""
    arrivals = Arrivals(expected=2)
    arrivals.add("1", 1.0)

    assert "rate" not in arrivals.report()
