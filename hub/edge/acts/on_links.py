"""Acts on the addresses at which partners fetch files."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import links
from hub.registers.links import LinkPage
from hub.rules.people import Person


class Showing(Asked):
    """Which addresses are looked at: those of a dossier, or for a partner."""

    subject: str = Field("", max_length=300, description="Mã hồ sơ, thông điệp hoặc lượt chuyển (anything that names a dossier)")
    endpoint: str = Field("", max_length=100, description="Chỉ điểm kết nối này (only this endpoint)")
    not_fetched: bool = Field(False, description="Chỉ tệp chưa được tải (only what was not fetched)")
    after: str = Field("", max_length=2000, description="Trang sau của danh sách (place at which the last page ended)")
    limit: int = Field(50, ge=1, le=200, description="Số dòng nhiều nhất (at most so many)")


class Ending(WithWhy):
    """An address that is good no longer."""

    link: str = Field(min_length=6, max_length=64, description="Mã địa chỉ tệp (identifier of the address)")


def _show(hub: Hub, person: Person, asked: Showing) -> LinkPage:
    return links.show(
        hub,
        subject=asked.subject,
        endpoint=asked.endpoint,
        not_fetched=asked.not_fetched,
        after=asked.after,
        limit=asked.limit,
        scope=person.scope,
    )


def _looked_at(_hub: Hub, asked: Showing) -> Iterable[str]:
    return (asked.endpoint,) if asked.endpoint else ()


ACTS = (
    Act(verb="link show", asked=Showing, touches=_looked_at, do=_show),
    Act(
        verb="link end",
        asked=Ending,
        touches=lambda hub, asked: (links.find(hub, asked.link).endpoint,),
        do=lambda hub, person, asked: links.end(hub, asked.link, actor=person.login, why=asked.why),
    ),
)
