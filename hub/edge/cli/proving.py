"""Verbs ``evidence export`` and ``evidence verify``: one sealed file that proves what became of a dossier, and its check."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from cryptography import x509

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, who
from hub.edge.cli.texts import choose, text
from hub.edge.plain import plain
from hub.errors import NotAllowed
from hub.operations import exports
from hub.operations.exports import Exported
from hub.registers import container, container_checks, evidence, names
from hub.registers.container_checks import Verdict
from hub.registers.evidence import Wanted
from hub.registers.opened_container import FAILED, NOT_CHECKED, OK
from hub.trust import keys

group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Bằng chứng: xuất thành một tệp có con dấu, và kiểm tra một tệp như vậy.",
        "Evidence: export it into one sealed file, and check such a file.",
        'evidence export 000.00.01.H55-260302-0001 --out bang-chung.asice --why "tòa án yêu cầu, công văn 12"',
        "evidence verify bang-chung.asice",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(group, name="evidence")
    group.command(
        "export",
        help=described(
            "Xuất bằng chứng của một thông điệp, lượt chuyển hoặc hồ sơ thành một tệp ASiC-E có con dấu: nội dung gốc, chữ ký, "
            "chứng thư số, mọi lần gửi và trả lời, nhật ký, báo cáo để đọc và in. Tòa án, thanh tra tự kiểm tra được.",
            "Export the evidence of a message, a delivery or a dossier into one sealed ASiC-E file: bytes as received, "
            "signatures, certificates, every attempt and reply, journal, a report to read and print. A court can check it alone.",
            'evidence export 000.00.01.H55-260302-0001 --out bang-chung.asice --why "tòa án yêu cầu, công văn 12"',
        ),
    )(export)
    group.command(
        "verify",
        help=described(
            "Kiểm tra một tệp bằng chứng: không cần sổ cái, không cần mạng. Người đóng dấu chỉ được xét khi có --anchors.",
            "Check a file of evidence: needs neither ledger nor network. Who sealed it is judged only by --anchors.",
            "evidence verify bang-chung.asice --anchors root-ca.pem",
        ),
    )(verify)


# --- export ------------------------------------------------------------------------------------------------------


def export(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID|CODE", help="Mã thông điệp, lượt chuyển, hoặc mã hồ sơ.")],
    out: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="Tệp để ghi; mặc định MÃ.asice (file to write).")
    ] = None,
    without_personal_data: Annotated[
        bool,
        typer.Option("--without-personal-data", help="Chỉ giữ mã băm của nội dung có thể có dữ liệu cá nhân (digests only)."),
    ] = False,
    with_files: Annotated[
        bool, typer.Option("--with-files", help="Kèm các tệp đính kèm mà đối tác đã gửi (partners' files too).")
    ] = False,
    without_timestamp: Annotated[
        bool,
        typer.Option("--without-timestamp", help="Không xin dấu thời gian, khi tổ chức cấp không trả lời (no time token)."),
    ] = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Export evidence."""
    wanted = Wanted(personal_data=not without_personal_data, files=with_files)
    with frame.opened_hub(ctx) as hub:
        path = out or Path(f"{_named(hub, name)}.{container.ENDING}")
        with _new_file(path) as file:
            made = exports.export(
                hub, name, file, wanted=wanted, stamped=not without_timestamp, actor=actor or who(), why=why
            )
    tree = {"file": str(path.resolve()), **plain(made)}
    frame.show(tree, as_json=as_json, people=lambda: _print_export(path, made))


def _named(hub: Hub, given: str) -> str:
    with hub.ledger.read() as conn:
        return evidence.file_name(names.resolve(conn, given).name)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for its owner alone, which appears under its name only when it is whole."""
    if path.exists():
        raise NotAllowed(
            f"{path} exists; evidence is never overwritten", f"đã có tệp {path}; không ghi đè bằng chứng", where=str(path)
        )
    partial = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        partial.unlink()
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _print_export(path: Path, made: Exported) -> None:
    personal = text("with_personal" if made.personal_data else "without_personal")
    stamp = text("with_stamp") if made.stamped else ""
    frame.line(text("exported", files=len(made.files), file=path, personal=personal, signer=made.sealed_by, stamp=stamp))
    for reason, count in Counter(each.why for each in made.left_out).items():
        frame.line(text("left_out", count=count, why=text(f"why_{reason}")))
    frame.line(text("verify_with", command=f"lienthong evidence verify {shlex.quote(str(path))}"))


# --- verify ------------------------------------------------------------------------------------------------------


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Tệp bằng chứng (.asice).")],
    anchors: Annotated[
        Path | None,
        typer.Option("--anchors", exists=True, dir_okay=False, help="Chứng thư số (PEM) mà bạn tin cậy (whom you trust)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check evidence."""
    with file.open("rb") as opened:
        verdict = container_checks.verify(opened, _anchors(anchors))
    frame.show({"holds": verdict.holds, **plain(verdict)}, as_json=as_json, people=lambda: _print_verdict(verdict))
    if not verdict.holds:
        raise typer.Exit(frame.FAILED)


def _anchors(path: Path | None) -> tuple[x509.Certificate, ...]:
    return () if path is None else keys.load_certificates(path.read_bytes(), where=str(path))


def _print_verdict(verdict: Verdict) -> None:
    if verdict.name:
        personal = text("with_personal" if verdict.personal_data else "without_personal")
        told = {"name": verdict.name, "hub": verdict.hub, "moment": verdict.exported_at, "personal": personal}
        frame.line(text("evidence_of", **told))
    if verdict.sealed_by:
        told = {"signer": verdict.sealed_by, "fingerprint": verdict.seal_fingerprint, "moment": verdict.sealed_at}
        frame.line(text("sealed_by", **told))
    if verdict.stamped_at:
        frame.line(text("stamped_by", moment=verdict.stamped_at, authority=verdict.stamped_by))
    for each in verdict.results:
        about = f"{each.about}: " if each.outcome == FAILED else ""
        frame.line(f"{text(f'result_{each.outcome}'):<12}{about}{choose(each.vi, each.en)}")
    found = Counter(each.outcome for each in verdict.results)
    if verdict.holds:
        frame.line(text("holds", ok=found[OK], open=found[NOT_CHECKED]))
    else:
        frame.line(text("does_not_hold", failed=found[FAILED]))
