"""Campaigns that raise the level of services: what an item may become, what it still lacks, and how far a campaign has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hub.rules.procedure_facts import RecordFacts

#: States as the ledger keeps them. READY is what is being prepared and lacks nothing: it is seen, never written.
PLANNED, PREPARING, READY, RAISED, DROPPED = "planned", "preparing", "ready", "raised", "dropped"
STATES: Mapping[str, tuple[str, str]] = {
    PLANNED: ("trong kế hoạch", "planned"),
    PREPARING: ("đang chuẩn bị", "being prepared"),
    READY: ("đủ điều kiện", "ready"),
    RAISED: ("đã nâng", "raised"),
    DROPPED: ("thôi nâng", "dropped"),
}
#: What a person may make of an item, by its state; raising is a verb of its own.
MOVES: Mapping[str, frozenset[str]] = {
    PLANNED: frozenset({PREPARING, DROPPED}),
    PREPARING: frozenset({PLANNED, DROPPED}),
    DROPPED: frozenset({PLANNED}),
    RAISED: frozenset(),
}
#: Who says that a need is met: what is seen alone, or also a person, with evidence.
FACTS, EITHER = "facts", "either"
#: Items of one campaign, and of one call.
MOST_ITEMS, MOST_AT_ONCE = 10_000, 2_000


@dataclass(frozen=True, slots=True)
class Need:
    """What a service must have before it is raised."""

    name: str
    by: str
    vi: str
    en: str


NEEDS: Mapping[str, Need] = {
    each.name: each
    for each in (
        Need("record", FACTS, "Có trong danh mục, đang áp dụng", "In the catalogue, and in use"),
        Need("components", FACTS, "Đã khai thành phần hồ sơ", "Dossier components are filled in"),
        Need("days", FACTS, "Đã khai thời hạn giải quyết", "Days to process are filled in"),
        Need("forms", EITHER, "Có tệp mẫu đơn, tờ khai", "Forms are attached"),
        Need("online", EITHER, "Đã mở nộp trực tuyến", "It can be submitted online"),
        Need("payment", EITHER, "Đã cấu hình thanh toán trực tuyến", "Online payment is set up"),
        Need("test", FACTS, "Đã nhận hồ sơ thử", "A test dossier was received"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A person's word that a need is met, with where that can be seen."""

    evidence: str
    actor: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The newest test dossier that came for a service from its unit."""

    dossier: str
    endpoint: str
    at: float
    #: The newest one of which its sender tells that the fee was paid online; empty: none is told.
    paid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedState:
    """One need of one item, as it stands."""

    name: str
    vi: str
    en: str
    #: met, missing, not_needed.
    state: str
    #: facts or either: whether a person may tick it.
    by: str
    #: What is seen; empty where nothing is.
    fact_vi: str = ""
    fact_en: str = ""
    #: A dossier that shows it.
    dossier: str = ""
    tick: Tick | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the hub sees of a need; ``met`` None: nothing speaks for or against it."""

    met: bool | None
    vi: str = ""
    en: str = ""
    needed: bool = True
    dossier: str = ""


def needs(
    wanted: Sequence[str], facts: RecordFacts | None, tested: Tested | None, ticks: Mapping[str, Tick]
) -> tuple[NeedState, ...]:
    """Say how each need of an item stands; ``facts`` None: the procedure is in no catalogue."""
    return tuple(_state(NEEDS[name], _seen(name, facts, tested), ticks.get(name)) for name in wanted if name in NEEDS)


def missing(states: Iterable[NeedState]) -> tuple[str, ...]:
    """Name what is missing."""
    return tuple(each.name for each in states if each.state == "missing")


def _state(need: Need, seen: _Seen, tick: Tick | None) -> NeedState:
    # What is seen to be wrong is not made right by anybody's word.
    met = seen.met is True or (seen.met is None and need.by == EITHER and tick is not None)
    return NeedState(
        name=need.name,
        vi=need.vi,
        en=need.en,
        state="met" if met else "missing" if seen.needed else "not_needed",
        by=need.by,
        fact_vi=seen.vi,
        fact_en=seen.en,
        dossier=seen.dossier,
        tick=tick,
    )


def _seen(name: str, facts: RecordFacts | None, tested: Tested | None) -> _Seen:
    if name == "test":
        if tested is None:
            return _Seen(None, "chưa có từ khi bắt đầu chuẩn bị", "none since preparing began")
        return _Seen(True, f"từ {tested.endpoint}", f"from {tested.endpoint}", dossier=tested.dossier)
    if facts is None:
        return _Seen(False if NEEDS[name].by == FACTS else None, "không có trong danh mục", "not in the catalogue")
    return _payment(facts, tested) if name == "payment" else _OF_RECORD[name](facts)


def _record(facts: RecordFacts) -> _Seen:
    return _Seen(True) if facts.active else _Seen(False, "đã thôi áp dụng", "no longer in use")


def _components(facts: RecordFacts) -> _Seen:
    return _Seen(facts.components > 0, f"{facts.components} giấy tờ", f"{facts.components} papers")


def _days(facts: RecordFacts) -> _Seen:
    if facts.days is None:
        return _Seen(False, "chưa khai", "not filled in")
    return _Seen(True, f"{facts.days:g} ngày", f"{facts.days:g} days")


def _forms(facts: RecordFacts) -> _Seen:
    if facts.forms_without_file:
        lacking = facts.forms_without_file
        return _Seen(False, f"{lacking} mẫu chưa có tệp", f"{lacking} forms have no file")
    if not facts.forms:
        return _Seen(None, "không nêu mẫu nào", "no form is named")
    return _Seen(True, f"{facts.forms} mẫu", f"{facts.forms} forms")


def _online(facts: RecordFacts) -> _Seen:
    if facts.online:
        return _Seen(True, "có kênh trực tuyến", "the online channel is named")
    return _Seen(None, "danh mục chưa có kênh trực tuyến", "the catalogue names no online channel")


def _payment(facts: RecordFacts, tested: Tested | None) -> _Seen:
    if not facts.fee:
        return _Seen(None, "không có phí, lệ phí", "there is no fee", needed=False)
    if tested is not None and tested.paid:
        told = ("hồ sơ thử đã nộp phí trực tuyến", "the fee of a test dossier was paid online")
        return _Seen(True, *told, dossier=tested.paid)
    return _Seen(None, "có phí, lệ phí", "there is a fee")


_OF_RECORD = {
    "record": _record,
    "components": _components,
    "days": _days,
    "forms": _forms,
    "online": _online,
}


# --- progress ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """One week of a campaign, which begins on a Monday."""

    monday: date
    planned: int
    raised: int
    #: Up to the end of the week.
    planned_so_far: int
    raised_so_far: int


def monday(day: date) -> date:
    """Give the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def weeks(first: date, last: date, planned: Iterable[date], raised: Iterable[date]) -> tuple[Week, ...]:
    """Count by week what was to be raised and what was; days outside of the campaign's count in weeks of their own."""
    to_come, done = _by_week(planned), _by_week(raised)
    begin = min(monday(first), *to_come, *done, monday(last))
    end = max(monday(last), *to_come, *done, monday(first))
    made: list[Week] = []
    so_far = [0, 0]
    for number in range((end - begin).days // 7 + 1):
        at = begin + timedelta(weeks=number)
        so_far = [so_far[0] + to_come.get(at, 0), so_far[1] + done.get(at, 0)]
        made.append(
            Week(
                monday=at,
                planned=to_come.get(at, 0),
                raised=done.get(at, 0),
                planned_so_far=so_far[0],
                raised_so_far=so_far[1],
            )
        )
    return tuple(made)


def _by_week(days: Iterable[date]) -> dict[date, int]:
    found: dict[date, int] = {}
    for day in days:
        found[monday(day)] = found.get(monday(day), 0) + 1
    return found
