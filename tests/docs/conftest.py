"""A reader at a desk of his own, for the pages that call a door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs import consoles, world


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[consoles.Reader]:
    """A reader whose hub runs with open doors; each page has one for itself."""
    with world.opened(world.Desk, tmp_path_factory.mktemp("desk"), language="vi") as made:
        yield made.reader
