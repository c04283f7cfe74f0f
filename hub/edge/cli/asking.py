"""Verbs by which somebody asks a partner, or tells it figures: partner lookup, codes pull, statistics send."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.codes import codes
from hub.edge.cli.frame import Actor, Json, Why, described, table, who
from hub.edge.cli.partners import partner
from hub.edge.cli.statistics import statistics
from hub.edge.cli.texts import choose, state_name, text
from hub.edge.plain import short
from hub.errors import NotAllowed
from hub.reconcile import figures, looking_up, partner_codes
from hub.reconcile.figures import AgencySent, FiguresSent
from hub.reconcile.looking_up import Answered, FileKept, Question
from hub.reconcile.partner_codes import CodeDifference, ListPulled

#: Records that are printed for people; ``--json`` gives all.
PRINTED = 50
_Partner = Annotated[str, typer.Argument(metavar="PARTNER", help="Điểm kết nối (endpoint).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room to their groups."""
    partner.command("lookup", help=described(*_LOOK_UP))(look_up)
    codes.command("pull", help=described(*_CODES))(pull_codes)
    statistics.command("send", help=described(*_SEND))(send)


_LOOK_UP = (
    "Tra cứu ở đối tác: hồ sơ, thủ tục, mã tài khoản, quyết định, danh mục, kết quả, tệp; không nêu dịch vụ thì liệt kê. Tệp lấy "
    "về vào kho tệp của trục.",
    "Look something up at a partner: dossier, procedure, account, decision, categories, results, files; without a service, what "
    "can be asked. A file goes into the payload store.",
    "partner lookup dvcqg",
    'partner lookup dvcqg LayQDCB idQDCB=QD-0001 --why "đối chiếu quyết định công bố"',
    'partner lookup dvcqg getfile DuongDan=/kho/1.pdf --out 1.pdf --why "bên nhận báo thiếu tệp"',
)
_CODES = (
    "Lấy danh mục mã của đối tác và xem khác gì danh mục của trục; --take cập nhật từ hôm nay, dòng cũ vẫn giữ ngày hiệu lực.",
    "Fetch a partner's lists of codes and show how they differ from the hub's; --take lays the differences over it from today, "
    "and rows before keep their days.",
    'codes pull dvcqg LayDanhMucLinhVuc --why "kiểm tra hằng tháng"',
    'codes pull dvcqg --take --why "cập nhật danh mục"',
)
_SEND = (
    "Gửi số liệu một tháng (biểu II.06a đã lập) cho đối tác, mỗi cơ quan một thông điệp; gọi lại chỉ gửi phần đã thay đổi.",
    "Send a partner a month's figures (form II.06a as it was made), a message for each agency; again, only what changed is sent.",
    'statistics send dvcqg --period 2026-03 --why "báo cáo tháng 3"',
)


def look_up(
    ctx: typer.Context,
    name: _Partner,
    service: Annotated[str, typer.Argument(metavar="[SERVICE]", help="Dịch vụ, theo tên của đối tác (service).")] = "",
    asked: Annotated[list[str] | None, typer.Argument(metavar="[FIELD=VALUE]", help="Hỏi theo (asked by).")] = None,
    give_to: Annotated[
        str, typer.Option("--give-to", help="Cho điểm kết nối này đọc tệp lấy về (who may read the file, too).")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Ghi tệp lấy về ra đây (write the file here, too).")] = None,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Look something up at a partner."""
    with frame.opened_hub(ctx) as hub:
        if not service:
            found = Answered(endpoint=name, questions=looking_up.questions(hub, name))
        else:
            given = frame.pairs(asked or ())
            found = looking_up.ask(hub, name, service, given, give_to=give_to, actor=actor or who(), why=why)
            if out is not None:
                _write(hub, found.file, out)
    frame.show(found, as_json=as_json, people=lambda: _print_answer(found))


def _write(hub: Hub, kept: FileKept | None, out: Path) -> None:
    reading = hub.payloads.open(kept.digest) if kept is not None else None
    if reading is None:
        raise NotAllowed("the answer is no file", "trả lời không phải là tệp", where="--out")
    try:
        with out.open("xb") as file:
            while piece := reading.read():
                file.write(piece)
    finally:
        reading.close()


def pull_codes(
    ctx: typer.Context,
    name: _Partner,
    list_name: Annotated[str, typer.Argument(metavar="[LIST]", help="Chỉ danh mục này (only this list of its).")] = "",
    take: Annotated[bool, typer.Option("--take", help="Cập nhật danh mục của trục từ hôm nay (take it over).")] = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Pull a partner's lists of codes."""
    with frame.opened_hub(ctx) as hub:
        found = partner_codes.pull(hub, name, list_name, take=take, actor=actor or who(), why=why)
    frame.show(found, as_json=as_json, people=lambda: _print_lists(found))


def send(
    ctx: typer.Context,
    name: _Partner,
    period: Annotated[str, typer.Option("--period", help="Tháng (month): 2026-03.")],
    agency: Annotated[str, typer.Option("--agency", help="Cơ quan, gồm cả đơn vị trực thuộc (agency, with those below).")] = "",
    kind: Annotated[str, typer.Option("--kind", help="LoaiThongKe, theo thỏa thuận với nơi nhận (as agreed).")] = "",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Send a month's figures."""
    with frame.opened_hub(ctx) as hub:
        done = figures.send(hub, name, period, agency=agency, kind=kind, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_sent(done))


# --- output ------------------------------------------------------------------------------------------------------


def _print_answer(found: Answered) -> None:
    if not found.service:
        columns: Mapping[str, Callable[[Question], object]] = {
            "service": lambda each: each.service,
            "title": lambda each: choose(each.vi, each.en),
            "lookup_fields": lambda each: ", ".join(f"{one}*" if one in each.required else one for one in each.fields),
            "lookup_gives": lambda each: text("lookup_file" if each.gives_file else "lookup_records"),
        }
        table(text("t_lookups"), columns, found.questions)
        return
    if found.file is not None:
        frame.line(text("lookup_kept", digest=found.file.digest, size=found.file.size, address=found.file.address))
        return
    for record in found.records[:PRINTED]:
        frame.line(json.dumps(record, ensure_ascii=False))
    frame.line(text("lookup_count", count=len(found.records), shown=min(PRINTED, len(found.records))))


def _print_lists(found: tuple[ListPulled, ...]) -> None:
    for each in found:
        _print_list(each)


def _print_list(found: ListPulled) -> None:
    columns: Mapping[str, Callable[[CodeDifference], object]] = {
        "code": lambda each: each.code,
        "what": lambda each: text(f"code_{each.what}"),
        "name": lambda each: each.name,
        "code_before": lambda each: each.before,
    }
    table(f"{found.service} → {found.list_name}", columns, found.differences)
    counts = {"fetched": found.fetched, "same": found.same, "different": len(found.differences)}
    frame.line(text("codes_pulled", **counts))
    if found.faulty:
        frame.line(text("codes_faulty", codes=", ".join(found.faulty[:PRINTED]), count=len(found.faulty)))
    frame.line(text("codes_not_taken") if found.taken is None else text("codes_taken", count=found.taken))


def _print_sent(done: FiguresSent) -> None:
    columns: Mapping[str, Callable[[AgencySent], object]] = {
        "agency": lambda each: each.agency,
        "title": lambda each: each.name,
        "form_3": lambda each: each.figures.total,
        "form_7": lambda each: each.figures.done,
        "form_11": lambda each: each.figures.open,
        "sent": lambda each: text(f"figures_{each.outcome}"),
        "state": lambda each: state_name(each.state) if each.state else "",
        "message": lambda each: short(each.message),
    }
    table(f"II.06a · {done.period} → {done.endpoint}", columns, done.agencies)
    if done.left_out:
        frame.line(text("figures_left_out", count=done.left_out))
