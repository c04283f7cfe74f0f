"""Acts on code lists: show, set, remove."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import mappings
from hub.rules.people import Person

#: A form gives an empty text where no day is meant.
Day = Annotated[date | None, BeforeValidator(lambda given: given or None)]


class MappingsWanted(Asked):
    """All code lists, or the rows of one."""

    list_name: str = Field("", max_length=100, description="Danh mục (code list)")
    code: str = Field("", max_length=200, description="Tìm trong mã, giá trị, tên (part of code, value or name)")
    limit: int = Field(200, ge=1, le=1000, description="Số dòng nhiều nhất (at most so many rows)")


class OnCode(WithWhy):
    """A verb on one code."""

    list_name: str = Field(min_length=1, max_length=100, description="Danh mục (code list)")
    code: str = Field(min_length=1, max_length=200, description="Mã (code)")


class Setting(OnCode):
    """A row that is laid over a code list."""

    value: str = Field(max_length=500, description="Giá trị, thường là mã của đối tác (value, mostly the partner's code)")
    name: str = Field("", max_length=1000, description="Tên (name)")
    valid_from: Day = Field(None, description="Hiệu lực từ ngày, để trống: từ trước đến nay (holds from this day on)")
    valid_to: Day = Field(None, description="Hết hiệu lực từ ngày, để trống: không hết (first day on which it holds no longer)")


class Removing(OnCode):
    """A row of the ledger that is taken back."""

    valid_from: Day = Field(None, description="Hiệu lực từ ngày của dòng cần bỏ (first day of the row)")


def _users(hub: Hub, asked: OnCode) -> Iterable[str]:
    return mappings.used_by(hub, asked.list_name)


def _show(hub: Hub, person: Person, asked: MappingsWanted) -> Any:
    if not asked.list_name:
        return mappings.lists(hub, scope=person.scope)
    return mappings.show(hub, asked.list_name, containing=asked.code, limit=asked.limit, scope=person.scope)


def _set(hub: Hub, person: Person, asked: Setting) -> mappings.Mapped:
    return mappings.set_code(
        hub,
        asked.list_name,
        asked.code,
        asked.value,
        name=asked.name,
        valid_from=asked.valid_from,
        valid_to=asked.valid_to,
        actor=person.login,
        why=asked.why,
    )


def _remove(hub: Hub, person: Person, asked: Removing) -> mappings.Unmapped:
    return mappings.remove_code(
        hub, asked.list_name, asked.code, valid_from=asked.valid_from, actor=person.login, why=asked.why
    )


ACTS: tuple[Act[Any], ...] = (
    Act(verb="mapping show", asked=MappingsWanted, do=_show),
    Act(verb="mapping set", asked=Setting, touches=_users, do=_set),
    Act(verb="mapping remove", asked=Removing, touches=_users, do=_remove),
)
