"""What statistics count a dossier by: moments, agency, field, channel, signs of how it was handled; folded message by message.

Nothing is read or written here. A message may say all of a dossier or one step of it: what it does not say stays as it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import IntFlag
from typing import Any

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Status
from hub.canonical.dossier import Dossier, DossierMessage, Step
from hub.rules import lifecycle

#: Names and codes are cut here: a register's column is no place for a page of text.
LONGEST = 200
#: Numbers of identity papers that systems write to satisfy a check of form (seen in public code; all zeros likewise).
PLACEHOLDER_NUMBERS = frozenset({"000000001", "000000000", "000000000000", "000000000001"})
#: Names that stand for nobody and for no file (seen in public code).
PLACEHOLDER_NAMES = frozenset({"chuyên viên", "dinhkem"})
#: A national number begins with the code of the agency that received the dossier, in either form of codes (assumed: officials
#: number so; a sender may not); other numbers say nothing.
_NUMBER = re.compile(r"(\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{2,3}){0,5})-(?:\d{6}|\d{8})-\d{3,9}")
_WAITING = frozenset({Status.SUPPLEMENT_ASKED, Status.FEE_ASKED, Status.STOPPED})
_CLOSED = frozenset({Status.NOT_RECEIVED, Status.WITHDRAWN, Status.STOPPED})
_ENDS = _CLOSED | {Status.DONE, Status.RETURNED}


class Flag(IntFlag):
    """What a dossier was seen to have, in one number; the values are kept, so they never change."""

    #: TaiKhoanDuocXacThucVoiVNeID = 1.
    VERIFIED = 1
    #: HoSoCoThanhPhanSoHoa = 1.
    DIGITISED_PARTS = 2
    #: MaCSDL: a national database was asked.
    NATIONAL_DATA = 4
    #: A file is among what was submitted.
    FILE_SUBMITTED = 8
    #: A file is among the results.
    FILE_RESULT = 16
    #: A result has code (MaKetQua) and link.
    RESULT_WITH_CODE = 32
    #: TaiLieuNop.DuocSoHoa = 1, or reused.
    REUSED = 64
    #: TaiLieuNop.DuocLayTuKhoDMQG = 1.
    FROM_STORE = 128
    #: A fee above 0.
    FEE = 256
    #: Fees were named.
    FEES_NAMED = 512
    #: DuocThanhToanTrucTuyen = 1: on the national platform.
    PAID_NATIONAL = 1024
    #: DuocThanhToanTrucTuyen = 2: by the agency's own gateway.
    PAID_OWN = 2048
    #: A result was named, with or without a file.
    RESULT_NAMED = 4096
    #: A result's address is that of a file which the applicant submitted.
    RESULT_IS_SUBMITTED = 8192
    PLACEHOLDER_IDENTITY = 16384
    PLACEHOLDER_NAME = 32768
    #: Said to be done (9) right out of waiting for supplement or fee, or out of a stop (5, 6, 8).
    DONE_FROM_WAITING = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One dossier as statistics see it; moments are seconds since 1970 UTC, None: not told."""

    agency_code: str = ""
    agency_name: str = ""
    field_code: str = ""
    field_name: str = ""
    #: 1 at a desk, 2 online, 3 by post; empty: not told.
    channel: str = ""
    submitted_at: float | None = None
    #: None: it was not received, and is counted nowhere.
    received_at: float | None = None
    #: As told last, and as told first.
    due_at: float | None = None
    first_due_at: float | None = None
    #: Since when it has been done (9), returned (10), or not received, withdrawn, stopped (3, 7, 8).
    done_at: float | None = None
    returned_at: float | None = None
    closed_at: float | None = None
    #: The latest of these three; None while it is being worked on.
    ended_at: float | None = None
    #: Rounds of supplements, and the last one: asked and not answered, the clock stands.
    supplements: int = 0
    asked_at: float | None = None
    answered_at: float | None = None
    #: How often the due date was moved to a later one; of these: with a supplement, after the old one had passed.
    due_moves: int = 0
    due_moves_explained: int = 0
    due_moves_late: int = 0
    due_moved_at: float | None = None
    #: Of ``Flag``.
    flags: int = 0
    #: Hash of the first result's address: one file given as the result of many dossiers shows.
    result_mark: str = ""

    def has(self, flag: Flag) -> bool:
        return self.flags & int(flag) != 0


#: Their columns in the register of dossiers.
COLUMNS = tuple(each.name for each in fields(Facts))


def of_row(row: Any) -> Facts:
    """Give the facts that stand in a row of the register."""
    return Facts(**{name: getattr(row, name) for name in COLUMNS})


def columns(facts: Facts) -> dict[str, Any]:
    """Write facts as the register's columns."""
    return {name: getattr(facts, name) for name in COLUMNS}


_NOTHING = columns(Facts())


def moment(given: datetime | None) -> float | None:
    """Give a told moment in seconds since 1970 UTC; one without a zone is Vietnamese time, whatever its year."""
    if given is None:
        return None
    try:
        aware = given if given.tzinfo is not None else given.replace(tzinfo=VIETNAM)
        return aware.timestamp()
    except OverflowError:
        return None


def happened_at(message: DossierMessage) -> float | None:
    """Say since when the dossier has had the status that a message tells; None where it does not say."""
    status = message.dossier.status
    steps = [at for step in message.steps if step.status is status and (at := moment(step.at)) is not None]
    if steps:
        return max(steps)
    told = moment(_told(message.dossier, status))
    return told if told is not None else moment(message.sent_at)


def _told(dossier: Dossier, status: Status) -> datetime | None:
    if status is Status.REGISTERED:
        return dossier.submitted_at
    if status is Status.RECEIVED:
        return dossier.received_at
    if status is Status.DONE:
        return dossier.finished_at
    if status is Status.RETURNED:
        return dossier.returned_at
    return dossier.refused_at if status in _CLOSED else None


def after(before: Facts | None, known: Status | None, message: DossierMessage, now: float) -> Facts:
    """Fold a message into what was known of its dossier; ``known``: the status on record before it, ``now``: when it came.

    On every message's way: so the facts are folded in one plain dict, and made once.
    """
    dossier, status = message.dossier, lifecycle.recorded(known, message.dossier.status)
    made = columns(before) if before is not None else _NOTHING.copy()
    at = happened_at(message)
    at = now if at is None else at
    _take_names(made, dossier)
    _take(made, "submitted_at", moment(dossier.submitted_at))
    _take(made, "received_at", moment(dossier.received_at))
    if made["received_at"] is None:
        made["received_at"] = _step(message.steps, Status.RECEIVED)
    made["flags"] |= _flags(message, known, status)
    _supplemented(made, known, status, message, at)
    _due(made, known, status, dossier, now)
    _ended(made, status, dossier, at)
    return Facts(**made)


def _take(made: dict[str, Any], name: str, told: float | str | None) -> None:
    """Take what is told; what is not stays as it was."""
    if told is not None and told != "":
        made[name] = told


def _take_names(made: dict[str, Any], dossier: Dossier) -> None:
    _take(made, "agency_code", _text(dossier.agency.code))
    if not made["agency_code"]:
        made["agency_code"] = _agency_in_number(dossier)
    _take(made, "agency_name", _text(dossier.agency.name))
    _take(made, "field_code", _text(dossier.procedure.field_code))
    _take(made, "field_name", _text(dossier.procedure.field_name))
    _take(made, "channel", _text(dossier.channel)[:10])
    _take(made, "result_mark", _mark(dossier))


def _agency_in_number(dossier: Dossier) -> str:
    number = dossier.code if dossier.numbering == "national" else dossier.other_codes.get("national", "")
    found = _NUMBER.fullmatch(number)
    return found[1] if found else ""


def _text(given: str) -> str:
    return given.strip().replace("\0", "")[:LONGEST]


def _either(*moments: float | None) -> float | None:
    return next((each for each in moments if each is not None), None)


def _step(steps: Iterable[Step], status: Status) -> float | None:
    """Give the first moment of a step."""
    return min((at for step in steps if step.status is status and (at := moment(step.at)) is not None), default=None)


def _supplemented(made: dict[str, Any], known: Status | None, status: Status, message: DossierMessage, at: float) -> None:
    """Count rounds of supplements: those that are listed, and those that the status shows."""
    rounds, asked = message.dossier.supplements, Status.SUPPLEMENT_ASKED
    if not (rounds or made["supplements"] or status is asked or any(step.status is asked for step in message.steps)):
        return
    entered = status is asked and known is not asked
    shown = [step.status is asked for step in message.steps]
    in_steps = sum(now and not earlier for earlier, now in zip([False, *shown], shown, strict=False))
    count = max(made["supplements"] + entered, len(rounds), in_steps)
    asked_at, answered_at = made["asked_at"], made["answered_at"]
    if count > made["supplements"]:
        asked_at, answered_at = at if entered else _either(_step(message.steps, asked), at), None
    if rounds and count == len(rounds):
        asked_at = _either(moment(rounds[-1].asked_at), asked_at)
        answered_at = _either(moment(rounds[-1].received_at), answered_at)
    if answered_at is None:
        answered_at = at
    made |= {"supplements": count, "asked_at": asked_at, "answered_at": answered_at if status is not asked else None}


def _due(made: dict[str, Any], known: Status | None, status: Status, dossier: Dossier, now: float) -> None:
    """Take the due date that is told, and keep what it was."""
    told, before = moment(dossier.due_at), made["due_at"]
    if told is None or told == before:
        return
    made["due_at"] = told
    if before is None or told < before:
        made["first_due_at"] = _either(made["first_due_at"], told)
        return
    with_supplement = Status.SUPPLEMENT_ASKED in (known, status) or any(
        moment(each.due_after) == told for each in dossier.supplements
    )
    made["due_moves"] += 1
    made["due_moves_explained"] += with_supplement
    made["due_moves_late"] += not with_supplement and now > before
    made["due_moved_at"] = now


def _ended(made: dict[str, Any], status: Status, dossier: Dossier, at: float) -> None:
    """Say since when it has ended; one that is worked on again has not."""
    if status not in _ENDS:
        made |= {"done_at": None, "returned_at": None, "closed_at": None, "ended_at": None}
        return
    done, returned, closed = made["done_at"], made["returned_at"], made["closed_at"]
    if status in _CLOSED:
        closed = _either(moment(dossier.refused_at), moment(dossier.finished_at), closed, at)
    else:
        done = _either(moment(dossier.finished_at), done, at if status is Status.DONE else None)
    if status is Status.RETURNED:
        returned = _either(moment(dossier.returned_at), returned, at)
    ended = max(each for each in (done, returned, closed) if each is not None)
    made |= {"done_at": done, "returned_at": returned, "closed_at": closed, "ended_at": ended}


# --- flags -------------------------------------------------------------------------------------------------------


# As plain numbers: an operation of IntFlag costs a microsecond.
_VERIFIED = int(Flag.VERIFIED)
_DIGITISED_PARTS = int(Flag.DIGITISED_PARTS)
_NATIONAL_DATA = int(Flag.NATIONAL_DATA)
_FILE_SUBMITTED = int(Flag.FILE_SUBMITTED)
_FILE_RESULT = int(Flag.FILE_RESULT)
_RESULT_WITH_CODE = int(Flag.RESULT_WITH_CODE)
_REUSED = int(Flag.REUSED)
_FROM_STORE = int(Flag.FROM_STORE)
_FEE = int(Flag.FEE)
_FEES_NAMED = int(Flag.FEES_NAMED)
_RESULT_NAMED = int(Flag.RESULT_NAMED)
_RESULT_IS_SUBMITTED = int(Flag.RESULT_IS_SUBMITTED)
_PLACEHOLDER_IDENTITY = int(Flag.PLACEHOLDER_IDENTITY)
_PLACEHOLDER_NAME = int(Flag.PLACEHOLDER_NAME)
_DONE_FROM_WAITING = int(Flag.DONE_FROM_WAITING)
_OF_PAYMENT = {"1": int(Flag.PAID_NATIONAL), "2": int(Flag.PAID_OWN)}


def _flags(message: DossierMessage, known: Status | None, status: Status) -> int:
    dossier = message.dossier
    found = _OF_PAYMENT.get(dossier.paid_online, 0) | _of_files(dossier)
    if dossier.verified_by_vneid:
        found |= _VERIFIED
    if dossier.has_digitised_parts:
        found |= _DIGITISED_PARTS
    if any(dossier.national_databases):
        found |= _NATIONAL_DATA
    fees = (*dossier.fees, *(fee for each in dossier.supplements for fee in each.fees))
    if fees:
        found |= _FEES_NAMED | (_FEE if any(each.amount.strip("0., ") for each in fees) else 0)
    if _is_nobody(dossier):
        found |= _PLACEHOLDER_IDENTITY
    if _stands_for_nothing(message):
        found |= _PLACEHOLDER_NAME
    if status is Status.DONE and _done_from_waiting(message, known):
        found |= _DONE_FROM_WAITING
    return found


def _of_files(dossier: Dossier) -> int:
    found = _RESULT_NAMED if dossier.results else 0
    addresses = set()
    for file in dossier.attachments:
        if file.deleted:
            continue
        if file.url:
            addresses.add(file.url)
        if file.url or file.digest:
            found |= _FILE_SUBMITTED
        if file.digitised or file.reused not in ("", "0"):
            found |= _REUSED
        if file.from_national_store:
            found |= _FROM_STORE
    for result in dossier.results:
        if result.url:
            found |= _FILE_RESULT | (_RESULT_WITH_CODE if result.code else 0)
            found |= _RESULT_IS_SUBMITTED if result.url in addresses else 0
    return found


def _is_nobody(dossier: Dossier) -> bool:
    party = dossier.applicant
    numbers = {party.identity_number, *(each.number for each in party.identities)}
    return not numbers.isdisjoint(PLACEHOLDER_NUMBERS)


def _stands_for_nothing(message: DossierMessage) -> bool:
    names = (*(step.actor for step in message.steps), *(step.title for step in message.steps))
    files = (*(each.name for each in message.dossier.attachments), *(each.name for each in message.dossier.results))
    return any(each.strip().casefold() in PLACEHOLDER_NAMES for each in (*names, *files) if each)


def _done_from_waiting(message: DossierMessage, known: Status | None) -> bool:
    """Say whether nothing ended its waiting before it was done: on record, or in its own steps (in their order)."""
    before = [step.status for step in message.steps if step.status is not Status.DONE]
    return before[-1] in _WAITING if before else known in _WAITING


def _mark(dossier: Dossier) -> str:
    address = next((each.url for each in dossier.results if each.url), "")
    return hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:16] if address else ""
