"""The ledger: the truth. Every verb is atomic and returns after its commit; reads see only what is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from hub.canonical.receipt import Receipt
from hub.contract import Answer, Outgoing
from hub.errors import HubError
from hub.ledger import (
    attachment_verbs,
    delivery_verbs,
    dispatch_verbs,
    intake_verbs,
    operator_verbs,
    outcome_verbs,
    retention_verbs,
    schema,
    telling,
)
from hub.ledger.dispatch_verbs import DoubtPolicy
from hub.ledger.engine import Readers, no_ledger, open_engine, unavailable, unreachable, writing
from hub.ledger.values import (
    Acceptance,
    Budget,
    Claiming,
    Delivered,
    Delivery,
    Evidence,
    Holding,
    Lapsed,
    Notice,
    Planned,
    Queueing,
    Refusal,
    Sending,
)
from hub.ledger.works import Together
from hub.ledger.writer import GroupWriter, Share
from hub.rules.queued import Due
from hub.rules.redelivery import Decision
from hub.rules.retention import Cuts, Stored

T = TypeVar("T")

#: Claims first: they alone lock deliveries whose journal they do not hold.
TOGETHER: tuple[Together, ...] = (
    delivery_verbs.claim,
    delivery_verbs.record_sending,
    delivery_verbs.record_delivered,
    intake_verbs.record_received,
    dispatch_verbs.queue,
)


class Ledger:
    """Message Store and Message History over one SQL database."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._writer = GroupWriter(self._engine, TOGETHER)
        self._readers = Readers(self._engine)

    def create(self) -> None:
        """Make the tables, or bring them forward; where they are as they must be, that costs one look.

        Raises Unavailable where the database cannot be reached, BadSettings where it holds a newer ledger or another's tables.
        """
        try:
            schema.bring_forward(self._engine)
        except (OperationalError, ProgrammingError) as error:
            raise unreachable(error) from error
        except DatabaseError as error:
            raise no_ledger(error, self._engine.url) from error

    def close(self) -> None:
        """Finish open verbs and close all connections."""
        self._writer.close()
        self._readers.close()
        self._engine.dispose()

    def read(self) -> AbstractContextManager[Connection]:
        """Open a connection for reading; all is seen as of one moment, and nobody is waited for.

        Raises Unavailable where the database does not answer.
        """
        return self._read(one_moment=True)

    def glance(self) -> AbstractContextManager[Connection]:
        """Open a connection for look-ups on a message's way, each as of its own moment.

        Only for what a verb compares again before it writes; there it costs a third of ``read``.
        """
        return self._read(one_moment=False)

    @contextmanager
    def _read(self, *, one_moment: bool) -> Iterator[Connection]:
        try:
            with self._readers.reading(one_moment=one_moment) as connection:
                yield connection
        except OperationalError as error:
            raise unavailable(error) from error

    @contextmanager
    def apart(self) -> Iterator[Connection]:
        """Open a commit beside the group writer's, for what is on no message's way; on SQLite all others wait for its end."""
        try:
            with self._engine.connect() as connection, writing(connection):
                yield connection
        except OperationalError as error:
            raise unavailable(error) from error

    def change(self, verb: Callable[[Connection], T], key: str = "") -> T:
        """Carry out a verb of those who work with the hub (plans, people, alerts), as all others: alone, whole or not at all.

        ``key``: what orders it among the verbs of one commit, where it locks a subject's rows.
        """
        return self._write(verb, key)

    def _write(self, verb: Callable[[Connection], T], key: str = "") -> T:
        return self._writer.run(verb, key)

    # --- intake

    def record_received(self, given: Acceptance) -> Answer:
        (outcome,) = self.record_all_received([given])
        return outcome()

    def record_all_received(self, given: Sequence[Acceptance]) -> list[Callable[[], Answer]]:
        """Record accepted messages; give for each what returns its answer, or raises why nothing of it was recorded."""
        rare = {place: partial(self._record_rare, each) for place, each in enumerate(given) if each.is_rare}
        usual = [Share(given=each, subjects=each.subjects, beside=each.files) for each in given if not each.is_rare]
        shared = iter(self._writer.share(intake_verbs.record_received, usual))
        return [rare[place] if place in rare else next(shared) for place in range(len(given))]

    def _record_rare(self, given: Acceptance) -> Answer:
        return self._write(partial(intake_verbs.record_received_alone, given=given), given.subject)

    def record_refused(self, given: Refusal) -> Answer:
        return self._write(partial(intake_verbs.record_refused, given=given))

    def record_given(self, digest: str, *, size: int, givers: Sequence[str], now: float) -> None:
        self._write(partial(attachment_verbs.record_given, digest=digest, size=size, givers=tuple(givers), now=now))

    # --- dispatch

    def lapse(self, now: float, doubt: DoubtPolicy) -> list[Lapsed]:
        return self._write(partial(dispatch_verbs.lapse, now=now, doubt=doubt))

    def recall_all(self, now: float, doubt: DoubtPolicy) -> list[Lapsed]:
        return self._write(partial(dispatch_verbs.recall_all, now=now, doubt=doubt))

    def queue(self, now: float, budgets: Iterable[Budget]) -> list[Due]:
        (outcome,) = self._writer.share(dispatch_verbs.queue, [Share(given=Queueing(now=now, budgets=tuple(budgets)))])
        due: list[Due] = outcome()
        return due

    def unqueue(self, refused: Iterable[Due], now: float) -> None:
        self._write(partial(dispatch_verbs.unqueue, refused=tuple(refused), now=now))

    # --- delivery

    def claim(self, due: Due, now: float, lease_seconds: float) -> Delivery | None:
        (outcome,) = self.claim_all([Claiming(due=due, now=now, lease_seconds=lease_seconds)])
        return outcome()

    def claim_all(self, given: Sequence[Claiming]) -> list[Callable[[], Delivery | None]]:
        """Claim deliveries; give for each what returns it, None where there is nothing to claim, or raises."""
        return self._writer.share(delivery_verbs.claim, [Share(given=each, keys=frozenset((each.due.id,))) for each in given])

    def doubtful(self, due: Due) -> Delivery | None:
        with self.read() as conn:
            return delivery_verbs.doubtful(conn, due.id, due.epoch)

    def record_sending(self, held: Delivery, outgoing: Outgoing, native_id: str, now: float, lease_seconds: float) -> Delivery:
        given = Sending(held=held, outgoing=outgoing, native_id=native_id, now=now, lease_seconds=lease_seconds)
        (outcome,) = self.record_all_sending([given])
        return outcome()

    def record_all_sending(self, given: Sequence[Sending]) -> list[Callable[[], Delivery]]:
        """Keep the bytes of calls before they are made; give for each what returns the delivery, or raises."""
        return self._writer.share(delivery_verbs.record_sending, list(map(_of_held, given)))

    def record_delivered(
        self, held: Delivery, receipt: Receipt, evidence: Evidence, notice: Notice, now: float, *, waits: bool
    ) -> None:
        given = Delivered(held=held, receipt=receipt, evidence=evidence, notice=notice, now=now, waits=waits)
        (outcome,) = self.record_all_delivered([given])
        outcome()

    def record_all_delivered(self, given: Sequence[Delivered]) -> list[Callable[[], None]]:
        """Record receipts; give for each what returns once it is recorded, or raises."""
        return self._writer.share(delivery_verbs.record_delivered, list(map(_of_held, given)))

    def record_failed(
        self,
        held: Delivery,
        error: HubError,
        decision: Decision,
        evidence: Evidence,
        notice: Notice | None,
        now: float,
        found: Mapping[str, str] | None = None,
    ) -> None:
        verb = partial(
            outcome_verbs.record_failed,
            held=held,
            error=error,
            decision=decision,
            evidence=evidence,
            notice=notice,
            now=now,
            found=found or {},
        )
        self._write(verb, held.subject)

    def record_unsent(self, held: Delivery, error: HubError, decision: Decision, notice: Notice | None, now: float) -> None:
        verb = partial(outcome_verbs.record_unsent, held=held, error=error, decision=decision, notice=notice, now=now)
        self._write(verb, held.subject)

    def record_unneeded(self, held: Delivery, notice: Notice, now: float) -> None:
        self._write(partial(outcome_verbs.record_unneeded, held=held, notice=notice, now=now), held.subject)

    def record_routed(self, held: Delivery, planned: Sequence[Planned], now: float, given: Sequence[Holding] = ()) -> None:
        verb = partial(outcome_verbs.record_routed, held=held, planned=tuple(planned), now=now, given=tuple(given))
        self._write(verb, held.subject)

    def record_finding(
        self,
        held: Delivery,
        outcome: str,
        found: dict[str, str],
        evidence: Evidence,
        notice: Notice | None,
        now: float,
        *,
        waits: bool,
        again_in: float = 0.0,
        answered: bool | None = None,
        follow: str = "",
    ) -> None:
        verb = partial(
            outcome_verbs.record_finding,
            held=held,
            outcome=outcome,
            found=found,
            evidence=evidence,
            notice=notice,
            now=now,
            waits=waits,
            again_in=again_in,
            answered=answered,
            follow=follow,
        )
        self._write(verb, held.subject)

    # --- operators

    def release(self, delivery_id: str, *, actor: str, why: str, now: float) -> None:
        self._write(partial(operator_verbs.release, delivery_id=delivery_id, actor=actor, why=why, now=now))

    def rebuild(self, delivery_id: str, *, actor: str, why: str, now: float) -> None:
        self._write(partial(operator_verbs.rebuild, delivery_id=delivery_id, actor=actor, why=why, now=now))

    def settle(self, delivery_id: str, **given: Any) -> None:
        self._write(partial(operator_verbs.settle, delivery_id=delivery_id, **given))

    def settle_answer(self, delivery_id: str, **given: Any) -> None:
        self._write(partial(operator_verbs.settle_answer, delivery_id=delivery_id, **given))

    def abandon(self, delivery_id: str, *, notice: Notice, actor: str, why: str, now: float) -> None:
        self._write(partial(operator_verbs.abandon, delivery_id=delivery_id, notice=notice, actor=actor, why=why, now=now))

    def abandon_all(self, given: Sequence[tuple[str, Notice]], *, actor: str, why: str, now: float) -> None:
        self._write(partial(operator_verbs.abandon_all, given=tuple(given), actor=actor, why=why, now=now))

    def ask(self, delivery_id: str, *, actor: str, why: str, now: float) -> None:
        self._write(partial(operator_verbs.ask, delivery_id=delivery_id, actor=actor, why=why, now=now))

    def pause(self, endpoint: str, *, paused: bool, actor: str, why: str, now: float) -> None:
        self._write(partial(operator_verbs.pause, endpoint=endpoint, paused=paused, actor=actor, why=why, now=now))

    def settled_notices(self) -> int:
        """Give the number below which no notice can come in any more; to be read before the notices themselves."""
        with self.read() as conn:
            return telling.settled(conn)

    def take_notices(self, endpoint: str, up_to: int, now: float) -> int:
        return self._write(partial(operator_verbs.take_notices, endpoint=endpoint, up_to=up_to, now=now))

    # --- retention

    def note_retention(self, run_id: str, event: str, *, now: float, actor: str, entry: Mapping[str, Any]) -> None:
        self._write(partial(retention_verbs.note, run_id=run_id, event=event, now=now, actor=actor, entry=dict(entry)))

    def delete_bodies(self, run_id: str, chosen: Sequence[Stored], at: Cuts, *, actor: str, now: float) -> list[int]:
        """Delete one batch of bodies, with its journal row; give their sizes."""

        def verb(conn: Connection) -> list[int]:
            gone = retention_verbs.delete_bodies(conn, chosen, at, now=now)
            retention_verbs.note_gone(conn, run_id, "payloads", gone, now=now, actor=actor)
            return [size for _, size in gone]

        return self._write(verb)

    def delete_attachments(
        self, run_id: str, chosen: Sequence[Stored], at: Cuts, *, remove: Callable[[str], None], actor: str, now: float
    ) -> list[int]:
        """Delete one batch of partners' files by ``remove``, with its journal row; give their sizes."""
        digests = [each.digest for each in chosen]

        def verb(conn: Connection) -> list[int]:
            gone = attachment_verbs.delete(conn, digests, before=at.work, now=now, remove=remove)
            retention_verbs.note_gone(conn, run_id, "attachments", gone, now=now, actor=actor)
            return [size for _, size in gone]

        return self._write(verb)

    def forget_unknown_attachments(self, digests: Sequence[str], *, remove: Callable[[str], None]) -> int:
        """Delete those of these files that no row knows; give how many."""
        return self._write(partial(attachment_verbs.forget_unknown, digests=tuple(digests), remove=remove))


def _of_held(given: Sending | Delivered) -> Share:
    return Share(given=given, subjects=frozenset((given.held.subject,)))
