"""Acts on border documents: Form D, phytosanitary certificates, ASEAN customs declarations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import border
from hub.operations.border import Copied, Print, Seen
from hub.registers.border import Asked as Wanted
from hub.registers.border import BorderPage
from hub.rules.people import Person

_NAME = Field(
    min_length=1,
    max_length=400,
    description="Chứng từ: loại:nước cấp:số, ví dụ origin:VN:VN-ID 26/02/00017 (document:issuing country:number)",
)


class Listing(Asked):
    """Which documents are listed; nothing: all, the last change first."""

    document: Literal["", "origin", "phyto", "declaration"] = Field(
        "", description="Loại chứng từ (document: origin = Form D, phyto, declaration)"
    )
    state: str = Field("", max_length=30, description="Tình trạng nghiệp vụ (business state: issued, given, cancelled …)")
    country: str = Field("", pattern="^([A-Z]{2})?$", description="Nước đối tác, hai chữ cái (the other country)")
    clock: Literal["", "answer", "hop", "expiry"] = Field(
        "", description="Xếp theo thời hạn gần nhất: answer, hop, expiry (by this clock, the most urgent first)"
    )
    mark: str = Field("", max_length=30, description="Chỉ chứng từ có việc cần xem xét này (only with this open mark)")
    number: str = Field("", max_length=100, description="Phần đầu của số chứng từ (the beginning of its number)")
    after: str = Field("", max_length=500, description="Trang tiếp theo (goes on after this)")
    rows: int = Field(50, ge=1, le=200, description="Số dòng (rows)")


class Naming(Asked):
    """One document."""

    name: str = _NAME


class Printing(WithWhy):
    """One document, for print."""

    name: str = _NAME
    language: Literal["vi", "en"] = Field("vi", description="Ngôn ngữ của bản in (language)")


class Copying(WithWhy):
    """A document of ours that goes once more."""

    name: str = _NAME


class Deciding(WithWhy):
    """What an officer decides."""

    name: str = _NAME
    decision: str = Field(
        min_length=1, max_length=40, description="Quyết định: late_accepted hoặc việc đã xem xét (late_accepted, or a mark)"
    )


def _listed(hub: Hub, person: Person, asked: Listing) -> BorderPage:
    return border.listed(hub, Wanted(**asked.model_dump()), scope=person.scope)


def _show(hub: Hub, person: Person, asked: Naming) -> Seen:
    return border.show(hub, asked.name, scope=person.scope)


def _print(hub: Hub, person: Person, asked: Printing) -> Print:
    return border.printed(hub, asked.name, asked.language, scope=person.scope, actor=person.login, why=asked.why)


def _copy(hub: Hub, person: Person, asked: Copying) -> Copied:
    return border.copy(hub, asked.name, scope=person.scope, actor=person.login, why=asked.why)


def _decide(hub: Hub, person: Person, asked: Deciding) -> Seen:
    return border.decide(hub, asked.name, asked.decision, scope=person.scope, actor=person.login, why=asked.why)


ACTS: tuple[Act[Any], ...] = (
    Act(verb="border list", asked=Listing, do=_listed),
    Act(verb="border show", asked=Naming, do=_show),
    Act(verb="border print", asked=Printing, do=_print),
    Act(verb="border copy", asked=Copying, do=_copy),
    Act(verb="border decide", asked=Deciding, do=_decide),
)
