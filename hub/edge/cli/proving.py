"""Verbs ``evidence export`` and ``evidence verify``: one sealed file that proves what became of a dossier, and its check."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from cryptography import x509

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described
from hub.edge.cli.texts import choose, text
from hub.edge.plain import plain
from hub.errors import NotAllowed
from hub.registers import container, container_checks, evidence
from hub.registers.container import Sealing
from hub.registers.container_checks import Verdict
from hub.registers.evidence import LeftOut, Wanted
from hub.registers.leaning import Leans, leaning
from hub.registers.opened_container import FAILED, NOT_CHECKED, OK
from hub.settings import Settings
from hub.trust import keys

group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Bằng chứng: xuất thành một tệp có con dấu, và kiểm tra một tệp như vậy.",
        "Evidence: export it into one sealed file, and check such a file.",
        "evidence export 000.00.01.H55-260302-0001 --out bang-chung.asice",
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
            "evidence export 000.00.01.H55-260302-0001 --out bang-chung.asice",
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
    as_json: Json = False,
) -> None:
    """Export evidence."""
    settings = frame.settings(ctx)
    wanted = Wanted(personal_data=not without_personal_data, files=with_files)
    with frame.opened_hub(ctx) as hub, hub.ledger.read() as conn:
        sealing = _sealing(settings, hub, stamped=not without_timestamp)
        found = evidence.collect(conn, name, partial(_leans, hub), hub.payloads, wanted)
        path = out or Path(f"{found.name}.{container.ENDING}")
        with _new_file(path) as file:
            objects = container.write(file, found, sealing)
    tree = {
        "file": str(path.resolve()),
        "files": [each.uri for each in objects],
        "personal_data": wanted.personal_data,
        "sealed_by": sealing.signer.certificate.subject.rfc4514_string(),
        "stamped": sealing.stamp is not None,
        "left_out": found.left_out,
    }
    frame.show(tree, as_json=as_json, people=lambda: _print_export(path, len(objects), sealing, wanted, found.left_out))


def _sealing(settings: Settings, hub: Hub, *, stamped: bool) -> Sealing:
    """Say who seals: the signer that hub.toml names, with a time token where there are authorities for it."""
    return Sealing(
        hub=settings.file.hub.name,
        signer=hub.signer(settings.file.evidence.signer),
        now=hub.clock(),
        stamp=hub.stamp if stamped and settings.file.timestamps.authority else None,
    )


def _leans(hub: Hub, name: str, certificate: bytes, at: float) -> Leans:
    """Ask the endpoint through which a message came; of one whose file was taken away nothing is known."""
    return leaning(hub.trust(hub.endpoints[name]), certificate, at) if name in hub.endpoints else Leans()


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


def _print_export(path: Path, files: int, sealing: Sealing, wanted: Wanted, left_out: Sequence[LeftOut]) -> None:
    personal = text("with_personal" if wanted.personal_data else "without_personal")
    stamp = text("with_stamp") if sealing.stamp is not None else ""
    signer = sealing.signer.certificate.subject.rfc4514_string()
    frame.line(text("exported", files=files, file=path, personal=personal, signer=signer, stamp=stamp))
    for why, count in Counter(each.why for each in left_out).items():
        frame.line(text("left_out", count=count, why=text(f"why_{why}")))
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
