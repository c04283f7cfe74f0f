"""Codes of agencies and areas: what one was and is, and what is wrong with those that come in real traffic."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.codes import CodeTables
from hub.errors import NotAllowed
from hub.registers import codes as registered
from hub.registers import codes_traffic
from hub.registers.codes import MappedRow
from hub.registers.real_messages import Wanted
from hub.registers.scopes import Scope
from hub.rules import administration as rules
from hub.rules.administration import AGENCIES, ALIASES, AREA_SUCCESSORS, AREAS, POSTAL
from hub.rules.codes_in import codes_in
from hub.rules.codes_judged import FINDINGS, SeenCode, Tally

log = structlog.get_logger()

#: Messages in one look at most.
MOST = 100_000
LONGEST_CODE = 100
_DAY_SECONDS = 86_400.0
LISTS = (AGENCIES, AREAS, AREA_SUCCESSORS, ALIASES, POSTAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodesChecked:
    """Codes of the newest messages, what is wrong with them first."""

    #: Messages that were looked at (with content), and that were asked for: what is told here is true of these.
    looked_at: int
    wanted: int
    #: When the oldest and the newest of them came; None where there was none.
    oldest_at: float | None
    newest_at: float | None
    seconds: float
    #: Why no more were looked at: ``count``, ``time``, or ``end`` (that is all that came in these days).
    stopped: str
    codes: tuple[SeenCode, ...]
    #: Finding -> different codes.
    counts: Mapping[str, int]
    #: How often codes came that are not listed, since there were too many different ones.
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVersion:
    """One row about a code, in one of the lists."""

    list_name: str
    row: MappedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeShown:
    """What a code was and is."""

    code: str
    #: The day that it is told for.
    day: date
    versions: tuple[CodeVersion, ...]
    #: As an agency's code on that day: current, closed, level_one, unknown; empty where it is no agency's code.
    agency: str
    #: Of an agency: its level 1; who took over from it, one after the other; who answers for it, and that one's name.
    level_one: str
    chain: tuple[str, ...]
    owner: str
    owner_name: str
    #: Codes that this one answers for, beside its own.
    answers_for: tuple[str, ...]
    #: As an area's code: current, closed, unknown, or empty; the code that the area has now, and its name.
    area: str
    area_today: str
    area_name: str
    #: It means one thing on one day and another on another: without a date it says neither.
    ambiguous: bool
    #: Something of what it means was found in no public source ("chưa đối chiếu").
    uncorroborated: bool
    #: Of an identifier of the old form: what cutting would make of it. To be looked up, never taken over unasked.
    suggestion: str
    #: Codes whose name is what was asked for, where it was a name.
    named: tuple[str, ...]


# --- one code ----------------------------------------------------------------------------------------------------


def show(hub: Hub, code: str, *, day: date | None = None) -> CodeShown:
    """Tell what a code was and is, with days, successors and sources; ``code`` may be a dossier's number, or a name.

    Raises NotAllowed where nothing is known of it at all.
    """
    asked = code.strip()
    number = rules.read_dossier_number(asked)
    sought = number.agency.text if number else asked
    codes, on = hub.codes(fresh=True), day or local(hub.clock()).date()
    shown = _shown(codes, sought, on, _versions(hub, codes, sought))
    if not (shown.versions or shown.agency or shown.area or shown.named or shown.suggestion):
        raise NotAllowed(
            f"{asked[:LONGEST_CODE]!r} is in no list of agencies, areas or postal codes, and is no agency identifier",
            f"{asked[:LONGEST_CODE]!r} không có trong danh mục cơ quan, địa bàn, bưu chính và không phải mã định danh cơ quan",
            where="code",
        )
    return shown


def _versions(hub: Hub, codes: CodeTables, code: str) -> tuple[CodeVersion, ...]:
    """Give all rows about a code and about the level 1 that it belongs to."""
    files, shipped = hub.codes.files(), hub.codes.shipped()
    sought = dict.fromkeys((code, rules.level_one(code)))
    with hub.ledger.read() as conn:
        laid = {name: registered.laid(conn, name) for name in LISTS if any(codes.versions(name, each) for each in sought)}
    return tuple(
        CodeVersion(list_name=name, row=row)
        for name, rows in laid.items()
        for row in registered.shown(files.get(name, ()), rows, shipped.get(name, ()))
        if row.code in sought
    )


def _shown(codes: CodeTables, code: str, day: date, versions: tuple[CodeVersion, ...]) -> CodeShown:
    is_agency = bool(rules.level_one(code)) or bool(codes.versions(AGENCIES, code) or codes.versions(ALIASES, code))
    is_area = bool(codes.versions(AREAS, code) or codes.versions(AREA_SUCCESSORS, code))
    now = rules.area_today(codes, code, day)
    area = codes.find(AREAS, now, day) if is_area else None
    own = [each.row for each in versions if not each.row.covered and each.row.row.valid_on(day)]
    return CodeShown(
        code=code,
        day=day,
        versions=versions,
        agency=rules.standing(codes, AGENCIES, code, day).value if is_agency else "",
        level_one=rules.level_one(code),
        chain=rules.chain_on(codes, code, day) if is_agency else (),
        owner=rules.owner_on(codes, code, day) if is_agency else "",
        owner_name=rules.name_on(codes, code, day) if is_agency else "",
        answers_for=rules.predecessors(codes, code, day) if is_agency else (),
        area=rules.standing(codes, AREAS, code, day).value if is_area else "",
        area_today=now if is_area else "",
        area_name=area.name if area else "",
        ambiguous=rules.ambiguous(codes, AREAS, code),
        uncorroborated=any(not row.corroborated for row in own),
        suggestion=rules.suggested(code) if not codes.versions(ALIASES, code) else "",
        named=tuple(dict.fromkeys(rules.codes_named(codes, code))),
    )


# --- real traffic ------------------------------------------------------------------------------------------------


def check(
    hub: Hub,
    *,
    count: int = 2_000,
    days: int = 30,
    endpoint: str = "",
    scope: Scope = None,
    seconds: float = 20.0,
    progress: Callable[[int], Any] = lambda looked_at: None,
) -> CodesChecked:
    """Look at the codes of the newest messages, at most so many and so old; stop after so many seconds.

    Nothing but codes, and names that stand in a list, is given; a value without the shape of its code is only counted.
    """
    if not 1 <= count <= MOST:
        raise NotAllowed(f"1 to {MOST} messages in one look", f"mỗi lần kiểm tra từ 1 đến {MOST} thông điệp", where="count")
    codes, now = hub.codes(fresh=True), hub.now()
    tally, moments, stopped = Tally(codes, local(hub.clock()).date()), list[float](), "end"
    places = tuple((route.place.path, route.place.table) for route in hub.routes if route.place)
    since, began = now - days * _DAY_SECONDS, time.monotonic()
    for read in codes_traffic.newest(hub.ledger, Wanted(endpoint=endpoint, scope=scope), since):
        if time.monotonic() - began > seconds:
            stopped = "time"
            break
        if read is None or not read.tree:
            continue
        for found in codes_in(read.tree, places):
            tally.add(found, read.real.endpoint, read.real.received_at)
        moments.append(read.real.received_at)
        progress(len(moments))
        if len(moments) >= count:
            stopped = "count"
            break
    log.info("codes.checked", looked_at=len(moments), stopped=stopped)
    return _checked(hub, tally, moments, count, stopped, began)


def _checked(hub: Hub, tally: Tally, moments: list[float], wanted: int, stopped: str, began: float) -> CodesChecked:
    with hub.ledger.read() as conn:
        catalogued = codes_traffic.catalogued(conn, sorted(tally.procedures()))
    seen = tally.seen(catalogued)
    counted = Counter(finding for each in seen for finding in each.findings)
    return CodesChecked(
        looked_at=len(moments),
        wanted=wanted,
        oldest_at=min(moments, default=None),
        newest_at=max(moments, default=None),
        seconds=round(time.monotonic() - began, 2),
        stopped=stopped,
        codes=seen,
        counts={finding: counted[finding] for finding in FINDINGS},
        left_out=tally.left_out,
    )
