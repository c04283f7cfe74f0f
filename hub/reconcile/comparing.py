"""Dossiers that a partner was told of, compared page by page with what it shows: same, missing, stale or different, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.canonical.message import from_json
from hub.contract import DossierHolder, Outgoing
from hub.errors import HubError, NotSent
from hub.ledger import payloads, reconciliation_verbs
from hub.ledger.reconciliation_verbs import Found, Page
from hub.reconcile.asking import (
    NOT_ASKED,
    PAGE,
    TRIES,
    Answer,
    Step,
    Work,
    calls,
    following,
    go_on,
    look_up_all,
    record,
    retry_seconds,
    until_a_call,
    wait,
)
from hub.registers import held_by_partners as ledger_side
from hub.registers.held_by_partners import Ought
from hub.rules import reconciling
from hub.rules.lifecycle import State
from hub.rules.reconciling import Judged, Stand
from hub.rules.succession import records_of


@dataclass(frozen=True, slots=True)
class _Question:
    """One chain, with what is to be asked of it; no code: nothing is."""

    chain: Ought
    code: str = ""
    stand: Stand | None = None
    #: What it counts as where nothing is asked.
    counted: str = ""


def dossiers(work: Work) -> Step:
    if work.scope.sample and not work.row.threshold:
        return _draw(work)
    with work.hub.ledger.read() as conn:
        page = ledger_side.page(
            conn,
            work.endpoint.name,
            work.asked.tells,
            work.scope,
            threshold=work.row.threshold,
            after=work.row.cursor,
            limit=PAGE,
        )
        questions = [_question(work, conn, chain) for chain in page.chains]
    wanted = sum(bool(each.code) for each in questions)
    allowed = calls(work, wanted)
    if wanted and not allowed:
        return until_a_call(work)
    return _Comparing(work, page).compare(_first(questions, allowed), whole=allowed >= wanted)


def before(work: Work) -> Step:
    """Compare dossiers of partners whose records this one has, as far as it was not told of them itself.

    Their bytes may have been of another system: what the last message says is compared, its number and status.
    """
    names = records_of(work.hub.successors.current(), work.endpoint.name)
    old, _, after = work.row.cursor.partition("|")
    here = names.index(old) if old in names else 0
    if here >= len(names) or work.scope.sample:
        return go_on(work)
    with work.hub.ledger.read() as conn:
        page = ledger_side.page(conn, names[here], _tells(work, names[here]), work.scope, threshold="", after=after, limit=PAGE)
        told = ledger_side.with_chain(conn, work.endpoint.name, {each.subject for each in page.chains})
        questions = [_question_before(work, conn, chain) for chain in page.chains if chain.subject not in told]
    wanted = sum(bool(each.code) for each in questions)
    allowed = calls(work, wanted)
    if wanted and not allowed:
        return until_a_call(work)
    some = _first(questions, allowed)
    return _Comparing(work, page, of=names[here], following_one=names[here + 1 :][:1]).compare(some, whole=allowed >= wanted)


def _tells(work: Work, name: str) -> Collection[str]:
    """Name the services by which a partner was told all of a dossier; one whose file is gone spoke as its successor does."""
    endpoint = work.hub.endpoints.get(name)
    if endpoint is None or endpoint.outbound is None:
        return work.asked.tells
    transport = work.hub.transports(endpoint)
    return transport.tells if isinstance(transport, DossierHolder) else work.asked.tells


def _question_before(work: Work, conn: Connection, chain: Ought) -> _Question:
    if chain.last is None:
        return _Question(chain, counted="not_comparable")
    if chain.head is not None:
        # It is moved, or finished with the old one, first.
        return _Question(chain, counted="under_way")
    last = _would_tell(work, conn, chain.last)
    if last is None or not last.code:
        return _Question(chain, counted="not_comparable")
    arrived = last if chain.arrived is not None and chain.arrived.id == chain.last.id else None
    stand = Stand(state=State(chain.last.state), holds_up=State(chain.last.state), written=True, last=last, told=arrived)
    return _Question(chain, code=last.code, stand=stand)


def _draw(work: Work) -> Step:
    with work.hub.ledger.read() as conn:
        found = ledger_side.threshold(conn, work.endpoint.name, work.scope)
    verb = partial(reconciliation_verbs.draw, run_id=work.row.id, holder=work.holder, threshold=found)
    work.hub.ledger.change(verb, f"reconcile:{work.row.id}")
    return Step("on")


def _first(questions: Sequence[_Question], calls: int) -> list[_Question]:
    """Give the first ones, as far as the calls go."""
    found = []
    for each in questions:
        if each.code and not calls:
            break
        calls -= bool(each.code)
        found.append(each)
    return found


def _question(work: Work, conn: Connection, chain: Ought) -> _Question:
    if chain.last is None:
        return _Question(chain, counted="not_comparable")
    state = State(chain.last.state)
    if reconciling.is_moving(state, State(chain.head.state) if chain.head is not None else state):
        return _Question(chain, counted="under_way")
    arrived = _told(work, conn, chain.arrived) if chain.arrived is not None else None
    is_last = chain.arrived is not None and chain.arrived.id == chain.last.id
    last = arrived if is_last else _would_tell(work, conn, chain.last)
    if last is None or not last.code:
        return _Question(chain, counted="not_comparable")
    stops = chain.head if chain.head is not None and not is_last else chain.last
    holds_up, written = State(stops.state), bool(stops.business_digest)
    stand = Stand(state=state, holds_up=holds_up, written=written, last=last, told=arrived)
    return _Question(chain, code=(arrived or last).code, stand=stand)


def _told(work: Work, conn: Connection, row: Any) -> HeldDossier | None:
    """Read what a delivery told the partner; None where its bytes are gone, or tell nothing."""
    body = payloads.get(conn, row.business_digest)
    if not body:
        return None
    return work.asked.told(Outgoing(service=row.service, body=body, variant=row.variant, head=json.loads(row.head)))


def _would_tell(work: Work, conn: Connection, row: Any) -> HeldDossier | None:
    """Say of a delivery that did not arrive under which number the partner would have the dossier, and with which status."""
    body = payloads.get(conn, row.canonical_digest)
    message = from_json(body) if body else None
    if not isinstance(message, DossierMessage):
        return None
    return HeldDossier(code=work.asked.number_of(message), status=message.dossier.status.value)


class _Comparing:
    """One page: what was asked, what was answered, and what that comes to."""

    def __init__(
        self, work: Work, page: ledger_side.OughtPage, *, of: str = "", following_one: Sequence[str] = ()
    ) -> None:
        self._work = work
        self._page = page
        #: Whose chains these are: the partner's own, or those of one whose records it has; and which comes after that one.
        self._of = of or work.endpoint.name
        self._before = bool(of)
        self._following_one = following_one
        self._counts: Counter[str] = Counter()
        self._differing: list[tuple[_Question, HeldDossier, Judged]] = []
        self._found: list[Found] = []
        self._unanswered: int | None = None
        self._calls = 0

    def compare(self, questions: Sequence[_Question], *, whole: bool) -> Step:
        """Ask what there is to ask, in order, and record how far that went."""
        answers = look_up_all(self._work, [each.code for each in questions if each.code])
        done, error = 0, None
        for each in questions:
            answer = (next(answers, None) if each.code else Answer()) or Answer(error=NOT_ASKED)
            if answer.error is not None and not self._is_given_up(each, answer.error, first=done == 0):
                error = answer.error
                break
            done += 1
            if answer.error is not None:
                self._give_up(each, answer.error)
                break
            self._take(each, answer)
        complete = done == len(questions) and whole
        return self._end(questions[:done], error, complete=complete)

    def _is_given_up(self, question: _Question, error: HubError, *, first: bool) -> bool:
        """Say whether it is a finding that this one was not answered; not before it was asked so often, alone."""
        if isinstance(error, NotSent):
            return False
        return error.code == "refused" or (first and self._work.row.troubles + 1 >= TRIES)

    def _give_up(self, question: _Question, error: HubError) -> None:
        before = 0 if self._unanswered is not None else self._work.row.unanswered
        self._unanswered, self._calls = before + 1, self._calls + 1
        about = {"error_code": error.code, "partner_code": error.partner_code, "error_where": error.where}
        judged = Judged(kind="unanswered", cause="no_answer", mending="tell_partner")
        self._found.append(self._finding(question, judged, error.reply, about))
        self._counts["unanswered/no_answer"] += 1

    def _take(self, question: _Question, answer: Answer) -> None:
        if question.stand is None or answer.held is None:
            self._counts[question.counted] += 1
            return
        self._unanswered, self._calls = 0, self._calls + 1
        held = answer.held
        if not held.absent:
            self._counts.update(f"untold/{name}" for name in reconciling.untold(held))
        with self._work.hub.ledger.glance() as conn:
            judged = reconciling.judge(question.stand, held, partial(self._earlier, conn, question))
        if judged is None:
            self._counts["same"] += 1
        else:
            self._differing.append((question, held, judged))

    def _earlier(self, conn: Connection, question: _Question) -> list[HeldDossier]:
        work = self._work
        read = _would_tell if self._before else _told
        rows = ledger_side.arrived_before(conn, self._of, question.chain, self._tells)
        return [told for row in rows if (told := read(work, conn, row)) is not None]

    @property
    def _tells(self) -> Collection[str]:
        return _tells(self._work, self._of) if self._before else self._work.asked.tells

    def _end(self, questions: Sequence[_Question], error: HubError | None, *, complete: bool) -> Step:
        work = self._work
        self._look_again()
        end = complete and self._page.end
        reached = self._page.cursor if complete else questions[-1].chain.subject if questions else ""
        cursor = (f"{self._of}|{reached}" if self._before else reached) if complete or questions else work.row.cursor
        if end and self._following_one:
            end, cursor = False, f"{self._following_one[0]}|"
        page = Page(
            phase=work.row.phase,
            cursor=work.row.cursor,
            next_phase=following(work.row.phase) if end else work.row.phase,
            next_cursor="" if end else cursor,
            found=self._found,
            counts=self._counts,
            seen=self._page.seen if complete else len(questions),
            unanswered=self._unanswered,
            calls=0 if work.per_minute else self._calls,
        )
        if (questions or complete) and not record(work, page):
            return Step("leave")
        if error is None or error is NOT_ASKED:
            return Step("on")
        troubles = 0 if questions else work.row.troubles
        note = (f"{error.vi} ({error.code})", f"{error.en} ({error.code})")
        return wait(work.hub, work.row, work.holder, retry_seconds(troubles, error), note, trouble=True)

    def _look_again(self) -> None:
        """Keep of what differs only what stands in the ledger as it did before the partner was asked."""
        if not self._differing:
            return
        work = self._work
        with work.hub.ledger.read() as conn:
            subjects = [question.chain.subject for question, _, _ in self._differing]
            now = ledger_side.again(conn, self._of, subjects, self._tells)
            told = ledger_side.with_chain(conn, work.endpoint.name, set(subjects)) if self._before else set()
            for question, held, judged in self._differing:
                moved = question.chain.subject in told
                if moved or not ledger_side.is_same(question.chain, now.get(question.chain.subject)):
                    self._counts["under_way"] += 1
                    continue
                found = self._explained(conn, question, held, judged)
                self._counts[f"{found.kind}/{found.cause}"] += 1
                self._found.append(found)

    def _explained(self, conn: Connection, question: _Question, held: HeldDossier, judged: Judged) -> Found:
        """Add to a finding what the ledger knows of its cause."""
        row = _about(question.chain, judged)
        about: dict[str, Any] = {"fields": [asdict(each) for each in judged.fields]} if judged.fields else {}
        receipt = ledger_side.receipt(conn, row.id)
        said = ledger_side.said(conn, question.chain.subject, row.id)
        if receipt is not None and judged.cause in ("lost", "not_applied", "partner_changed", "refused_late"):
            about |= {"receipt": receipt.code, "taken_at": receipt.at}
        elif said is not None and said.event in ("operator.settle_arrived", "operator.settle_acknowledged", "operator.abandon"):
            about |= {"actor": said.actor, "at": said.at}
            if judged.cause == "lost":
                judged = Judged(kind=judged.kind, cause="settled", mending=judged.mending, fields=judged.fields)
        if judged.cause in ("parked", "in_doubt", "arrived", "refused_late"):
            about |= {"error_code": row.error_code, "error_where": row.error_where, "partner_code": row.partner_code}
        found = self._finding(question, judged, held.shown, about)
        return Found(**{**_values(found), "delivery_id": row.id, "receipt_digest": receipt.digest if receipt else ""})

    def _finding(self, question: _Question, judged: Judged, shown: bytes, about: Mapping[str, Any]) -> Found:
        chain = question.chain
        # In whose chain the next message has to stand (hub.registers.successors.place_of), and is mended.
        about = {**about, "of": self._of} if self._before else about
        return Found(
            subject=chain.subject,
            code=question.code,
            kind=judged.kind,
            cause=judged.cause,
            mending=judged.mending,
            delivery_id=chain.last.id if chain.last is not None else "",
            next_place=chain.next_place,
            detail={name: value for name, value in about.items() if value not in ("", None)},
            shown=shown,
            looked_at=self._work.hub.now(),
        )


def _about(chain: Ought, judged: Judged) -> Any:
    """Give the delivery on which a finding stands: what holds the last one up, or itself."""
    stands_still = judged.cause in ("parked", "in_doubt", "arrived") and chain.head is not None
    return chain.head if stands_still else chain.last


def _values(found: Found) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Found.__slots__}
