"""Purpose limit: a border document goes to those endpoints alone whose ``purposes`` name it.

Form D, phytosanitary certificates and declarations hold traders' names and business secrets, given for one purpose (OCP of
ATIGA, Rules 28 and 31): nobody gets one by a route that was written too wide. Judged by the subject, so that it costs nothing
on the way of all other messages.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.canonical.border.message import DOCUMENT_NAMES, BorderDocument
from hub.errors import NotForPurpose
from hub.rules.retention import BORDER_SUBJECT


def document_of(subject: str) -> str:
    """Give which border document a subject is about; empty: none."""
    return subject.split(":", 2)[1] if subject.startswith(BORDER_SUBJECT) else ""


def refusal(endpoint: str, purposes: Iterable[BorderDocument], subject: str) -> NotForPurpose | None:
    """Give why a message under this subject may not go to an endpoint; None where it may."""
    document = document_of(subject)
    if not document or document in tuple(purposes):
        return None
    vi, en = names_of((document,))
    return NotForPurpose(
        f"{endpoint} is not among those that may be given this ({en}): its file names no such purpose",
        f"{endpoint} không thuộc phạm vi được nhận chứng từ này ({vi}): tệp cấu hình không khai báo mục đích này",
        where=f"endpoints/{endpoint}.toml purposes",
    )


def lacking(documents: Iterable[str], purposes: Iterable[BorderDocument]) -> tuple[str, ...]:
    """Give the documents that a route carries (none named: all) and an endpoint's purposes do not allow."""
    carried = tuple(documents) or tuple(BorderDocument)
    return tuple(str(document) for document in carried if document not in tuple(purposes))


def names_of(documents: Iterable[str]) -> tuple[str, str]:
    """Name documents as an official reads it, in Vietnamese and English."""
    named = [DOCUMENT_NAMES[BorderDocument(each)] if each in tuple(BorderDocument) else (each, each) for each in documents]
    return ", ".join(vi for vi, _ in named), ", ".join(en for _, en in named)
