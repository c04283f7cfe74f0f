"""Sealing: what is new in the journal gets a seal, each seal a timestamp, each root its line in the file of roots.

Each step goes on from what the ledger and the file say, and ends with a commit of its own: wherever a process dies, the next
round, of this process or of another, does what is left, and nothing twice. No commit is open while an authority is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import structlog

from hub import pins
from hub.errors import HubError
from hub.ledger import seal_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.seal_verbs import Unstamped
from hub.registers import seals
from hub.rules import ledger_seal
from hub.rules.ledger_seal import Seal
from hub.telemetry import SEALED
from hub.trust.timestamping import Timestamping

log = structlog.get_logger()

#: So many roots are written to the file at once.
_LINES_AT_ONCE = 1000
#: An authority that is being asked is not asked by another process for so much longer than the answer may take.
_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Sealing:
    """What sealing needs, built once."""

    ledger: Ledger
    #: Gives the moment in seconds since 1970 UTC.
    now: Callable[[], float]
    every_seconds: float
    #: Subjects below one seal at most.
    batch: int
    #: The file of roots; None: there is none.
    publish: Path | None
    #: Its authorities; without any, seals are without timestamp.
    timestamping: Timestamping
    first_retry_seconds: float
    ceiling_retry_seconds: float


def _never() -> bool:
    return False


def seal(sealing: Sealing, stopped: Callable[[], bool] = _never) -> int:
    """Seal what was new in the journal when this began, if it is time to; say how many seals that took."""
    with sealing.ledger.read() as conn:
        before, upto = seal_verbs.last(conn), seal_verbs.newest_row(conn)
        if not _is_due(sealing, before, upto):
            return 0
        if not seal_verbs.settle(conn):
            log.warning("seals.writer_hangs")
            return 0
    count = 0
    while (before.upto if before is not None else 0) < upto and not stopped():
        before = _seal_next(sealing, before, upto)
        if before is None:
            break
        count += 1
    return count


def _is_due(sealing: Sealing, before: Seal | None, upto: int) -> bool:
    if before is None:
        return upto > 0
    # A clock that was set back must not put the next seal off for as long.
    return upto > before.upto and abs(sealing.now() - before.at) >= sealing.every_seconds


def _seal_next(sealing: Sealing, before: Seal | None, upto: int) -> Seal | None:
    """Make one seal; None where another process has made it meanwhile."""
    with sealing.ledger.read() as conn:
        found = seal_verbs.unsealed(conn, before.upto if before is not None else 0, upto, sealing.batch)
    made = ledger_seal.make(before, found.ends, at=sealing.now(), upto=found.upto)
    with sealing.ledger.apart() as conn:
        if not seal_verbs.keep(conn, made, found.ends):
            return None
    SEALED.inc()
    log.info("seal.made", seal=made.number, leaves=made.leaves, root=made.root)
    return made


def stamp(sealing: Sealing, stopped: Callable[[], bool] = _never) -> int:
    """Get timestamps for the seals that have none, the oldest first, until one is not given; say how many were."""
    count = 0
    while sealing.timestamping.authorities and not stopped():
        with sealing.ledger.read() as conn:
            waiting = seal_verbs.oldest_unstamped(conn)
        if waiting is None or not _may_ask(sealing, waiting) or not _stamp(sealing, waiting):
            break
        count += 1
    return count


def _may_ask(sealing: Sealing, waiting: Unstamped) -> bool:
    left = waiting.ask_at - sealing.now()
    longest = max(sealing.ceiling_retry_seconds, _asking_seconds(sealing))
    # What is further away was written by a clock that was wrong.
    return left <= 0 or left > longest


def _asking_seconds(sealing: Sealing) -> float:
    return sum(each.deadline_seconds for each in sealing.timestamping.authorities) + _MARGIN_SECONDS


def _stamp(sealing: Sealing, waiting: Unstamped) -> bool:
    with sealing.ledger.apart() as conn:
        if not seal_verbs.mark_asked(conn, waiting, sealing.now() + _asking_seconds(sealing)):
            return False
    number = waiting.seal.number
    try:
        stamped = sealing.timestamping.stamp(waiting.seal.digest)
    except HubError as error:
        delay = min(sealing.ceiling_retry_seconds, sealing.first_retry_seconds * 2.0 ** min(waiting.asked, 30))
        with sealing.ledger.apart() as conn:
            seal_verbs.ask_later(conn, number, sealing.now() + delay)
        log.error("seal.unstamped", seal=number, error=error.code, asked=waiting.asked + 1, again_in=delay)
        return False
    with sealing.ledger.apart() as conn:
        kept = seal_verbs.keep_token(conn, number, stamped.token, stamped.timestamp.at.timestamp())
    log.info("seal.stamped", seal=number, authority=stamped.authority)
    return kept


def publish(sealing: Sealing) -> int:
    """Append the roots that the file of roots lacks; say how many."""
    if sealing.publish is None:
        return 0
    count = 0
    with pins.appending(sealing.publish) as file:
        _tell_behind(sealing, file.last())
        while added := _append(sealing, file):
            count += added
    return count


def _append(sealing: Sealing, file: pins.PinFile) -> int:
    with sealing.ledger.read() as conn:
        following = list(islice(seals.roots(conn, after=file.last()), _LINES_AT_ONCE))
    return file.append(following)


def _tell_behind(sealing: Sealing, published: int) -> None:
    """Say that seals are gone which were published: the ledger was restored from an old backup, or cut."""
    with sealing.ledger.read() as conn:
        last = seal_verbs.last(conn)
    number = last.number if last is not None else 0
    if number < published:
        log.error("seals.fewer_than_published", seal=number, published=published)
