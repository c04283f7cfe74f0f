"""Telling recipients of alerts: by e-mail, or by a call to their webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub.alerting import WEBHOOK_SECONDS, Teller
from hub.app import Hub
from hub.edge import mailing
from hub.errors import BadSettings, InDoubt, NotSent, Refused
from hub.rules import alert_letters
from hub.rules.alerts import Book, Letter, Recipient
from hub.wire import HttpReply, Wire, raise_for_busy


@contextmanager
def telling(hub: Hub) -> Iterator[Teller]:
    """Lend what tells this hub's recipients."""
    wire = Wire()

    def tell(recipient: Recipient, letter: Letter) -> None:
        if recipient.email:
            _mail(hub.alerts, recipient, letter)
        else:
            _call(wire, hub.alerts, recipient, letter, hub.now)

    try:
        yield tell
    finally:
        wire.close()


def _mail(book: Book, recipient: Recipient, letter: Letter) -> None:
    if book.mail is None:
        where = "hub.toml [alerts.mail] host"
        raise BadSettings(f"{where} is missing", f"{where}: thiếu", where=where)
    mailing.send(book.mail, recipient.email, alert_letters.email(letter, book, book.mail.sender, recipient.email))


def _call(wire: Wire, book: Book, recipient: Recipient, letter: Letter, now: Callable[[], float]) -> None:
    """Call a webhook. What answers with a status of the 400s has not taken it, one of the 500s may have."""
    body = alert_letters.webhook(letter, book)
    try:
        reply = wire.call(
            "POST",
            recipient.url,
            body=body,
            headers=alert_letters.headers(letter, body, recipient.key, now()),
            deadline_seconds=WEBHOOK_SECONDS,
        )
        raise_for_busy(reply, "webhook")
    except (NotSent, InDoubt) as error:
        raise _without_address(error, recipient) from error
    _raise_for_status(reply, recipient)


def _without_address(error: NotSent | InDoubt, recipient: Recipient) -> NotSent | InDoubt:
    """Say the same without the webhook's address, a part of which may be a secret."""
    cause = error.partner_code or type(error.__cause__ or error).__name__
    if isinstance(error, NotSent):
        en = f"the webhook of {recipient.name} cannot be used ({cause})"
        vi = f"không gọi được webhook của {recipient.name} ({cause})"
        return NotSent(en, vi, where="webhook", partner_code=error.partner_code)
    en = f"the webhook of {recipient.name} gave no whole answer ({cause})"
    return InDoubt(en, f"webhook của {recipient.name} không trả lời đầy đủ ({cause})", where="webhook")


def _raise_for_status(reply: HttpReply, recipient: Recipient) -> None:
    if 200 <= reply.status < 300:
        return
    en, vi = f"the webhook of {recipient.name} answers {reply.status}", f"webhook của {recipient.name} trả lời {reply.status}"
    if reply.status >= 500:
        raise InDoubt(en, vi, where="webhook", partner_code=str(reply.status))
    raise Refused(en, vi, where="webhook", partner_code=str(reply.status))
