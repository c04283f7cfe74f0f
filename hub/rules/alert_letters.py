"""Messages about alerts as they are written: e-mail in plain text, Vietnamese first, and JSON for a webhook with its signature.

The same message is written the same way whenever it is sent again: a double has the same Message-ID, and shows.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from hub.canonical.base import VIETNAM
from hub.canonical.compact_json import compact_sorted
from hub.rules.alert_conditions import moments, printable
from hub.rules.alert_kinds import SEVERITIES, WHATS
from hub.rules.alerts import Book, Event, Letter, What

#: So many alerts are written out in an e-mail; of more there is only the number, and all are in the console.
MOST_LINES = 20
#: Message-IDs that an e-mail refers to.
_MOST_THREADS = 20

TEST = (
    "Đây là tin thử: cảnh báo của trục liên thông gửi được tới nơi này.",
    "This is a test: alerts of the hub can be sent here.",
)


# --- words -------------------------------------------------------------------------------------------------------


def subject(letter: Letter, book: Book) -> str:
    """Write the line that is read first."""
    if letter.test:
        return f"[{book.hub}] Tin thử cảnh báo / test"
    if len(letter.events) == 1:
        (event,) = letter.events
        return printable(f"[{book.hub}] {WHATS[event.what][0]}: {event.vi}")[:200]
    counts = {what: sum(event.what is what for event in letter.events) for what in What}
    told = ", ".join(f"{WHATS[what][0].lower()}: {count}" for what, count in counts.items() if count)
    return f"[{book.hub}] {len(letter.events)} cảnh báo ({told})"


def text(letter: Letter, book: Book) -> str:
    """Write the whole message, Vietnamese and then English."""
    return "\n".join([*_part(letter, book, 0), "", "-- English --", "", *_part(letter, book, 1), ""])


def _part(letter: Letter, book: Book, language: int) -> Iterator[str]:
    if letter.test:
        yield TEST[language]
    shown = letter.events[:MOST_LINES]
    for what in What:
        found = [event for event in shown if event.what is what]
        if found:
            yield f"{WHATS[what][language].upper()}"
            for event in found:
                yield from _lines(event, book, language)
            yield ""
    if rest := len(letter.events) - len(shown):
        yield (f"… và {rest} cảnh báo nữa.", f"… and {rest} more.")[language]
    if letter.still_open:
        yield (
            f"Ngoài ra còn {letter.still_open} cảnh báo đã báo trước đây chưa hết.",
            f"Besides, {letter.still_open} alerts that were told before are not over.",
        )[language]
    if book.console_url:
        yield f"{('Xem tất cả', 'See all')[language]}: {_address(book, '/alerts')}"


def _lines(event: Event, book: Book, language: int) -> Iterator[str]:
    words = (event.vi, event.en)[language]
    yield f"* [{SEVERITIES[event.severity][language]}] {words}"
    since, ended = moments(event.opened_at)[language], event.closed_at
    if ended is not None:
        yield f"  {('từ', 'from')[language]} {since} {('đến', 'to')[language]} {moments(ended)[language]}"
    else:
        yield f"  {('từ', 'since')[language]} {since}"
    if event.page and book.console_url:
        yield f"  {_address(book, event.page)}"


def _address(book: Book, page: str) -> str:
    return book.console_url.rstrip("/") + page


# --- e-mail ------------------------------------------------------------------------------------------------------


def email(letter: Letter, book: Book, sender: str, to: str) -> bytes:
    """Write the e-mail as it goes over the wire (RFC 5322)."""
    domain = Address(addr_spec=sender).domain
    written = EmailMessage(policy=SMTP)
    written["From"] = Address(display_name=f"Liên Thông {book.hub}", addr_spec=sender)
    written["To"] = Address(addr_spec=to)
    written["Subject"] = subject(letter, book)
    written["Date"] = format_datetime(datetime.fromtimestamp(int(letter.made_at), UTC).astimezone(VIETNAM))
    written["Message-ID"] = message_id(letter.id, domain)
    threads = [message_id(thread, domain) for thread in _threads(letter.events)]
    if threads:
        written["In-Reply-To"] = threads[0]
        written["References"] = " ".join(threads)
    # RFC 3834: no holiday notes come back.
    written["Auto-Submitted"] = "auto-generated"
    written["X-Auto-Response-Suppress"] = "All"
    if any(event.severity == "critical" for event in letter.events):
        written["Importance"] = "high"
    # Base64: bare UTF-8 would need a server that offers 8BITMIME.
    written.set_content(text(letter, book), charset="utf-8", cte="base64")
    return written.as_bytes()


def message_id(letter_id: str, domain: str) -> str:
    """Write the Message-ID of a message."""
    return f"<alert.{letter_id}@{domain}>"


def _threads(events: Iterable[Event]) -> list[str]:
    """List the messages that told of these alerts first, each once."""
    return list(dict.fromkeys(event.thread for event in events if event.thread))[:_MOST_THREADS]


# --- webhook -----------------------------------------------------------------------------------------------------


def webhook(letter: Letter, book: Book) -> bytes:
    """Write the JSON that a webhook is given."""
    tree = {
        "id": letter.id,
        "hub": book.hub,
        "recipient": letter.recipient,
        "at": _iso(letter.made_at),
        "test": letter.test,
        "vi": TEST[0] if letter.test else subject(letter, book),
        "events": [_event(event, book) for event in letter.events],
        "still_open": letter.still_open,
        "link": _address(book, "/alerts") if book.console_url else "",
    }
    return compact_sorted(tree).encode()


def _event(event: Event, book: Book) -> Mapping[str, Any]:
    return {
        "what": event.what.value,
        "alert": event.alert_id,
        "kind": event.kind,
        "about": event.about,
        "endpoints": list(event.endpoints),
        "severity": event.severity.value,
        "level": event.level,
        "vi": event.vi,
        "en": event.en,
        "opened_at": _iso(event.opened_at),
        "closed_at": _iso(event.closed_at) if event.closed_at is not None else None,
        "link": _address(book, event.page) if event.page and book.console_url else "",
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(VIETNAM).isoformat(timespec="seconds")


def headers(letter: Letter, body: bytes, key: bytes, now: float) -> dict[str, str]:
    """Write the headers of a call: the same identifier whenever it is made again, and a signature over moment and body."""
    at = str(int(now))
    found = {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": letter.id,
        "X-Lienthong-Timestamp": at,
    }
    if key:
        found["X-Lienthong-Signature"] = f"sha256={signature(body, key, at)}"
    return found


def signature(body: bytes, key: bytes, at: str) -> str:
    """Compute HMAC-SHA256 over the timestamp's digits, a full stop and the body, in hex."""
    return hmac.new(key, at.encode() + b"." + body, hashlib.sha256).hexdigest()
