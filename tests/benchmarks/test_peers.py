"""Each peer, on a private node: everything arrives, once, and nothing is left on the queue."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import sink
from benchmarks.node import Node
from benchmarks.peers import running
from benchmarks.peers.running import PEERS
from benchmarks.sink import Sink
from tests.benchmarks.world import KEYS, made, private_node
from tests.docs import pages

MESSAGES = 20
PROCESSES = 2


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    if not any(peer.installed for peer in PEERS.values()):
        # Not in the lock of the tests: skipped also where CI is set.
        pytest.skip("the bench extra is not installed: the peers were NOT tried")
    with private_node() as one:
        yield one


@pytest.fixture(scope="module")
def counting() -> Iterator[Sink]:
    with sink.started() as one:
        yield one


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_forwards_every_message_once(name: str, node: Node, counting: Sink, tmp_path: Path) -> None:
    """From its filled queue to the sink, by two worker processes."""
    if not PEERS[name].installed:
        pytest.skip(f"the bench extra is not installed: {name} was NOT tried")
    documents = made(MESSAGES)
    left = running.run(PEERS[name], documents, node, counting, PROCESSES, keys=KEYS.write(tmp_path))
    report = counting.report()

    assert (report["arrived"], report["duplicates"], report["unreadable"], left) == (MESSAGES, 0, 0, 0)


@pytest.mark.slow
def test_the_database_is_as_durable_as_in_production(node: Node) -> None:
    """Or the comparison would flatter whoever writes to it."""
    assert [node.setting(name) for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on", "on", "on"]


def test_every_package_of_the_extra_has_its_entry() -> None:
    """In docs/dependencies.md, with licence and reason."""
    declared = tomllib.loads(pages.page("pyproject.toml"))["project"]["optional-dependencies"]["bench"]
    sections = pages.below("docs/dependencies.md", "Measuring")

    assert sorted(pages.named(sections)) == sorted(re.match(r"[a-z-]+", each)[0] for each in declared)
    assert all("Licence: " in section.text and "Instead: " in section.text for section in sections)
