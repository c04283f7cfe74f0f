"""Partners on trial: what is no test dossier is parked when its turn comes, by who dispatches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.errors import OnTrial
from hub.ledger import parking
from hub.ledger.works import Commit
from hub.rules import test_dossiers
from hub.rules.lifecycle import State

#: Standing (table ``standings``) of a partner that gets only test dossiers.
TRIAL = "trial"


def is_test(subject: str, patterns: Sequence[str]) -> bool:
    """Say whether a subject is a test dossier's, by its number: what follows the last name of who numbered it."""
    return test_dossiers.is_test(subject.rpartition(":")[2], patterns)


def only_tests(commit: Commit, found: Sequence[Any], patterns: Sequence[str], now: float) -> list[Any]:
    """Park what is no test dossier's, and give the rest; doubts are asked about, whatever they are."""
    goes = [row for row in found if row.state == State.IN_DOUBT.value or is_test(row.subject, patterns)]
    kept = {row.id for row in goes}
    parking.park(commit, [(row, _not_a_test(row)) for row in found if row.id not in kept], now)
    return goes


def _not_a_test(row: Any) -> OnTrial:
    return OnTrial(
        f"{row.endpoint} is on trial: only test dossiers go to it; release this one once the partner is live",
        f"{row.endpoint} đang chạy thử, chỉ nhận hồ sơ thử; hãy cho gửi tiếp (release) khi đối tác đã vận hành chính thức",
        where=row.endpoint,
    )
