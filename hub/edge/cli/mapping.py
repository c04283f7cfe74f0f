"""Verbs of code lists: mapping show, set, remove, export."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Annotated

import typer

from hub.canonical.codes import CodeRow
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import text
from hub.errors import NotAllowed
from hub.operations import mappings
from hub.operations.mappings import Mapped, Unmapped
from hub.registers import codes
from hub.registers.codes import CodeList, Lists, ListSummary, MappedRow, Missing

mapping = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Danh mục mã: tệp trong config/codes/ là gốc, dòng bổ sung trong sổ cái có hiệu lực ngay ở mọi máy.",
        "Code lists: the files in config/codes/ are the base; rows added in the ledger hold at once, on every machine.",
        'mapping set procedures 1.012345 1.000999 --why "thủ tục mới"',
    ),
)

List = Annotated[str, typer.Argument(metavar="LIST", help="Danh mục, tên tệp không có .csv (code list).")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="Mã (code).")]
From = Annotated[str, typer.Option("--from", help="Hiệu lực từ ngày, dạng 2026-03-02 (holds from this day on).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(mapping, name="mapping")
    mapping.command(
        "show",
        help=described(
            "Xem các danh mục và mã còn thiếu; nêu danh mục thì xem từng dòng và nguồn của dòng.",
            "Show the code lists and the codes that are missing; of one list, its rows and where each comes from.",
            "mapping show procedures --code 1.0123",
        ),
    )(show)
    mapping.command(
        "set",
        help=described(
            "Bổ sung hoặc sửa một mã trong sổ cái; cho biết những lượt đang dừng sẽ hết lỗi.",
            "Add or change a code in the ledger; says which parked deliveries that cures.",
            'mapping set procedures 1.012345 1.000999 --name "Cấp đổi giấy phép" --why "thủ tục mới"',
        ),
    )(set_code)
    mapping.command(
        "remove",
        help=described(
            "Bỏ một dòng đã bổ sung trong sổ cái; tệp lại có hiệu lực.",
            "Take a row back that was added in the ledger; the file holds again.",
            'mapping remove procedures 1.012345 --why "tệp đã cập nhật"',
        ),
    )(remove)
    mapping.command(
        "export",
        help=described(
            "Ghi danh mục, gồm cả dòng trong sổ cái, ra CSV để cập nhật tệp.",
            "Write a list, the ledger's rows included, as CSV: so that its file catches up.",
            "mapping export procedures > procedures.csv",
        ),
    )(export)


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[LIST]", help="Danh mục (code list).")] = "",
    code: Annotated[str, typer.Option("--code", help="Tìm trong mã, giá trị, tên (part of code, value or name).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Số dòng nhiều nhất (at most so many).")] = 200,
    as_json: Json = False,
) -> None:
    """Show code lists, or one."""
    with frame.opened_hub(ctx) as hub:
        if not name:
            found = mappings.lists(hub)
            frame.show(found, as_json=as_json, people=lambda: _print_lists(found))
            return
        listed = mappings.show(hub, name, containing=code, limit=limit)
    frame.show(listed, as_json=as_json, people=lambda: _print_list(listed))


def set_code(
    ctx: typer.Context,
    name: List,
    code: Code,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Giá trị, thường là mã của đối tác (mostly the partner's code).")],
    title: Annotated[str, typer.Option("--name", help="Tên (name).")] = "",
    valid_from: From = "",
    valid_to: Annotated[str, typer.Option("--to", help="Hết hiệu lực từ ngày (first day on which it holds no longer).")] = "",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Add or change a code."""
    days = {"valid_from": day_of(valid_from), "valid_to": day_of(valid_to)}
    with frame.opened_hub(ctx) as hub:
        done = mappings.set_code(hub, name, code, value, name=title, **days, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_set(done))


def remove(
    ctx: typer.Context,
    name: List,
    code: Code,
    valid_from: From = "",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Take a row back."""
    with frame.opened_hub(ctx) as hub:
        done = mappings.remove_code(hub, name, code, valid_from=day_of(valid_from), actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_removed(done))


def day_of(given: str) -> date | None:
    """Read a day; raise NotAllowed where it is none."""
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise NotAllowed(f"{given!r} is no day: 2026-03-02", f"{given!r} không phải ngày dạng 2026-03-02", where="day") from None


def export(ctx: typer.Context, name: List, as_json: Json = False) -> None:
    """Write a list as CSV."""
    with frame.opened_hub(ctx) as hub:
        listed = mappings.show(hub, name, limit=sys.maxsize)
        laid = [each.row for each in listed.rows if each.origin == codes.LEDGER]
        rows = tuple(codes.flattened(hub.codes.files().get(name, ()), laid))
    frame.show(rows, as_json=as_json, people=lambda: _write(rows, _notes(ctx, name)))


def _notes(ctx: typer.Context, name: str) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Give what the file says beside the five columns (a note that a row is assumed), by code and value."""
    path = frame.folder(ctx) / "codes" / f"{name}.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(file)]
    return {(row.get("code", "").strip(), row.get("value", "").strip()): row for row in rows}


def _write(rows: Iterable[CodeRow], notes: Mapping[tuple[str, str], Mapping[str, str]]) -> None:
    own = ("code", "value", "name", "valid_from", "valid_to")
    more = [key for key in next(iter(notes.values()), {}) if key not in own]
    writer = csv.DictWriter(sys.stdout, [*own, *more], lineterminator="\n")
    writer.writeheader()
    for row in sorted(rows, key=lambda each: (each.code, each.valid_from or date.min)):
        days = {"valid_from": row.valid_from or "", "valid_to": row.valid_to or ""}
        said = {key: notes.get((row.code, row.value), {}).get(key, "") for key in more}
        writer.writerow({"code": row.code, "value": row.value, "name": row.name, **days, **said})


# --- output ------------------------------------------------------------------------------------------------------


def _print_lists(found: Lists) -> None:
    columns: Mapping[str, Callable[[ListSummary], object]] = {
        "in_list": lambda each: each.name,
        "shipped_rows": lambda each: each.shipped_rows or "",
        "file_rows": lambda each: each.file_rows or "",
        "ledger_rows": lambda each: each.ledger_rows or "",
        "changed_by": lambda each: " ".join(filter(None, (moment(each.changed_at), each.changed_by))),
        "used_by": lambda each: ", ".join(each.used_by),
    }
    table(text("t_lists"), columns, found.lists)
    _print_missing(found.missing)


def _print_missing(found: Iterable[Missing]) -> None:
    columns: Mapping[str, Callable[[Missing], object]] = {
        "in_list": lambda each: each.list_name,
        "code": lambda each: each.code,
        "parked_for_it": lambda each: each.parked,
        "endpoint": lambda each: ", ".join(each.endpoints),
        "groups": lambda each: " ".join(each.groups),
    }
    table(text("t_missing"), columns, found)


def _print_list(listed: CodeList) -> None:
    _print_rows(listed.name, listed.rows)
    if listed.missing:
        _print_missing(listed.missing)


def _print_rows(title: str, rows: Iterable[MappedRow]) -> None:
    columns: Mapping[str, Callable[[MappedRow], object]] = {
        "code": lambda row: row.code,
        "value": lambda row: row.value,
        "name": lambda row: row.name,
        "valid_from": lambda row: row.valid_from or "",
        "valid_to": lambda row: row.valid_to or "",
        "comes_from": lambda row: text("covered" if row.covered else f"from_{row.origin}"),
        "corroboration": lambda row: "" if row.corroborated else text("codes_uncorroborated"),
        "changed_by": lambda row: " ".join(filter(None, (moment(row.changed_at), row.changed_by))),
        "why": lambda row: row.why,
    }
    table(title, columns, rows)


def _print_set(done: Mapped) -> None:
    frame.line(text("code_set", list=done.list_name, code=done.row.code, value=done.row.value))
    for each in done.cures:
        for group in each.groups:
            frame.line(text("code_cures", parked=each.parked, group=group))


def _print_removed(done: Unmapped) -> None:
    frame.line(text("code_removed", list=done.list_name, code=done.row.code, value=done.row.value))
    if done.now is None:
        frame.line(text("code_none", code=done.row.code))
    else:
        frame.line(text("code_now", code=done.now.code, value=done.now.value))
