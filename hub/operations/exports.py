"""Verb ``evidence export`` for console and API: what leaves the hub stands in the dossier's own journal, with who and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.ledger import journal
from hub.operations.said import require
from hub.registers import container, evidence, names
from hub.registers.evidence import LeftOut, Wanted
from hub.registers.leaning import Leans, leaning
from hub.registers.names import Named

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A container of evidence that was written."""

    #: As a file may be called.
    name: str
    personal_data: bool
    #: Files in it.
    files: tuple[str, ...]
    #: Subject of the certificate of who sealed it.
    sealed_by: str
    #: There is a time token in it.
    stamped: bool
    left_out: tuple[LeftOut, ...]


def export(
    hub: Hub,
    given: str,
    file: BinaryIO,
    *,
    wanted: Wanted,
    stamped: bool = True,
    sees: Callable[[Named, Connection], None] = lambda _named, _conn: None,
    actor: str,
    why: str,
) -> Exported:
    """Write the evidence of a message, a delivery or a dossier into an empty file; the journal has it before it is written.

    ``sees`` raises Forbidden where the person may not have it. Raises NotAllowed where nothing has this name, and BadSettings
    where hub.toml names no signer for evidence.
    """
    require(actor, why)
    sealing = hub.evidence_seal(stamped=stamped)
    with hub.ledger.read() as conn:
        named = names.resolve(conn, given)
        sees(named, conn)
    hub.ledger.change(partial(_record, named=named, wanted=wanted, actor=actor, why=why, now=hub.now()), named.subjects[-1])
    with hub.ledger.read() as conn:
        found = evidence.collect(conn, given, partial(_leans, hub), hub.payloads, wanted)
        objects = container.write(file, found, sealing)
    log.info("evidence.exported", kind=named.kind, personal_data=wanted.personal_data, files=len(objects), actor=actor)
    return Exported(
        name=f"{found.name}.{container.ENDING}",
        personal_data=wanted.personal_data,
        files=tuple(each.uri for each in objects),
        sealed_by=sealing.signer.certificate.subject.rfc4514_string(),
        stamped=sealing.stamp is not None,
        left_out=found.left_out,
    )


def _record(conn: Connection, *, named: Named, wanted: Wanted, actor: str, why: str, now: float) -> None:
    entry = {"kind": named.kind, "personal_data": wanted.personal_data, "files": wanted.files, "why": why}
    if named.kind != "subject":
        entry[named.kind] = named.name
    journal.append(conn, named.subjects[-1], "evidence.exported", at=now, actor=actor, entry=entry)


def _leans(hub: Hub, name: str, certificate: bytes, at: float) -> Leans:
    """Ask the endpoint through which a message came; of one whose file was taken away nothing is known."""
    return leaning(hub.trust(hub.endpoints[name]), certificate, at) if name in hub.endpoints else Leans()
