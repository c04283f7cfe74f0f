"""The engines that a ledger can be on, for tests that are done on each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import postgres
from tests.support.hub import SQLITE

ENGINES = ("sqlite", "postgresql")


@contextmanager
def ledger_on(engine: str) -> Iterator[str]:
    """Lend the address of an empty ledger, as it stands in hub.toml; a file is made in the configuration folder."""
    if engine == "sqlite":
        yield SQLITE
        return
    with postgres.ledger_url() as address:
        yield address
