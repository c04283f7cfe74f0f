"""Which calls the portal needs for a message, and what the ledger knows the portal to hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from adapters.national_portal_v2.options import Options
from hub.canonical.base import local
from hub.canonical.codes import Event, Status
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage, Step
from hub.canonical.message import Message
from hub.contract import Call, Writing

#: Our names of the two services that no source names.
NUMBER = "CapMaHoSo"
UPLOAD = "TaiTepTin"
#: The portal's own.
CREATE = "NoiHoSo"
PROGRESS = "CapNhatTienTrinh"
STATUS = "CapNhatTrangThai"
SERVICES = frozenset({NUMBER, UPLOAD, CREATE, PROGRESS, STATUS})


# --- which calls -------------------------------------------------------------------------------------------------


def plan(message: Message, options: Options) -> tuple[Call, ...]:
    """Say which calls a message may need; what the portal holds by then is left out when its turn has come."""
    if not isinstance(message, DossierMessage) or not _is_told(message, options):
        return ()
    uploads = (Call(service=UPLOAD, part={"file": digest}) for digest in file_digests(message.dossier))
    # Known to the portal under a number of its own: it is not created there.
    first: tuple[Call, ...] = ()
    if message.dossier.numbering != options.numbering:
        later = (Call(service=UPLOAD, part={"supplement": name}) for name in supplement_files(message.dossier))
        first = (Call(service=NUMBER), *uploads, Call(service=CREATE), *later)
    return (*first, *_plan_rows(message, options), Call(service=STATUS))


def _is_told(message: DossierMessage, options: Options) -> bool:
    dossier = message.dossier
    if dossier.numbering == options.numbering:
        return message.event != Event.SUBMITTED  # the portal gave it to us
    never_received = {
        Status.NOT_RECEIVED: options.refusal_before_reception,
        Status.WITHDRAWN: options.withdrawal_before_reception,
    }
    return dossier.received_at is not None or never_received.get(dossier.status) == "send"


def _plan_rows(message: DossierMessage, options: Options) -> tuple[Call, ...]:
    count, size = len(message.steps), options.rows_per_call
    return tuple(
        Call(service=PROGRESS, part={"from": str(start), "to": str(min(start + size, count))}) for start in range(0, count, size)
    )


def files(dossier: Dossier) -> tuple[Attachment, ...]:
    """Give the files that the applicant submitted and has not taken back."""
    return tuple(each for each in dossier.attachments if not each.deleted)


def file_digests(dossier: Dossier) -> tuple[str, ...]:
    """Give the digests of the files that the hub can hold, each once."""
    return tuple(dict.fromkeys(each.digest for each in files(dossier) if each.digest))


def supplement_files(dossier: Dossier) -> tuple[str, ...]:
    """Name the files of supplements, each once, by digest or else by a mark of the address: the record has no place for them."""
    known = set(file_digests(dossier))
    given = (each for supplement in dossier.supplements for each in supplement.attachments if not each.deleted)
    names = (each.digest or f"url:{mark(each.url)}" for each in given if each.digest or each.url)
    return tuple(dict.fromkeys(name for name in names if name not in known))


def rows(message: DossierMessage) -> tuple[Step, ...]:
    """Give the progress rows, oldest first."""
    return tuple(sorted(message.steps, key=lambda step: local(step.at)))


def when_done(message: DossierMessage) -> datetime | None:
    """Say since when a dossier has its status: by the last row, else by the date of the status; None where nothing says it."""
    dossier = message.dossier
    by_status = {
        Status.RECEIVED: dossier.received_at,
        Status.NOT_RECEIVED: dossier.refused_at,
        Status.DONE: dossier.finished_at,
        Status.RETURNED: dossier.returned_at,
    }
    steps = rows(message)
    return (steps[-1].at if steps else None) or by_status.get(dossier.status) or message.sent_at


# --- what the portal holds -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holding:
    """What the portal is known to hold of a dossier, before a call is written."""

    #: The number under which the portal has the dossier, or will have it; empty: none is drawn yet.
    number: str
    #: The portal had the dossier before this adapter spoke of it: it must not be created.
    elsewhere: bool
    created: bool
    #: idHoSo; empty where nobody knows it.
    id: str


def holding(dossier: Dossier, writing: Writing) -> Holding:
    """Read what receipts have told; what a first-generation endpoint left in ``held`` (record) counts too."""
    options: Options = writing.options
    held = writing.held
    drawn, known = held.get("number", ""), held.get("id", "")
    born = dossier.code if dossier.numbering == options.numbering else dossier.other_codes.get(options.numbering, "")
    told_before = born or (dossier.code if held.get("record") == "yes" else "")
    return Holding(
        number=drawn or told_before,
        elsewhere=not drawn and bool(told_before),
        created=bool(known) or held.get("created") == "yes",
        id=known,
    )


def mark(text: str) -> str:
    """Name a text shortly: what a row is known by, since the portal gives it no identifier."""
    return sha256(text.encode()).hexdigest()[:16]
