"""Acts on the lists that partners keep for us, and on what people look up at partners."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import pulls
from hub.reconcile import looking_up
from hub.reconcile.looking_up import Answered
from hub.registers.pulls import PullsShown
from hub.rules.people import Person

_LIST = Field("", max_length=200, description="Tên danh sách của đối tác (the partner's name of a list)")


class Showing(Asked):
    """Which lists are looked at; nothing: all of them."""

    endpoint: str = Field("", max_length=100, description="Chỉ điểm kết nối này (only this endpoint)")
    list_name: str = _LIST


class Hurrying(WithWhy):
    """A list that is pulled at once; without a name, all of the partner's."""

    endpoint: str = Field(min_length=1, max_length=100, description="Điểm kết nối (endpoint)")
    list_name: str = _LIST


class LookingUp(WithWhy):
    """What a partner is asked."""

    endpoint: str = Field(min_length=1, max_length=100, description="Điểm kết nối (endpoint)")
    service: str = Field(min_length=1, max_length=200, description="Dịch vụ tra cứu, theo tên của đối tác (service)")
    asked: dict[str, str] = Field(
        default_factory=dict, description="Hỏi theo: mỗi dòng trường=giá trị (asked by: field=value)"
    )
    give_to: str = Field("", max_length=100, description="Cho điểm kết nối này đọc tệp lấy về (who may read the file, too)")


def _show(hub: Hub, person: Person, asked: Showing) -> PullsShown:
    return pulls.show(hub, asked.endpoint, asked.list_name, scope=person.scope)


def _looked_at(_hub: Hub, asked: Showing) -> Iterable[str]:
    return (asked.endpoint,) if asked.endpoint else ()


def _touched(_hub: Hub, asked: LookingUp) -> Iterable[str]:
    return (asked.endpoint, asked.give_to) if asked.give_to else (asked.endpoint,)


def _look_up(hub: Hub, person: Person, asked: LookingUp) -> Answered:
    return looking_up.ask(
        hub, asked.endpoint, asked.service, asked.asked, give_to=asked.give_to, actor=person.login, why=asked.why
    )


ACTS: tuple[Act[Any], ...] = (
    Act(verb="pull show", asked=Showing, touches=_looked_at, do=_show),
    Act(
        verb="pull now",
        asked=Hurrying,
        touches=lambda _hub, asked: (asked.endpoint,),
        do=lambda hub, person, asked: pulls.now(hub, asked.endpoint, asked.list_name, actor=person.login, why=asked.why),
    ),
    Act(verb="partner lookup", asked=LookingUp, touches=_touched, do=_look_up),
)
