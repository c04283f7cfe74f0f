"""Certificates of signers as the ledger saw them of late: what a partner signs with, whoever issued it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from sqlalchemy import Connection, func, select

from hub.errors import Untrusted
from hub.ledger import payloads
from hub.ledger.tables import messages
from hub.rules import certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One signer's certificate at one endpoint."""

    endpoint: str
    certificate: x509.Certificate
    messages: int
    last_at: float


def signers_seen(conn: Connection, since: float) -> Iterator[Seen]:
    """Give the certificates with which messages since a moment were signed."""
    grouped = (messages.c.endpoint, messages.c.certificate_digest)
    rows = conn.execute(
        select(*grouped, func.count().label("number"), func.max(messages.c.received_at).label("last_at"))
        .where((messages.c.received_at >= since) & (messages.c.certificate_digest != "") & messages.c.accepted)
        .group_by(*grouped)
        .order_by(*grouped)
    )
    for row in rows.all():
        try:
            certificate = certificates.read_certificate(payloads.get(conn, row.certificate_digest) or b"")
        except Untrusted:
            continue  # its time of retention has ended
        yield Seen(endpoint=row.endpoint, certificate=certificate, messages=row.number, last_at=row.last_at)
