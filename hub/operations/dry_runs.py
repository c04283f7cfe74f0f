"""Dry run of a change: real messages are routed and written as now and as they would be; nothing is recorded, nothing sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from hub import file_links, inline_files
from hub.app import UNROUTED, Configured, Hub
from hub.canonical.codes import CodeRow, CodeTables
from hub.canonical.compact_json import compact_sorted
from hub.canonical.message import Message, from_json
from hub.contract import Outgoing, Writing
from hub.errors import HubError, InvalidMessage, NotAllowed
from hub.ledger import payloads
from hub.operations import mappings
from hub.registers import masking, real_messages
from hub.registers.edits import Shown
from hub.registers.real_messages import Real, Wanted
from hub.registers.scopes import Scope
from hub.rules import difference, routing
from hub.rules.difference import Change

log = structlog.get_logger()

#: Messages in one run at most.
MOST = 2_000
SAMPLES = 20
#: Differences shown of one call.
SHOWN = 50
#: What may come of one message, the most important first.
BROKEN, CURED, DIFFERS, FAILING, SAME = OUTCOMES = ("broken", "cured", "differs", "failing", "same")
_NO_ID = "00000000-0000-0000-0000-000000000000"

#: Endpoint, service and part of a call.
_Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A change that is to be tried: files of the configuration folder in other words, and rows of code lists."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    #: List -> rows that are laid over it.
    rows: Mapping[str, Sequence[CodeRow]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDifference:
    """One call that would be another one."""

    endpoint: str
    service: str
    #: broken, cured, differs or failing.
    outcome: str
    #: Why it could not be written before, and after; empty where it could.
    before_vi: str = ""
    before_en: str = ""
    before_where: str = ""
    after_vi: str = ""
    after_en: str = ""
    after_where: str = ""
    #: Fields of the written bytes; values hidden but for those of code lists.
    changes: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One message of which something would be different."""

    message_id: str
    subject: str
    #: Who sent it.
    endpoint: str
    received_at: float
    procedure: str
    outcome: str
    recipients_before: tuple[str, ...]
    recipients_after: tuple[str, ...]
    calls: tuple[CallDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a change would come to."""

    #: Messages that were looked at, and that were asked for.
    looked_at: int
    wanted: int
    seconds: float
    #: Why fewer were looked at: ``time``, ``end`` (there are no more), or empty.
    stopped: str
    #: same, differs, cured, broken, failing -> messages.
    counts: Mapping[str, int]
    samples: tuple[Sample, ...]


def run(
    hub: Hub,
    candidate: Candidate,
    *,
    count: int = 200,
    endpoint: str = "",
    procedure: str = "",
    group: str = "",
    scope: Scope = None,
    seconds: float = 20.0,
    progress: Callable[[int], Any] = lambda looked_at: None,
) -> DryRun:
    """Try a change on the last messages, the newest first; stop after so many seconds. Only what is in ``scope`` is looked at.

    Raises NotAllowed where nothing was given to try, InvalidMessage and BadSettings where what was given cannot be used.
    """
    _check(candidate, count)
    began, tally, stopped = time.monotonic(), _Tally(), ""
    with hub.configured(candidate.files) as tried:
        now = Configured(endpoints=hub.endpoints, routes=hub.routes, codes=hub.codes(fresh=True))
        after = replace(tried, codes=_laid_over(tried.codes, candidate.rows))
        pair = _Pair(hub, now, after, hub.clock(), scope)
        for real in _chosen(hub, Wanted(endpoint=endpoint, procedure=procedure, scope=scope), group, count):
            if time.monotonic() - began > seconds:
                stopped = "time"
                break
            if real is not None and (sample := pair.compare(real)) is not None:
                tally.add(sample)
                progress(tally.looked_at)
            if tally.looked_at >= count:
                break
        else:
            stopped = "end"
    log.info("dry_run.done", looked_at=tally.looked_at, stopped=stopped)
    return DryRun(
        looked_at=tally.looked_at,
        wanted=count,
        seconds=round(time.monotonic() - began, 2),
        stopped=stopped,
        counts={outcome: tally.counts[outcome] for outcome in OUTCOMES},
        samples=tally.samples(),
    )


def _check(candidate: Candidate, count: int) -> None:
    if not candidate.files and not any(candidate.rows.values()):
        raise NotAllowed(
            "say what to try: code rows, or files of the configuration folder",
            "hãy nêu thay đổi cần chạy thử: dòng danh mục mã hoặc tệp của thư mục cấu hình",
            where="candidate",
        )
    if not 1 <= count <= MOST:
        raise NotAllowed(f"1 to {MOST} messages in one run", f"mỗi lần chạy thử từ 1 đến {MOST} thông điệp", where="count")
    faults = [fault for rows in candidate.rows.values() for row in rows for fault in mappings.row_faults(row)]
    if faults:
        raise InvalidMessage(faults)


def _laid_over(tables: CodeTables, rows: Mapping[str, Sequence[CodeRow]]) -> CodeTables:
    over = {name: (*laid, *tables.tables.get(name, ())) for name, laid in rows.items()}
    return CodeTables({**tables.tables, **over})


def _chosen(hub: Hub, wanted: Wanted, group: str, count: int) -> Iterator[Real | None]:
    """Give messages one after the other; None where a window had none, so that the clock is looked at."""
    if group:
        with hub.ledger.read() as conn:
            found = real_messages.of_group(conn, group, count, wanted.scope)
        yield from found
        return
    after: tuple[float, str] | None = None
    while True:
        with hub.ledger.read() as conn:
            window = real_messages.window(conn, wanted, after)
        yield from window.found or (None,)
        if (after := window.after) is None:
            return


class _Tally:
    """Counts outcomes, and keeps the first messages of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._kept: dict[str, list[Sample]] = {outcome: [] for outcome in OUTCOMES}

    @property
    def looked_at(self) -> int:
        return self.counts.total()

    def add(self, sample: Sample) -> None:
        """Count one message."""
        self.counts[sample.outcome] += 1
        if sample.outcome != SAME and len(self._kept[sample.outcome]) < SAMPLES:
            self._kept[sample.outcome].append(sample)

    def samples(self) -> tuple[Sample, ...]:
        """Give some of each outcome that there is, what would break first."""
        kept = [self._kept[outcome] for outcome in OUTCOMES if self._kept[outcome]]
        share = SAMPLES // len(kept) if kept else 0
        first = [each for some in kept for each in some[:share]]
        more = [each for some in kept for each in some[share:]]
        return tuple(sorted((*first, *more[: SAMPLES - len(first)]), key=lambda each: OUTCOMES.index(each.outcome)))


# --- one message -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    """Where a message goes, and what is written for each call, or why it cannot be."""

    recipients: tuple[str, ...]
    calls: Mapping[_Name, Outgoing | HubError]


class _Pair:
    """A configuration as it is, and as it would be."""

    def __init__(self, hub: Hub, before: Configured, after: Configured, moment: datetime, scope: Scope) -> None:
        self._hub, self._before, self._after, self._moment, self._scope = hub, before, after, moment, scope
        #: What stands in a code list names nobody.
        self._words = frozenset(_words(before.codes)) | frozenset(_words(after.codes))

    def compare(self, real: Real) -> Sample | None:
        """Compare one message; None where retention has deleted its content."""
        with self._hub.ledger.glance() as conn:
            body = payloads.get(conn, real.canonical_digest)
        if body is None:
            return None
        message = from_json(body)
        before, after = (self._side(each, real, message) for each in (self._before, self._after))
        calls = tuple(
            found
            for name in dict.fromkeys((*before.calls, *after.calls))
            if (found := self._call(name, before.calls.get(name), after.calls.get(name))) is not None
        )
        outcomes = {each.outcome for each in calls} | ({DIFFERS} if before.recipients != after.recipients else set())
        if (UNROUTED, "route", "") in before.calls and BROKEN in outcomes:
            # It went nowhere, and cannot be written for where it would go.
            outcomes = {FAILING}
        return Sample(
            message_id=real.message_id,
            subject=real.subject,
            endpoint=real.endpoint,
            received_at=real.received_at,
            procedure=real.procedure,
            outcome=next((outcome for outcome in OUTCOMES if outcome in outcomes), SAME),
            recipients_before=before.recipients,
            recipients_after=after.recipients,
            calls=calls,
        )

    def _side(self, side: Configured, real: Real, message: Message) -> _Side:
        # As if it were the dossier's first message: a later one stays where that went, whatever the rules say.
        try:
            found = routing.recipients(message, real.endpoint, side.routes, side.codes, self._moment, origin=real.origin)
        except HubError as error:
            return _Side((), {(UNROUTED, "route", ""): error})
        recipients = tuple(dict.fromkeys(name for name in found if name != real.endpoint))
        calls: dict[_Name, Outgoing | HubError] = {}
        for name in recipients:
            if (self._scope is None or name in self._scope) and real.stands_at in ("", UNROUTED, name):
                calls |= self._written(side, name, message, real)
        return _Side(recipients, calls)

    def _written(self, side: Configured, name: str, message: Message, real: Real) -> dict[_Name, Outgoing | HubError]:
        endpoint = side.endpoints[name]
        adapter = self._hub.adapter(endpoint)
        writing = Writing(
            options=endpoint.options,
            codes=side.codes,
            held=real.held.get(name, {}),
            now=self._moment,
            message_id=_NO_ID,
            links=file_links.foreseen(self._hub, endpoint, _NO_ID, message, {}),
        )
        calls = _or_error(lambda: adapter.plan(message, endpoint.options))
        if isinstance(calls, HubError):
            return {(name, "", ""): calls}
        written = {
            (name, call.service, compact_sorted(dict(call.part))): _or_error(
                lambda call=call: adapter.write_message(  # type: ignore[misc]
                    message, call, replace(writing, contents=inline_files.stand_ins(self._hub, endpoint, message, call))
                )
            )
            for call in calls
        }
        # A call that is not needed is as good as one that is not planned.
        return {key: each for key, each in written.items() if each is not None}

    def _call(self, name: _Name, before: Outgoing | HubError | None, after: Outgoing | HubError | None) -> CallDifference | None:
        outcome = _outcome(before, after)
        if outcome == SAME:
            return None
        first, second = (each if isinstance(each, HubError) else None for each in (before, after))
        return CallDifference(
            endpoint=name[0],
            service=name[1],
            outcome=outcome,
            before_vi=first.vi if first else "",
            before_en=first.en if first else "",
            before_where=first.where if first else "",
            after_vi=second.vi if second else "",
            after_en=second.en if second else "",
            after_where=second.where if second else "",
            changes=self._changes(before, after),
        )

    def _changes(self, before: Outgoing | HubError | None, after: Outgoing | HubError | None) -> tuple[Shown, ...]:
        if not (isinstance(before, Outgoing) and isinstance(after, Outgoing)):
            return ()
        first, second = (difference.tree_of(each.body) for each in (before, after))
        if first is None or second is None:
            hidden = masking.HIDDEN
            return (Shown(path="", before=hidden, after=hidden, kind=difference.CHANGED, hidden=True),)
        return tuple(self._shown(change) for change in difference.fields(first, second, limit=SHOWN))

    def _shown(self, change: Change) -> Shown:
        before, after = (self._hide(value) for value in (change.before, change.after))
        hidden = (before, after) != (change.before, change.after)
        return Shown(path=change.path, before=before, after=after, kind=change.kind, hidden=hidden)

    def _hide(self, value: Any) -> Any:
        plain = value is None or isinstance(value, bool) or value in ("", [], {})
        return value if plain or str(value) in self._words else masking.HIDDEN


def _words(tables: CodeTables) -> Iterable[str]:
    return (word for rows in tables.tables.values() for row in rows for word in (row.code, row.value, row.name))


def _or_error(write: Callable[[], Any]) -> Any:
    """Give what comes of a pure step, or why it cannot be done; a bug is one of the reasons."""
    try:
        return write()
    except HubError as error:
        return error
    except Exception as bug:
        log.exception("dry_run.bug")
        name = type(bug).__name__
        return HubError(f"internal error {name}", f"lỗi nội bộ {name}", where=name)


def _outcome(before: Outgoing | HubError | None, after: Outgoing | HubError | None) -> str:
    if isinstance(after, HubError):
        return FAILING if isinstance(before, HubError) else BROKEN
    if isinstance(before, HubError):
        return CURED
    return SAME if before == after else DIFFERS
