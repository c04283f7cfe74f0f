"""Verbs of border documents: border list, border show, border print, border copy, border decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, english, text
from hub.operations import border as verbs
from hub.operations.border import Copied, Seen
from hub.registers import border_words
from hub.registers.border import Amount, Asked, BorderPage, BorderRow, BorderShown, Clock, EventShown, ItemShown, UseShown
from hub.registers.border_deliveries import BorderDelivery
from hub.registers.border_print import number as digits
from hub.registers.border_units import unit_name
from hub.registers.words import STATES, Words, called

border = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Chứng từ qua biên giới: C/O mẫu D, giấy chứng nhận kiểm dịch thực vật, tờ khai hải quan ASEAN.",
        "Border documents: Form D, phytosanitary certificates, ASEAN customs declarations.",
        "border list --clock answer",
    ),
)
_Name = Annotated[
    str,
    typer.Argument(
        metavar="DOCUMENT", help="Loại:nước cấp:số, ví dụ 'origin:VN:VN-ID 26/02/00017' (document:issuing country:number)."
    ),
]
_Clock = Annotated[
    str, typer.Option("--clock", help="Xếp theo thời hạn: answer, hop, expiry (by this clock, the most urgent first).")
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(border, name="border")


@border.command(
    "list",
    help=described(
        "Liệt kê chứng từ, thay đổi gần nhất trước; --clock: hết hạn sớm nhất trước; --mark: có việc cần cán bộ xem xét.",
        "List documents, the last change first; --clock: what ends first; --mark: what an officer must look at.",
        "border list --document origin --country ID",
        "border list --clock answer",
        "border list --mark over_used",
    ),
)
def listing(
    ctx: typer.Context,
    document: Annotated[str, typer.Option("--document", help="origin (C/O mẫu D, Form D), phyto, declaration.")] = "",
    state: Annotated[str, typer.Option("--state", help="Tình trạng: issued, given, cancelled … (business state).")] = "",
    country: Annotated[str, typer.Option("--country", help="Nước đối tác, hai chữ cái (the other country).")] = "",
    clock: _Clock = "",
    mark: Annotated[str, typer.Option("--mark", help="Việc cần xem xét: differs, over_used … (an open mark).")] = "",
    number: Annotated[str, typer.Option("--number", help="Phần đầu của số chứng từ (beginning of the number).")] = "",
    after: Annotated[str, typer.Option("--after", help="Trang tiếp theo, như đã in ra (the next page, as printed).")] = "",
    rows: Annotated[int, typer.Option("--rows", min=1, max=200, help="Số dòng (rows).")] = 50,
    as_json: Json = False,
) -> None:
    """List border documents."""
    what = Asked(document=document, state=state, country=country.upper(), mark=mark, number=number)
    wanted = replace(what, clock=_clock(clock), after=after, rows=rows)
    with frame.opened_hub(ctx) as hub:
        found = verbs.listed(hub, wanted)
    frame.show(found, as_json=as_json, people=lambda: _print_list(found))


def _clock(given: str) -> Clock:
    names: Mapping[str, Clock] = {"": "", "answer": "answer", "hop": "hop", "expiry": "expiry"}
    if given not in names:
        raise typer.BadParameter("answer, hop, expiry", param_hint="--clock")
    return names[given]


@border.command(
    "show",
    help=described(
        "Xem một chứng từ: chặng đường, phản hồi, lượng đã sử dụng của từng mục, thời hạn, diễn biến. Không hiện nội dung.",
        "Show a document: its way, answers, used quantities, clocks, history. Its content is not shown.",
        "border show 'origin:VN:VN-ID 26/02/00017'",
    ),
)
def show(ctx: typer.Context, document: _Name, as_json: Json = False) -> None:
    """Show one border document."""
    with frame.opened_hub(ctx) as hub:
        found = verbs.show(hub, document)
    frame.show(found, as_json=as_json, people=lambda: _print_one(found))


@border.command(
    "print",
    help=described(
        "Lập bản in A4 (HTML) của chứng từ; ai xem và vì sao được ghi vào nhật ký.",
        "Make the print (HTML, A4) of a document; who saw it and why stands in the journal.",
        "border print 'origin:VN:VN-ID 26/02/00017' --output mau-d.html --why \"hải quan đề nghị đối chiếu\"",
    ),
)
def printed(
    ctx: typer.Context,
    document: _Name,
    output: Annotated[Path, typer.Option("--output", help="Tệp HTML ghi ra (the HTML file to write).")],
    in_language: Annotated[str, typer.Option("--language", help="vi hoặc en (vi or en).")] = "vi",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Print one border document."""
    if in_language not in ("vi", "en"):
        raise typer.BadParameter("vi, en", param_hint="--language")
    chosen: Literal["vi", "en"] = "vi" if in_language == "vi" else "en"
    with frame.opened_hub(ctx) as hub:
        found = verbs.printed(hub, document, chosen, actor=actor or who(), why=why)
    # The templates take a third of a second to load, which no other verb should pay.
    from hub.edge import printing  # noqa: PLC0415

    output.write_text(printing.page(found), encoding="utf-8")
    written = {"file": str(output), "document": found.shown.row.key}
    frame.show(written, as_json=as_json, people=lambda: frame.line(text("border_printed", file=output)))


@border.command(
    "copy",
    help=described(
        "Truyền lại chứng từ do ta cấp khi nước nhập khẩu đề nghị (đúng chứng từ đó, đúng số đó).",
        "Send a document of ours again when the importing country asks for it: the same document, the same number.",
        "border copy 'origin:VN:VN-ID 26/02/00017' --why \"hải quan Indonesia đề nghị truyền lại\"",
    ),
)
def copy(ctx: typer.Context, document: _Name, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Send one border document again."""
    with frame.opened_hub(ctx) as hub:
        found = verbs.copy(hub, document, actor=actor or who(), why=why)
    frame.show(found, as_json=as_json, people=lambda: _print_copied(found))


@border.command(
    "decide",
    help=described(
        "Ghi quyết định của cán bộ: late_accepted (chấp nhận nộp muộn), hoặc việc đã xem xét (differs, over_used …).",
        "Record an officer's decision: late_accepted, or the mark that was looked at (differs, over_used …).",
        "border decide 'origin:TH:TH-VN 25/01/00009' late_accepted --why \"hàng đến trong hạn, công văn 12\"",
    ),
)
def decide(
    ctx: typer.Context,
    document: _Name,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="Quyết định (what was decided).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Decide on one border document."""
    with frame.opened_hub(ctx) as hub:
        found = verbs.decide(hub, document, decision, actor=actor or who(), why=why)
    frame.show(found, as_json=as_json, people=lambda: _print_one(found))


# --- output ------------------------------------------------------------------------------------------------------


def _said(words: Mapping[str, Words], name: str) -> str:
    return choose(*called(words, name)) if name else ""


def _print_list(found: BorderPage) -> None:
    columns: Mapping[str, Callable[[BorderRow], object]] = {
        "border_document": lambda each: _said(border_words.SHORT_DOCUMENTS, each.document),
        "border_number": lambda each: f"{each.issuing_country}:{each.number}",
        "border_to": lambda each: each.importing_country,
        "state": lambda each: _said(border_words.STATES, each.state),
        "border_technical": lambda each: " ".join(filter(None, (each.hop, _said(border_words.TECHNICAL, each.technical)))),
        "border_answer_due": lambda each: moment(each.answer_due) if each.answer_due else "",
        "border_expires": lambda each: moment(each.expires_at) if each.expires_at else "",
        "border_marks": lambda each: ", ".join(_said(border_words.MARKS, mark) for mark in each.marks),
    }
    table(text("t_border"), columns, found.rows)
    if found.following:
        frame.line(text("border_more", after=found.following))


def _print_one(found: Seen) -> None:
    shown = found.shown
    _print_head(shown)
    _print_items(shown)
    _print_history(shown)
    if found.deliveries:
        columns: Mapping[str, Callable[[BorderDelivery], object]] = {
            "delivery": lambda each: each.id,
            "endpoint": lambda each: each.endpoint,
            "service": lambda each: each.service,
            "state": lambda each: _said(STATES, each.state),
            "error": lambda each: each.error_code,
            "last": lambda each: moment(each.updated_at),
        }
        table(text("t_border_deliveries"), columns, found.deliveries)


def _print_head(shown: BorderShown) -> None:
    row = shown.row
    frame.line(f"{_said(border_words.DOCUMENTS, row.document)} {row.number}")
    frame.line(text("border_way", origin=row.issuing_country, to=row.importing_country or "–", dossier=row.dossier or "–"))
    stands = {"state": _said(border_words.STATES, row.state), "technical": _said(border_words.TECHNICAL, row.technical)}
    frame.line(text("border_state", **stands))
    reached = (f"{each.hop} {moment(each.at)}" for each in shown.hops if each.at is not None)
    if hops := ", ".join(reached):
        frame.line(text("border_hops", hops=hops))
    for name in ("answer_due", "hop_due", "expires_at"):
        if (ends := getattr(row, name)) is not None:
            frame.line(text(f"border_line_{name}", moment=moment(ends)))
    for mark in shown.marks:
        if mark.closed_at is None:
            named = _said(border_words.MARKS, mark.mark)
            frame.line(text("border_mark", mark=named, name=mark.mark, since=moment(mark.since)))


def _print_items(shown: BorderShown) -> None:
    columns: Mapping[str, Callable[[ItemShown], object]] = {
        "border_item": lambda each: each.number,
        "border_hs": lambda each: each.hs_code,
        "border_certified": lambda each: ", ".join(map(_amount, each.certified)),
        "border_used": lambda each: ", ".join(map(_amount, each.used)),
        "border_over": lambda each: text("border_is_over") if each.over else "",
    }
    if shown.items:
        table(text("t_border_items"), columns, shown.items)
    uses: Mapping[str, Callable[[UseShown], object]] = {
        "border_declaration": lambda each: each.declaration,
        "border_item": lambda each: each.item or "",
        "border_result": lambda each: _said(border_words.RESULTS, each.result),
        "border_used": lambda each: _amount(each.used) if each.used else "",
        "border_reason": lambda each: each.reason_code,
        "last": lambda each: moment(each.at),
    }
    if shown.uses:
        table(text("t_border_uses"), uses, shown.uses)


def _amount(given: Amount) -> str:
    return f"{digits(given.value)} {unit_name(given.unit, 'en' if english() else 'vi')}".strip()


def _print_history(shown: BorderShown) -> None:
    columns: Mapping[str, Callable[[EventShown], object]] = {
        "border_at": lambda each: moment(each.recorded_at),
        "border_event": lambda each: _said(border_words.EVENTS, each.event),
        "border_detail": lambda each: _said(border_words.DETAILS, each.detail),
        "border_effect": lambda each: _said(border_words.EFFECTS, each.effect),
        "endpoint": lambda each: each.endpoint,
        "message": lambda each: each.message_id,
    }
    table(text("t_border_history"), columns, shown.history)


def _print_copied(found: Copied) -> None:
    for endpoint, delivery in found.deliveries.items():
        frame.line(text("border_copied", endpoint=endpoint, delivery=delivery))
