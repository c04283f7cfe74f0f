"""Verbs that look at what came and what became of it: messages, show."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from hub import pdf_signatures
from hub.canonical.codes import STATUS_NAMES, Status
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, described, moment, table, who
from hub.edge.cli.texts import choose, state_name, text
from hub.edge.plain import plain, short
from hub.errors import NotAllowed
from hub.operations import people
from hub.registers import history, masking, possible, signed_files
from hub.registers.attachments import AttachmentRow
from hub.registers.records import (
    AttemptRow,
    DeliveryDetail,
    DossierRow,
    Filters,
    JournalRow,
    MessageDetail,
    MessageRow,
    NoticeRow,
    Timeline,
)
from hub.registers.signed_files import SignedFile
from hub.registers.words import OUTCOMES, PDF_OUTCOMES, VERDICT_REASONS, called
from hub.rules.lifecycle import FAILED
from hub.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.command(
        "messages",
        help=described(
            "Liệt kê thông điệp đã nhận, mới nhất trước.",
            "List the messages received, the newest first.",
            "messages --endpoint thai_nguyen --since 2h --refused",
        ),
    )(messages)
    app.command(
        "show",
        help=described(
            "Xem mọi việc đã xảy ra với một thông điệp, lượt chuyển hoặc hồ sơ; dữ liệu cá nhân được che.",
            "Tell what happened to a message, a delivery or a dossier; personal data is hidden.",
            "show 000.00.01.H55-260302-0001",
            'show 7d0f5b1e --bytes sha256:9f86… --why "đối chiếu với công văn 12" > goc.xml',
        ),
    )(show)


# --- messages ----------------------------------------------------------------------------------------------------


def messages(
    ctx: typer.Context,
    endpoint: Annotated[str, typer.Option(help="Điểm kết nối gửi đến (endpoint it came from).")] = "",
    code: Annotated[str, typer.Option("--code", help="Mã hồ sơ (any number of a dossier).")] = "",
    procedure: Annotated[str, typer.Option(help="Mã thủ tục (procedure).")] = "",
    since: Annotated[str, typer.Option(help="Từ lúc: 2h, 7d hoặc ngày (since when).")] = "",
    accepted: Annotated[
        bool | None, typer.Option("--accepted/--refused", help="Chỉ đã nhận, hoặc chỉ bị từ chối (only these).")
    ] = None,
    error: Annotated[str, typer.Option(help="Mã lỗi (error code).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Số dòng nhiều nhất (at most so many).")] = 50,
    as_json: Json = False,
) -> None:
    """List messages."""
    filters = Filters(
        endpoint=endpoint,
        subject=code,
        procedure=procedure,
        since=frame.since(since),
        accepted=accepted,
        error=error,
        limit=limit,
    )
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = history.listing(conn, filters)
        frame.tell_if_idle(conn, time.time(), as_json=as_json)
    frame.show(found, as_json=as_json, people=lambda: _print_messages(found))


def _print_messages(found: Iterable[MessageRow]) -> None:
    columns: Mapping[str, Callable[[MessageRow], object]] = {
        "id": lambda row: short(row.id),
        "received": lambda row: moment(row.received_at),
        "endpoint": lambda row: row.endpoint,
        "subject": lambda row: row.subject if row.accepted else "",
        "event": lambda row: row.event or row.kind,
        "procedure": lambda row: row.procedure,
        "outcome": _outcome,
        "where": lambda row: row.error_where,
        "repeats": lambda row: row.repeats or "",
        "deliveries": lambda row: " · ".join(f"{state_name(state)} {count}" for state, count in sorted(row.deliveries.items())),
    }
    table(text("t_messages"), columns, found)


def _outcome(row: MessageRow) -> str:
    outcome = text("accepted") if row.accepted else f"{text('refused')}: {row.error_code}"
    return f"{outcome} ({', '.join(row.warnings)})" if row.warnings else outcome


# --- show --------------------------------------------------------------------------------------------------------


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID|CODE", help="Mã thông điệp, lượt chuyển, hoặc mã hồ sơ.")],
    digest: Annotated[
        str,
        typer.Option("--bytes", help="In nguyên văn nội dung có mã băm này, gồm cả dữ liệu cá nhân (exact bytes of a digest)."),
    ] = "",
    why: Annotated[str, typer.Option("--why", help="Lý do, bắt buộc khi có --bytes, ghi vào nhật ký (reason for --bytes).")] = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Tell what happened to a message, a delivery or a dossier."""
    if digest:
        _reveal(ctx, name, digest, actor=actor or who(), why=why)
        return
    settings = frame.settings(ctx)
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        told = history.timeline(conn, name)
        deleted = {each.row.id: history.deleted_at(conn, each) for each in told.messages}
        canonical = {
            each.row.id: [_canonical(history.body(conn, one)) for one in each.canonical_digests] for each in told.messages
        }
        named = _result_files(settings, conn, told)
    verbs = {each.id: possible.verbs(each, _on_doubt(settings, each)) for each in told.deliveries}
    files = _signed_files(ctx, named)
    tree = {**_masked(told, canonical, deleted, verbs), "files": plain(files)}
    frame.show(tree, as_json=as_json, people=lambda: _print_timeline(ctx, told, deleted, verbs, files))


def _result_files(settings: Settings, conn: Connection, told: Timeline) -> tuple[AttachmentRow, ...]:
    """Give the result files that the hub holds of what is shown, each once."""
    address = settings.file.hub.public_url
    found = (signed_files.results_of(conn, each.row.id, each.canonical_digests, address) for each in told.messages)
    return tuple({row.digest: row for rows in found for row in rows}.values())[: signed_files.MOST]


def _signed_files(ctx: typer.Context, rows: Sequence[AttachmentRow]) -> tuple[SignedFile, ...]:
    if not rows:
        return ()
    with frame.opened_hub(ctx) as hub:
        return pdf_signatures.read(hub, rows)


def _on_doubt(settings: Settings, delivery: DeliveryDetail) -> str:
    """Give what the delivery's service declares; where its endpoint is gone, nobody declares anything."""
    endpoint = settings.endpoints.get(delivery.endpoint)
    if endpoint is None or endpoint.outbound is None:
        return "park"
    return endpoint.outbound.service(delivery.service, delivery.variant).on_doubt


def _reveal(ctx: typer.Context, name: str, digest: str, *, actor: str, why: str) -> None:
    """Print exact bytes, which may name persons: the journal has who looks, and why, before they are shown."""
    with frame.opened_hub(ctx) as hub:
        with hub.ledger.read() as conn:
            wanted = _known(history.timeline(conn, name), digest)
        people.reveal(hub, about=name, actor=actor, why=why)
        with hub.ledger.read() as conn:
            _print_bytes(history.body(conn, wanted), digest)


def _known(told: Timeline, digest: str) -> str:
    """Find a digest, given whole or by its beginning, among those of this dossier: no key to all other bytes."""
    mine = {value for value in _digests(plain(told)) if value.startswith(digest)}
    if len(mine) != 1:
        raise NotAllowed(
            f"{len(mine)} digests of this one begin with {digest!r}; see --json",
            f"có {len(mine)} mã băm của mục này bắt đầu bằng {digest!r}; xem --json",
            where=digest,
        )
    return mine.pop()


def _digests(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        return set().union(*(_digests(part) for part in tree.values()))
    if isinstance(tree, list):
        return set().union(*(_digests(part) for part in tree))
    return {tree} if isinstance(tree, str) and tree.startswith("sha256:") else set()


def _print_bytes(body: bytes | None, digest: str) -> None:
    if body is None:
        raise NotAllowed(
            f"the bytes of {digest} were deleted by retention; their digest remains",
            f"nội dung {digest} đã hết hạn lưu và bị xóa; chỉ còn mã băm",
            where=digest,
        )
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _canonical(body: bytes | None) -> Any:
    return masking.masked(json.loads(body)) if body else None


def _masked(
    told: Timeline,
    canonical: Mapping[str, list[Any]],
    deleted: Mapping[str, float | None],
    verbs: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Give the timeline for machines, without what may name a person."""
    tree: dict[str, Any] = plain(told)
    for message in tree["messages"]:
        message["verdict"]["signer"] = masking.organisation(message["verdict"].get("signer", ""))
        message["canonical"] = canonical[message["row"]["id"]]
        message["deleted_at"] = plain(deleted[message["row"]["id"]], "deleted_at")
    for delivery in tree["deliveries"]:
        del delivery["head"]
        delivery["possible"] = list(verbs[delivery["id"]])
        for attempt in delivery["attempts"]:
            attempt["text"] = masking.HIDDEN if attempt["text"] else ""
    for row in tree["journal"]:
        del row["text"]
    return tree


def _print_timeline(
    ctx: typer.Context,
    told: Timeline,
    deleted: Mapping[str, float | None],
    verbs: Mapping[str, Sequence[str]],
    files: Sequence[SignedFile],
) -> None:
    if told.dossier is not None:
        _print_dossier(told.dossier)
    _print_messages(each.row for each in told.messages)
    for message in told.messages:
        _print_verdict(message)
        if at := deleted[message.row.id]:
            frame.line(text("bytes_deleted", id=short(message.row.id), at=moment(at)))
    _print_files(files)
    _print_deliveries(told.deliveries)
    for delivery in told.deliveries:
        _print_standing(ctx, delivery, verbs[delivery.id])
    _print_attempts(told.deliveries)
    _print_notices(told.notices)
    columns: Mapping[str, Callable[[JournalRow], object]] = {
        "moment": lambda row: moment(row.at),
        "event": lambda row: row.event,
        "actor": lambda row: row.actor,
        "entry": lambda row: _entry(row.entry),
    }
    table(text("t_journal"), columns, told.journal)
    frame.line(text("hidden", name=told.named.name))


def _print_dossier(dossier: DossierRow) -> None:
    status = Status(dossier.status)
    columns: Mapping[str, Callable[[DossierRow], object]] = {
        "dossier": lambda row: row.key,
        "codes": lambda row: ", ".join(row.codes),
        "procedure": lambda row: row.procedure,
        "status": lambda row: f"{row.status} {choose(STATUS_NAMES[status], status.name.lower())}",
        "origin": lambda row: row.origin,
    }
    table(text("dossier"), columns, [dossier])


def _print_verdict(message: MessageDetail) -> None:
    verdict = message.verdict
    told = " ".join(filter(None, (verdict.get(name, "") for name in ("indication", "sub_indication", "algorithm"))))
    by = masking.organisation(verdict.get("signer", ""))
    print_ = verdict.get("fingerprint", "")
    signed = f"; {by}; SHA-256 {print_}" if print_ else ""
    reason = f" ({choose(*called(VERDICT_REASONS, verdict['reason']))})" if verdict.get("reason") else ""
    frame.line(f"{short(message.row.id)} {text('verdict')}: {told}{reason}{signed}")
    for fault in message.faults:
        frame.line(f"   {fault.get('path', '')}: {choose(fault.get('vi', ''), fault.get('en', ''))}")


def _print_files(files: Sequence[SignedFile]) -> None:
    """Say who signed the result files, whether that holds, and over how much of the file."""
    for file in files:
        name = file.digest[7:19]
        if not file.signatures:
            outcome = text("pdf_unsigned") if file.outcome == "read" else choose(*called(PDF_OUTCOMES, file.outcome))
            frame.line(f"{text('pdf_file')} {name}: {outcome}")
        for each in file.signatures:
            said = (
                text("pdf_intact" if each.intact and each.valid else "pdf_changed"),
                text("pdf_trusted") if each.trusted else f"{text('pdf_untrusted')} {each.problem}".strip(),
                text("pdf_whole" if each.whole else "pdf_part"),
            )
            when = each.stamped_at or each.signed_at
            frame.line(f"{text('pdf_file')} {name}: {each.signer} ({each.issuer}); {when}; {'; '.join(said)}")


def _print_deliveries(found: Iterable[DeliveryDetail]) -> None:
    columns: Mapping[str, Callable[[DeliveryDetail], object]] = {
        "id": lambda each: short(each.id),
        "endpoint": lambda each: each.endpoint,
        "place": lambda each: each.place,
        "event": lambda each: each.event or each.kind,
        "service": lambda each: "/".join(filter(None, (each.service, each.variant))),
        "state": lambda each: state_name(each.state),
        "attempts": lambda each: len(each.attempts) or "",
        "partner_code": lambda each: each.partner_code,
        "error": lambda each: each.error_code,
        "where": lambda each: each.error_where,
        "followers": lambda each: each.followers or "",
    }
    table(text("t_deliveries"), columns, found)


def _print_attempts(found: Iterable[DeliveryDetail]) -> None:
    columns: Mapping[str, Callable[[tuple[str, AttemptRow]], object]] = {
        "delivery": lambda pair: short(pair[0]),
        "number": lambda pair: pair[1].number,
        "started": lambda pair: moment(pair[1].started_at),
        "ended": lambda pair: moment(pair[1].ended_at),
        "outcome": lambda pair: choose(*called(OUTCOMES, pair[1].outcome)),
        "error": lambda pair: pair[1].error_code,
        "partner_code": lambda pair: pair[1].partner_code,
        "reply": lambda pair: pair[1].reply_status or "",
        "digest": lambda pair: pair[1].business_digest[:15],
    }
    table(text("t_attempts"), columns, [(each.id, attempt) for each in found for attempt in each.attempts])


def _print_notices(found: Iterable[NoticeRow]) -> None:
    columns: Mapping[str, Callable[[NoticeRow], object]] = {
        "moment": lambda each: moment(each.at),
        "endpoint": lambda each: each.endpoint,
        "delivery": lambda each: short(each.delivery_id),
        "recipient": lambda each: each.recipient,
        "outcome": lambda each: choose(*called(OUTCOMES, each.outcome)),
        "partner_code": lambda each: each.code,
        "told": lambda each: choose(each.vi, each.en),
        "taken": lambda each: moment(each.taken_at),
    }
    table(text("t_notices"), columns, found)


def _print_standing(ctx: typer.Context, delivery: DeliveryDetail, verbs: Sequence[str]) -> None:
    """Say why a delivery stands still and what an operator can do about it."""
    if delivery.unacknowledged:
        why = text("unacknowledged_since", since=moment(delivery.updated_at))
    elif delivery.state in FAILED:
        why = frame.placed(ctx, choose(delivery.error_vi, delivery.error_en))
    else:
        return
    frame.line(f"{short(delivery.id)}: {why}")
    frame.line(f"   {text('possible', verbs=', '.join(verbs))}")
    if delivery.followers and "abandon" in verbs:
        frame.line(f"   {text('if_abandoned', followers=delivery.followers)}")


def _entry(entry: Any) -> str:
    told = {name: value for name, value in entry.items() if value not in ("", [], None)}
    return ", ".join(f"{name}={_cut(value)}" for name, value in told.items())


def _cut(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(short(str(each.get("delivery", each) if isinstance(each, dict) else each)) for each in value)
    words = str(value)
    if words.startswith("sha256:"):
        return words[:15]
    return short(words) if len(words) == 36 and words.count("-") == 4 else words
