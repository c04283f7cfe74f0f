"""A ledger of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ledger.ledger import Ledger


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Address of a ledger that does not exist yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    made = Ledger(url)
    made.create()
    yield made
    made.close()
