"""What goes wrong, drawn by a seed: processes killed, engines killed and restarted, clocks set."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from tests.fire.town import CLOCKS, FULL_DISK, Process, Town

#: Event -> how often it is drawn.
WEIGHTS = {
    "kill work": 8,
    "kill doors": 4,
    "kill dispatch": 4,
    "stop work": 3,
    "false clock": 2,
    "full disk": 2,
    "broker killed": 1,
    "broker cuts": 3,
    "broker full": 1,
    "database killed": 1,
    "database stopped": 1,
}
#: Between two events, seconds: a process needs two to start, and should get to work before it dies.
PAUSES = (1.0, 5.0)


class Chaos:
    """Makes one event after the other until the fire is put out."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._random = random.Random(f"{town.seed}/chaos")
        self.events: Counter[str] = Counter()

    def burn(self, out: Callable[[], bool]) -> None:
        """Burn until ``out`` says so; afterwards every process and engine runs, with a true clock.

        In the main thread: the engines are ended by the kernel when the thread that started them ends.
        """
        while not out():
            self._rest(*PAUSES)
            (event,) = self._random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))
            self.events[event] += 1
            self._make(event)
        for process in self._town.processes:
            if process.ill or process.ended_by_itself:
                self._again(process)

    def _rest(self, shortest: float = 0.0, longest: float = 2.0) -> None:
        threading.Event().wait(self._random.uniform(shortest, longest))

    def _make(self, event: str) -> None:
        engines: dict[str, Callable[[], None]] = {
            "broker killed": self._kill_broker,
            "broker cuts": self._town.node.cut,
            "broker full": self._fill_broker,
            "database killed": self._kill_database,
            "database stopped": self._stop_database,
        }
        if event in engines:
            engines[event]()
        elif event == "false clock":
            self._again(self._drawn(self._random.choice(("work", "dispatch"))), self._random.choice(CLOCKS))
        elif event == "full disk":
            self._again(self._drawn("doors"), FULL_DISK)
        else:
            how, _, kind = event.partition(" ")
            process = self._drawn(kind)
            process.end(signal.SIGTERM if how == "stop" else signal.SIGKILL)
            process.start()

    def _drawn(self, kind: str) -> Process:
        return self._random.choice([each for each in self._town.processes if each.name.startswith(kind)])

    def _again(self, process: Process, ill: Sequence[str] = ()) -> None:
        process.end()
        process.start(ill)

    def _kill_broker(self) -> None:
        self._town.node.kill()
        self._rest()
        self._town.node.start()

    def _fill_broker(self) -> None:
        with self._town.node.out_of_memory():
            self._rest(0.5)

    def _kill_database(self) -> None:
        self._town.cluster.kill()
        self._rest()
        self._town.cluster.start()

    def _stop_database(self) -> None:
        self._town.cluster.stop()
        self._rest()
        self._town.cluster.start()
