"""What the tests of the benchmarks share: keys, a few documents, a running sink, and a private node where there can be one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import dossiers, node

KEYS = dossiers.make_keys()
MESSAGE_ID = "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10"


def made(count: int, size: int = dossiers.SMALL_BYTES, first_seed: int = 1) -> list[dossiers.Dossier]:
    """Make documents signed by the trader of these tests."""
    return dossiers.make(count, size=size, first_seed=first_seed, signer=KEYS.trader_signer)


@contextmanager
def private_node() -> Iterator[node.Node]:
    """Start a broker and a database; their absence is a failure where CI is set."""
    if lacking := node.missing():
        said = f"not installed: {', '.join(lacking)}"
        if os.environ.get("CI"):
            pytest.fail(f"{said}, and CI must not skip")
        pytest.skip(f"{said}: the comparison's pipelines were NOT tried")
    with node.started() as running:
        yield running
