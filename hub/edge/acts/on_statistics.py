"""Acts on statistics: show what was made, make a report, fill in old dossiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.errors import NotAllowed
from hub.operations import statistics as making
from hub.operations import statistics_fill
from hub.reconcile import figures
from hub.reconcile.figures import FiguresSent
from hub.registers import statistic_views
from hub.registers.statistic_views import SHOWN_MONTHS, View, Wanted
from hub.registers.statistics import Report, Sight
from hub.rules.people import Person
from hub.rules.statistics import periods
from hub.rules.statistics.form import below

FormName = Literal["II.06a", "766", "services", "ages", "honesty"]
_PERIOD = Field("", max_length=10, description="Kỳ: 2026-03, 2026-Q1 hoặc 2026 (period)")
_AGENCY = Field("", max_length=100, description="Mã cơ quan, gồm cả đơn vị trực thuộc (agency, with those below it)")
_REPORT = Field("", max_length=100, description="Mã của một lần lập báo cáo (identifier of one version of a report)")
#: Dossiers that one call fills in; the next one goes on.
FILLED_AT_ONCE = 2000


class StatisticsAsked(Asked):
    """Reports as they were made; without a form, the overview."""

    form: FormName | Literal[""] = Field("", description="Biểu; bỏ trống là tổng quan (form; empty: the overview)")
    period: str = _PERIOD
    agency: str = _AGENCY
    by: Literal["", "owner", "agency", "field", "level", "channel", "origin"] = Field(
        "", description="Chia theo (parted by: owner, agency, field, level, channel, origin)"
    )
    report: str = _REPORT
    since: str = Field("", max_length=100, description="So với lần lập này (compared with this version)")


class MakeAsked(WithWhy):
    """A report that is made of a period."""

    form: FormName = Field("II.06a", description="Biểu (form)")
    period: str = Field(min_length=4, max_length=10, description="Kỳ: 2026-03, 2026-Q1 hoặc 2026 (period)")
    agency: str = _AGENCY
    why: str = Field("lập báo cáo", min_length=1, max_length=1000, description="Lý do, ghi vào nhật ký (reason)")


class SendAsked(WithWhy):
    """A month's figures that a partner is told."""

    endpoint: str = Field(min_length=1, max_length=100, description="Nơi nhận số liệu (partner that takes figures)")
    period: str = Field(min_length=7, max_length=10, description="Tháng: 2026-03 (month)")
    agency: str = _AGENCY
    kind: str = Field("", max_length=50, description="LoaiThongKe, theo thỏa thuận với nơi nhận (kind, as agreed)")


class FillAsked(WithWhy):
    """Old dossiers, as the kept messages tell of them."""


def sight(hub: Hub, person: Person) -> Sight:
    """Say what a person sees of figures: what began at the endpoints of the scope, and the agencies of these."""
    if person.scope is None:
        return Sight()
    agencies = (hub.endpoints[name].agency_code for name in person.scope if name in hub.endpoints)
    return Sight(endpoints=person.scope, agencies=frozenset(code for code in agencies if code))


def _show(hub: Hub, person: Person, asked: StatisticsAsked) -> View:
    seen = sight(hub, person)
    with hub.ledger.read() as conn:
        if not asked.form:
            months = periods.months_before(asked.period or periods.month_of(hub.now()), SHOWN_MONTHS)
            return statistic_views.overview(conn, months, list(making.FORMS), seen)
        return statistic_views.shown(conn, Wanted(**asked.model_dump()), seen)


def _make(hub: Hub, person: Person, asked: MakeAsked) -> Report:
    made = making.make(hub, asked.form, asked.period, agency=asked.agency, actor=person.login, why=asked.why)
    return made if person.scope is None else replace(made, looked=None)


def _send(hub: Hub, person: Person, asked: SendAsked) -> FiguresSent:
    own = sight(hub, person).agencies if person.scope is not None else None
    if own is not None and not any(below(asked.agency, each) for each in own if asked.agency):
        raise NotAllowed(
            "name an agency of yours: only its figures may be sent by you",
            "hãy nêu cơ quan thuộc phạm vi của mình: chỉ được gửi số liệu của cơ quan đó",
            where="agency",
        )
    given = {"agency": asked.agency, "kind": asked.kind}
    return figures.send(hub, asked.endpoint, asked.period, **given, actor=person.login, why=asked.why)


ACTS = (
    Act(verb="statistics show", asked=StatisticsAsked, do=_show),
    Act(
        verb="statistics make",
        asked=MakeAsked,
        do=_make,
    ),
    Act(verb="statistics send", asked=SendAsked, touches=lambda _hub, asked: (asked.endpoint,), do=_send),
    Act(
        verb="statistics fill",
        asked=FillAsked,
        do=lambda hub, person, asked: statistics_fill.fill(hub, actor=person.login, why=asked.why, most=FILLED_AT_ONCE),
    ),
)
