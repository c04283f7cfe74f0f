"""Acts on failure groups: show, take, leave, note."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import groups
from hub.registers import group_members
from hub.registers.group_members import GroupShown
from hub.rules import people
from hub.rules.people import Person

_GROUP = Field(pattern="^[0-9a-f]{10}$", description="Tên nhóm lỗi (name of the failure group)")


class Showing(Asked):
    """One failure group, with a page of its members."""

    group: str = _GROUP
    after: str = Field("", max_length=2000, description="Trang sau của danh sách (place at which the last page ended)")
    limit: int = Field(50, ge=1, le=200, description="Số dòng nhiều nhất (at most so many)")


class Taking(WithWhy):
    """A group that one takes care of from now on."""

    group: str = _GROUP
    why: str = Field("đang xử lý", min_length=1, max_length=1000, description="Lý do, ghi vào nhật ký (reason)")


class Leaving(WithWhy):
    """A group that nobody takes care of any more."""

    group: str = _GROUP
    of: str = Field("", max_length=100, description="Người đang xử lý, nếu không phải mình (whose it is, if not one's own)")
    why: str = Field("thôi xử lý", min_length=1, max_length=1000, description="Lý do, ghi vào nhật ký (reason)")


class Noting(WithWhy):
    """What somebody writes about a group."""

    group: str = _GROUP
    text: str = Field(
        min_length=1,
        max_length=groups.LONGEST_NOTE,
        description="Ghi chú, không ghi dữ liệu cá nhân (note; no personal data)",
    )
    why: str = Field("ghi chú", min_length=1, max_length=1000, description="Lý do, ghi vào nhật ký (reason)")


def _its_endpoint(hub: Hub, asked: Taking | Leaving | Noting) -> Iterable[str]:
    return (groups.endpoint_of(hub, asked.group),)


def _show(hub: Hub, person: Person, asked: Showing) -> GroupShown:
    with hub.ledger.read() as conn:
        shown = group_members.show(
            conn,
            asked.group,
            after=asked.after,
            limit=asked.limit,
            scope=person.scope,
            on_doubt=lambda endpoint, service, variant: hub.doubt_policy(endpoint, service, variant)[0],
            now=hub.now(),
        )
    if not shown.members and not asked.after:
        # Nothing of it lies within the scope: then not even its cause is told.
        people.check(person, "group show", (shown.group.cause.endpoint,))
    return shown


ACTS = (
    Act(verb="group show", asked=Showing, do=_show),
    Act(
        verb="group take",
        asked=Taking,
        touches=_its_endpoint,
        do=lambda hub, person, asked: groups.take(hub, asked.group, actor=person.login, why=asked.why),
    ),
    Act(
        verb="group leave",
        asked=Leaving,
        touches=_its_endpoint,
        do=lambda hub, person, asked: groups.leave(hub, asked.group, of=asked.of, actor=person.login, why=asked.why),
    ),
    Act(
        verb="group note",
        asked=Noting,
        touches=_its_endpoint,
        do=lambda hub, person, asked: groups.note(hub, asked.group, asked.text, actor=person.login, why=asked.why),
    ),
)
