"""Conditions: what in the hub's figures is wrong by the rules, in words that name no person."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from hub.canonical.base import VIETNAM
from hub.rules.alert_kinds import KINDS
from hub.rules.alerts import NOT_TOLD, Book, Condition, Rule, Seen, Severity, waits
from hub.rules.border.marks import MARK_NAMES

#: So many alerts of a kind at most are told one by one; what is more is one alert.
MOST = 100
#: What more there is than ``MOST``.
MORE = "…"
#: Free space this small part of a rule's limit is worse.
_WORSE_PART = 4
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_MOST_LETTERS = 300
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """Deliveries at one endpoint that stand still: parked for one cause, or in doubt."""

    endpoint: str
    count: int
    #: Since when the oldest does.
    since: float
    group: str = ""
    error_code: str = ""
    partner_code: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A certificate, or a revocation list, and when it ends."""

    place: str
    ends: float
    endpoints: tuple[str, ...] = ()
    #: What stops then.
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A replay plan that stopped by itself."""

    plan: str
    endpoints: tuple[str, ...]
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What the last reconciliation with a partner came to."""

    endpoint: str
    run: str
    #: When it was asked for.
    at: float
    findings: int
    #: Why it stopped by itself; empty: it did not.
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpulled:
    """A list of a partner's that was not pulled when it was time."""

    endpoint: str
    name: str
    #: When it was to be pulled; None where it never was, and nobody knows since when that is so.
    since: float | None
    #: Why the last round failed; empty where there was none.
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Trade dossiers of one origin and procedure whose business answer is due soon, or late."""

    #: Whose message made these dossiers known.
    endpoint: str
    procedure: str
    count: int
    #: When the first of them is due.
    due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """Words that a partner waits for, and since when the oldest is owed."""

    endpoint: str
    since: float
    #: Why it could not be given; empty: nobody has tried.
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollowed:
    """Deliveries of which a partner was asked in vain what became of them."""

    endpoint: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """Items on a partner's lists that our own failure keeps us from taking."""

    endpoint: str
    count: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderEnding:
    """Border documents of one origin and one other country whose clock ends soon, or has ended of late."""

    #: ``answer``, ``expiry`` or ``hop``.
    clock: str
    #: Who issued, or brought, them.
    endpoint: str
    country: str
    count: int
    #: When the first of them ends.
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderMarked:
    """Border documents of one origin that an officer must look at for one cause."""

    mark: str
    endpoint: str
    count: int
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Processes of one role on one host, and when one of them was last seen."""

    role: str
    host: str
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one look found, in figures. What is None could not be looked at."""

    #: Endpoint -> name as an official reads it.
    titles: Mapping[str, str] = field(default_factory=dict)
    parked: tuple[Standstill, ...] = ()
    doubts: tuple[Standstill, ...] = ()
    #: Endpoint -> since when its oldest delivery is due.
    oldest_due: Mapping[str, float] = field(default_factory=dict)
    #: Endpoints that cannot be reached; that an operator paused; that take nothing at this hour.
    down: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()
    shut: frozenset[str] = frozenset()
    #: Messages that were refused since their identifier came before with other content.
    conflicts: tuple[Standstill, ...] = ()
    certificates: tuple[Ending, ...] = ()
    #: Revocation lists that end sooner than the trust store wants to be warned.
    lists: tuple[Ending, ...] | None = None
    #: Since when the oldest row of the journal is without seal, and the oldest seal without timestamp.
    unsealed_since: float | None = None
    unstamped_since: float | None = None
    stopped: tuple[Stopped, ...] = ()
    reconciled: tuple[Reconciled, ...] = ()
    silent: tuple[Silent, ...] = ()
    unpulled: tuple[Unpulled, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    unsaid: tuple[Unsaid, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()
    untaken: tuple[Untaken, ...] = ()
    border_endings: tuple[BorderEnding, ...] = ()
    border_marks: tuple[BorderMarked, ...] = ()
    #: Host -> bytes that are free for partners' files.
    disks: Mapping[str, int] = field(default_factory=dict)
    #: Recipient -> since when it cannot be told.
    untold: Mapping[str, float] = field(default_factory=dict)


def judge(book: Book, facts: Facts, now: float) -> Seen:
    """Say what is wrong now."""
    found: list[Condition] = []
    for kind, look in _LOOKS.items():
        found += _bounded(kind, look(book, facts, now))
    judged = frozenset(KINDS) - ({"trust_list"} if facts.lists is None else frozenset())
    # Nobody tries a partner outside of its hours, or while it cannot be reached: what is late then says nothing new.
    unknown = frozenset(("oldest_due", name) for name in facts.shut | facts.down)
    return Seen(tuple(found), judged, unknown)


def _bounded(kind: str, found: Iterable[Condition]) -> Iterator[Condition]:
    conditions = iter(found)
    first = list(islice(conditions, MOST))
    yield from first
    more = sum(1 for _ in conditions)
    if more:
        words = KINDS[kind]
        yield Condition(
            kind=kind,
            about=MORE,
            rule=first[0].rule,
            severity=words.severity,
            vi=f"{words.vi}: còn {more} mục khác cùng loại",
            en=f"{words.en}: {more} more of the same kind",
        )


def _condition(
    rule: Rule,
    about: str,
    vi: str,
    en: str,
    *,
    endpoints: Iterable[str] = (),
    severity: Severity | None = None,
    level: int = 1,
    hold_seconds: float = 0.0,
    page: str = "",
) -> Condition:
    return Condition(
        kind=rule.kind,
        about=about,
        rule=rule.name,
        endpoints=tuple(endpoints),
        severity=rule.severity or severity or KINDS[rule.kind].severity,
        level=level,
        hold_seconds=hold_seconds,
        vi=printable(vi),
        en=printable(en),
        page=page,
    )


def printable(words: str) -> str:
    """Make one line of a text, parts of which came from outside: they end up in headers of messages."""
    return _UNPRINTABLE.sub(" ", words).strip()[:_MOST_LETTERS]


def moments(seconds: float) -> tuple[str, str]:
    """Write a moment in Vietnamese time, for Vietnamese and for English."""
    there = datetime.fromtimestamp(seconds, UTC).astimezone(VIETNAM)
    return there.strftime("%d/%m/%Y %H:%M"), there.strftime("%Y-%m-%d %H:%M")


def _title(facts: Facts, endpoint: str) -> str:
    title = facts.titles.get(endpoint, "")
    return f"{title} ({endpoint})" if title else endpoint


# --- each kind ---------------------------------------------------------------------------------------------------


def _level(steps: Iterable[int], number: float) -> int:
    """Count the steps that a number has reached."""
    return sum(number >= step for step in steps)


def _failures(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in sorted(facts.parked, key=lambda one: (one.since, one.group)):
        rule = book.rule("failures", (each.endpoint,))
        if rule is None or not (level := _level(rule.steps, each.count)):
            continue
        code = each.error_code + (f"/{each.partner_code}" if each.partner_code else "")
        name = _title(facts, each.endpoint)
        # How many there are changes all the time; which step was passed does not.
        least = rule.steps[level - 1]
        vi = f"{name}: từ {least} lượt chuyển dừng vì {code} tại {each.where or '-'} (nhóm lỗi {each.group})"
        en = f"{name}: {least} or more deliveries are parked, {code} at {each.where or '-'} (group {each.group})"
        yield _condition(
            rule, each.group, vi, en, endpoints=(each.endpoint,), level=level, page=f"/failures/{each.group}"
        )


def _oldest_due(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for endpoint, since in sorted(facts.oldest_due.items(), key=lambda item: (item[1], item[0])):
        rule = book.rule("oldest_due", (endpoint,))
        quiet = facts.paused | facts.shut | facts.down
        if rule is None or endpoint in quiet or waits(since, rule.after_seconds, now) or since > now:
            continue
        (vi_at, en_at), minutes = moments(since), round(rule.after_seconds / 60)
        name = _title(facts, endpoint)
        yield _condition(
            rule,
            endpoint,
            f"{name}: lượt chuyển cũ nhất chờ gửi từ {vi_at}, quá {minutes} phút",
            f"{name}: the oldest delivery has been due since {en_at}, more than {minutes} minutes",
            endpoints=(endpoint,),
            page=f"/partners/{endpoint}",
        )


def _partner_down(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for endpoint in sorted(facts.down - facts.paused):
        rule = book.rule("partner_down", (endpoint,))
        if rule is None:
            continue
        name = _title(facts, endpoint)
        yield _condition(
            rule,
            endpoint,
            f"{name}: không kết nối được; lượt chuyển chờ, tự gửi khi có kết nối trở lại",
            f"{name} cannot be reached; its deliveries wait, and go by themselves when it is back",
            endpoints=(endpoint,),
            hold_seconds=rule.after_seconds,
            page=f"/partners/{endpoint}",
        )


def _in_doubt(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for each in sorted(facts.doubts, key=lambda one: (one.since, one.endpoint)):
        rule = book.rule("in_doubt", (each.endpoint,))
        if rule is None or each.since > now or waits(each.since, rule.after_seconds, now):
            continue
        if not (level := _level(rule.steps, each.count)):
            continue
        name, (vi_at, en_at) = _title(facts, each.endpoint), moments(each.since)
        yield _condition(
            rule,
            each.endpoint,
            f"{name}: từ {rule.steps[level - 1]} lượt chưa rõ kết quả, cũ nhất từ {vi_at}",
            f"{name}: {rule.steps[level - 1]} or more deliveries in doubt, the oldest since {en_at}",
            endpoints=(each.endpoint,),
            level=level,
            page=f"/doubts?endpoint={each.endpoint}",
        )


def _conflict(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in sorted(facts.conflicts, key=lambda one: one.endpoint):
        rule = book.rule("conflict", (each.endpoint,))
        if rule is None or not (level := _level(rule.steps, each.count)):
            continue
        name, (vi_at, en_at), least = _title(facts, each.endpoint), moments(each.since), rule.steps[level - 1]
        yield _condition(
            rule,
            each.endpoint,
            f"{name}: từ {least} thông điệp trùng mã nhưng khác nội dung đã bị từ chối, từ {vi_at}",
            f"{name}: {least} or more messages refused, their identifier came before with other content, since {en_at}",
            endpoints=(each.endpoint,),
            level=level,
            page=f"/partners/{each.endpoint}",
        )


def _certificate(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for each in sorted(facts.certificates, key=lambda one: (one.ends, one.place)):
        rule = book.rule("certificate", each.endpoints)
        if rule is None:
            continue
        left = (each.ends - now) / _DAY_SECONDS
        level = sum(left < day for day in rule.steps) + (left <= 0)
        if level:
            yield _ending(rule, each, level, left)


def _ending(rule: Rule, each: Ending, level: int, left: float) -> Condition:
    last = level >= len(rule.steps)
    severity = Severity.CRITICAL if last else Severity.NOTICE if level == 1 else Severity.WARNING
    vi_at, en_at = moments(each.ends)
    vi = f"{each.place}: chứng thư số {'đã hết hạn' if left <= 0 else 'hết hạn'} {vi_at}; khi đó {each.vi}"
    en = f"{each.place}: the certificate {'ended' if left <= 0 else 'ends'} {en_at}; then {each.en}"
    return _condition(rule, each.place, vi, en, endpoints=each.endpoints, severity=severity, level=level)


def _trust_list(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    rule = book.rule("trust_list")
    for each in sorted(facts.lists or (), key=lambda one: (one.ends, one.place)) if rule else ():
        assert rule is not None
        (vi_at, en_at), ended = moments(each.ends), each.ends <= now
        vi = f"{each.place}: danh sách thu hồi {'đã hết hạn' if ended else 'hết hạn'} {vi_at} và chưa có bản mới"
        en = f"{each.place}: the revocation list {'ended' if ended else 'ends'} {en_at}, and there is no newer one"
        yield _condition(rule, each.place, vi, en, level=1 + ended)


def _seal_late(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    yield from _late(book, "seal_late", facts.unsealed_since, now, "nhật ký chưa được niêm phong từ", "no seal since")


def _timestamps_late(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    vi, en = "niêm phong chưa có dấu thời gian từ", "seals are without timestamp since"
    yield from _late(book, "timestamps_late", facts.unstamped_since, now, vi, en)


def _late(book: Book, kind: str, since: float | None, now: float, vi: str, en: str) -> Iterator[Condition]:
    rule = book.rule(kind)
    if rule is None or since is None or since > now or waits(since, rule.after_seconds, now):
        return
    vi_at, en_at = moments(since)
    yield _condition(rule, "ledger", f"Sổ cái: {vi} {vi_at}", f"Ledger: {en} {en_at}")


def _plan_stopped(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in sorted(facts.stopped, key=lambda one: one.plan):
        rule = book.rule("plan_stopped", each.endpoints)
        if rule is not None:
            vi = f"Kế hoạch gửi lại {each.plan[:8]} tự dừng: {each.vi}"
            en = f"Replay plan {each.plan[:8]} stopped by itself: {each.en}"
            yield _condition(rule, each.plan, vi, en, endpoints=each.endpoints, page=f"/replays/{each.plan}")


def _reconciled(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in sorted(facts.reconciled, key=lambda one: one.endpoint):
        rule = book.rule("reconciled", (each.endpoint,))
        level = _level(rule.steps, each.findings) if rule is not None else 0
        if rule is None or not (level or each.vi):
            continue
        name, (vi_at, en_at) = _title(facts, each.endpoint), moments(each.at)
        vi, en = [f"{name}: lần đối chiếu lúc {vi_at}"], [f"{name}: the reconciliation of {en_at}"]
        if each.vi:
            vi, en = [*vi, f"tự dừng ({each.vi})"], [*en, f"stopped by itself ({each.en})"]
        if level:
            least = rule.steps[level - 1]
            vi, en = [*vi, f"thấy từ {least} hồ sơ khác nhau"], [*en, f"found {least} or more dossiers that differ"]
        yield _condition(
            rule,
            each.endpoint,
            " ".join(vi),
            " ".join(en),
            endpoints=(each.endpoint,),
            level=max(1, level),
            page=f"/reconciliations/{each.run}",
        )


def _pull_late(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for each in sorted(facts.unpulled, key=lambda one: (one.endpoint, one.name)):
        rule = book.rule("pull_late", (each.endpoint,))
        if rule is None or (each.since is not None and (each.since > now or waits(each.since, rule.after_seconds, now))):
            continue
        name, (vi_at, en_at) = _title(facts, each.endpoint), moments(each.since or now)
        vi_since, en_since = (f" từ {vi_at}", f" since {en_at}") if each.since is not None else (" lần nào", ", not even once")
        cause = f" ({each.error})" if each.error else ""
        yield _condition(
            rule,
            f"{each.endpoint}/{each.name}",
            f"{name}: chưa lấy được danh sách {each.name}{vi_since}{cause}",
            f"{name}: the list {each.name} could not be pulled{en_since}{cause}",
            endpoints=(each.endpoint,),
            hold_seconds=rule.after_seconds if each.since is None else 0.0,
            page=f"/pulls/{each.endpoint}/{each.name}",
        )


def _word_late(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for each in sorted(facts.unsaid, key=lambda one: (one.since, one.endpoint)):
        rule = book.rule("word_late", (each.endpoint,))
        if rule is None or each.since > now or waits(each.since, rule.after_seconds, now):
            continue
        name, (vi_at, en_at) = _title(facts, each.endpoint), moments(each.since)
        cause = f" ({each.error})" if each.error else ""
        yield _condition(
            rule,
            each.endpoint,
            f"{name}: chưa báo lại được cho đối tác về mục đã xử lý từ {vi_at}{cause}",
            f"{name}: the partner waits since {en_at} for our word on what it holds for us{cause}",
            endpoints=(each.endpoint,),
            page=f"/pulls/{each.endpoint}/owed",
        )


def _follow_given_up(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in sorted(facts.unfollowed, key=lambda one: one.endpoint):
        rule = book.rule("follow_given_up", (each.endpoint,))
        if rule is None or not (level := _level(rule.steps, each.count)):
            continue
        name, least = _title(facts, each.endpoint), rule.steps[level - 1]
        yield _condition(
            rule,
            each.endpoint,
            f"{name}: từ {least} lượt chuyển đã thôi hỏi kết quả vì đối tác mãi không trả lời cuối cùng",
            f"{name}: {least} or more deliveries are not asked about any more, since the partner's last word does not come",
            endpoints=(each.endpoint,),
            level=level,
            page=f"/pulls/{each.endpoint}/followed",
        )


def _item_failed(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in sorted(facts.untaken, key=lambda one: one.endpoint):
        rule = book.rule("item_failed", (each.endpoint,))
        if rule is None or not (level := _level(rule.steps, each.count)):
            continue
        name, least = _title(facts, each.endpoint), rule.steps[level - 1]
        yield _condition(
            rule,
            each.endpoint,
            f"{name}: từ {least} mục trong danh sách của đối tác chưa nhận được do lỗi của trục ({each.error})",
            f"{name}: {least} or more items on the partner's lists cannot be taken by our own failure ({each.error})",
            endpoints=(each.endpoint,),
            level=level,
            page="/pulls",
        )


def _answer_due(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for each in sorted(facts.awaited, key=lambda one: (one.due, one.endpoint, one.procedure)):
        rule = book.rule("answer_due", (each.endpoint,))
        left = (each.due - now) / _DAY_SECONDS
        level = sum(left < day for day in rule.steps) + (left <= 0) if rule is not None else 0
        if rule is None or not level:
            continue
        name, (vi_at, en_at) = _title(facts, each.endpoint), moments(each.due)
        vi, en = ("đã quá hạn từ", "has been late since") if left <= 0 else ("đến hạn", "is due")
        yield _condition(
            rule,
            f"{each.endpoint}/{each.procedure}",
            f"{name}, thủ tục {each.procedure}: trả lời nghiệp vụ sớm nhất {vi} {vi_at}",
            f"{name}, procedure {each.procedure}: the first business answer {en} {en_at}",
            endpoints=(each.endpoint,),
            severity=Severity.NOTICE if left > 0 else Severity.WARNING,
            level=level,
        )


def _of_clock(facts: Facts, clock: str) -> list[BorderEnding]:
    found = (each for each in facts.border_endings if each.clock == clock)
    return sorted(found, key=lambda one: (one.ends, one.endpoint, one.country))


def _border_answer_due(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    for each in _of_clock(facts, "answer"):
        if (rule := book.rule("border_answer_due", (each.endpoint,))) is None:
            continue
        name, (vi_at, en_at), late = _title(facts, each.endpoint), moments(each.ends), each.ends <= now
        vi, en = ("đã quá hạn từ", "has been late since") if late else ("đến hạn", "is due")
        yield _condition(
            rule,
            f"{each.endpoint}/{each.country}",
            f"{name}, nước đối tác {each.country}: trả lời sớm nhất về chứng từ qua biên giới {vi} {vi_at}",
            f"{name}, country {each.country}: the first answer about a border document {en} {en_at}",
            endpoints=(each.endpoint,),
            severity=Severity.WARNING if late else Severity.NOTICE,
            level=1 + late,
            page="/border?clock=answer",
        )


def _border_expiring(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in _of_clock(facts, "expiry"):
        if (rule := book.rule("border_expiring", (each.endpoint,))) is None:
            continue
        name, (vi_at, en_at) = _title(facts, each.endpoint), moments(each.ends)
        yield _condition(
            rule,
            f"{each.endpoint}/{each.country}",
            f"{name}, nước đối tác {each.country}: có chứng từ chưa sử dụng hết hiệu lực từ {vi_at}",
            f"{name}, country {each.country}: border documents that were not used expire from {en_at} on",
            endpoints=(each.endpoint,),
            page="/border?clock=expiry",
        )


def _border_no_hop(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    for each in _of_clock(facts, "hop"):
        rule = book.rule("border_no_hop", (each.endpoint,))
        if rule is None or not (level := _level(rule.steps, each.count)):
            continue
        name, (vi_at, en_at), least = _title(facts, each.endpoint), moments(each.ends), rule.steps[level - 1]
        yield _condition(
            rule,
            f"{each.endpoint}/{each.country}",
            f"{name}, nước đối tác {each.country}: từ {least} chứng từ chưa có tin từ chặng kế tiếp, hạn sớm nhất {vi_at}",
            f"{name}, country {each.country}: nothing is heard of {least} or more documents, the first was due {en_at}",
            endpoints=(each.endpoint,),
            level=level,
            page="/border?clock=hop",
        )


def _border_over_used(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    words = "chứng từ đã sử dụng vượt lượng được chứng nhận", "documents of which more was used than is certified"
    yield from _marked(book, facts, "border_over_used", {"over_used": words})


def _border_differs(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    words = "chứng từ có số trùng nhưng nội dung khác bản đã có", "documents whose number came again with other content"
    yield from _marked(book, facts, "border_differs", {"differs": words})


def _border_to_decide(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    apart = ("over_used", "differs")
    words = {
        mark.value: (f"chứng từ chờ quyết định ({vi.lower()})", f"documents wait for a decision ({en})")
        for mark, (vi, en) in MARK_NAMES.items()
        if mark not in apart
    }
    yield from _marked(book, facts, "border_to_decide", words)


def _marked(book: Book, facts: Facts, kind: str, words: Mapping[str, tuple[str, str]]) -> Iterator[Condition]:
    for each in sorted(facts.border_marks, key=lambda one: (one.since, one.endpoint, one.mark)):
        rule = book.rule(kind, (each.endpoint,)) if each.mark in words else None
        if rule is None or not (level := _level(rule.steps, each.count)):
            continue
        name, (vi_at, en_at), least = _title(facts, each.endpoint), moments(each.since), rule.steps[level - 1]
        vi, en = words[each.mark]
        yield _condition(
            rule,
            f"{each.endpoint}/{each.mark}",
            f"{name}: từ {least} {vi}, cũ nhất từ {vi_at}",
            f"{name}: {least} or more {en}, the oldest since {en_at}",
            endpoints=(each.endpoint,),
            level=level,
            page=f"/border?mark={each.mark}",
        )


def _process_silent(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    rule = book.rule("process_silent")
    for each in sorted(facts.silent, key=lambda one: (one.host, one.role)) if rule else ():
        assert rule is not None
        if each.seen_at > now or waits(each.seen_at, rule.after_seconds, now):
            continue
        vi_at, en_at = moments(each.seen_at)
        vi = f"Máy {each.host}: không thấy tiến trình {each.role} hoạt động từ {vi_at}"
        en = f"Host {each.host}: no process with role {each.role} was seen since {en_at}"
        yield _condition(rule, f"{each.role}@{each.host}", vi, en)


def _disk_low(book: Book, facts: Facts, _now: float) -> Iterator[Condition]:
    rule = book.rule("disk_low")
    for host, free in sorted(facts.disks.items()) if rule else ():
        assert rule is not None
        if free >= rule.below_bytes:
            continue
        worse = free < rule.below_bytes // _WORSE_PART
        least = rule.below_bytes // (_WORSE_PART if worse else 1) // 1_000_000
        vi = f"Máy {host}: ổ đĩa lưu tệp còn trống dưới {least} MB"
        en = f"Host {host}: less than {least} MB are free for files"
        yield _condition(rule, host, vi, en, level=1 + worse)


def _not_told(book: Book, facts: Facts, now: float) -> Iterator[Condition]:
    rule = book.rule(NOT_TOLD)
    for recipient, since in sorted(facts.untold.items()) if rule else ():
        assert rule is not None
        if since > now or waits(since, rule.after_seconds, now):
            continue
        vi_at, en_at = moments(since)
        vi = f"Không gửi được cảnh báo cho {recipient} từ {vi_at}"
        yield _condition(rule, recipient, vi, f"{recipient} cannot be told of alerts since {en_at}")


_LOOKS: Mapping[str, Callable[[Book, Facts, float], Iterator[Condition]]] = {
    "failures": _failures,
    "oldest_due": _oldest_due,
    "partner_down": _partner_down,
    "in_doubt": _in_doubt,
    "conflict": _conflict,
    "certificate": _certificate,
    "trust_list": _trust_list,
    "seal_late": _seal_late,
    "timestamps_late": _timestamps_late,
    "plan_stopped": _plan_stopped,
    "reconciled": _reconciled,
    "pull_late": _pull_late,
    "word_late": _word_late,
    "follow_given_up": _follow_given_up,
    "item_failed": _item_failed,
    "answer_due": _answer_due,
    "border_answer_due": _border_answer_due,
    "border_expiring": _border_expiring,
    "border_no_hop": _border_no_hop,
    "border_over_used": _border_over_used,
    "border_differs": _border_differs,
    "border_to_decide": _border_to_decide,
    "process_silent": _process_silent,
    "disk_low": _disk_low,
    NOT_TOLD: _not_told,
}
