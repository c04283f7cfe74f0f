"""A sealer for tests: a journal to seal, a clock that is set by hand, authorities that are real (openssl) or none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hub.ledger import journal as chains
from hub.ledger.ledger import Ledger
from hub.registers import integrity
from hub.registers.integrity import Wrong
from hub.rules import timestamps
from hub.sealing import Sealing
from hub.trust.timestamping import Authority, Timestamping
from hub.wire import Wire
from tests.support.tsa import Tsa, authorities

AT = 1_000_000.0
EVERY = 60.0


def write(ledger: Ledger, *subjects: str, at: float = AT) -> None:
    """Append one row to the journal of each subject."""

    def verb(conn: Connection) -> None:
        for subject in subjects:
            chains.append(conn, subject, "test.event", at=at, actor="hub", entry={"vi": "số"})

    ledger._write(verb)


@dataclass
class Moment:
    """A clock that stands until it is moved."""

    now: float = AT

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A ledger, its sealer, and the moment."""

    ledger: Ledger
    moment: Moment = field(default_factory=Moment)
    #: What is other than usual in the sealer's parts.
    special: dict[str, Any] = field(default_factory=dict)

    def sealing(self, **special: Any) -> Sealing:
        """Build a sealer's parts, as another process would."""
        given = {
            "every_seconds": EVERY,
            "batch": 100,
            "publish": None,
            "timestamping": asking(),
            "first_retry_seconds": 5.0,
            "ceiling_retry_seconds": 600.0,
        }
        return Sealing(ledger=self.ledger, now=self.moment, **{**given, **self.special, **special})

    def later(self, seconds: float = EVERY) -> None:
        self.moment.now += seconds

    def wrong(self, **given: Any) -> list[tuple[str, str]]:
        """Verify the ledger: kind and name of all that is wrong."""
        return [(each.kind, each.name) for each in self.told(**given)]

    def told(self, **given: Any) -> list[Wrong]:
        with self.ledger.read() as conn:
            return list(integrity.wrong(conn, check_token=check_token, **given))


def check_token(token: bytes, digest: bytes) -> float:
    """Check a token of the tests' authority; give its moment."""
    return timestamps.check(token, digest, [authorities()[0].certificate]).at.timestamp()


def asking(*urls: str, deadline_seconds: float = 10.0, **special: Any) -> Timestamping:
    """Build what asks the authorities at these addresses, in order."""
    numbers = itertools.count(1)
    given = {
        "wire": Wire(),
        "authorities": tuple(
            Authority(name=f"tsa{place}", url=url, deadline_seconds=deadline_seconds) for place, url in enumerate(urls, start=1)
        ),
        "trusted": (authorities()[0].certificate,),
        "clock": lambda: datetime.now(UTC),
        "nonce": lambda: next(numbers),
        "max_drift_seconds": 5.0,
    }
    return Timestamping(**{**given, **special})


def served(folder: Path, **special: Any) -> Tsa:
    """Make an authority; it is started by ``with``."""
    folder.mkdir(exist_ok=True)
    return Tsa(folder, **special)


def subjects(count: int) -> Sequence[str]:
    return [f"national:{number}" for number in range(count)]
