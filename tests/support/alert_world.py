"""A world for alerts: a hub's ledger, a clock turned by hand, conditions that are switched, and recipients who fail as told."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import delete, select

from hub import alerting
from hub.alerting import Alerting, Round
from hub.app import Hub
from hub.errors import InDoubt, NotSent
from hub.ledger.working_tables import alert_letters, alert_mutes, alert_posts, alert_tellings, alerts
from hub.registers import alerts as register
from hub.rules import windows
from hub.rules.alert_kinds import KINDS, USUAL
from hub.rules.alerts import Book, Condition, Event, Letter, Recipient, Seen, Severity, What
from tests.support import hub as hubs
from tests.support.clock import Clock

GAP, CLEAR, REMIND = 300.0, 300.0, 14_400.0
LAN = Recipient(name="lan", email="lan@example.org", gap_seconds=GAP, remind_seconds=REMIND)
#: Sleeps at night; is told by a webhook.
MINH = Recipient(
    name="minh",
    url="https://example.org/hook",
    gap_seconds=GAP,
    remind_seconds=REMIND,
    quiet=(windows.parse("mon-sun 22:00-06:00"),),
    least=Severity.WARNING,
)
BOOK = Book(rules=USUAL, recipients=(LAN, MINH), clear_seconds=CLEAR)


class Killed(BaseException):
    """The watcher's process is gone."""


@dataclass(frozen=True)
class Came:
    """A message that a recipient got, and when."""

    at: float
    letter: Letter


@dataclass
class World:
    """One ledger, and what recipients got."""

    hub: Hub
    clock: Clock
    #: What is wrong now: about -> condition.
    wrong: dict[str, Condition] = field(default_factory=dict)
    inbox: list[Came] = field(default_factory=list)
    #: Recipient -> what becomes of its next messages: ``refused``; nobody knows, and it is ``lost``, or came and is ``doubled``.
    faults: dict[str, list[str]] = field(default_factory=dict)
    #: Where the next watcher dies: ``before`` or ``after`` it told somebody.
    dies: str = ""

    @classmethod
    def open(cls, folder: Path, ledger: str = hubs.SQLITE, book: Book = BOOK) -> World:
        """Open a hub on a folder."""
        clock = Clock()
        opened = hubs.open_hub(hubs.configure(folder, ledger=ledger), clock)
        numbers = itertools.count(1)
        return cls(replace(opened, alerts=book, new_id=lambda: f"{next(numbers):08}-0000"), clock)

    def close(self) -> None:
        hubs.close(self.hub)

    def wipe(self) -> None:
        """Begin anew on the same ledger."""
        with self.hub.ledger.apart() as conn:
            for table in (alert_tellings, alert_letters, alert_posts, alert_mutes, alerts):
                conn.execute(delete(table))
        self.wrong, self.inbox, self.faults, self.dies = {}, [], {}, ""

    # --- what is wrong

    def begins(self, about: str, *, severity: Severity = Severity.WARNING, level: int = 1, hold: float = 0.0) -> None:
        """Let something be wrong from now on."""
        self.wrong[about] = Condition(
            kind="partner_down",
            about=about,
            rule="partner_down",
            endpoints=(about,),
            severity=severity,
            level=level,
            hold_seconds=hold,
            vi=f"{about} hỏng",
            en=f"{about} is down",
        )

    def ends(self, about: str) -> None:
        self.wrong.pop(about, None)

    def seen(self) -> Seen:
        return Seen(tuple(self.wrong.values()), frozenset(KINDS))

    # --- looking and telling

    def watch(self) -> Round | None:
        """Let a watcher look once; None where it died."""
        try:
            return alerting.carry_out(Alerting(hub=self.hub, tell=self.tell), self.seen())
        except Killed:
            return None

    def watch_for(self, seconds: float, every: float = 0.0) -> None:
        """Let time pass, and a watcher look now and then: sixteen times, where nothing else is said."""
        every = every or max(15.0, seconds / 16)
        passed = 0.0
        while passed < seconds:
            self.clock.advance(every)
            passed += every
            self.watch()

    def tell(self, recipient: Recipient, letter: Letter) -> None:
        """Be the recipients."""
        if self.dies == "before":
            self.dies = ""
            raise Killed
        faults = self.faults.get(recipient.name, [])
        fault = faults.pop(0) if faults else ""
        if fault == "refused":
            raise NotSent("refused", "từ chối")
        if fault == "lost":
            raise InDoubt("no answer", "không trả lời")
        self.inbox.append(Came(self.hub.now(), letter))
        if self.dies == "after":
            self.dies = ""
            raise Killed
        if fault == "doubled":
            raise InDoubt("no answer", "không trả lời")

    def together(self, count: int = 2) -> None:
        """Let several watchers look at the same moment."""
        begin = threading.Barrier(count)
        wrong: list[BaseException] = []

        def work() -> None:
            begin.wait()
            try:
                self.watch()
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise wrong[0]

    # --- looking at it

    def letters(self, recipient: str = "lan") -> list[Letter]:
        """Give the messages that a recipient got, each once however often it came."""
        found = {came.letter.id: came.letter for came in self.inbox if came.letter.recipient == recipient}
        return list(found.values())

    def told(self, recipient: str = "lan") -> list[tuple[str, str]]:
        """Give what a recipient was told: what, about what; in order."""
        return [(event.what.value, event.about) for letter in self.letters(recipient) for event in letter.events]

    def rows(self, *, over: bool = False) -> tuple[register.Alert, ...]:
        with self.hub.ledger.read() as conn:
            return register.listing(conn, None, self.hub.now(), over=over, limit=500)

    def row(self, about: str) -> register.Alert:
        (found,) = [each for each in self.rows() if each.about == about]
        return found

    def recipient(self, name: str) -> register.RecipientRow:
        with self.hub.ledger.read() as conn:
            (found,) = [each for each in register.recipients(conn, self.hub.alerts.recipients) if each.name == name]
        return found

    def untold(self) -> int:
        """Count what is still to be told."""
        with self.hub.ledger.read() as conn:
            return len(conn.execute(select(alert_tellings.c.alert_id).where(~alert_tellings.c.ended)).all())

    def open_letters(self) -> int:
        with self.hub.ledger.read() as conn:
            return len(conn.execute(select(alert_letters.c.id).where(alert_letters.c.taken_at.is_(None))).all())

    def heal(self) -> None:
        """Let nothing be wrong any more, and go on until everybody knows."""
        self.wrong, self.faults, self.dies = {}, {}, ""
        for _ in range(200):
            self.watch()
            if not (self.rows() or self.open_letters() or self.untold()):
                return
            self.clock.advance(600)
        raise AssertionError("it never ends")


# --- what must always be true --------------------------------------------------------------------------------------


def check(world: World, *, ended: bool) -> None:
    """Check everything that recipients got; ``ended``: nothing is wrong any more, and everybody knows."""
    for recipient in world.hub.alerts.recipients:
        mine = [came for came in world.inbox if came.letter.recipient == recipient.name]
        _check_doubles(mine)
        _check_pace(recipient, mine)
        events = [event for letter in world.letters(recipient.name) for event in letter.events]
        for alert in {event.alert_id for event in events}:
            _check_story([event for event in events if event.alert_id == alert], ended=ended)


def _check_doubles(came: list[Came]) -> None:
    copies: dict[str, list[Letter]] = {}
    for each in came:
        copies.setdefault(each.letter.id, []).append(each.letter)
    for of_one in copies.values():
        assert len(of_one) <= 5
        assert all(letter == of_one[0] for letter in of_one), "a message that is sent again is the same"


def _check_pace(recipient: Recipient, came: list[Came]) -> None:
    """No message right after another; nothing but what is critical in quiet hours."""
    last: Mapping[str, float] = {}
    for each in came:
        critical = any(event.severity is Severity.CRITICAL for event in each.letter.events)
        before = max((at for letter, at in last.items() if letter != each.letter.id), default=None)
        if before is not None and each.letter.id not in last:
            assert each.letter.made_at - before >= (60.0 if critical else recipient.gap_seconds)
        if recipient.is_quiet(each.letter.made_at):
            assert all(event.severity is Severity.CRITICAL for event in each.letter.events), "quiet hours"
        last = {**last, each.letter.id: each.at}


def _check_story(events: list[Event], *, ended: bool) -> None:
    """Of one alert: told once that it opened, then that it is over exactly once; or, once, that it came and went."""
    whats = [event.what for event in events]
    if whats[0] is What.PASSED:
        assert whats == [What.PASSED]
        return
    assert whats[0] is What.OPENED, whats
    assert whats.count(What.OPENED) == 1
    assert whats.count(What.OVER) <= 1
    assert What.PASSED not in whats
    if What.OVER in whats:
        assert whats[-1] is What.OVER
    elif ended:
        raise AssertionError(f"never told that it is over: {whats}")
