"""Verbs that find and look over: status, find, timeline, doubts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from hub import bootstrap
from hub.app import UNROUTED
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, described, moment, table, who
from hub.edge.cli.texts import choose, state_name, text
from hub.edge.plain import short
from hub.errors import NotAllowed
from hub.operations import counting, indexing
from hub.registers import border_words, finding, flow
from hub.registers import doubts as doubt_list
from hub.registers import timeline as timelines
from hub.registers.doubts import Doubt, Doubts
from hub.registers.finding import LONGEST, SECTIONS, Found, Hit, Place, Sought
from hub.registers.flow import Partner, Status
from hub.registers.timeline import Chain, Entry, TimelinePage
from hub.registers.trade import TradeShown, VersionShown
from hub.registers.words import called
from hub.settings import Settings

Endpoint = Annotated[str, typer.Option(help="Chỉ điểm kết nối này (only this endpoint).")]
After = Annotated[str, typer.Option(help="Trang sau: nội dung `next` của trang trước (where the last page ended).")]
#: Nobody says why for a search; only the index is kept in the journal.
IndexWhy = Annotated[
    str, typer.Option("--why", help="Lý do, ghi vào nhật ký; bắt buộc khi có --index (reason; required with --index only).")
]
Limit = Annotated[int, typer.Option(min=1, max=200, help="Số dòng nhiều nhất (at most so many).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    for name, (verb, vi, en, *examples) in _VERBS.items():
        app.command(name, help=described(vi, en, *examples))(verb)


# --- status ------------------------------------------------------------------------------------------------------


def status(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=7, help="Số ngày (of so many days).")] = 1,
    as_json: Json = False,
) -> None:
    """Show the figures of the front page."""
    with frame.opened_hub(ctx) as hub:
        counting.count_hours(hub, most=24 * days)
        titles = {UNROUTED: "", **{name: each.title for name, each in hub.endpoints.items()}}
        open_now = {budget.endpoint for budget in hub.budgets()}
        with hub.ledger.read() as conn:
            found = flow.status(conn, titles, hours=24 * days, scope=None, now=hub.now(), open_now=open_now)
    if not as_json:
        frame.tell_idle(found.running)
    frame.show(found, as_json=as_json, people=lambda: _print_status(found, days))


def _print_status(found: Status, days: int) -> None:
    columns: Mapping[str, Callable[[Partner], object]] = {
        "endpoint": lambda each: each.endpoint,
        "accepted": lambda each: each.flow.accepted_sum or "",
        "refused": lambda each: each.flow.refused_sum or "",
        "delivered": lambda each: each.flow.delivered_sum or "",
        "parked": lambda each: each.parked or "",
        "in_doubt": lambda each: each.in_doubt or "",
        "waiting": lambda each: each.waiting or "",
        "held": lambda each: each.held or "",
        "on_the_way": lambda each: each.on_the_way or "",
        "oldest_due": lambda each: moment(each.oldest_due_at),
        "state": _standing,
    }
    table(text("t_status", hours=24 * days), columns, found.partners)
    if found.dispatch_late_seconds:
        frame.line(text("dispatch_late", seconds=int(found.dispatch_late_seconds)))
    if found.uncounted_hours:
        frame.line(text("hours_uncounted", count=found.uncounted_hours))


def _standing(partner: Partner) -> str:
    paused = text("paused_by", actor=partner.paused_by, why=partner.paused_why) if partner.paused else ""
    return "; ".join(filter(None, (paused, text(f"unreachable_{partner.breaker}") if partner.breaker != "closed" else "")))


# --- find --------------------------------------------------------------------------------------------------------


def find(
    ctx: typer.Context,
    sought: Annotated[
        str,
        typer.Argument(metavar="[TEXT]", help="Nội dung tìm; bỏ trống thì đọc từ bàn phím, không hiện (else asked for)."),
    ] = "",
    section: Annotated[str, typer.Option(help=f"Chỉ mục này (only this section): {', '.join(SECTIONS)}.")] = "",
    after: After = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="Số dòng nhiều nhất của mỗi mục (in each section).")] = 20,
    index: Annotated[
        bool, typer.Option("--index", help="Lập chỉ mục số định danh của thông điệp cũ (index the numbers of older messages).")
    ] = False,
    why: IndexWhy = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Find, or fill the index of applicants' numbers."""
    if index:
        _index(ctx, actor, why, as_json)
        return
    given = _given(sought)
    settings = frame.settings(ctx)
    question = Sought(text=given, places=_places(settings), key=bootstrap.number_key(settings), now=time.time())
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = finding.find(conn, question, section=section, after=after, limit=limit)
    frame.show(found, as_json=as_json, people=lambda: _print_found(found))


def _given(sought: str) -> str:
    """Take what is sought; a person's number is better typed than written on the command line, which others see."""
    given = sought or (typer.prompt(text("ask_sought"), hide_input=True) if sys.stdin.isatty() else sys.stdin.readline())
    given = given.strip()
    if not 0 < len(given) <= LONGEST:
        vi, en = f"hãy nêu nội dung tìm: 1 đến {LONGEST} ký tự", f"say what to find: 1 to {LONGEST} letters"
        raise NotAllowed(en, vi, where="find")
    return given


def _places(settings: Settings) -> dict[str, Place]:
    return {name: Place(title=each.title, agency_code=each.agency_code) for name, each in settings.endpoints.items()}


def _index(ctx: typer.Context, actor: str, why: str, as_json: bool) -> None:
    with frame.opened_hub(ctx) as hub:
        done = indexing.index(hub, actor=actor or who(), why=why)
    said = {"messages": done.messages, "numbers": done.numbers, "forgotten": done.forgotten}
    frame.show(done, as_json=as_json, people=lambda: frame.line(text("indexed", **said)))


def _print_found(found: Found) -> None:
    columns: Mapping[str, Callable[[Hit], object]] = {
        "what_kind": lambda hit: text(f"kind_{hit.kind}"),
        "id": lambda hit: short(hit.id) if hit.kind in ("message", "delivery") else hit.id,
        "title": lambda hit: hit.title if hit.title != hit.id else "",
        "endpoint": lambda hit: hit.endpoint,
        "state": _state,
        "moment": lambda hit: moment(hit.at),
        "why_found": lambda hit: choose(hit.why_vi, hit.why_en),
    }
    for each in found.sections:
        table(choose(each.vi, each.en), columns, each.hits)
        if each.next:
            frame.line(text("find_more", section=each.name, after=each.next))
    if not found.sections:
        frame.line(text("found_nothing"))
    if found.looks_like_number and found.number_search == "off":
        frame.line(text("numbers_off"))


def _state(hit: Hit) -> str:
    if hit.state in ("accepted", "refused"):
        return text(hit.state)
    return state_name(hit.state) if hit.kind in ("delivery", "group") else hit.state


# --- timeline ----------------------------------------------------------------------------------------------------


def timeline(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CODE|ID", help="Mã hồ sơ, mã thông điệp hoặc lượt chuyển.")],
    newest: Annotated[bool, typer.Option("--newest", help="Mới nhất trước (the newest first).")] = False,
    after: After = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Tell what happened to one dossier, in order."""
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = timelines.page(conn, name, after=after, limit=limit, newest=newest, scope=None)
    frame.show(found, as_json=as_json, people=lambda: _print_timeline(found))


def _print_timeline(found: TimelinePage) -> None:
    columns: Mapping[str, Callable[[Entry], object]] = {
        "number": lambda each: each.number,
        "moment": lambda each: moment(each.at),
        "event": lambda each: choose(each.vi, each.en),
        "endpoint": lambda each: each.endpoint,
        "delivery": lambda each: short(each.delivery_id),
        "actor": lambda each: each.actor,
        "why": lambda each: each.why,
        "entry": _facts,
        "changes": lambda each: len(each.changes) or "",
    }
    if found.trade is not None:
        _print_trade(found.trade)
    for each in found.border:
        state = choose(*called(border_words.STATES, each.state))
        frame.line(text("timeline_border", name=each.key.removeprefix("border:"), state=state))
    table(text("t_timeline", name=found.subject, total=found.total), columns, found.entries)
    if found.next:
        frame.line(text("list_more", after=found.next))
    of_chain: Mapping[str, Callable[[Chain], object]] = {
        "endpoint": lambda each: each.endpoint,
        "deliveries": lambda each: each.places,
        "done": lambda each: each.done,
        "delivery": lambda each: short(each.head_id),
        "state": lambda each: state_name(each.head_state) if each.head_state else "",
        "error": lambda each: each.head_error,
        "followers": lambda each: each.waiting or "",
    }
    table(text("t_chains"), of_chain, found.chains)


def _print_trade(found: TradeShown) -> None:
    frame.line(text("trade_stage", stage=choose(found.vi, found.en)))
    for name, linked in (("trade_replaces", found.replaces), ("trade_replaced", found.replaced_by)):
        if linked is not None:
            frame.line(text(name, name=linked.key))
    if found.answer_due is not None:
        frame.line(text("trade_due", moment=moment(found.answer_due)))
    of_version: Mapping[str, Callable[[VersionShown], object]] = {
        "version": lambda each: each.number,
        "state": lambda each: choose(each.vi, each.en),
        "event": lambda each: choose(each.event_vi, each.event.replace("_", " ")),
        "moment": lambda each: moment(each.at),
        "changes": lambda each: ", ".join(each.changed) + (" …" if each.more else "") if each.kept else text("trade_not_kept"),
    }
    table(text("t_trade_versions"), of_version, found.versions)


def _facts(entry: Entry) -> str:
    told = {name: value for name, value in entry.facts.items() if name not in ("identity", "kind", "state_now")}
    return ", ".join(f"{name}={value}" for name, value in told.items())


# --- doubts ------------------------------------------------------------------------------------------------------


def doubts(ctx: typer.Context, endpoint: Endpoint = "", after: After = "", limit: Limit = 50, as_json: Json = False) -> None:
    """List what is in doubt."""
    settings = frame.settings(ctx)
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = doubt_list.doubts(
            conn, endpoint=endpoint, after=after, limit=limit, scope=None, on_doubt=lambda *named: declared(settings, *named)
        )
        frame.tell_if_idle(conn, time.time(), as_json=as_json)
    frame.show(found, as_json=as_json, people=lambda: _print_doubts(found))


def declared(settings: Settings, endpoint: str, service: str, variant: str) -> str:
    """Give what a service declares; where its endpoint is gone, nobody declares anything."""
    known = settings.endpoints.get(endpoint)
    return known.outbound.service(service, variant).on_doubt if known is not None and known.outbound is not None else "park"


def _print_doubts(found: Doubts) -> None:
    columns: Mapping[str, Callable[[Doubt], object]] = {
        "id": lambda each: short(each.id),
        "doubt_since": lambda each: moment(each.since_at),
        "endpoint": lambda each: each.endpoint,
        "subject": lambda each: each.subject,
        "service": lambda each: "/".join(filter(None, (each.service, each.variant))),
        "inquiries": lambda each: each.inquiries or "",
        "asked_next": lambda each: moment(each.asks_at),
        "followers": lambda each: each.followers or "",
        "possible_verbs": lambda each: ", ".join(each.verbs),
    }
    table(text("t_in_doubt"), columns, found.rows)
    if found.next:
        frame.line(text("list_more", after=found.next))


#: verb -> function, Vietnamese, English, examples.
_VERBS: dict[str, tuple[Any, ...]] = {
    "status": (
        status,
        "Tổng quan: đã nhận, đã chuyển trong 24 giờ (hoặc nhiều ngày), những gì đang dừng, chưa rõ, đang chờ, theo đối tác.",
        "Overview: what came and went in 24 hours (or some days), what is parked, in doubt, waiting, by partner.",
        "status --days 7",
    ),
    "find": (
        find,
        "Tìm theo bất cứ nội dung nào: mã hồ sơ (cả phần đầu), số định danh hoặc mã số thuế của người nộp, thủ tục, cơ quan, "
        "mã thông điệp, lượt chuyển, mã phía đối tác, mã băm, nội dung lỗi. Số định danh nên gõ khi được hỏi.",
        "Find by anything: a dossier's number (or its beginning), an applicant's number, a procedure, an agency, identifiers, a "
        "digest, words of an error. Better type a person's number when asked than write it on the command line.",
        "find 000.00.01.H55-260302",
        'find --index --why "chỉ mục cho dữ liệu trước khi nâng cấp"',
    ),
    "timeline": (
        timeline,
        "Diễn biến một hồ sơ qua các hệ thống, theo thứ tự: ai gửi gì, kết luận chữ ký, các lần gửi, trả lời, thao tác.",
        "What happened to a dossier across systems, in order: who sent what, verdicts, attempts, answers, people's verbs.",
        "timeline 000.00.01.H55-260302-0001",
    ),
    "doubts": (
        doubts,
        "Các lượt chưa rõ kết quả, lâu nhất trước: đã hỏi mấy lần, có thể làm gì.",
        "Deliveries in doubt, the oldest first: how often the partner was asked, and what can be done.",
        "doubts --endpoint dvcqg",
    ),
}
