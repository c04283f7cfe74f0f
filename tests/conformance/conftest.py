"""What the tests of the kit share: one check of it, run over all its cases."""

import inspect
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import adapters.template
from adapters.template import ADAPTER
from hub.conformance.adapter import AdapterConformance
from hub.conformance.inbound import ERRORS
from hub.conformance.outbound import LEAST

SAMPLES = Path(adapters.template.__file__).parent / "samples"


def run(check: str, adapter: Any = ADAPTER, samples: Path = SAMPLES) -> None:
    """Run one check of the kit, over all its cases, on an adapter and its samples."""
    kit: Any = type("Kit", (AdapterConformance,), {"adapter": adapter, "samples": samples})
    cases = {**kit.cases, "error": ERRORS, "least": LEAST}
    fixtures = [name for name in inspect.signature(getattr(kit, check)).parameters if name != "self"]
    for chosen in product(*(cases[name] for name in fixtures)):
        getattr(kit(), check)(*chosen)


@pytest.fixture
def run_check() -> Callable[..., None]:
    return run
