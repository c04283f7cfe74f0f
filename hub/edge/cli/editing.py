"""Verbs of corrections: edit propose, approve, reject, show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, text
from hub.edge.plain import short
from hub.errors import NotAllowed
from hub.operations import edits
from hub.registers import names
from hub.registers.edits import Edit, Editable, EditShown, Field, Shown

edit = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Sửa nội dung một lượt đang dừng rồi gửi: một người đề nghị, người khác duyệt.",
        "Correct what stands still, and send it: one proposes, another approves.",
        'edit propose 3fa9c1d2 --set /dossier/procedure/code=1.000001 --why "sai mã"',
    ),
)

Name = Annotated[str, typer.Argument(metavar="EDIT", help="Mã bản sửa, đủ hoặc phần đầu (correction, or its beginning).")]
Revealed = Annotated[bool, typer.Option("--revealed", help="Hiện cả dữ liệu cá nhân (show personal data too).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(edit, name="edit")
    edit.command(
        "propose",
        help=described(
            "Đề nghị giá trị khác cho các trường của một lượt đang dừng; nơi nhận chỉ cần một người thì áp dụng ngay.",
            "Propose other values for fields of a parked delivery; applied at once where the endpoint needs no second person.",
            'edit propose 3fa9c1d2 --set /dossier/procedure/code=1.000001 --why "sai mã"',
            'edit propose 3fa9c1d2 --values sua.json --why "theo công văn 12"',
        ),
    )(propose)
    edit.command(
        "approve",
        help=described(
            "Duyệt bản sửa do người khác đề nghị: lượt chuyển được lập lại và gửi, đúng chỗ của nó.",
            "Approve a correction that somebody else proposed: the delivery is written anew and sent, in its place.",
            'edit approve 5c1e7a90 --why "đã đối chiếu"',
        ),
    )(approve)
    edit.command(
        "reject",
        help=described(
            "Không duyệt, hoặc rút bản sửa; lượt chuyển giữ nguyên.",
            "Turn a correction down, or withdraw one's own; the delivery stays as it is.",
            'edit reject 5c1e7a90 --why "chưa đủ căn cứ"',
        ),
    )(reject)
    edit.command(
        "show",
        help=described(
            "Xem một bản sửa, hoặc các trường của một lượt chuyển; không nêu mã thì liệt kê các bản sửa.",
            "Show a correction, or the fields of a delivery; without a name, list the corrections.",
            "edit show 5c1e7a90",
        ),
    )(show)


def propose(
    ctx: typer.Context,
    delivery: Annotated[str, typer.Argument(metavar="ID", help="Mã lượt chuyển (delivery).")],
    given: Annotated[
        list[str] | None, typer.Option("--set", help="Đường dẫn trường=giá trị chữ, nhiều lần được (pointer=text; repeatable).")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--values", help="Tệp JSON: đường dẫn -> giá trị, - là đầu vào chuẩn (JSON file: pointer -> value)."),
    ] = None,
    revealed: Revealed = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Propose a correction."""
    values: dict[str, Any] = {**_read(file), **frame.pairs(given or ())}

    def verb(hub: Hub) -> EditShown:
        with hub.ledger.read() as conn:
            found = names.delivery_id(conn, delivery)
        return edits.propose(hub, found, values, actor=actor or who(), why=why)

    _act(ctx, verb, revealed, as_json)


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    body = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotAllowed(f"{file} is no JSON object", f"{file} không phải đối tượng JSON", where="values")
    return found


def approve(
    ctx: typer.Context, name: Name, revealed: Revealed = False, why: Why = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Approve a correction."""
    _act(ctx, lambda hub: edits.approve(hub, name, actor=actor or who(), why=why), revealed, as_json)


def reject(ctx: typer.Context, name: Name, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Turn a correction down."""
    _act(ctx, lambda hub: edits.reject(hub, name, actor=actor or who(), why=why), False, as_json)


def _act(ctx: typer.Context, verb: Callable[[Hub], EditShown], revealed: bool, as_json: bool) -> None:
    with frame.opened_hub(ctx) as hub:
        done = verb(hub)
        if revealed:
            done = edits.show(hub, done.edit.id, revealed=True)
    frame.show(done, as_json=as_json, people=lambda: _print_edit(done))


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[EDIT|ID]", help="Mã bản sửa hoặc lượt chuyển (correction or delivery).")] = "",
    state: Annotated[str, typer.Option(help="Chỉ: proposed, applied, rejected, overtaken (only these).")] = "",
    revealed: Revealed = False,
    as_json: Json = False,
) -> None:
    """Show a correction, the fields of a delivery, or a list."""
    with frame.opened_hub(ctx) as hub:
        if not name:
            listed = edits.listing(hub, state=state)
            frame.show(listed, as_json=as_json, people=lambda: _print_edits(listed))
            return
        try:
            shown = edits.show(hub, name, revealed=revealed)
        except NotAllowed:
            with hub.ledger.read() as conn:
                found = names.delivery_id(conn, name)
            fields = edits.editable(hub, found, revealed=revealed)
            frame.show(fields, as_json=as_json, people=lambda: _print_fields(fields))
            return
    frame.show(shown, as_json=as_json, people=lambda: _print_edit(shown))


# --- output ------------------------------------------------------------------------------------------------------


def _print_edits(listed: Iterable[Edit]) -> None:
    columns: Mapping[str, Callable[[Edit], object]] = {
        "id": lambda each: short(each.id),
        "state": lambda each: text(f"edit_state_{each.state}"),
        "delivery": lambda each: short(each.delivery_id),
        "endpoint": lambda each: each.endpoint,
        "subject": lambda each: each.subject,
        "field": lambda each: ", ".join(each.paths),
        "proposed_by": lambda each: each.proposed_by,
        "created": lambda each: moment(each.proposed_at),
        "why": lambda each: each.why,
        "decided_by": lambda each: each.decided_by,
    }
    table(text("t_edits"), columns, listed)


def _print_edit(shown: EditShown) -> None:
    _print_edits([shown.edit])
    columns: Mapping[str, Callable[[Shown], object]] = {
        "pointer": lambda each: each.path,
        "before": lambda each: _plain(each.before),
        "after": lambda each: _plain(each.after),
    }
    table(text("t_changes"), columns, shown.changes)
    if shown.problem_vi:
        frame.line(text("edit_problem", problem=choose(shown.problem_vi, shown.problem_en)))
    if shown.stands:
        frame.line(text("edit_next", id=short(shown.edit.id)))
    elif shown.edit.state == "proposed":
        frame.line(text("edit_moved"))


def _print_fields(fields: Editable) -> None:
    columns: Mapping[str, Callable[[Field], object]] = {
        "pointer": lambda each: each.path,
        "value": lambda each: _plain(each.value),
        "state": lambda each: text("fixed") if each.fixed else "",
    }
    table(text("t_fields"), columns, fields.fields)
    if not fields.editable:
        frame.line(choose(fields.why_not_vi, fields.why_not_en))
    _print_edits(fields.edits)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
