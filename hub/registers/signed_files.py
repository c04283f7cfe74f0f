"""Result files of a message that the hub holds, and what is said of the signatures in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.registers import attachments, history
from hub.rules.attachments import digest_in

#: Result files of one message that are looked at.
MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfSignature:
    """One signature in a PDF."""

    #: The organisation that the certificate names; persons are hidden.
    signer: str
    issuer: str
    #: SHA-256 of the signer's certificate (DER), hex.
    fingerprint: str
    algorithm: str
    #: When it was signed, as the signer claims.
    signed_at: str
    #: When it surely existed, by a time stamp that is trusted here; empty: there is none.
    stamped_at: str
    #: What was signed is unchanged.
    intact: bool
    #: The signature's mathematics hold.
    valid: bool
    #: The certificate has a path to an anchor of the trust store; revocation is not asked.
    trusted: bool
    #: Nothing of the file lies outside of what was signed.
    whole: bool
    #: Why it is not trusted, or cannot be judged, in pyHanko's word.
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """One result file."""

    digest: str
    size: int
    #: ``read``; else why not: ``not_pdf``, ``too_large``, ``unreadable``, ``too_slow``, ``deleted``, ``busy``.
    outcome: str
    signatures: tuple[PdfSignature, ...] = ()
    #: How many signatures there are; more than are listed are only counted.
    count: int = 0


def results_of(
    conn: Connection, message_id: str, canonical: Iterable[str], public_url: str
) -> tuple[attachments.AttachmentRow, ...]:
    """Give the files of the hub that a message names as results, in its order."""
    digests: list[str] = []
    for body in (history.body(conn, digest) for digest in canonical):
        digests += _named(body, public_url) if body else []
    if not digests:
        return ()
    rows = {row.digest: row for row in attachments.named_by(conn, (message_id,))}
    return tuple(rows[digest] for digest in dict.fromkeys(digests) if digest in rows)[:MOST]


def _named(body: bytes, public_url: str) -> list[str]:
    message = from_json(body)
    if not isinstance(message, DossierMessage):
        return []
    urls = [each.url for each in message.dossier.results] + ([message.licence.link] if message.licence else [])
    return [digest for url in urls if (digest := digest_in(url, public_url))]
