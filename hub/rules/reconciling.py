"""What it means where a partner holds a dossier otherwise than the ledger says: kind, cause, and how it may be mended. Pure.

The ledger's side is a ``Stand``: the last call that says everything of the dossier, what became of it, and what the partner
was told before. The partner's side is what its look-up showed. Nothing here sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.canonical.base import local
from hub.canonical.held import HeldDossier
from hub.rules.lifecycle import State

#: Parts of a reconciliation, in their order: dossiers that the partner was told of, those of partners whose records it has
#: (hub.rules.succession) and of which it was not told anything itself, other numbers of those that it does not
#: have, dossiers that no rule sent to it, what it lists.
PHASES = ("dossiers", "before", "numbers", "unrouted", "list")
#: Fields that are compared, each only where both sides tell it.
FIELDS = ("status", "procedure", "agency", "received_at", "due_at")

#: Counted once where the partner's protocol has no list of what it holds: that nothing is extra then says nothing.
NOT_LISTED = "not_listed"

#: Kind of a finding -> Vietnamese, English.
KINDS: Mapping[str, tuple[str, str]] = {
    "missing": ("thiếu ở đối tác", "missing"),
    "stale": ("đối tác giữ bản cũ", "stale"),
    "different": ("khác nhau", "different"),
    "extra": ("thừa ở đối tác", "extra"),
    "unanswered": ("đối tác không trả lời được", "not answered"),
}
#: What was counted beside findings -> Vietnamese, English.
COUNTED: Mapping[str, tuple[str, str]] = {
    "same": ("khớp", "same"),
    "under_way": ("đang đi, chưa đối chiếu", "under way, not compared"),
    "not_comparable": ("không đối chiếu được", "cannot be compared"),
}
#: Cause of a finding -> Vietnamese, English.
CAUSES: Mapping[str, tuple[str, str]] = {
    "lost": ("đã gửi, đối tác đã nhận nhưng nay không có", "the partner took it, and has it no longer"),
    "settled": ("cán bộ đã xác nhận là đến nơi, đối tác không có", "an operator stated that it had arrived; it has not"),
    "parked": ("chưa gửi được, đang dừng vì lỗi", "not sent: it stands still for an error"),
    "in_doubt": ("chưa rõ đối tác đã nhận hay chưa", "in doubt"),
    "abandoned": ("cán bộ đã từ bỏ lượt chuyển", "an operator abandoned the delivery"),
    "refused_late": ("đối tác nhận rồi từ chối sau", "the partner refused it afterwards"),
    "no_route": ("chưa có quy tắc định tuyến khi hồ sơ đến", "no rule sent it to this partner"),
    "not_applied": ("đối tác đã nhận nhưng vẫn giữ nội dung cũ", "the partner took it, and still holds what it was told before"),
    "partner_changed": ("đối tác tự thay đổi, hoặc nơi khác gửi", "the partner changed it, or somebody else did"),
    "arrived": ("đối tác đã có, sổ cái chưa ghi là đến nơi", "the partner has it; the ledger does not say so"),
    "other_number": ("đối tác giữ dưới mã số khác của hồ sơ", "the partner has it under another number of the dossier"),
    "unknown": ("trục không biết hồ sơ này: sinh ra tại đối tác, hoặc nơi khác gửi", "the hub knows no such dossier"),
    "not_told": ("trục biết hồ sơ này nhưng không gửi cho đối tác", "the hub knows it, and never told this partner"),
    "test": ("hồ sơ thử", "a test dossier"),
    "no_answer": ("tra cứu không có trả lời đọc được", "the look-up was not answered in a way that can be read"),
}
#: Proposed mending -> Vietnamese, English.
MENDINGS: Mapping[str, tuple[str, str]] = {
    "send_again": (
        "gửi lại hồ sơ từ nội dung cuối cùng, sau các lượt đang có (không gửi lại tiến trình)",
        "send the dossier again from what was last known, behind what is there (progress rows are not repeated)",
    ),
    "release": ("cho gửi tiếp lượt đang dừng (release)", "release the delivery that stands still"),
    "rebuild": ("dựng lại rồi gửi lượt đang dừng (rebuild)", "rebuild the delivery that stands still"),
    "ask": ("hỏi đối tác về lượt chưa rõ kết quả (ask)", "ask about the delivery that is in doubt"),
    "settle": ("xem và xác nhận kết quả (settle)", "look, and settle the delivery"),
    "tell_partner": ("không gửi gì; báo đối tác kiểm tra", "send nothing; tell the partner"),
    "work_list": ("cán bộ xem xét", "for an officer to look at"),
}
#: Those that ``reconcile mend`` carries out.
MENDED = ("send_again", "release", "rebuild", "ask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What the ledger says of one dossier at one partner."""

    #: State of the last call that says everything of it, and of what holds it up (itself, or the head of its chain).
    state: State
    holds_up: State
    #: What holds it up was written already.
    written: bool = False
    #: What that last call says, or would say; only the status where its bytes are not written yet.
    last: HeldDossier
    #: What the last such call told that arrived; None: none did.
    told: HeldDossier | None = None
    #: An operator stated that the last one arrived.
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field in which the two sides differ, as they are shown."""

    name: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding: what, why, and what may be done."""

    kind: str
    cause: str
    mending: str
    fields: tuple[Field, ...] = ()


#: Gives what the partner was told before the last time, the newest first; asked only where it matters.
Earlier = Callable[[], Sequence[HeldDossier]]


def is_moving(state: State, head: State) -> bool:
    """Say whether the last call is on its way, so that nothing can be said yet of what the partner ought to hold."""
    ended = state in (State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE, State.ABANDONED)
    return not ended and head not in (State.PARKED, State.IN_DOUBT)


def judge(stand: Stand, held: HeldDossier, earlier: Earlier) -> Judged | None:
    """Compare the two sides; None where nothing is to be said."""
    if held.absent:
        return _missing(stand)
    if stand.state in (State.DELIVERED, State.ACKNOWLEDGED):
        return _otherwise(stand.last, held, earlier)
    return _not_delivered(stand, held)


def _missing(stand: Stand) -> Judged:
    if stand.state in (State.DELIVERED, State.ACKNOWLEDGED):
        return Judged(kind="missing", cause="settled" if stand.settled else "lost", mending="send_again")
    cause, mending = _why_not(stand)
    if mending == "release" and stand.told is not None:
        # Its bytes say "update", and there is nothing to update any more.
        mending = "rebuild"
    return Judged(kind="missing", cause=cause, mending=mending)


def _why_not(stand: Stand) -> tuple[str, str]:
    """Say why the last call has not arrived, and what may be done about it."""
    if stand.state is State.ABANDONED:
        return "abandoned", "send_again"
    if stand.state is State.REFUSED_LATE:
        return "refused_late", "work_list"
    if stand.holds_up is State.IN_DOUBT:
        return "in_doubt", "ask"
    return "parked", "release" if stand.written else "rebuild"


def _otherwise(ours: HeldDossier, held: HeldDossier, earlier: Earlier) -> Judged | None:
    fields = differences(ours, held)
    if not fields:
        return None
    if any(_shows(before, held, fields) for before in earlier()):
        return Judged(kind="stale", cause="not_applied", mending="send_again", fields=fields)
    return Judged(kind="different", cause="partner_changed", mending="tell_partner", fields=fields)


def _shows(before: HeldDossier, held: HeldDossier, fields: Sequence[Field]) -> bool:
    """Say whether the partner shows, wherever it differs, what it was told by an earlier call."""
    return all(_text(getattr(before, each.name)) == each.theirs for each in fields)


def _not_delivered(stand: Stand, held: HeldDossier) -> Judged | None:
    """Judge by the status alone: what a call would have said beside it is not certain before it is written."""
    ours, theirs = stand.last.status, held.status
    if not theirs:
        return None
    fields = (Field(name="status", ours=ours, theirs=theirs),)
    before = stand.told.status if stand.told else ""
    if theirs == ours:
        if before == ours:
            return None
        mending = "ask" if stand.holds_up is State.IN_DOUBT else "settle"
        return Judged(kind="different", cause="arrived", mending=mending)
    if theirs == before:
        cause, mending = _why_not(stand)
        return Judged(kind="stale", cause=cause, mending=mending, fields=fields)
    return Judged(kind="different", cause="partner_changed", mending="tell_partner", fields=fields)


def differences(ours: HeldDossier, theirs: HeldDossier) -> tuple[Field, ...]:
    """List the fields that both sides tell and in which they differ."""
    found = ((name, _text(getattr(ours, name)), _text(getattr(theirs, name))) for name in FIELDS)
    return tuple(Field(name=name, ours=mine, theirs=its) for name, mine, its in found if mine and its and mine != its)


def untold(theirs: HeldDossier) -> tuple[str, ...]:
    """List the fields that the partner's look-up does not tell."""
    return tuple(name for name in FIELDS if not _text(getattr(theirs, name)))


def _text(value: object) -> str:
    """Write a value as it is compared and shown; moments to the second, in Vietnam."""
    if not value:
        return ""
    return local(value).isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
