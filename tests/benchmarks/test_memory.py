"""Memory is judged by the line through the later samples, and the workers get every document once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks import memory, sink
from benchmarks.compare import Bench
from benchmarks.memory import Sample, trends, verdict
from tests.benchmarks.world import KEYS, private_node


def samples(*held: int, every: int = 1000) -> list[Sample]:
    """Let one worker hold so many KB at every thousandth message."""
    return [Sample(messages=number * every, rss=(kb,), peak=(max(held),)) for number, kb in enumerate(held)]


def test_what_is_taken_up_first_is_no_growth() -> None:
    """Code, threads and connections come with the first messages."""
    (found,) = trends(samples(100_000, 150_000, *[170_000] * 28, 171_000))

    assert (found.after_first_tenth, found.at_end, found.peak) == (170_000, 171_000, 171_000)
    assert found.flat
    assert verdict([found], memory.JUDGED_FROM) == "flat"


def test_one_identifier_kept_for_each_message_is_growth() -> None:
    """Even where it is a hundred bytes beside hundreds of megabytes."""
    (found,) = trends(samples(*(200_000 + 100 * thousands for thousands in range(31))))

    assert found.slope_per_thousand == pytest.approx(100.0)
    assert verdict([found], memory.JUDGED_FROM) == "grows"


def test_each_worker_is_judged() -> None:
    """One that grows is enough."""
    both = [
        Sample(messages=number * 1000, rss=(200_000, 200_000 + 500 * number), peak=(200_000, 215_000)) for number in range(31)
    ]

    assert [each.flat for each in trends(both)] == [True, False]
    assert verdict(trends(both), memory.JUDGED_FROM) == "grows"


def test_a_short_run_is_not_judged() -> None:
    assert verdict(trends(samples(100_000, 150_000, 170_000)), 2_000).startswith("not judged")


def test_a_worker_s_memory_is_what_the_kernel_says() -> None:
    """Of this process, here."""
    found = memory._sample(7, [os.getpid()])

    assert found.messages == 7
    assert 1_000 < found.rss[0] <= found.peak[0]


def test_every_document_goes_into_one_pipe(tmp_path: Path) -> None:
    """In turn, across the pieces in which they are made."""
    pipes = [tmp_path / "a", tmp_path / "b"]
    memory.feed(pipes, memory._PIECE + 3, 5, KEYS)

    texts = [pipe.read_text().splitlines() for pipe in pipes]
    assert [len(each) for each in texts] == [(memory._PIECE + 4) // 2, (memory._PIECE + 3) // 2]
    requests = {json.loads(line) for each in texts for line in each}
    assert len(requests) == memory._PIECE + 3
    assert all("Envelope" in each for each in requests)


def test_pipes_end_when_they_are_let_go(tmp_path: Path) -> None:
    """Or a worker would wait for ever for documents that nobody makes any more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with memory._fed([pipe], 2, 1, KEYS):
        reading = pipe.open(encoding="utf-8")
        lines = [reading.readline(), reading.readline()]

    assert [bool(json.loads(line)) for line in lines] == [True, True]
    with reading:
        assert reading.read() == ""


@pytest.mark.slow
def test_a_few_go_the_whole_way(tmp_path: Path) -> None:
    """From the process that makes them to the sink, once each, while both workers are looked at."""
    with private_node() as node, sink.started() as counting:
        bench = Bench(node=node, sink=counting, keys=KEYS, keys_folder=KEYS.write(tmp_path), processes=2)
        found = memory.measure(bench, 40, 1)
        report = counting.report()

    assert (report["arrived"], report["duplicates"], report["unreadable"]) == (40, 0, 0)
    assert (found[0].messages, found[-1].messages) == (0, 40)
    assert all(len(each.rss) == 2 and min(each.rss) > 0 for each in found)
