"""What every test needs: that logging is as if nobody had set it up before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logging_as_new() -> Iterator[None]:
    """Undo what a verb of the command line, run inside a test, says about logging for its whole process."""
    yield
    structlog.reset_defaults()
