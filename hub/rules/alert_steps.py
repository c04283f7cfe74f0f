"""Alerts without storms: when something that is wrong becomes an alert, when it is over, and what to tell whom when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from hub.rules.alerts import (
    NOT_TOLD,
    Alert,
    Book,
    Condition,
    Decided,
    Event,
    Letter,
    Post,
    Recipient,
    Seen,
    Severity,
    State,
    Told,
    What,
    matches,
    retry_seconds,
    waits,
    waits_until,
)

#: Something critical waits so long after a message to the same recipient, whatever the recipient's own gap is.
CRITICAL_GAP_SECONDS = 60.0
#: Each time an alert comes back within this time, it must be clear twice as long before it is said to be over, up to 32 times.
FLAP_SECONDS = 86_400.0
_MOST_DOUBLINGS = 5
#: Reminders come at growing intervals, up to this one.
REMIND_CEILING_SECONDS = 86_400.0
#: One message is about so many alerts at most; the others are in the next one.
MOST_EVENTS = 200

# --- deciding ----------------------------------------------------------------------------------------------------


def decide(book: Book, state: State, seen: Seen, now: float, new_id: Callable[[], str]) -> Decided:
    """Decide what becomes of the alerts, and which messages are made now: at most one for each recipient."""
    stepped, dropped = _step(book, state, seen, now, new_id)
    before = {each.id: each for each in state.alerts}
    changed = tuple(each for each in stepped if before.get(each.id) != each)
    told: list[Told] = []
    letters: list[Letter] = []
    for recipient in book.recipients:
        letter, wanted = _tell(book, replace(state, alerts=stepped), recipient, now, new_id)
        told += wanted
        letters += [letter] if letter else []
    return Decided(alerts=changed, dropped=dropped, told=tuple(told), letters=tuple(letters))


def _step(
    book: Book, state: State, seen: Seen, now: float, new_id: Callable[[], str]
) -> tuple[tuple[Alert, ...], tuple[str, ...]]:
    """Carry each alert one step on, and begin those that are new; give all, and the pending ones that are gone."""
    there = {each.key: each for each in seen.conditions}
    kept: list[Alert] = []
    dropped: list[str] = []
    for alert in state.alerts:
        if alert.closed_at is not None:
            kept.append(alert)
            continue
        condition = there.pop(alert.key, None)
        if condition is not None:
            kept.append(_again(alert, condition, now))
        elif alert.kind not in seen.judged or alert.key in seen.unknown:
            kept.append(alert)
        elif alert.opened_at is None:
            dropped.append(alert.id)
        else:
            kept.append(_clear(alert, book, now))
    begun = (_begun(condition, state, now, new_id()) for condition in there.values() if condition.key not in seen.unknown)
    return (*kept, *begun), tuple(dropped)


def _begun(condition: Condition, state: State, now: float, alert_id: str) -> Alert:
    closed_at, reopened = state.recent.get(condition.key, (None, 0))
    return Alert(
        id=alert_id,
        kind=condition.kind,
        about=condition.about,
        rule=condition.rule,
        endpoints=condition.endpoints,
        severity=condition.severity,
        level=condition.level,
        vi=condition.vi,
        en=condition.en,
        page=condition.page,
        since_at=now,
        opened_at=None if condition.hold_seconds else now,
        reopened=reopened + 1 if waits(closed_at, FLAP_SECONDS, now) else 0,
    )


def _again(alert: Alert, condition: Condition, now: float) -> Alert:
    """Take up what is seen now; an alert that gets better is still as bad as it was."""
    worse = condition.level >= alert.level
    opens = alert.opened_at is None and not waits(alert.since_at, condition.hold_seconds, now)
    return replace(
        alert,
        rule=condition.rule,
        endpoints=condition.endpoints,
        severity=condition.severity if worse else alert.severity,
        level=max(condition.level, alert.level),
        vi=condition.vi,
        en=condition.en,
        page=condition.page,
        opened_at=now if opens else alert.opened_at,
        clear_at=None,
    )


def _clear(alert: Alert, book: Book, now: float) -> Alert:
    """Begin to count how long nothing is seen of it, or say that it is over."""
    needed = book.clear_seconds * 2.0 ** min(alert.reopened, _MOST_DOUBLINGS)
    if alert.clear_at is None or alert.clear_at > now:
        return replace(alert, clear_at=now)
    return alert if waits(alert.clear_at, needed, now) else replace(alert, closed_at=now)


# --- telling -----------------------------------------------------------------------------------------------------


def _tell(
    book: Book, state: State, recipient: Recipient, now: float, new_id: Callable[[], str]
) -> tuple[Letter | None, list[Told]]:
    """Make the message that one recipient gets now, if any; what is to be told is noted, so that it is told even if it ends."""
    due: list[Event] = []
    notes: list[Told] = []
    for alert in state.alerts:
        told = state.told.get((alert.id, recipient.name))
        muted = waits_until(state.mutes.get(alert.key), now)
        what = _what(alert, told, muted=muted, concerned=_concerns(book, recipient, alert))
        if what is What.PASSED and muted and told is not None:
            notes.append(replace(told, over=True))
        elif what is not None:
            due.append(_event(what, alert, told))
    post = state.posts.get(recipient.name, Post(recipient=recipient.name))
    going = _going(recipient, post, due, now) if recipient.name not in state.outstanding else ()
    if not due and recipient.name not in state.outstanding:
        going = _reminders(book, state, recipient, post, now)
    notes += _wanted(state, recipient.name, due)
    if not going:
        return None, notes
    named = {event.alert_id for event in going}
    still = sum(_is_known(state, recipient.name, each) for each in state.alerts if each.id not in named)
    return Letter(id=new_id(), recipient=recipient.name, made_at=now, events=going, still_open=still), notes


def _what(alert: Alert, told: Told | None, *, muted: bool, concerned: bool) -> What | None:
    """Say what of an alert is to be told."""
    if alert.opened_at is None:
        return None
    if alert.closed_at is not None:
        if told is None or told.over:
            return None
        return What.OVER if told.level else What.PASSED
    if muted or not concerned:
        return None
    if told is None or not told.level:
        return What.OPENED
    return What.WORSE if told.level < alert.level else None


def _concerns(book: Book, recipient: Recipient, alert: Alert) -> bool:
    named = book.told_by(alert.rule)
    return (
        (not named or recipient.name in named)
        and alert.severity.rank >= recipient.least.rank
        and (not alert.endpoints or matches(recipient.endpoints, alert.endpoints))
        and not (alert.kind == NOT_TOLD and alert.about == recipient.name)
    )


def _event(what: What, alert: Alert, told: Told | None) -> Event:
    return Event(
        what=what,
        alert_id=alert.id,
        kind=alert.kind,
        about=alert.about,
        endpoints=alert.endpoints,
        severity=alert.severity,
        level=alert.level,
        vi=alert.vi,
        en=alert.en,
        page=alert.page,
        opened_at=alert.opened_at if alert.opened_at is not None else alert.since_at,
        closed_at=alert.clear_at if alert.closed_at is not None else None,
        thread=told.thread if told is not None else "",
    )


def _going(recipient: Recipient, post: Post, due: Sequence[Event], now: float) -> tuple[Event, ...]:
    """Choose what goes now: nothing right after another message, only what is critical in quiet hours; the worst first."""
    if post.failures and waits(post.tried_at, retry_seconds(post.failures), now):
        return ()
    critical = [each for each in due if each.severity is Severity.CRITICAL]
    chosen = critical if recipient.is_quiet(now) else due
    gap = min(CRITICAL_GAP_SECONDS, recipient.gap_seconds) if critical else recipient.gap_seconds
    if waits(post.told_at, gap, now):
        return ()
    return tuple(sorted(chosen, key=_order)[:MOST_EVENTS])


def _order(event: Event) -> tuple[int, int, float, str]:
    return list(What).index(event.what), -event.severity.rank, event.opened_at, event.alert_id


def _reminders(book: Book, state: State, recipient: Recipient, post: Post, now: float) -> tuple[Event, ...]:
    """List all that is open and was told, where it is time to; one message for all, at growing intervals."""
    interval = min(recipient.remind_seconds * 2.0 ** min(post.reminders, 16), REMIND_CEILING_SECONDS)
    if not interval or post.told_at is None or waits(post.told_at, interval, now):
        return ()
    events = [
        _event(What.REMINDER, alert, state.told[alert.id, recipient.name])
        for alert in state.alerts
        if alert.severity is not Severity.NOTICE
        and alert.clear_at is None
        and _is_known(state, recipient.name, alert)
        and _concerns(book, recipient, alert)
        and not waits_until(state.mutes.get(alert.key), now)
    ]
    return _going(recipient, post, events, now)


def _is_known(state: State, recipient: str, alert: Alert) -> bool:
    """Say whether an alert is open and this recipient was told of it."""
    told = state.told.get((alert.id, recipient))
    return alert.closed_at is None and told is not None and told.level > 0


def _wanted(state: State, recipient: str, due: Iterable[Event]) -> list[Told]:
    """Note what is to be told for the first time: it may have to wait, or not arrive, and end before it is told."""
    return [
        Told(alert_id=each.alert_id, recipient=recipient)
        for each in due
        if each.what is What.OPENED and (each.alert_id, recipient) not in state.told
    ]


# --- after a message ---------------------------------------------------------------------------------------------


def after_telling(letter: Letter, told: Mapping[str, Told], now: float) -> tuple[Told, ...]:
    """Say what the recipient knows when a message was taken; ``told``: what it knew before, by alert."""
    found = []
    for event in letter.events:
        before = told.get(event.alert_id, Told(alert_id=event.alert_id, recipient=letter.recipient))
        if event.what in (What.OPENED, What.WORSE):
            found.append(replace(before, level=event.level, told_at=now, thread=before.thread or letter.id))
        elif event.what in (What.OVER, What.PASSED):
            found.append(replace(before, told_at=now, thread=before.thread or letter.id, over=True))
    return tuple(found)


def taken(post: Post, letter: Letter, now: float) -> Post:
    """Say how it goes with a recipient that took a message."""
    whats = {each.what for each in letter.events}
    news = bool(whats & {What.OPENED, What.WORSE})
    reminders = 0 if news else post.reminders + (What.REMINDER in whats)
    return Post(recipient=post.recipient, told_at=now, reminders=reminders)


def failed(post: Post, now: float, code: str, vi: str, en: str) -> Post:
    """Say how it goes with a recipient that could not be told."""
    return replace(
        post,
        failures=post.failures + 1,
        failing_since=post.failing_since if post.failing_since is not None else now,
        tried_at=now,
        error_code=code,
        error_vi=vi,
        error_en=en,
    )
