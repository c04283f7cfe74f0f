"""Makes reports: reads the dossiers of a period once, counts them by the definitions of its last day, and keeps the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, func, select

from hub.app import Hub
from hub.errors import NotAllowed
from hub.ledger import statistic_verbs
from hub.ledger.statistic_verbs import Begun
from hub.ledger.tables import deliveries, dossiers
from hub.operations.said import require
from hub.registers import flow, statistic_ages, statistic_cases, statistic_services, statistics
from hub.registers.statistic_cases import Case, Service, Services, of_dossiers
from hub.registers.statistics import Report
from hub.rules import working_days
from hub.rules.dossier_facts import Flag
from hub.rules.lifecycle import State
from hub.rules.service_levels import HIGHEST, LOWEST, ONLINE, share
from hub.rules.statistics import definitions, index766
from hub.rules.statistics.definitions import Definition, Rule
from hub.rules.statistics.form import COUNTED, Numbers, Placed, Span, owner_of, placed
from hub.rules.statistics.honesty import CHECKS, PAIRS, Checks
from hub.rules.statistics.index766 import Beside, Tally
from hub.rules.statistics.periods import Period, period
from hub.rules.working_days import Calendar

log = structlog.get_logger()

#: Reports that can be made: name -> Vietnamese, English.
FORMS: Mapping[str, tuple[str, str]] = {
    "II.06a": ("Biểu II.06a: tình hình, kết quả giải quyết TTHC", "Form II.06a: how dossiers were handled"),
    "766": ("Bộ chỉ số QĐ 766/QĐ-TTg: phần tính được từ dữ liệu qua trục", "Index QĐ 766/QĐ-TTg: what traffic can show"),
    "services": ("Dịch vụ công theo mức độ và phát sinh hồ sơ", "Services by level, and those with dossiers"),
    "ages": ("Độ trễ trạng thái khi bên nhận biết", "Age of a status when the recipient learns it"),
    "honesty": ("Kiểm tra độ tin cậy của số liệu", "Checks of whether figures can be trusted"),
}
#: Rows that are written in one commit.
PORTION = 2000
#: After so many dossiers progress is told.
TOLD_EVERY = 10_000
_TAKEN = tuple(state.value for state in (State.DELIVERED, State.ACKNOWLEDGED))
#: Portals' adapters.
_PORTAL = "national_portal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What one report is made of."""

    looked: int
    body: dict[str, Any]
    rows: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Making:
    """What a report is made with."""

    hub: Hub
    period: Period
    agency: str
    span: Span
    definition: Definition
    rule: Rule
    calendar: Calendar
    progress: Callable[[int], Any]

    def cases(self, conn: Connection) -> Iterator[Case]:
        """Give the dossiers of the period, and tell how far it came."""
        for number, case in enumerate(statistic_cases.cases(conn, self.span, self.agency, self.places), start=1):
            if number % TOLD_EVERY == 0:
                self.progress(number)
            yield case

    def services(self, conn: Connection) -> Services:
        return statistic_cases.services(conn, self.last_day)

    def place(self, case: Case, service: Service | None) -> Placed | None:
        """Place a dossier in the columns of the form."""
        return placed(case.facts, service.days if service else None, self.span, self.rule, self.calendar)

    @property
    def places(self) -> dict[str, str]:
        """Give each endpoint's agency."""
        return {name: each.agency_code for name, each in self.hub.endpoints.items()}

    @property
    def last_day(self) -> date:
        return self.period.last


def make(
    hub: Hub,
    form: str,
    name: str,
    *,
    agency: str = "",
    actor: str,
    why: str,
    progress: Callable[[int], Any] = lambda count: None,
    also: Callable[[Connection], None] = lambda conn: None,
) -> Report:
    """Make a report of a period and keep it; of a period that is not over, up to this moment. Takes seconds for a million.

    ``also`` is carried out in the commit that finishes the report.
    Raises NotAllowed where there is no such form or period, or it has not begun; BadSettings where a definition is wrong.
    """
    require(actor, why)
    if form not in FORMS:
        known = ", ".join(FORMS)
        raise NotAllowed(f"no form {form!r}; there are: {known}", f"không có biểu {form!r}; có: {known}", where="form")
    making = _making(hub, form, period(name), agency.strip(), progress)
    begun = Begun(
        id=hub.new_id(),
        form=form,
        period=making.period.name,
        agency=making.agency,
        definition=making.definition.name,
        as_of=making.span.until,
        actor=actor,
        now=hub.now(),
    )
    with hub.ledger.read() as conn:
        made = _MAKERS[form](conn, making)
    hub.ledger.change(partial(statistic_verbs.begin, given=begun))
    for first in range(0, len(made.rows), PORTION):
        portion = made.rows[first : first + PORTION]
        hub.ledger.change(partial(statistic_verbs.add_rows, report_id=begun.id, rows=portion))
    told = made.body | {"definition": dict(making.definition.values), "assumed": list(making.definition.assumed)}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    finish = partial(statistic_verbs.finish, given=begun, looked=made.looked, body=body, why=why, now=hub.now())

    def finished(conn: Connection) -> None:
        also(conn)
        finish(conn)

    hub.ledger.change(finished)
    log.info("statistics.made", form=form, period=begun.period, looked=made.looked, rows=len(made.rows), actor=actor)
    with hub.ledger.read() as conn:
        report = statistics.find(conn, begun.id)
    assert report is not None
    return report


def _making(hub: Hub, form: str, about: Period, agency: str, progress: Callable[[int], Any]) -> Making:
    now = hub.now()
    if about.begin >= now:
        raise NotAllowed("the period has not begun", "kỳ báo cáo chưa bắt đầu", where="period")
    tables = hub.codes().tables
    own = tables.get(definitions.LIST, ())
    counting = definitions.on("II.06a", about.last, own)
    return Making(
        hub=hub,
        period=about,
        agency=agency,
        span=Span(begin=about.begin, until=min(about.end, now)),
        definition=definitions.on("766", about.last, own) if form == "766" else counting,
        rule=definitions.rule(counting),
        calendar=working_days.calendar(tables.get(working_days.LIST, ())),
        progress=progress,
    )


# --- II.06a ------------------------------------------------------------------------------------------------------

_Key = tuple[str, str, str, int, str]
_PLACES = {name: place for place, name in enumerate((*COUNTED, "without_due", "waiting"))}


@dataclass(slots=True)
class _Rows:
    """The form's rows while they are counted."""

    counts: dict[_Key, list[int]] = field(default_factory=dict)
    agencies: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def add(self, case: Case, found: Placed, level: int) -> None:
        facts = case.facts
        key = (case.origin, facts.agency_code, facts.field_code, level, facts.channel)
        row = self.counts.setdefault(key, [0] * len(_PLACES))
        row[_PLACES[found.came]] += 1
        row[_PLACES[found.became]] += 1
        row[_PLACES["without_due"]] += found.without_due
        row[_PLACES["waiting"]] += found.waiting
        if facts.agency_name:
            self.agencies[facts.agency_code] = facts.agency_name
        if facts.field_name:
            self.fields[facts.field_code] = facts.field_name

    def rows(self) -> Iterator[dict[str, Any]]:
        for number, (key, counts) in enumerate(sorted(self.counts.items()), start=1):
            origin, agency, field_code, level, channel = key
            yield {
                "number": number,
                "origin": origin,
                "owner": owner_of(agency),
                "agency_code": agency,
                "agency_name": self.agencies.get(agency, ""),
                "field_code": field_code,
                "field_name": self.fields.get(field_code, ""),
                "level": level,
                "channel": channel,
                **dict(zip(_PLACES, counts, strict=True)),
            }

    def parts(self) -> list[list[Any]]:
        """Sum up by endpoint and owner: a few hundred lines for a whole country."""
        sums: dict[tuple[str, str], list[int]] = {}
        for (origin, agency, *_), counts in self.counts.items():
            line = sums.setdefault((origin, owner_of(agency)), [0] * len(_PLACES))
            line[:] = [one + other for one, other in zip(line, counts, strict=True)]
        return [[origin, owner, line] for (origin, owner), line in sorted(sums.items())]


def _form(conn: Connection, making: Making) -> Made:
    services, rows, looked = making.services(conn), _Rows(), 0
    for case in making.cases(conn):
        looked += 1
        service = services.of(case.facts.agency_code, case.procedure)
        if (found := making.place(case, service)) is not None:
            rows.add(case, found, (service.level if service else None) or 0)
    parts = rows.parts()
    if not all(Numbers(*numbers).agrees for _, _, numbers in parts):
        raise AssertionError("the sums of form II.06a do not agree")
    return Made(looked=looked, body={"parts": parts}, rows=list(rows.rows()))


# --- index 766 ---------------------------------------------------------------------------------------------------


def _index(conn: Connection, making: Making) -> Made:
    services, tally, looked = making.services(conn), Tally(), 0
    paid: set[str] = set()
    for case in making.cases(conn):
        looked += 1
        service = services.of(case.facts.agency_code, case.procedure)
        found = making.place(case, service)
        if found is None:
            continue
        fee, result = (service.fee, service.result) if service else (False, False)
        tally.add(case.facts, found, making.rule, making.calendar, fee=fee, result=result)
        if fee and found.came != "c6" and case.facts.has(Flag.PAID_NATIONAL | Flag.PAID_OWN):
            paid.add(case.procedure)
    beside = _beside(conn, making, services, len(paid))
    listed = [asdict(each) for each in index766.components(tally, beside, making.definition)]
    return Made(looked=looked, body={"components": listed})


def _beside(conn: Connection, making: Making, services: Services, paid: int) -> Beside:
    mine = services.of_owner(making.agency)
    online = [each.code for each in mine if (each.level or 0) >= ONLINE]
    return Beside(
        synchronised=_synchronised(conn, making),
        services=len(mine),
        online_services=len(online),
        with_dossiers=len(statistic_services.with_dossiers(conn, online, making.span.begin, making.span.until)),
        fee_services=sum(each.fee for each in mine),
        paid_services=paid,
    )


def _synchronised(conn: Connection, making: Making) -> int | None:
    """Count the dossiers received in the period that a portal took; None where no portal is configured."""
    portals = [name for name, each in making.hub.endpoints.items() if each.adapter.startswith(_PORTAL)]
    if not portals:
        return None
    taken = select(deliveries.c.subject).where(
        (deliveries.c.subject == dossiers.c.key) & deliveries.c.endpoint.in_(portals) & deliveries.c.state.in_(_TAKEN)
    )
    received = (dossiers.c.received_at >= making.span.begin) & (dossiers.c.received_at < making.span.until)
    here = received & dossiers.c.test.is_(False) & of_dossiers(making.agency, making.places)
    return int(conn.execute(select(func.count()).select_from(dossiers).where(here & taken.exists())).scalar_one())


# --- services, ages, honesty -------------------------------------------------------------------------------------


def _services(conn: Connection, making: Making) -> Made:
    services = making.services(conn)
    owners: dict[str, list[Service]] = {}
    for each in services.of_owner(making.agency):
        owners.setdefault(each.owner, []).append(each)
    lines = []
    for owner, listed in sorted(owners.items()):
        online = [each.code for each in listed if (each.level or 0) >= ONLINE]
        used = statistic_services.with_dossiers(conn, online, making.span.begin, making.span.until)
        levels = {str(level): sum(each.level == level for each in listed) for level in range(LOWEST, HIGHEST + 1)}
        lines.append(
            {
                "owner": owner,
                "services": len(listed),
                "levels": levels,
                "unknown": sum(each.level is None for each in listed),
                "online": len(online),
                "online_share": share(len(online), len(listed)),
                "with_dossiers": len(used),
                "with_dossiers_share": share(len(used), len(online)),
            }
        )
    return Made(looked=len(services.listed), body={"lines": lines})


def _ages(conn: Connection, making: Making) -> Made:
    names = flow.endpoints(conn, making.hub.endpoints)
    found = statistic_ages.ages(conn, names, making.span)
    return Made(looked=sum(each.count for each in found), body={"lines": [asdict(each) for each in found]})


def _honesty(conn: Connection, making: Making) -> Made:
    checks = Checks()
    for case in making.cases(conn):
        checks.add(case.key, case.origin, case.facts, making.span)
    listed = [
        {
            "name": name,
            "vi": CHECKS[name][0],
            "en": CHECKS[name][1],
            "count": check.count,
            "pairs": [[*pair, count] for pair, count in check.pairs.most_common(PAIRS)],
            "examples": check.examples,
        }
        for name, check in checks.found.items()
    ]
    return Made(looked=checks.looked, body={"checks": listed, "not_received": _not_received(conn, making)})


def _not_received(conn: Connection, making: Making) -> int:
    """Count the dossiers that are at work or done without a day of reception: no figure has them."""
    here = dossiers.c.received_at.is_(None) & dossiers.c.status.not_in(("1", "3")) & dossiers.c.test.is_(False)
    counted = select(func.count()).select_from(dossiers).where(here & of_dossiers(making.agency, making.places))
    return int(conn.execute(counted).scalar_one())


_MAKERS: Mapping[str, Callable[[Connection, Making], Made]] = {
    "II.06a": _form,
    "766": _index,
    "services": _services,
    "ages": _ages,
    "honesty": _honesty,
}
