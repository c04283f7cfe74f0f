"""What tests need of the machine: where it is absent they are skipped, and pytest's last lines say so; in CI they fail."""

from __future__ import annotations

import os
from typing import NoReturn

#: How every such text ends; by it the last lines find what was skipped.
SKIPPED = "tests on it are skipped"


def lacking(absent: str) -> NoReturn:
    """Skip the test that needs what is absent; in CI let it fail."""
    # Benchmarks use the engines of this folder too, where there is no pytest.
    import pytest

    if os.environ.get("CI") == "true":
        pytest.fail(absent)
    pytest.skip(absent)
