"""Verbs ``trust show`` and ``trust refresh``: whom the hub trusts, and the revocation lists that it leans on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import FAILED, Json, described, moment, table
from hub.edge.cli.texts import text
from hub.rules.certificates import fingerprint
from hub.trust.book import Standing, TrustBook
from hub.trust.fetching import Fetched, Refresher
from hub.trusted import open_book
from hub.wire import Wire


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    group = typer.Typer(help="Kho chứng thư số tin cậy (the trust store).", no_args_is_help=True)
    group.command(
        "show",
        help=described(
            "Liệt kê tổ chức gốc, tổ chức trung gian trong trust/trust.toml, danh sách thu hồi đang giữ và hạn của nó.",
            "List the authorities of trust/trust.toml, and of each the revocation list that is held and until when it is good.",
            "trust show",
        ),
    )(show)
    group.command(
        "refresh",
        help=described(
            "Tải ngay danh sách thu hồi (CRL) và trả lời OCSP; `serve` tự làm. Có địa chỉ không dùng được thì kết thúc với mã 1.",
            "Fetch revocation lists and OCSP answers now; `serve` does so by itself. Ends with 1 where an address gave nothing.",
            "trust refresh",
        ),
    )(refresh)
    app.add_typer(group, name="trust")


def show(ctx: typer.Context, as_json: Json = False) -> None:
    """List authorities and what is held of their lists."""
    book = open_book(frame.settings(ctx))
    standings = book.standings()
    tree = {
        "authorities": [_flat(each) for each in standings],
        "registered": sum(len(lines) for lines in book.store.register.values()),
        "unusable": dict(book.files.current().unusable),
    }
    frame.show(tree, as_json=as_json, people=lambda: _print(book, standings))


def _flat(each: Standing) -> dict[str, Any]:
    return {
        "name": each.name,
        "purpose": each.purpose,
        "subject": each.certificate.subject.rfc4514_string(),
        "sha256": fingerprint(each.certificate),
        "until": each.certificate.not_valid_after_utc,
        "list_ends": each.ends,
        "list_entries": each.entries,
    }


def _print(book: TrustBook, standings: tuple[Standing, ...]) -> None:
    columns: Mapping[str, Callable[[Standing], object]] = {
        "authority": lambda each: each.name,
        "purpose": lambda each: each.purpose,
        "named": lambda each: each.certificate.subject.rfc4514_string(),
        "good_until": lambda each: moment(each.certificate.not_valid_after_utc.timestamp()),
        "list_ends": lambda each: moment(each.ends.timestamp()) if each.ends else "-",
        "list_entries": lambda each: each.entries,
    }
    table(text("t_trust"), columns, standings)
    for name, why in book.files.current().unusable.items():
        frame.line(text("unusable_file", file=name, why=why))


def refresh(ctx: typer.Context, as_json: Json = False) -> None:
    """Fetch once."""
    settings = frame.settings(ctx)
    book, wire = open_book(settings), Wire()
    try:
        fetched = Refresher(book.store, book.files.folder, wire.call, lambda: datetime.now(UTC)).refresh()
    finally:
        wire.close()
    columns: Mapping[str, Callable[[Fetched], object]] = {
        "address": lambda each: each.url,
        "outcome": lambda each: text(f"fetched_{each.outcome}"),
        "list_ends": lambda each: moment(each.ends.timestamp()) if each.ends else "",
    }
    tree = {"fetched": [{"url": each.url, "outcome": each.outcome, "ends": each.ends} for each in fetched]}
    frame.show(tree, as_json=as_json, people=lambda: table(text("t_fetched"), columns, fetched))
    if not all(each.fine for each in fetched):
        raise typer.Exit(FAILED)
