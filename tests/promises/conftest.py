"""A hub of its own for each test, with a partner that counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.app import Hub
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.partner import Partner, served

MakeHub = Callable[..., Hub]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def server(partner: Partner) -> Iterator[SimulatorServer]:
    """The partner on a loopback port."""
    with served(partner) as running:
        yield running


#: Rooms of tests that are done on each engine; the others are not about what a ledger does.
ON_EACH_ENGINE = ("test_order", "test_doubt", "test_idempotent_intake")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Do the tests of some rooms on each engine."""
    if "ledger_url" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_EACH_ENGINE:
        metafunc.parametrize("ledger_url", ENGINES, indirect=True)


@pytest.fixture
def ledger_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an empty ledger."""
    with ledger_on(getattr(request, "param", ENGINES[0])) as address:
        yield address


@pytest.fixture
def make_hub(tmp_path: Path, clock: Clock, ledger_url: str) -> Iterator[MakeHub]:
    """Configure a folder and open its hub; a second call opens it anew, as after a restart."""
    opened: list[Hub] = []

    def make(*partners: Any, **given: Any) -> Hub:
        for hub in opened:
            support.close(hub)
        opened.clear()
        folder = support.configure(tmp_path, *partners, **{"ledger": ledger_url, **given})
        opened.append(support.open_hub(folder, clock))
        return opened[0]

    yield make
    for hub in opened:
        support.close(hub)


@pytest.fixture
def hub(make_hub: MakeHub, server: SimulatorServer) -> Hub:
    """A hub whose one partner is ``partner``."""
    return make_hub({support.PARTNER: support.At(url=server.url)})
