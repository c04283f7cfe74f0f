"""The verb that looks at what is not well: failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described, moment, table
from hub.edge.cli.texts import choose, text
from hub.edge.plain import plain, short
from hub.errors import NotAllowed
from hub.registers import failures as failure_groups
from hub.registers.failures import Failures, Group
from hub.rules.lifecycle import State

#: Kind of failure groups -> title of their table, in the order of the list.
_TITLES = {"parked": "t_parked", "in_doubt": "t_in_doubt", "unacknowledged": "t_unacknowledged", "refused": "t_refused"}


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "failures",
        help=described(
            "Nhóm theo nguyên nhân: đang dừng, chưa rõ kết quả, chờ đối tác xác nhận, bị từ chối khi tiếp nhận.",
            "Group what stands still by its cause: parked, in doubt, not acknowledged, refused at the doors.",
            "failures --endpoint dvcqg --by procedure",
        ),
    )(failures)


# --- failures ----------------------------------------------------------------------------------------------------


def failures(
    ctx: typer.Context,
    endpoint: Annotated[str, typer.Option(help="Chỉ điểm kết nối này (only this endpoint).")] = "",
    by: Annotated[str, typer.Option(help="Nhóm theo event (loại/sự kiện) hoặc procedure (thủ tục).")] = "event",
    since: Annotated[str, typer.Option(help="Từ chối khi tiếp nhận kể từ: 2h, 7d hoặc ngày (refusals since).")] = "7d",
    as_json: Json = False,
) -> None:
    """Group failures by cause."""
    if by not in failure_groups.WHAT:
        vi, en = f"--by là event hoặc procedure, không phải {by!r}", f"--by is event or procedure, not {by!r}"
        raise NotAllowed(en, vi, where="by")
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = failure_groups.failures(conn, by=by, endpoint=endpoint, refused_since=frame.since(since), now=time.time())
        frame.tell_if_idle(conn, time.time(), as_json=as_json)
    tree = {name: [_flat(group) for group in getattr(found, name)] for name in _TITLES}
    frame.show(tree, as_json=as_json, people=lambda: _print_failures(ctx, found))


def _flat(group: Group) -> dict[str, Any]:
    """Give a group for machines: its name and its cause beside its numbers."""
    tree: dict[str, Any] = plain(group)
    return {"group": group.cause.group, **tree.pop("cause"), **tree}


def _print_failures(ctx: typer.Context, found: Failures) -> None:
    if not any(getattr(found, name) for name in _TITLES):
        frame.line(text("no_failures"))
        return
    columns: Mapping[str, Callable[[Group], object]] = {
        "group": lambda group: group.cause.group,
        "count": lambda group: group.count,
        "followers": lambda group: group.followers or "",
        "endpoint": lambda group: group.cause.endpoint,
        "error": lambda group: group.cause.error_code,
        "fault": lambda group: group.cause.fault,
        "partner_code": lambda group: group.cause.partner_code,
        "what": lambda group: group.cause.what,
        "where": lambda group: group.cause.error_where,
        "procedures": lambda group: group.procedures or "",
        "first": lambda group: moment(group.first_at),
        "last": lambda group: moment(group.last_at),
        "new_1h": lambda group: group.new_1h or "",
        "taken_by": lambda group: group.taken_by,
        "notes": lambda group: group.notes or "",
        "samples": lambda group: " ".join(map(short, group.samples)),
    }
    for name, title in _TITLES.items():
        groups: tuple[Group, ...] = getattr(found, name)
        if groups:
            table(text(title), columns, groups)
            for group in groups:
                frame.line(f"{group.cause.group}: {_told(ctx, group)}")


def _told(ctx: typer.Context, group: Group) -> str:
    """Say in words what a group stands still for."""
    if group.cause.state == State.DELIVERED.value:
        return text("unacknowledged_since", since=moment(group.first_at))
    return frame.placed(ctx, choose(group.error_vi, group.error_en))
