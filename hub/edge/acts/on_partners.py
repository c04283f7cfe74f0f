"""Acts on partners: how they are doing, test messages, onboarding, succession."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.edge.acts.on_deliveries import OnEndpoint
from hub.operations import partners, successions
from hub.rules.people import Person


class Showing(Asked):
    """Which partner is looked at; nothing: all of them."""

    endpoint: str = Field("", max_length=100, description="Tên điểm kết nối; bỏ trống: mọi đối tác (endpoint; empty: all)")
    test: str = Field("", max_length=100, description="Mã lần gửi thử, để xem kết quả (a test message, for its result)")


class Onboarding(OnEndpoint):
    """A step of onboarding that a person ticks, or takes back."""

    step: str = Field(max_length=50, description="Bước; trial: bắt đầu chạy thử; live: đưa vào vận hành (step, or trial, live)")
    done: bool = Field(True, description="Đã xong; false: rút lại (done; false takes it back)")
    evidence: str = Field(
        "", max_length=5000, description="Minh chứng: nơi lưu biên bản, số công văn, đầu mối (evidence, as text)"
    )
    anyway: bool = Field(False, description="Đưa vào vận hành dù còn bước chưa xong (go live though steps are open)")


class Succeeding(WithWhy):
    """A partner whose work another takes over."""

    endpoint: str = Field(max_length=100, description="Điểm kết nối cũ (the endpoint that leaves)")
    successor: str = Field(max_length=100, description="Điểm kết nối kế thừa (the one that takes its place)")
    keeps_data: bool = Field(
        False, description="Hệ thống mới đã có dữ liệu của hệ thống cũ (the new software has the old one's records)"
    )


def _shown(hub: Hub, asked: Showing) -> Iterable[str]:
    """Name what is looked at; a list gives only what the person sees."""
    if asked.test:
        yield partners.test_of(hub, asked.test).endpoint
    if asked.endpoint:
        yield asked.endpoint


def _show(hub: Hub, person: Person, asked: Showing) -> object:
    if asked.test:
        return partners.test_of(hub, asked.test)
    if asked.endpoint:
        return partners.show(hub, asked.endpoint)
    return partners.listing(hub, person.sees)


ACTS = (
    Act(verb="partner show", asked=Showing, touches=_shown, do=_show),
    Act(
        verb="partner test",
        asked=OnEndpoint,
        touches=lambda _hub, asked: (asked.endpoint,),
        do=lambda hub, person, asked: partners.ask_for_test(hub, asked.endpoint, actor=person.login, why=asked.why),
    ),
    Act(
        verb="partner onboard",
        asked=Onboarding,
        touches=lambda _hub, asked: (asked.endpoint,),
        do=lambda hub, person, asked: partners.onboard(
            hub,
            asked.endpoint,
            asked.step,
            done=asked.done,
            evidence=asked.evidence,
            anyway=asked.anyway,
            actor=person.login,
            why=asked.why,
        ),
    ),
    Act(
        verb="partner succeed",
        asked=Succeeding,
        touches=lambda _hub, asked: (asked.endpoint, asked.successor),
        do=lambda hub, person, asked: successions.succeed(
            hub, asked.endpoint, asked.successor, keeps_data=asked.keeps_data, actor=person.login, why=asked.why
        ),
    ),
)
