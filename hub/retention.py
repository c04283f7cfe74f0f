"""Retention: delete bytes whose time is over, in batches, each with its journal row; never a row, never what may still be sent.

A run that is stopped is simply run again: what was deleted is not found any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.errors import NotAllowed
from hub.ledger import attachment_verbs, finding_keys, link_verbs, retention_verbs
from hub.payloads import LEFT_OVER_SECONDS
from hub.rules import retention as rules
from hub.rules.retention import Cuts, Kept, Stored

log = structlog.get_logger()

#: So much is deleted in one commit.
BATCH = 500
#: So many files: their bytes are deleted before the commit, and messages that bring a file wait for it.
FILES_AT_ONCE = 50
#: Kinds of bodies that have an end.
_DELETED = (Kept.WORK, Kept.PROOF, Kept.BORDER)
#: The partners' files, beside the kinds of bodies.
FILES = "attachments"
_FIRST = (-1.0, "")
_List = Callable[[Connection, Cuts, tuple[float, str], int], list[Stored]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So many bodies or files, and their bytes."""

    kind: str
    count: int = 0
    bytes: int = 0
    #: Old enough as well, but named by deliveries that are not done.
    needed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """What a run would delete now."""

    days: int
    proof_days: int
    border_days: int
    #: What was named last before these moments.
    work_at: float
    proof_at: float
    border_at: float
    amounts: tuple[Amount, ...]

    @property
    def count(self) -> int:
        return sum(each.count for each in self.amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """What a run deleted."""

    id: str
    amounts: tuple[Amount, ...]
    #: Files that nobody will ask for: their sending broke off, or their process died before they were recorded.
    left_over: int


@dataclass(frozen=True, slots=True)
class _Batch:
    kind: str
    found: Sequence[Stored]
    chosen: tuple[Stored, ...]


def plan(hub: Hub, *, days: int, proof_days: int) -> RetentionPlan:
    """Say what a run would delete now, and what is old enough but still needed; nothing is changed."""
    border_days = hub.border.retention_days
    at = rules.cuts(hub.now(), days=days, proof_days=proof_days, border_days=border_days)
    amounts = _counted(hub, at, lambda batch: [each.size for each in batch.chosen])
    kept = {"days": days, "proof_days": proof_days, "border_days": border_days}
    return RetentionPlan(**kept, work_at=at.work, proof_at=at.proof, border_at=at.border, amounts=amounts)


def run(
    hub: Hub,
    *,
    days: int,
    proof_days: int,
    actor: str,
    why: str,
    progress: Callable[[int], None] = lambda count: None,
) -> RetentionRun:
    """Delete what is old enough and not needed; ``progress`` is told of each batch.

    Raises NotAllowed without who and why.
    """
    if not actor.strip() or not why.strip():
        raise NotAllowed(
            "retention needs who and why (--why)", "việc xóa nội dung phải nêu người thực hiện và lý do (--why)", where="why"
        )
    kept = {"days": days, "proof_days": proof_days, "border_days": hub.border.retention_days}
    at = rules.cuts(hub.now(), **kept)
    run_id = hub.new_id()
    started = {"why": why, **kept, "work_at": at.work, "proof_at": at.proof, "border_at": at.border}
    hub.ledger.note_retention(run_id, "retention.started", now=hub.now(), actor=actor, entry=started)

    def delete(batch: _Batch) -> list[int]:
        gone = _delete(hub, run_id, batch, at, actor)
        progress(len(batch.chosen))
        return gone

    amounts = _counted(hub, at, delete)
    left_over = _delete_left_over(hub)
    _forget_numbers(hub, at)
    _forget_links(hub, at)
    ended = {"deleted": {each.kind: each.count for each in amounts}, "bytes": sum(each.bytes for each in amounts)}
    hub.ledger.note_retention(run_id, "retention.ended", now=hub.now(), actor=actor, entry={**ended, "left_over": left_over})
    log.info("retention.run", run=run_id, actor=actor, left_over=left_over, **ended)
    return RetentionRun(id=run_id, amounts=amounts, left_over=left_over)


def _counted(hub: Hub, at: Cuts, act: Callable[[_Batch], Sequence[int]]) -> tuple[Amount, ...]:
    """Act on each batch and add up what it gives: the sizes of what is (or would be) deleted."""
    amounts = {kind: [0, 0, 0] for kind in (*(each.name.lower() for each in _DELETED), FILES)}
    for batch in _batches(hub, at):
        sizes = act(batch)
        added = (len(sizes), sum(sizes), len(batch.found) - len(batch.chosen))
        amounts[batch.kind] = [before + more for before, more in zip(amounts[batch.kind], added, strict=True)]
    return tuple(
        Amount(kind=kind, count=count, bytes=size, needed=needed) for kind, (count, size, needed) in amounts.items()
    )


def _batches(hub: Hub, at: Cuts) -> Iterator[_Batch]:
    """Give everything that is old enough, in batches, with what of each may go.

    What is needed is looked up once: a delivery that is done stays done, and whatever a new one names was named anew.
    """
    with hub.ledger.read() as conn:
        needed = retention_verbs.needed(conn, at, now=hub.now())
    bodies = [(kind.name.lower(), _bodies_of(kind)) for kind in _DELETED]
    # Long texts come free as their last bodies go.
    texts = [(kind.name.lower(), _bodies_of(kind, texts=True)) for kind in _DELETED]
    for kind, listed in (*bodies, (FILES, retention_verbs.old_attachments), *texts):
        after = _FIRST
        limit = FILES_AT_ONCE if kind == FILES else BATCH
        while found := _read(hub, listed, at, after, limit):
            yield _Batch(kind, found, rules.deletable(found, needed, at))
            after = (found[-1].named_at, found[-1].digest)


def _bodies_of(kind: Kept, *, texts: bool = False) -> _List:
    return lambda conn, at, after, limit: retention_verbs.old_bodies(conn, at, after, limit, kind, texts=texts)


def _read(hub: Hub, listed: _List, at: Cuts, after: tuple[float, str], limit: int) -> list[Stored]:
    with hub.ledger.read() as conn:
        return listed(conn, at, after, limit)


def _delete(hub: Hub, run_id: str, batch: _Batch, at: Cuts, actor: str) -> list[int]:
    if not batch.chosen:
        return []
    now = hub.now()
    if batch.kind == FILES:
        return hub.ledger.delete_attachments(
            run_id, batch.chosen, at, remove=hub.payloads.delete, actor=actor, now=now
        )
    return hub.ledger.delete_bodies(run_id, batch.chosen, at, actor=actor, now=now)


def _forget_numbers(hub: Hub, at: Cuts) -> None:
    """Delete the hashes of applicants' numbers of dossiers whose working copies are past their time."""
    after = ""
    while after := hub.ledger.change(partial(finding_keys.forget_old, before=at.work, after=after)):
        pass


def _forget_links(hub: Hub, at: Cuts) -> None:
    """Delete the addresses that ended long ago, and what the hub knew of files that it fetched itself."""
    after: tuple[float, str] | None = _FIRST
    while after is not None:
        after = hub.ledger.change(partial(link_verbs.forget, before=at.work, after=after, limit=BATCH))
    while hub.ledger.change(partial(link_verbs.forget_fetched, before=at.work, limit=BATCH)):
        pass
    while hub.ledger.change(partial(link_verbs.forget_old_tries, before=at.work, limit=BATCH)):
        pass


# --- what nobody will ask for -------------------------------------------------------------------------------------


def _delete_left_over(hub: Hub) -> int:
    """Delete files whose sending broke off, and those that were kept but never recorded, after a day."""
    before = hub.now() - LEFT_OVER_SECONDS
    count = hub.payloads.sweep(before)
    old = (digest for digest, kept_at in hub.payloads.kept() if kept_at < before)
    while digests := list(islice(old, FILES_AT_ONCE)):
        if unknown := _unknown(hub, digests):
            # Looked at again under the lock that whoever records a file takes.
            count += hub.ledger.forget_unknown_attachments(unknown, remove=hub.payloads.delete)
    return count


def _unknown(hub: Hub, digests: Sequence[str]) -> list[str]:
    with hub.ledger.read() as conn:
        known = attachment_verbs.known_files(conn, digests)
    return [digest for digest in digests if digest not in known]
