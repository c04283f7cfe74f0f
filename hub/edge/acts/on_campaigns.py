"""Acts on campaigns: show, candidates, make, item, tick, raise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.edge.acts.on_mappings import Day
from hub.ledger.campaign_verbs import NewItem, unknown
from hub.operations import campaign_plans, campaigns
from hub.registers.campaigns import Wanted
from hub.registers.pilots import Candidates
from hub.rules.people import Person
from hub.rules.test_dossiers import belongs

_CAMPAIGN = "Mã chiến dịch, hoặc phần đầu (id of the campaign, or its beginning)"
_UNIT = "Mã đơn vị; để trống: mọi đơn vị (unit; empty: all)"
_PROCEDURES = "Mã thủ tục, mỗi dòng một mã; để trống: mọi thủ tục (codes of procedures; empty: all)"


class CampaignsAsked(Asked):
    """All campaigns, or one with its progress and items."""

    campaign: str = Field("", max_length=100, description="Mã chiến dịch; để trống: mọi chiến dịch (campaign; empty: all)")
    unit: str = Field("", max_length=100, description="Chỉ đơn vị này (only this unit)")
    procedure: str = Field("", max_length=200, description="Chỉ thủ tục này (only this procedure)")
    only: Literal[
        "", "planned", "preparing", "ready", "raised", "dropped", "overdue", "differs",
        "record", "components", "days", "forms", "online", "payment", "test",
    ] = Field("", description="Chỉ trạng thái này, hoặc còn thiếu điều kiện này (this state, or lacks this)")  # fmt: skip
    after: str = Field("", max_length=2000, description="Trang sau của danh sách (place at which the last page ended)")
    limit: int = Field(100, ge=1, le=1000, description="Số dòng nhiều nhất (at most so many)")


class CandidatesAsked(Asked):
    """What a campaign could raise, ranked."""

    campaign: str = Field(min_length=1, max_length=100, description=_CAMPAIGN)
    limit: int = Field(50, ge=1, le=2000, description="Số dòng nhiều nhất (at most so many)")


class Making(WithWhy):
    """A new campaign."""

    agency: str = Field(min_length=1, max_length=100, description="Mã cơ quan có danh mục thủ tục (agency with the catalogue)")
    title: str = Field(min_length=1, max_length=300, description="Tên chiến dịch (title)")
    level: int = Field(4, ge=1, le=4, description="Mức cần đạt; 3: một phần, 4: toàn trình (level to reach)")
    goal_percent: float = Field(0.0, ge=0, le=100, description="Mục tiêu, % số dịch vụ (goal, percent of the services)")
    first_day: date = Field(description="Từ ngày (first day)")
    last_day: date = Field(description="Đến ngày (last day)")


class OnItems(WithWhy):
    """Items of a campaign."""

    campaign: str = Field(min_length=1, max_length=100, description=_CAMPAIGN)
    unit: str = Field("", max_length=100, description=_UNIT)
    procedures: tuple[str, ...] = Field((), max_length=2000, description=_PROCEDURES)


class Items(OnItems):
    """Items that are planned (one by one or from a file), or that become something else."""

    model_config = ConfigDict(val_json_bytes="base64")

    planned_day: Day = Field(None, description="Ngày sẽ nâng (day on which they are to be raised)")
    from_level: int | None = Field(None, ge=1, le=4, description="Mức hiện tại; để trống: theo danh mục (level now)")
    to_level: int | None = Field(None, ge=1, le=4, description="Mức sẽ nâng; để trống: của chiến dịch (level to reach)")
    file: bytes = Field(b"", max_length=20_000_000, description="Kế hoạch dạng XLSX hoặc CSV (plan as a spreadsheet)")
    state: Literal["", "planned", "preparing", "dropped"] = Field(
        "", description="Chuyển sang: chuẩn bị, thôi nâng, trở lại kế hoạch (becomes)"
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Items:
        single = bool(self.planned_day)
        if single + bool(self.file) + bool(self.state) != 1:
            raise PydanticCustomError("one_of", "exactly one of planned_day, file, state must be there")
        if single and not (self.unit and self.procedures):
            raise PydanticCustomError("missing", "planned_day goes with unit and procedures")
        return self


class Ticking(OnItems):
    """A person's word that a need of items is met."""

    need: Literal["forms", "online", "payment"] = Field(description="Điều kiện (need)")
    evidence: str = Field("", max_length=2000, description="Minh chứng: nơi xem được, số công văn (evidence)")
    done: bool = Field(True, description="Đã đạt; bỏ chọn để rút lại (met; false takes it back)")


def _sees(hub: Hub, person: Person, agency: str) -> bool:
    return person.scope is None or any(person.sees(name) for name in _of(hub, agency))


def _of(hub: Hub, agency: str) -> list[str]:
    return [each.name for each in hub.endpoints.values() if each.agency_code and belongs(each.agency_code, agency)]


def _all_of(hub: Hub, agency: str) -> Iterable[str]:
    """Name the endpoints of an agency; its code where it has none, which is in nobody's scope."""
    return _of(hub, agency) or [agency]


def _made_for(hub: Hub, asked: Making) -> Iterable[str]:
    return _all_of(hub, asked.agency)


def _touched(hub: Hub, asked: OnItems) -> Iterable[str]:
    return _all_of(hub, campaigns.agency_of(hub, asked.campaign))


def _show(hub: Hub, person: Person, asked: CampaignsAsked) -> Any:
    if not asked.campaign:
        return campaigns.listing(hub, lambda agency: _sees(hub, person, agency))
    _check_seen(hub, person, asked.campaign)
    wanted = Wanted(unit=asked.unit, procedure=asked.procedure, only=asked.only, after=asked.after, limit=asked.limit)
    return campaigns.show(hub, asked.campaign, wanted)


def _check_seen(hub: Hub, person: Person, campaign: str) -> None:
    if not _sees(hub, person, campaigns.agency_of(hub, campaign)):
        raise unknown(campaign)


def _candidates(hub: Hub, person: Person, asked: CandidatesAsked) -> Candidates:
    _check_seen(hub, person, asked.campaign)
    return campaigns.candidates(hub, asked.campaign, limit=asked.limit)


def _make(hub: Hub, person: Person, asked: Making) -> Any:
    given = asked.model_dump(exclude={"why"})
    return campaigns.make(hub, **given, actor=person.login, why=asked.why)


def _item(hub: Hub, person: Person, asked: Items) -> Any:
    who = {"actor": person.login, "why": asked.why}
    if asked.file:
        return campaign_plans.plan_file(hub, asked.campaign, asked.file, "", **who)
    if asked.state:
        return campaigns.move(hub, asked.campaign, asked.state, unit=asked.unit, procedures=asked.procedures, **who)
    assert asked.planned_day is not None
    to_level = asked.to_level or campaigns.found(hub, asked.campaign).level
    items = [
        NewItem(
            unit=asked.unit,
            procedure=code,
            from_level=asked.from_level,
            to_level=to_level,
            planned_day=asked.planned_day.isoformat(),
        )
        for code in dict.fromkeys(asked.procedures)
    ]
    return campaign_plans.plan(hub, asked.campaign, items, **who)


def _tick(hub: Hub, person: Person, asked: Ticking) -> campaigns.Done:
    return campaigns.tick(
        hub,
        asked.campaign,
        asked.need,
        unit=asked.unit,
        procedures=asked.procedures,
        evidence=asked.evidence,
        done=asked.done,
        actor=person.login,
        why=asked.why,
    )


def _raise(hub: Hub, person: Person, asked: OnItems) -> campaigns.Raised:
    return campaigns.raise_(
        hub, asked.campaign, unit=asked.unit, procedures=asked.procedures, actor=person.login, why=asked.why
    )


ACTS: tuple[Act[Any], ...] = (
    Act(verb="campaign show", asked=CampaignsAsked, do=_show),
    Act(verb="campaign candidates", asked=CandidatesAsked, do=_candidates),
    Act(verb="campaign make", asked=Making, touches=_made_for, do=_make),
    Act(verb="campaign item", asked=Items, touches=_touched, do=_item),
    Act(verb="campaign tick", asked=Ticking, touches=_touched, do=_tick),
    Act(verb="campaign raise", asked=OnItems, touches=_touched, do=_raise),
)
