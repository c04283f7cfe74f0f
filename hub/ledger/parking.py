"""Parking without a try: what must not or cannot go out is left to an operator when its turn comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Double, Text, update

from hub.canonical.digests import digest_of
from hub.errors import Damaged, HubError
from hub.ledger import payloads
from hub.ledger.for_each import for_each
from hub.ledger.tables import deliveries
from hub.ledger.works import Commit
from hub.rules.lifecycle import State, next_state

#: What speaks against a delivery, as its row says it.
_SAID = {"now": Double, "code": Text, "place": Text, "en": Text, "vi": Text}


def _said(given: Any) -> dict[str, Any]:
    error = {"error_code": given.code, "error_where": given.place, "error_en": given.en, "error_vi": given.vi}
    return {"updated_at": given.now, **error}


_PARK_EACH = for_each(
    lambda given: update(deliveries)
    .where(deliveries.c.id == given.delivery)
    .values(state=given.new_state, due_at=given.now, partner_code="", **_said(given)),
    delivery=Text,
    new_state=Text,
    **_SAID,
)
_LEAVE_EACH = for_each(
    lambda given: update(deliveries).where(deliveries.c.id == given.delivery).values(doubt="park", **_said(given)),
    delivery=Text,
    **_SAID,
)


def park(commit: Commit, refused: Sequence[tuple[Any, HubError]], now: float) -> None:
    """Park deliveries (their rows), each with what speaks against it."""
    marks = [_mark(row, error, now) | {"new_state": _parked(State(row.state)).value} for row, error in refused]
    _PARK_EACH.change(commit.conn, marks)
    for row, error in refused:
        _note(commit, row, "delivery.park", State.PARKED, error, now)


def _parked(state: State) -> State:
    return next_state(next_state(state, "claim") if state is State.QUEUED else state, "park")


def changed(commit: Commit, row: Any, now: float) -> bool:
    """Park a queued delivery whose content in the ledger is not what its digest says; say whether that is so."""
    body = payloads.get(commit.conn, row.canonical_digest)
    if body is not None and digest_of(body) == row.canonical_digest:
        return False
    park(commit, [(row, _lost(row))], now)
    return True


def only_whole(commit: Commit, found: Sequence[Any], bodies: Mapping[str, bytes], now: float) -> None:
    """Leave to an operator what has lost its content: no worker could claim it, and each would call it forged.

    What may have arrived stays in doubt, and is neither sent again nor asked about by itself.
    """
    lost = [(row, _lost(row)) for row in found if row.canonical_digest not in bodies]
    doubts = [(row, error) for row, error in lost if row.state == State.IN_DOUBT.value]
    park(commit, [(row, error) for row, error in lost if row.state != State.IN_DOUBT.value], now)
    _LEAVE_EACH.change(commit.conn, [_mark(row, error, now) for row, error in doubts])
    for row, error in doubts:
        _note(commit, row, "inquiry.stopped", State.IN_DOUBT, error, now)


def _lost(row: Any) -> Damaged:
    digest = row.canonical_digest
    return Damaged(
        f"the content of delivery {row.id} ({digest}) is lost or was changed: restore it, then release it, or settle it by hand",
        f"nội dung của lượt chuyển {row.id} ({digest}) không còn hoặc đã bị sửa: phục hồi từ bản sao lưu rồi "
        "cho gửi tiếp (release), hoặc xử lý thủ công (settle)",
        where=row.endpoint,
    )


def _mark(row: Any, error: HubError, now: float) -> dict[str, Any]:
    said = {"code": error.code, "place": error.where, "en": error.en, "vi": error.vi}
    return {"delivery": row.id, "now": now, **said}


def _note(commit: Commit, row: Any, event: str, state: State, error: HubError, now: float) -> None:
    entry = {"delivery": row.id, "epoch": row.epoch, "state": state.value, "error": error.code}
    commit.pages.append(row.subject, event, at=now, actor="hub", entry=entry)
