"""Our word on what was brought: the answer at the door (PUSH), and which of the three acknowledgements is owed."""

from __future__ import annotations

from dataclasses import replace

from adapters.ephyto import soap
from adapters.ephyto.inbound import Asked, header_of
from adapters.ephyto.operations import BRINGS, NOT_READABLE, PENDING, TRACKING_UPDATE
from adapters.ephyto.options import Options
from hub.contract import Answer, Opened, Outcome, Owed, Request
from hub.errors import HubError, InvalidMessage, Untrusted

#: What is told of a message that is not trusted: no detail helps a forger.
_NOT_TRUSTED = "the signature is not trusted"
_SAID_FAULTS = 5


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: Options) -> Answer:
    """Answer as the Hub itself would: with the envelope's header, or with a fault.

    An envelope that came with a number is answered by its header also where it cannot be read: the acknowledgement says so.
    """
    version = soap.version_of(request.body, request.content_type)
    operation = opened.head["operation"] if opened else ""
    if outcome.error is None and operation == TRACKING_UPDATE:
        return _said(version, 200, soap.response(version, operation, None))
    if outcome.error is None or (opened and opened.head["hub_number"] and sender_is_wrong(outcome.error)):
        return _said(version, 200, soap.response(version, operation or "Unknown", _with_state(opened, outcome.error)))
    wrong = sender_is_wrong(outcome.error)
    text = told(outcome.error) if wrong else "the envelope could not be taken now; nothing of it was kept"
    return _said(version, _status(version, wrong), soap.fault(version, text, sender=wrong))


def _with_state(opened: Opened | None, error: HubError | None) -> soap.Header:
    header = header_of(opened) if opened else soap.Header()
    if error is None:
        # It is taken when our acknowledgement says so.
        return replace(header, state=PENDING, error="")
    return replace(header, state=NOT_READABLE, error=told(error))


def _status(version: str, wrong: bool) -> int:
    """Give the status by the bindings: SOAP 1.1 note 6.2 wants 500 always; SOAP 1.2 part 2, 7.5.2.2: 400 for Sender."""
    return 400 if wrong and version == soap.SOAP_12 else 500


def _said(version: str, status: int, body: bytes) -> Answer:
    return Answer(status=status, body=body, content_type=soap.CONTENT_TYPE[version])


def sender_is_wrong(error: HubError) -> bool:
    """Say whether the sender must mend something; else it was our own failure, which is owed no word."""
    return isinstance(error, InvalidMessage | Untrusted)


def told(error: HubError) -> str:
    """Say in English what is wrong."""
    if isinstance(error, Untrusted):
        return _NOT_TRUSTED
    said = "; ".join(f"{fault.path}: {fault.en}" for fault in error.faults[:_SAID_FAULTS])
    return _written(said)


def owes(outcome: Outcome, opened: Opened | None, request: Request, options: Options) -> Owed | None:
    """Say which acknowledgement is owed: plain, with a warning, or failed; none where it was our own failure."""
    number = request.owed or _pushed(opened, options)
    if not number:
        return None
    if outcome.error is None:
        warnings = outcome.asked.warnings if isinstance(outcome.asked, Asked) else ()
        return Owed(number=number, kind="warned" if warnings else "taken", text=_written("; ".join(warnings)))
    if sender_is_wrong(outcome.error):
        return Owed(number=number, kind="failed", text=told(outcome.error))
    return None


def _pushed(opened: Opened | None, options: Options) -> str:
    """Give the number of an envelope that the Hub brought itself."""
    if opened is None or opened.head["operation"] not in BRINGS or not opened.head["hub_number"]:
        return ""
    return options.number_here(opened.head["hub_number"])


def _written(text: str) -> str:
    """Cut a text, and take out what no XML can carry."""
    kept = "".join(sign if sign.isprintable() else " " for sign in text)
    return kept[: soap.SAID_LENGTH].encode("utf-8", "replace").decode()
