"""Verbs on partners: partner show, test, onboard, succeed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, state_name, text
from hub.edge.plain import short
from hub.operations import partners, successions
from hub.operations.partners import Certificate, Overview, Partner, PartnerList
from hub.registers.partner_health import Figures, Health
from hub.registers.partners import PartnerTest, Succession, TestStep
from hub.rules.onboarding import StepState

#: So often it is looked whether a test message is done.
LOOK_SECONDS = 0.2
#: A worker that is free begins a test message within this time.
BEGIN_SECONDS = 10.0

Name = Annotated[str, typer.Argument(metavar="NAME", help="Điểm kết nối (endpoint).")]

partner = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Đối tác: tình trạng, gửi thử, các bước kết nối, chuyển sang hệ thống kế thừa.",
        "Partners: health, test messages, onboarding, succession.",
        "partner show",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(partner, name="partner")
    for name, (verb, vi, en, *examples) in _VERBS.items():
        partner.command(name, help=described(vi, en, *examples))(verb)


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Điểm kết nối; bỏ trống: mọi đối tác (empty: all).")] = "",
    test: Annotated[str, typer.Option(help="Mã lần gửi thử, để xem kết quả (a test message, for its result).")] = "",
    as_json: Json = False,
) -> None:
    """Show one partner, or all."""
    with frame.opened_hub(ctx) as hub:
        if test:
            found = partners.test_of(hub, test)
            frame.show(found, as_json=as_json, people=lambda: _print_test(found))
        elif name:
            one = partners.show(hub, name)
            frame.show(one, as_json=as_json, people=lambda: _print_partner(one))
        else:
            listed = partners.listing(hub)
            frame.show(listed, as_json=as_json, people=lambda: _print_list(listed))


def test(ctx: typer.Context, name: Name, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Have a worker test a partner, and wait for the result; exit code 1 where it did not go well."""
    with frame.opened_hub(ctx) as hub:
        asked = partners.ask_for_test(hub, name, actor=actor or who(), why=why)
        done = _waited_for(hub, asked)
    frame.show(done, as_json=as_json, people=lambda: _print_test(done))
    if not done.ok:
        raise typer.Exit(frame.FAILED)


def _waited_for(hub: Hub, asked: PartnerTest) -> PartnerTest:
    """Look until a worker has done it; one that nobody takes is given back as it stands."""
    until = time.monotonic() + BEGIN_SECONDS + hub.lease_seconds(asked.endpoint)
    found = asked
    while found.state != "done" and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        found = partners.test_of(hub, asked.id)
    return found


def onboard(
    ctx: typer.Context,
    name: Name,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Bước, xem `partner show`; hoặc trial, live (step, trial, live).")],
    why: Why = "",
    evidence: Annotated[str, typer.Option(help="Minh chứng: nơi lưu, số công văn, đầu mối (evidence).")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Rút lại (take it back).")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Đưa vào vận hành dù còn bước chưa xong (go live though steps are open).")
    ] = False,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Tick a step of onboarding."""
    with frame.opened_hub(ctx) as hub:
        found = partners.onboard(
            hub, name, step, done=not undo, evidence=evidence, anyway=anyway, actor=actor or who(), why=why
        )
    frame.show(found, as_json=as_json, people=lambda: _print_checklist(found))


def succeed(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Điểm kết nối cũ (who leaves).")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Điểm kết nối kế thừa (who takes its place).")],
    why: Why = "",
    keeps_data: Annotated[
        bool,
        typer.Option("--keeps-data", help="Hệ thống mới đã có dữ liệu của hệ thống cũ (the new one has the old one's records)."),
    ] = False,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Let one partner take another's place."""
    with frame.opened_hub(ctx) as hub:
        found = successions.succeed(hub, old, new, keeps_data=keeps_data, actor=actor or who(), why=why)
    frame.show(found, as_json=as_json, people=lambda: _print_successions([found]))


# --- output ------------------------------------------------------------------------------------------------------


def _print_list(listed: PartnerList) -> None:
    columns: Mapping[str, Callable[[Overview], object]] = {
        "endpoint": lambda each: each.name,
        "title": lambda each: each.title,
        "standing": _standing,
        "breaker": lambda each: _breaker(each.health),
        "hour": lambda each: _figures(each.health.hour),
        "day": lambda each: _figures(each.health.day),
        "last_success": lambda each: moment(each.health.last_success_at),
        "oldest_due": lambda each: moment(each.health.oldest_due_at),
        "backlog": lambda each: _states(each.health.backlog),
        "heard": lambda each: moment(each.health.heard.at) if each.health.heard else "",
        "opens": lambda each: moment(each.opens_at),
        "certificate": lambda each: "" if each.certificate_days is None else text("days", days=each.certificate_days),
    }
    table(text("t_partners"), columns, listed.partners)
    if listed.successions:
        _print_successions(listed.successions)


def _standing(each: Overview) -> str:
    told = text(f"standing_{each.health.stand.standing}")
    return f"{told} → {each.successor}" if each.successor else told


def _breaker(health: Health) -> str:
    if health.paused:
        return text("paused_by", actor=health.paused_by, why=health.paused_why)
    return "" if health.breaker == "closed" else text(f"breaker_{health.breaker}", until=moment(health.open_until_at))


def _figures(figures: Figures) -> str:
    if figures.success_percent is None:
        return ""
    told = f"{figures.delivered}/{figures.attempts} ({figures.success_percent:g} %)"
    times = f", p50 {figures.p50_ms} ms, p95 {figures.p95_ms} ms" if figures.p50_ms is not None else ""
    return f"{'' if figures.whole else '≥ '}{told}{times}"


def _states(backlog: Mapping[str, int]) -> str:
    return ", ".join(f"{state_name(state)} {count}" for state, count in sorted(backlog.items()))


def _print_partner(one: Partner) -> None:
    _print_list(PartnerList(partners=(one.overview,), successions=(one.succession,) if one.succession else ()))
    failure = one.overview.health.last_failure
    if failure is not None:
        what = failure.error_code or failure.outcome
        frame.line(text("last_failure", at=moment(failure.at), delivery=short(failure.delivery), error=what, told=failure.text))
    if one.succeeded:
        frame.line(text("succeeded", names=", ".join(one.succeeded)))
    columns: Mapping[str, Callable[[Certificate], object]] = {
        "place": lambda each: each.place,
        "subject": lambda each: each.subject,
        "ends": lambda each: moment(each.ends_at),
        "days_left": lambda each: each.days_left,
        "stops": lambda each: choose(each.vi, each.en),
    }
    table(text("t_certificates"), columns, one.certificates)
    _print_checklist(one)
    for each in one.tests[:1]:
        _print_test(each)


def _print_checklist(one: Partner) -> None:
    columns: Mapping[str, Callable[[StepState], object]] = {
        "step": lambda each: each.name,
        "said": lambda each: choose(each.vi, each.en),
        "state": lambda each: text(f"step_{each.state}"),
        "fact": lambda each: choose(each.fact_vi, each.fact_en),
        "actor": lambda each: each.tick.actor if each.tick else "",
        "why": lambda each: each.tick.why if each.tick else "",
    }
    table(text("t_onboarding", name=one.overview.name), columns, one.checklist)


def _print_test(found: PartnerTest) -> None:
    columns: Mapping[str, Callable[[TestStep], object]] = {
        "step": lambda each: text(f"test_{each.name}"),
        "result": lambda each: text("step_done") if each.ok else text("step_failing"),
        "ms": lambda each: each.ms,
        "said": lambda each: choose(each.vi, each.en),
    }
    table(text("t_test", name=found.endpoint, at=moment(found.asked_at)), columns, found.steps)
    if found.state != "done":
        frame.line(text("test_waits", id=found.id))


def _print_successions(listed: Any) -> None:
    columns: Mapping[str, Callable[[Succession], object]] = {
        "endpoint": lambda each: each.old,
        "successor": lambda each: each.new,
        "created": lambda each: moment(each.begun_at),
        "ended": lambda each: moment(each.ended_at),
        "moved": lambda each: text("moved_so_far", chains=each.moved_chains, deliveries=each.moved_deliveries),
        "left": lambda each: _states(each.left),
        "actor": lambda each: each.actor,
        "why": lambda each: each.why,
    }
    table(text("t_successions"), columns, listed)


#: verb -> function, Vietnamese, English, examples.
_VERBS: dict[str, tuple[Any, ...]] = {
    "show": (
        show,
        "Xem tình trạng đối tác: lần gửi được gần nhất, tỷ lệ, thời gian, tồn đọng, chứng thư số, các bước kết nối, kế thừa.",
        "Show how partners are doing: last success, rate, times, backlog, certificates, onboarding, succession.",
        "partner show",
        "partner show dvcqg --json",
    ),
    "test": (
        test,
        "Gửi thử tới đối tác: tìm tên, kết nối, TLS, đăng nhập, tra cứu một mã không tồn tại; không bao giờ gửi hồ sơ.",
        "Test a partner: name, connection, TLS, log-in, a look-up of a number that cannot exist; never a dossier.",
        'partner test dvcqg --why "đối tác báo đã mở lại"',
    ),
    "onboard": (
        onboard,
        "Đánh dấu một bước kết nối đối tác; trial: chỉ gửi hồ sơ thử; live: đưa vào vận hành.",
        "Tick a step of a partner's onboarding; trial: only test dossiers go; live: it goes live.",
        'partner onboard so_moi trial --why "bắt đầu kết nối"',
        'partner onboard so_moi simulator --evidence "biên bản 12/BB" --why "đã đạt"',
        'partner onboard so_moi live --why "đủ các bước"',
    ),
    "succeed": (
        succeed,
        "Chuyển mọi việc của một đối tác sang hệ thống kế thừa: lượt đang chờ chuyển theo thứ tự, không gửi hai lần.",
        "Hand a partner's work over to its successor: what waits is moved in order, nothing is sent twice.",
        'partner succeed tinh_cu tinh_moi --why "sáp nhập từ 01/07"',
    ),
}
