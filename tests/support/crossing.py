"""Two processes that change the same rows of a ledger at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Connection

from hub.ledger.engine import writing
from hub.ledger.ledger import Ledger

PATIENCE_SECONDS = 20.0
Verb = Callable[[Connection], None]


def crossed(url: str, first: Verb, second: Verb) -> None:
    """Carry out a verb, and a second one in another process's ledger, which begins before the first one has committed."""
    one, other = Ledger(url), Ledger(url)
    waiting = threading.Event()

    def later() -> None:
        with other._engine.connect() as connection:
            waiting.set()
            with writing(connection):
                second(connection)

    with one._engine.connect() as connection, writing(connection):
        first(connection)
        thread = threading.Thread(target=later)
        thread.start()
        assert waiting.wait(PATIENCE_SECONDS)
    thread.join(PATIENCE_SECONDS)
    one.close()
    other.close()
