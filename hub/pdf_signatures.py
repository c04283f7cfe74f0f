"""Who signed the licences and other results that are PDFs: read when somebody looks, by a program apart, and remembered a while.

Never on the way of a message. The program (hub/trust/pdf_reading.py) gets the file and the certificates that are trusted, and
nothing else of the hub; it has so much memory and time and no more, and whatever it says is text.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import structlog
from cryptography import x509
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection

from hub.app import Hub
from hub.errors import HubError
from hub.registers import masking, signed_files
from hub.registers.attachments import AttachmentRow
from hub.registers.signed_files import PdfSignature, SignedFile
from hub.rules.certificates import octets

log = structlog.get_logger()

#: A file larger than this is not read.
MOST_BYTES = 33_554_432
SECONDS = 15.0
LIMITS = {"seconds": 10, "memory_bytes": 1_073_741_824, "file_bytes": 0, "core_bytes": 0}
#: What the program may say.
_MOST_TOLD = 200_000
#: What was read is remembered for so many files.
_MOST_REMEMBERED = 500
#: So many programs run at once; who comes then is told to look again.
_RUNNING = threading.BoundedSemaphore(2)


class _Told(BaseModel):
    """One signature as the program tells it: nothing but these kinds of values is taken over."""

    model_config = ConfigDict(extra="forbid", strict=True)
    signer: str = ""
    issuer: str = ""
    fingerprint: str = ""
    algorithm: str = ""
    signed_at: str = ""
    stamped_at: str = ""
    intact: bool
    valid: bool
    trusted: bool
    whole: bool
    problem: str = ""


class _Report(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    count: int = 0
    signatures: list[_Told] = []
    problem: str = ""


class _Memory:
    """What was read of late; a file's digest and the certificates that were trusted name it."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], SignedFile] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, bytes]) -> SignedFile | None:
        with self._lock:
            return self._known.get(key)

    def put(self, key: tuple[str, bytes], told: SignedFile) -> None:
        with self._lock:
            self._known[key] = told
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


_memory = _Memory()


def named(hub: Hub, conn: Connection, message_id: str, canonical: Iterable[str]) -> tuple[AttachmentRow, ...]:
    """Give the result files of a message that the hub holds."""
    return signed_files.results_of(conn, message_id, canonical, hub.public_url)


def read(hub: Hub, rows: Iterable[AttachmentRow]) -> tuple[SignedFile, ...]:
    """Say who signed these files. No connection of the ledger is held meanwhile: it may take its time."""
    return tuple(_of_file(hub, row) for row in rows)


def _of_file(hub: Hub, row: AttachmentRow) -> SignedFile:
    unread = SignedFile(digest=row.digest, size=row.size, outcome="deleted")
    if row.deleted_at is not None:
        return unread
    if row.size > MOST_BYTES:
        return replace(unread, outcome="too_large")
    asked = _asked(hub)
    if (known := _memory.get((row.digest, asked))) is not None:
        return known
    try:
        file = _whole(hub, row.digest)
    except HubError as error:
        log.warning("pdf.not_read", digest=row.digest, error=error.code)
        return replace(unread, outcome="unreadable")
    told = replace(_read(file, asked, row), size=row.size)
    if told.outcome not in ("busy", "too_slow"):
        _memory.put((row.digest, asked), told)
    return told


def _whole(hub: Hub, digest: str) -> bytes:
    reading = hub.payloads.open(digest)
    if reading is None:
        return b""
    try:
        return b"".join(iter(reading.read, b""))
    finally:
        reading.close()


def _asked(hub: Hub) -> bytes:
    asked = {
        "anchors": _written(hub.document_anchors),
        "stampers": _written(hub.document_stampers),
        "between": _written(hub.document_intermediates),
        "limits": LIMITS,
    }
    return json.dumps(asked).encode()


def _written(certificates: Iterable[x509.Certificate]) -> list[str]:
    return [base64.b64encode(octets(each)).decode() for each in certificates]


def _read(file: bytes, asked: bytes, row: AttachmentRow) -> SignedFile:
    unread = SignedFile(digest=row.digest, size=row.size, outcome="not_pdf")
    # ISO 32000-1, annex H.3: readers look for the mark in the first kilobyte.
    if b"%PDF-" not in file[:1024]:
        return unread
    if not _RUNNING.acquire(blocking=False):
        return replace(unread, outcome="busy")
    try:
        done = _run(asked + b"\n" + file)
    except subprocess.TimeoutExpired:
        log.warning("pdf.too_slow", digest=row.digest)
        return replace(unread, outcome="too_slow")
    finally:
        _RUNNING.release()
    return _understood(done, unread)


def _run(given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run the program on a file, with nothing of our environment."""
    return subprocess.run(
        [sys.executable, "-m", "hub.trust.pdf_reading"],
        input=given,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8", "PATH": os.defpath},
        cwd="/",
    )


def _understood(done: subprocess.CompletedProcess[bytes], unread: SignedFile) -> SignedFile:
    try:
        report = _Report.model_validate_json(done.stdout[:_MOST_TOLD])
    except ValidationError:
        report = _Report(problem="crash")
    if done.returncode or report.problem:
        log.warning("pdf.unreadable", digest=unread.digest, status=done.returncode, problem=report.problem)
        return replace(unread, outcome="unreadable")
    signatures = tuple(_signature(each) for each in report.signatures)
    return replace(unread, outcome="read", signatures=signatures, count=report.count)


def _signature(told: _Told) -> PdfSignature:
    given: dict[str, Any] = told.model_dump()
    return PdfSignature(**{**given, "signer": masking.organisation(told.signer)})
