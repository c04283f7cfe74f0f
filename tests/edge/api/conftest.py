from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.api import world
from tests.edge.api.world import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A hub at work, and its API."""
    made = world.opened(tmp_path)
    yield made
    world.closed(made)
