"""Acts that look: the front page's figures, failure groups, doubts, finding, a dossier's timeline, one message or delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from pydantic import Field

from hub import pdf_signatures
from hub.app import UNROUTED, Hub
from hub.edge.acts.act import Act, Asked
from hub.operations import counting
from hub.registers import doubts, failures, finding, flow, showing, timeline
from hub.registers.causes import Failures
from hub.registers.doubts import Doubts
from hub.registers.finding import LONGEST, Found, Place, Sought
from hub.registers.flow import Status
from hub.registers.refusals import REFUSED_SINCE_SECONDS
from hub.registers.showing import Shown
from hub.registers.timeline import TimelinePage
from hub.rules.people import Person

#: Hours that one look at the front page counts, where nobody has counted them.
_COUNTED_AT_ONCE = 2


class StatusAsked(Asked):
    """The front page's figures."""

    days: int = Field(1, ge=1, le=7, description="Số ngày (of so many days)")


class FailuresAsked(Asked):
    """Failure groups."""

    by: Literal["event", "procedure"] = Field("event", description="Nhóm theo (grouped by)")
    endpoint: str = Field("", max_length=100, description="Chỉ điểm kết nối này (only this endpoint)")
    refused_since: float | None = Field(None, ge=0, description="Từ chối khi tiếp nhận kể từ (refusals since; default: 7 days)")


class DoubtsAsked(Asked):
    """What is in doubt."""

    endpoint: str = Field("", max_length=100, description="Chỉ điểm kết nối này (only this endpoint)")
    after: str = Field("", max_length=2000, description="Trang sau của danh sách (place at which the last page ended)")
    limit: int = Field(50, ge=1, le=200, description="Số dòng nhiều nhất (at most so many)")


class FindAsked(Asked):
    """One box in which everything is found."""

    q: str = Field(
        min_length=1,
        max_length=LONGEST,
        repr=False,
        description="Mã hồ sơ, số định danh, thủ tục, cơ quan, mã thông điệp, mã băm hoặc nội dung lỗi (what is sought)",
    )
    section: str = Field("", max_length=20, description="Chỉ mục này (only this section)")
    after: str = Field("", max_length=2000, description="Trang sau của mục (place at which the section's last page ended)")
    limit: int = Field(20, ge=1, le=100, description="Số dòng nhiều nhất của mỗi mục (at most so many in each section)")


class TimelineAsked(Asked):
    """What happened to one dossier."""

    name: str = Field(max_length=300, description="Mã hồ sơ, mã thông điệp hoặc lượt chuyển (anything that names a dossier)")
    after: str = Field("", max_length=2000, description="Trang sau của danh sách (place at which the last page ended)")
    limit: int = Field(50, ge=1, le=200, description="Số dòng nhiều nhất (at most so many)")
    newest: bool = Field(False, description="Mới nhất trước (the newest first)")


class ShowAsked(Asked):
    """One message or delivery."""

    name: str = Field(max_length=100, description="Mã thông điệp hoặc lượt chuyển (identifier of a message or delivery)")


def _status(hub: Hub, person: Person, asked: StatusAsked) -> Status:
    counting.count_hours(hub, most=_COUNTED_AT_ONCE)
    titles = {name: endpoint.title for name, endpoint in hub.endpoints.items()}
    with hub.ledger.read() as conn:
        return flow.status(
            conn,
            {UNROUTED: "Chưa có tuyến (no route)", **titles},
            hours=asked.days * 24,
            scope=person.scope,
            now=hub.now(),
            open_now={budget.endpoint for budget in hub.budgets()},
        )


def _failures(hub: Hub, person: Person, asked: FailuresAsked) -> Failures:
    now = hub.now()
    since = asked.refused_since if asked.refused_since is not None else now - REFUSED_SINCE_SECONDS
    with hub.ledger.read() as conn:
        return failures.failures(
            conn, by=asked.by, endpoint=asked.endpoint, refused_since=since, scope=person.scope, now=now
        )


def _doubts(hub: Hub, person: Person, asked: DoubtsAsked) -> Doubts:
    with hub.ledger.read() as conn:
        return doubts.doubts(
            conn,
            endpoint=asked.endpoint,
            after=asked.after,
            limit=asked.limit,
            scope=person.scope,
            on_doubt=_on_doubt(hub),
        )


def _on_doubt(hub: Hub) -> Callable[[str, str, str], str]:
    return lambda endpoint, service, variant: hub.doubt_policy(endpoint, service, variant)[0]


def places(hub: Hub) -> dict[str, Place]:
    """Name the endpoints as they are found by."""
    return {name: Place(title=each.title, agency_code=each.agency_code) for name, each in hub.endpoints.items()}


def _find(hub: Hub, person: Person, asked: FindAsked) -> Found:
    sought = Sought(text=asked.q, scope=person.scope, places=places(hub), key=hub.number_key, now=hub.now())
    with hub.ledger.read() as conn:
        return finding.find(conn, sought, section=asked.section, after=asked.after, limit=asked.limit)


def _timeline(hub: Hub, person: Person, asked: TimelineAsked) -> TimelinePage:
    with hub.ledger.read() as conn:
        return timeline.page(
            conn,
            asked.name,
            after=asked.after,
            limit=asked.limit,
            newest=asked.newest,
            scope=person.scope,
            now=hub.now(),
        )


def _show(hub: Hub, person: Person, asked: ShowAsked) -> Shown:
    with hub.ledger.read() as conn:
        told = showing.show(conn, asked.name, scope=person.scope, on_doubt=_on_doubt(hub))
        rows = pdf_signatures.named(hub, conn, told.message.row.id, told.message.canonical_digests)
    return replace(told, files=pdf_signatures.read(hub, rows)) if rows and told.kind == "message" else told


ACTS = (
    Act(verb="status", asked=StatusAsked, do=_status),
    Act(verb="failures", asked=FailuresAsked, do=_failures),
    Act(verb="doubts", asked=DoubtsAsked, do=_doubts),
    Act(verb="find", asked=FindAsked, discreet=True, do=_find),
    Act(verb="timeline", asked=TimelineAsked, do=_timeline),
    Act(verb="show", asked=ShowAsked, do=_show),
)
