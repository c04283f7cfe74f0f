"""Our errors, by who acts next.

* HubError
  x NotSent          nobody: wait and send the same bytes again   (refused, no DNS, connect timeout)
    + Busy           nobody: wait as long as the partner says
    + CannotSign     nobody: wait until what holds our key answers again, or the next key's time has come
  x InDoubt          the partner may have it: ask, or resend where the endpoint says that is safe, else stay in doubt
  x Refused          the sender: the partner said no for good
  x InvalidMessage   the sender: it cannot be read; all faults at once, with their paths
    + Conflict       the sender: the same identity with other content
    + NotPermitted   the sender: not this sender's dossier, or not its door
  x OutOfStep        the operator: older than what we have, or a step the table does not know
    + OutOfStage     the operator: it does not fit the stage of a trade dossier
  x Untrusted        the operator: signature, chain, revocation, weak algorithm
  x NoRoute          the operator: no rule for it
  x NoMapping        the operator: a code list lacks a code that this partner needs
  x Untold           nobody: the partner has no service for this; the dossier goes on without it, and its timeline says so
  x OnTrial          the operator: the partner is on trial, and this is no test dossier
  x NotForPurpose    the operator: a border document would go to a partner that may not have it
  x BorderHeld       the operator: what is said of a border document must be looked at by an officer first
  x NotAllowed       the operator: this verb is not possible in this state
    + Forbidden      the operator: this person may not do it, or not here
      - Forged       the operator: a form that did not come from the console's own page
    + NotLoggedIn    the operator: nobody is logged in, or no longer
    + TooMany        the operator: too many tries or calls; again after some seconds
  x BadSettings      the operator: a configuration file is wrong
  x Unavailable      the operator: the ledger or the bus does not answer

Anything else is a bug: parked at once, grouped by type and place, never retried blindly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a message, where, in both languages."""

    #: Where: an XPath for XML, a JSON pointer for JSON, ``line 3`` where no path is known.
    path: str
    #: Stable short code, e.g. ``missing``; each has a heading in docs/errors.md.
    code: str
    vi: str
    en: str


def place(path: str) -> tuple[str, str]:
    """Say where a fault is, in Vietnamese and English: by its path, or in words where that is a line or is empty."""
    if not path:
        return "toàn bộ nội dung", "the whole content"
    number = path.removeprefix("line ")
    return (f"dòng {number}" if number != path and number.isdigit() else path), path


class HubError(Exception):
    """Says what is wrong, where, and what to do, in Vietnamese and English."""

    #: Stable and unique (a test says so); documented in docs/errors.md.
    code = "hub_error"
    #: Who acts next: nobody, sender, partner, operator or developer.
    who = "developer"

    def __init__(self, en: str, vi: str, *, where: str = "", partner_code: str = "") -> None:
        super().__init__(en)
        self.en = en
        self.vi = vi
        #: Path, field, file and line, or service: what groups failures by place.
        self.where = where
        #: The partner's own code, when it gave one.
        self.partner_code = partner_code
        #: Where bytes of a call left before it failed: those bytes (secrets masked), for the attempt's record.
        self.sent = b""
        #: What came back: the body; with status 0 the first bytes of a reply that is not whole, head included, as they came.
        self.reply = b""
        self.reply_status = 0

    @property
    def faults(self) -> tuple[Fault, ...]:
        return (Fault(self.where, self.code, self.vi, self.en),)


class NotSent(HubError):
    """Surely did not reach the partner: no byte of the request left, or the partner said so."""

    code = "not_sent"
    who = "nobody"


class Busy(NotSent):
    """The partner is there but does not take messages now."""

    code = "busy"

    def __init__(self, en: str, vi: str, *, where: str = "", partner_code: str = "", retry_after: float | None = None) -> None:
        super().__init__(en, vi, where=where, partner_code=partner_code)
        #: Seconds the partner asked us to wait; None where it did not say.
        self.retry_after = retry_after


class CannotSign(NotSent):
    """Cannot be signed now: a token, an HSM or the time-stamping authority is away, or the next key's time has not come.

    Raised before a byte leaves: no fault of the message, which waits however long that takes.
    """

    code = "cannot_sign"

    def __init__(self, en: str, vi: str, *, where: str = "", retry_after: float = 0.0) -> None:
        super().__init__(en, vi, where=where)
        #: Seconds after which it may be possible; 0 where nothing is known.
        self.retry_after = retry_after


class InDoubt(HubError):
    """The partner may have it: the first byte left and no readable receipt came back."""

    code = "in_doubt"
    who = "partner"


class Refused(HubError):
    """The partner read it and said no for good."""

    code = "refused"
    who = "sender"


class InvalidMessage(HubError):
    """Cannot be read; carries every fault that was found, not only the first."""

    code = "invalid_message"
    who = "sender"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        count = len(self._faults)
        first = self._faults[0] if self._faults else Fault("", "unreadable", "không đọc được", "cannot be read")
        vi, en = place(first.path)
        super().__init__(
            f"{count} fault(s); first: {en}: {first.en}",
            f"{count} lỗi; lỗi đầu tiên: {vi}: {first.vi}",
            where=first.path,
        )

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self._faults


class Conflict(InvalidMessage):
    """The same identity came before with other content."""

    code = "conflict"


class NotPermitted(InvalidMessage):
    """The sender may not say this: another's dossier, or a direction that is not its own."""

    code = "not_permitted"


class OutOfStep(HubError):
    """Older than what we have, or a step that the transition table does not know."""

    code = "out_of_step"
    who = "operator"


class OutOfStage(OutOfStep):
    """Does not fit the stage of a trade dossier: recorded and answered, and not applied before an operator says so."""

    code = "out_of_stage"


class Untrusted(HubError):
    """Signature missing, broken, by an unknown or expired certificate, or by a weak algorithm."""

    code = "untrusted"
    who = "operator"


class NoRoute(HubError):
    """No routing rule matches."""

    code = "no_route"
    who = "operator"


class NoMapping(HubError):
    """A code list has no entry for a code that this partner needs."""

    code = "no_mapping"
    who = "operator"


class Untold(HubError):
    """The partner has no service that takes this: it is not told, the dossier goes on, and whoever looks at it must know."""

    code = "untold"
    who = "nobody"

    def __init__(self, en: str, vi: str, *, where: str = "", held: Mapping[str, str] | None = None) -> None:
        super().__init__(en, vi, where=where)
        #: Merged into what the ledger knows the partner to hold, so that the same is not said again with every message.
        self.held = dict(held or {})


class OnTrial(HubError):
    """The partner is on trial: only test dossiers go to it."""

    code = "trial"
    who = "operator"


class NotForPurpose(HubError):
    """A border document must not go to this partner: its file does not name such documents among its purposes."""

    code = "purpose"
    who = "operator"


class BorderHeld(HubError):
    """An officer must look first: a known number with other content, a withdrawal after use, a document that came withdrawn."""

    code = "border_held"
    who = "operator"


class NotAllowed(HubError):
    """The verb is not possible in the delivery's present state."""

    code = "not_allowed"
    who = "operator"


class Forbidden(NotAllowed):
    """The verb does not belong to this person's roles, or its object lies outside of the person's scope."""

    code = "forbidden"


class Forged(Forbidden):
    """A form that did not come from the console's own page, or whose page is too old."""

    code = "forged"


class NotLoggedIn(NotAllowed):
    """Nobody is logged in, or no longer, or has to do something else first."""

    code = "not_logged_in"

    def __init__(self, en: str, vi: str, *, where: str = "", location: str = "/login") -> None:
        super().__init__(en, vi, where=where)
        #: Local address at which a browser's user can do something about it.
        self.location = location


class TooMany(NotAllowed):
    """More tries or calls than are allowed in this time."""

    code = "too_often"

    def __init__(self, en: str, vi: str, *, where: str = "", seconds: float) -> None:
        super().__init__(en, vi, where=where)
        #: After so many seconds it can be tried again.
        self.seconds = seconds


class BadSettings(HubError):
    """A configuration file is wrong; the message names file, table and key. Several may be: then each is one of the faults."""

    code = "bad_settings"
    who = "operator"

    def __init__(self, en: str, vi: str, *, where: str = "", faults: Iterable[Fault] = ()) -> None:
        super().__init__(en, vi, where=where)
        self._faults = tuple(faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self._faults or super().faults


class Unavailable(HubError):
    """The ledger or the bus does not answer; nothing was accepted."""

    code = "unavailable"
    who = "operator"


class Damaged(HubError):
    """Bytes that are kept are not what their digest says: they were changed, cut off or lost."""

    code = "damaged"
    who = "operator"


def missing(path: str, vi_name: str = "") -> Fault:
    """Say that a required field is absent or empty."""
    name = vi_name or path.rsplit("/", 1)[-1]
    return Fault(path, "missing", f"thiếu trường bắt buộc {name}", f"required field {name} is missing or empty")


def bad_value(path: str, vi: str, en: str) -> Fault:
    """Say that a field has a value which the field's rule does not allow."""
    return Fault(path, "bad_value", vi, en)


def every_error() -> tuple[type[HubError], ...]:
    """List every class of the tree, for the documentation test and the failure groups."""

    def walk(cls: type[HubError]) -> Iterable[type[HubError]]:
        yield cls
        for child in cls.__subclasses__():
            yield from walk(child)

    return tuple(dict.fromkeys(walk(HubError)))
