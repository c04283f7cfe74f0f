"""Acts on codes of agencies and areas: check those of real traffic, show what one was and is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.edge.acts.on_mappings import Day
from hub.operations import administration
from hub.operations.administration import CodesChecked, CodeShown
from hub.reconcile import partner_codes
from hub.rules.people import Person


class Checking(Asked):
    """Which messages are looked at."""

    count: int = Field(2_000, ge=1, le=20_000, description="Số thông điệp gần nhất (last messages)")
    days: int = Field(30, ge=1, le=3_660, description="Trong số ngày gần đây (of the last days)")
    endpoint: str = Field("", max_length=100, description="Chỉ thông điệp từ hoặc tới điểm này (from or to this endpoint)")


class Showing(Asked):
    """Which code."""

    code: str = Field(
        min_length=1,
        max_length=administration.LONGEST_CODE,
        description="Mã cơ quan, địa bàn, bưu chính, số hồ sơ, hoặc tên (code, a dossier's number, or a name)",
    )
    day: Day = Field(None, description="Vào ngày, để trống: hôm nay (on this day; empty: today)")


class Pulling(WithWhy):
    """A partner whose lists of codes are fetched and compared."""

    endpoint: str = Field(min_length=1, max_length=100, description="Đối tác có danh mục (partner that has the lists)")
    list_name: str = Field("", max_length=100, description="Chỉ danh mục này, theo tên của đối tác (only this list of its)")
    take: bool = Field(False, description="Cập nhật danh mục của trục từ hôm nay (take the differences over from today)")


def _touched(_hub: Hub, asked: Checking) -> Iterable[str]:
    return (asked.endpoint,) if asked.endpoint else ()


def _check(hub: Hub, person: Person, asked: Checking) -> CodesChecked:
    return administration.check(
        hub, count=asked.count, days=asked.days, endpoint=asked.endpoint, scope=person.scope
    )


def _show(hub: Hub, _person: Person, asked: Showing) -> CodeShown:
    return administration.show(hub, asked.code, day=asked.day)


ACTS: tuple[Act[Any], ...] = (
    Act(verb="codes check", asked=Checking, touches=_touched, do=_check),
    Act(verb="codes show", asked=Showing, do=_show),
    Act(
        verb="codes pull",
        asked=Pulling,
        touches=lambda _hub, asked: (asked.endpoint,),
        do=lambda hub, person, asked: partner_codes.pull(
            hub, asked.endpoint, asked.list_name, take=asked.take, actor=person.login, why=asked.why
        ),
    ),
)
