"""Partners on trial: what is no test dossier is parked when its turn comes, by who dispatches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Double, Text, update

from hub.errors import OnTrial
from hub.ledger.for_each import for_each
from hub.ledger.tables import deliveries
from hub.ledger.works import Commit
from hub.rules import test_dossiers
from hub.rules.lifecycle import State, next_state

#: Standing (table ``standings``) of a partner that gets only test dossiers.
TRIAL = "trial"
_PARK_EACH = for_each(
    lambda given: update(deliveries)
    .where(deliveries.c.id == given.delivery)
    .values(
        state=given.new_state,
        due_at=given.now,
        updated_at=given.now,
        error_code=given.code,
        error_where=given.place,
        error_en=given.en,
        error_vi=given.vi,
        partner_code="",
    ),
    delivery=Text,
    new_state=Text,
    now=Double,
    code=Text,
    place=Text,
    en=Text,
    vi=Text,
)


def is_test(subject: str, patterns: Sequence[str]) -> bool:
    """Say whether a subject is a test dossier's, by its number: what follows the last name of who numbered it."""
    return test_dossiers.is_test(subject.rpartition(":")[2], patterns)


def only_tests(commit: Commit, found: Sequence[Any], patterns: Sequence[str], now: float) -> list[Any]:
    """Park what is no test dossier's, and give the rest; doubts are asked about, whatever they are."""
    goes = [row for row in found if row.state == State.IN_DOUBT.value or is_test(row.subject, patterns)]
    kept = {row.id for row in goes}
    parked = [row for row in found if row.id not in kept]
    _PARK_EACH.change(commit.conn, [_mark(row, now) for row in parked])
    for row in parked:
        entry = {"delivery": row.id, "epoch": row.epoch, "state": State.PARKED.value, "error": OnTrial.code}
        commit.pages.append(row.subject, "delivery.park", at=now, actor="hub", entry=entry)
    return goes


def _mark(row: Any, now: float) -> dict[str, Any]:
    error = OnTrial(
        f"{row.endpoint} is on trial: only test dossiers go to it; release this one once the partner is live",
        f"{row.endpoint} đang chạy thử, chỉ nhận hồ sơ thử; hãy cho gửi tiếp (release) khi đối tác đã vận hành chính thức",
        where=row.endpoint,
    )
    return {
        "delivery": row.id,
        "new_state": next_state(State(row.state), "park").value,
        "now": now,
        "code": error.code,
        "place": error.where,
        "en": error.en,
        "vi": error.vi,
    }
