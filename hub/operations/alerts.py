"""Verbs on alerts: mute one for a while, and try whether recipients can be told."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog

from hub.app import Hub
from hub.errors import HubError, NotAllowed
from hub.ledger import alert_verbs
from hub.operations.said import require
from hub.registers import alerts as register
from hub.registers.alerts import Alert
from hub.rules.alerts import Letter, Recipient

log = structlog.get_logger()

#: Nothing is muted for ever.
MOST_HOURS = 720.0
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """Whether one recipient took a test message."""

    recipient: str
    #: email or webhook.
    how: str
    sent: bool
    seconds: float
    error_code: str = ""
    error_vi: str = ""
    error_en: str = ""


def mute(hub: Hub, alert_id: str, *, hours: float, actor: str, why: str) -> Alert:
    """Tell nobody about an alert for some hours, also where it ends and comes back; 0 ends that now.

    Raises NotAllowed where there is no such alert, or where it is over.
    """
    require(actor, why)
    if not 0 <= hours <= MOST_HOURS:
        raise NotAllowed(
            f"an alert is muted for 0 to {MOST_HOURS:.0f} hours",
            f"chỉ tạm tắt cảnh báo từ 0 đến {MOST_HOURS:.0f} giờ",
            where="hours",
        )
    now = hub.now()
    verb = partial(alert_verbs.mute, alert_id=alert_id, until=now + hours * 3600, actor=actor, why=why, now=now)
    hub.ledger.change(verb, f"alert:{alert_id}")
    log.info("alert.muted", alert=alert_id, hours=hours, actor=actor)
    with hub.ledger.read() as conn:
        return register.find(conn, alert_id, now)


def send_test(
    hub: Hub, tell: Callable[[Recipient, Letter], None], recipient: str = "", *, actor: str, why: str
) -> tuple[Tested, ...]:
    """Send a test message to one recipient, or to all, and say what became of each.

    Raises NotAllowed where there is no such recipient, or none at all.
    """
    require(actor, why)
    chosen = [each for each in hub.alerts.recipients if recipient in ("", each.name)]
    if not chosen:
        raise NotAllowed(
            f"no recipient {recipient or '-'}: see [[alerts.to]] in hub.toml",
            f"không có nơi nhận {recipient or '-'}: xem [[alerts.to]] trong hub.toml",
            where="recipient",
        )
    verb = partial(alert_verbs.note_test, recipients=[each.name for each in chosen], actor=actor, why=why, now=hub.now())
    hub.ledger.change(verb)
    with ThreadPoolExecutor(min(len(chosen), _AT_ONCE)) as pool:
        return tuple(pool.map(lambda each: _tested(hub, tell, each), chosen))


def _tested(hub: Hub, tell: Callable[[Recipient, Letter], None], recipient: Recipient) -> Tested:
    letter = Letter(id=hub.new_id(), recipient=recipient.name, made_at=hub.now(), test=True)
    began = time.monotonic()
    try:
        tell(recipient, letter)
    except HubError as error:
        log.error("alert.test_failed", recipient=recipient.name, error=error.code)
        return Tested(
            recipient=recipient.name,
            how=recipient.how,
            sent=False,
            seconds=round(time.monotonic() - began, 2),
            error_code=error.code,
            error_vi=error.vi,
            error_en=error.en,
        )
    seconds = round(time.monotonic() - began, 2)
    # What waits since it could not be told goes at the next look.
    hub.ledger.change(partial(alert_verbs.forget_failures, recipient=recipient.name))
    return Tested(recipient=recipient.name, how=recipient.how, sent=True, seconds=seconds)
