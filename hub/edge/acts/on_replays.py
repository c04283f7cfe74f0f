"""Acts on many deliveries: replay plans that are frozen, shown, and carried out in steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import replays
from hub.registers import plans
from hub.registers.plan_choice import Choice
from hub.registers.plans import Plan, RunState
from hub.rules import canary
from hub.rules.canary import Course
from hub.rules.people import Person


class Planning(WithWhy):
    """What a plan is made of; what is given narrows, and something must be given."""

    verb: str = Field(
        "release", pattern="^(release|rebuild)$", description="Gửi lại nguyên nội dung, hay dựng lại (same bytes, or anew)"
    )
    group: str = Field("", max_length=100, description="Nhóm lỗi (failure group)")
    endpoint: str = Field("", max_length=100, description="Điểm kết nối (endpoint)")
    procedure: str = Field("", max_length=200, description="Mã thủ tục (procedure)")
    province: str = Field("", max_length=100, description="Mã cơ quan của tỉnh, bộ, ví dụ H55 (agency code)")
    dossier: str = Field("", max_length=200, description="Mã hồ sơ, số nào cũng được (any number of a dossier)")
    error: str = Field("", max_length=100, description="Mã lỗi (error code)")
    partner_code: str = Field("", max_length=200, description="Mã lỗi của đối tác (the partner's code)")
    kind: str = Field("", max_length=50, description="Loại thông điệp: dossier, catalogue, … (kind of message)")
    event: str = Field("", max_length=50, description="Sự kiện của hồ sơ (event of the dossier)")
    header: str = Field("", max_length=500, description="Thông tin kèm nội dung đã gửi, khóa=giá trị (header, key=value)")
    since: float | None = Field(None, description="Dừng từ lúc, giây từ 1970 UTC (stopped since)")
    until: float | None = Field(None, description="Dừng trước lúc, giây từ 1970 UTC (stopped before)")
    ids: tuple[str, ...] = Field((), max_length=1000, description="Mã lượt chuyển (identifiers of deliveries)")


class Showing(Asked):
    """Which plan is looked at, and which page of it; nothing: a list of plans."""

    plan: str = Field("", max_length=100, description="Mã kế hoạch; bỏ trống: danh sách (plan; empty: list)")
    after: int = Field(0, ge=0, description="Từ sau lượt số (items after this number)")
    limit: int = Field(plans.PAGE, ge=1, le=1000, description="Số dòng mỗi trang (rows)")


class OnPlan(WithWhy):
    """A verb on one plan."""

    plan: str = Field(max_length=100, description="Mã kế hoạch (identifier of the plan)")


class Running(OnPlan):
    """How a plan is to be carried out."""

    steps: tuple[int, ...] = Field((), max_length=50, description="Số lượt của từng bước; bỏ trống: 1, 5, 25, … (sizes of steps)")
    stop_after: int = Field(
        canary.STOP_AFTER, ge=0, description="Tự dừng khi một bước có chừng này lỗi; 0: không tự dừng (failures that stop it)"
    )
    per_minute: int = Field(0, ge=0, description="Số lượt mỗi phút; 0: không giới hạn (deliveries a minute)")


def _plan(hub: Hub, person: Person, asked: Planning) -> Plan:
    choice = Choice(**asked.model_dump(exclude={"verb", "why"}))
    said = {"actor": person.login, "why": asked.why, "viewer": person.login}
    return replays.plan(hub, choice, asked.verb, scope=person.scope, **said)


def _show(hub: Hub, person: Person, asked: Showing) -> Plan | tuple[Plan, ...]:
    if not asked.plan:
        return replays.list_plans(hub, scope=person.scope, limit=min(asked.limit, plans.PAGE))
    return replays.show_plan(hub, asked.plan, after=asked.after, limit=asked.limit, viewer=person.login)


def _run(hub: Hub, person: Person, asked: Running) -> RunState:
    course = Course(steps=asked.steps or canary.STEPS, stop_after=asked.stop_after, per_minute=asked.per_minute)
    return replays.start(hub, asked.plan, course, actor=person.login, why=asked.why)


def _its_endpoints(hub: Hub, asked: OnPlan | Showing) -> Iterable[str]:
    """Name the endpoints of a plan's deliveries; a list gives only the plans that the person sees."""
    if not asked.plan:
        return ()
    with hub.ledger.read() as conn:
        return plans.endpoints_of(conn, asked.plan)


def _on_run(verb: str, switch: Callable[..., RunState]) -> Act[OnPlan]:
    def do(hub: Hub, person: Person, asked: OnPlan) -> RunState:
        return switch(hub, asked.plan, actor=person.login, why=asked.why)

    return Act(verb=verb, asked=OnPlan, touches=_its_endpoints, do=do)


ACTS = (
    Act(verb="replay plan", asked=Planning, do=_plan),
    Act(verb="replay show", asked=Showing, touches=_its_endpoints, do=_show),
    Act(verb="replay run", asked=Running, touches=_its_endpoints, do=_run),
    _on_run("replay pause", replays.pause),
    _on_run("replay resume", replays.resume),
    _on_run("replay cancel", replays.cancel),
)
