"""Alerting: look what is wrong, decide what becomes of it and whom to tell, record that, tell.

A look and the messages that it makes are one commit; then each message is sent with no commit open, and what became of it is
another one. Wherever a process dies, the next look, of this process or of another, goes on from what is written: a message
without a result is sent again with the same identifier, since a lost alert is worse than a double one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from hub.app import UNROUTED, Hub
from hub.endpoint import FOLDER
from hub.errors import HubError, InDoubt
from hub.ledger import alert_verbs
from hub.ledger.alert_verbs import Posting
from hub.registers import alert_facts, border_alerts, owed, pulls
from hub.rules import alert_conditions
from hub.rules.alert_conditions import Ending, Facts
from hub.rules.alerts import Letter, Recipient, Seen
from hub.telemetry import ALERT_MESSAGES
from hub.trust.book import TrustBook

log = structlog.get_logger()

#: Gives a message to a recipient. Raises InDoubt where it may have it, any other HubError where it surely has not.
Teller = Callable[[Recipient, Letter], None]

#: A message that is being sent is not taken up by another process for so much longer than sending may take.
_MARGIN_SECONDS = 30.0
#: The longest that a webhook may take.
WEBHOOK_SECONDS = 20.0
#: So many recipients are told at the same time; one that hangs costs its own deadline only.
_TOLD_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """What alerting needs, built once."""

    hub: Hub
    tell: Teller


@dataclass(frozen=True, slots=True)
class Round:
    """What one look came to."""

    #: Messages that were taken, that surely were not, and of which it is not known.
    told: int = 0
    failed: int = 0
    in_doubt: int = 0


def _never() -> bool:
    return False


def watch(alerting: Alerting, stopped: Callable[[], bool] = _never) -> Round:
    """Look once, and tell whoever is to be told; nothing is written where nothing changed."""
    hub = alerting.hub
    now = hub.now()
    return carry_out(alerting, alert_conditions.judge(hub.alerts, look(hub, now), now), stopped)


def carry_out(alerting: Alerting, seen: Seen, stopped: Callable[[], bool] = _never) -> Round:
    """Record what a look came to, and tell."""
    hub = alerting.hub
    now, lease = hub.now(), _lease_seconds(hub)
    with hub.ledger.read() as conn:
        if not alert_verbs.is_work(conn, hub.alerts, seen, now, lease):
            return Round()
    with hub.ledger.apart() as conn:
        postings = alert_verbs.record(conn, hub.alerts, seen, now, hub.new_id, lease)
    return Round() if stopped() else _tell_all(alerting, postings)


def _lease_seconds(hub: Hub) -> float:
    mail = hub.alerts.mail
    return max(mail.deadline_seconds if mail else 0.0, WEBHOOK_SECONDS) + _MARGIN_SECONDS


def look(hub: Hub, now: float) -> Facts:
    """Collect what alerts are judged by: from the ledger, the settings and the trust store."""
    with hub.ledger.read() as conn:
        found = alert_facts.facts(conn, (*(name for name, each in hub.endpoints.items() if each.outbound), UNROUTED), now)
        late = pulls.unpulled(conn, _pulled_lists(hub), now)
        called = [name for name, each in hub.endpoints.items() if each.outbound is not None]
        unsaid, untaken = owed.unsaid(conn, called), owed.untaken(conn, called)
        unfollowed = owed.unfollowed(conn, called, now)
        border_endings = border_alerts.endings(conn, now, hub.border.warn_days * 86_400.0)
        border_marks = border_alerts.marked(conn)
    moment = hub.clock()
    names = {each.name for each in hub.alerts.recipients}
    return replace(
        found,
        titles={name: endpoint.title for name, endpoint in hub.endpoints.items()},
        unpulled=late,
        unsaid=unsaid,
        unfollowed=unfollowed,
        untaken=untaken,
        border_endings=border_endings,
        border_marks=border_marks,
        shut=frozenset(
            name for name, each in hub.endpoints.items() if each.outbound is not None and not each.outbound.is_open(moment)
        ),
        certificates=tuple(
            Ending(place=each.place, ends=each.ends.timestamp(), endpoints=each.endpoints, vi=each.use.vi, en=each.use.en)
            for each in hub.certificates
            if not each.followed
        ),
        lists=_lists(hub),
        unstamped_since=found.unstamped_since if hub.has_timestamps else None,
        untold={name: since for name, since in found.untold.items() if name in names},
    )


def _pulled_lists(hub: Hub) -> dict[tuple[str, str], float]:
    """Name the lists that are pulled, and the folders that are watched, with every how many seconds."""
    at = (each for each in hub.endpoints.values() if each.outbound is not None and each.folder is None)
    lists = {(each.name, name): every for each in at for name, every in hub.adapter(each).pulls(each.options).items()}
    watched = (each for each in hub.endpoints.values() if each.folder is not None and each.folder.is_watched)
    return lists | {(each.name, FOLDER): each.folder.every_seconds for each in watched if each.folder is not None}


def _lists(hub: Hub) -> tuple[Ending, ...] | None:
    """Give the revocation lists that end soon; None where this process cannot say."""
    if not isinstance(hub.trust, TrustBook):
        return None
    limit = hub.clock() + timedelta(hours=hub.trust.store.revocation.alarm_hours)
    try:
        standings = hub.trust.standings()
    except OSError as error:
        log.error("alerts.trust_unread", error=type(error).__name__)
        return None
    return tuple(
        Ending(place=each.name, ends=each.ends.timestamp())
        for each in standings
        if each.needed and each.ends is not None and each.ends < limit
    )


# --- telling -----------------------------------------------------------------------------------------------------


def _tell_all(alerting: Alerting, postings: Iterable[Posting]) -> Round:
    given = tuple(postings)
    if not given:
        return Round()
    with ThreadPoolExecutor(min(len(given), _TOLD_AT_ONCE), thread_name_prefix="alerts") as pool:
        outcomes = list(pool.map(lambda posting: _tell(alerting, posting), given))
    return Round(told=outcomes.count("told"), failed=outcomes.count("failed"), in_doubt=outcomes.count("in_doubt"))


def _tell(alerting: Alerting, posting: Posting) -> str:
    """Send one message, and write down what became of it."""
    hub, letter = alerting.hub, posting.letter
    recipient = next(each for each in hub.alerts.recipients if each.name == letter.recipient)
    try:
        alerting.tell(recipient, letter)
    except HubError as error:
        may_have = isinstance(error, InDoubt)
        with hub.ledger.apart() as conn:
            alert_verbs.record_untaken(conn, posting, error, hub.now(), may_have=may_have)
        outcome = "in_doubt" if may_have else "failed"
        log.error("alert.not_told", recipient=recipient.name, letter=letter.id, error=error.code, outcome=outcome)
    else:
        with hub.ledger.apart() as conn:
            alert_verbs.record_taken(conn, posting, hub.now())
        outcome = "told"
        log.info("alert.told", recipient=recipient.name, letter=letter.id, alerts=len(letter.events), tries=posting.tries)
    ALERT_MESSAGES.labels(recipient.name, outcome).inc()
    return outcome
