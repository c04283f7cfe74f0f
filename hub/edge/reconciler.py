"""The reconciler as threads: begins what is due each day, and carries it out: one thread for each reconciliation and task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import structlog

from hub.app import Hub
from hub.edge.leased import holder_name
from hub.errors import HubError
from hub.ledger import reconciliation_verbs
from hub.reconcile import dossiers, nightly, nights
from hub.reconcile.asking import Step
from hub.reconcile.nights import Task
from hub.registers import reconciliations

log = structlog.get_logger()

#: So often it looks whether there is a run to carry on, and whether one is due.
LOOK_SECONDS = 1.0
DUE_SECONDS = 20.0
#: A run that another process holds, or that met an error, is looked at again after so long.
AGAIN_SECONDS = 5.0
#: Tasks of the night at the same time: each may hold all catalogues in memory.
MOST_TASKS = 2


class Reconciler:
    """Any number of processes may have one: each run is carried out by the first to hold it.

    A thread has no state of its own: where a process dies, another goes on when the lease has lapsed.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.name = holder_name(hub)
        self._stop = threading.Event()
        self._looked_at = float("-inf")
        self._threads: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread that looks still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the page that each run is at, and give the runs back."""
        self._stop.set()
        self._thread.join()
        for thread in self._threads.values():
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._try("", self.look)
            self._stop.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Begin what is due, and see to it that each run has a thread here."""
        if self._hub.now() - self._looked_at >= DUE_SECONDS or self._hub.now() < self._looked_at:
            self._looked_at = self._hub.now()
            self._try("", partial(nightly.begin_due, self._hub))
            self._try("", self._begin_tasks)
        for run_id in self._running():
            self._begin(run_id, f"reconcile-{run_id[:8]}", partial(self._carry, run_id))

    def _begin_tasks(self) -> None:
        """Begin the work of the night: only what was taken has a thread, so that what waits or is another's hinders nobody."""
        for task in nights.due(self._hub):
            if sum(thread.is_alive() for thread in self._threads.values() if thread.name.startswith("night-")) >= MOST_TASKS:
                return
            if task.name in self._alive() or self._stop.is_set() or not nights.take(self._hub, task, self.name):
                continue
            self._begin(task.name, f"night-{task.name}", partial(self._do, task))
            if task.name not in self._threads:
                nights.leave(self._hub, task, self.name)

    def _alive(self) -> frozenset[str]:
        return frozenset(each for each, thread in self._threads.items() if thread.is_alive())

    def _begin(self, key: str, name: str, work: Callable[[], None]) -> None:
        """Begin something in a thread of its own, unless it has one here."""
        self._threads = {each: thread for each, thread in self._threads.items() if thread.is_alive()}
        if key not in self._threads and not self._stop.is_set():
            self._threads[key] = thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()

    def _do(self, task: Task) -> None:
        """Do one task of the night, which was taken."""
        work = nights.Work(hub=self._hub, task=task, holder=self.name, stops=self._stop.wait)
        self._try(task.name, lambda: nights.carry(work))

    def _carry(self, run_id: str) -> None:
        """Carry one run on until it ends, is stopped, or is another process's."""
        while not self._stop.is_set():
            steps: list[Step] = []
            self._try(run_id, lambda steps=steps: steps.append(dossiers.advance(self._hub, run_id, self.name)))  # type: ignore[misc]
            if not steps or steps[0].action == "leave":
                break
            self._stop.wait(steps[0].seconds)
        self._try(run_id, self._give_back(run_id))
        if run_id in self._running():
            # Another process holds it, and may die; or something is wrong here.
            self._stop.wait(AGAIN_SECONDS)

    def _running(self) -> tuple[str, ...]:
        found: list[str] = []
        self._try("", lambda: found.extend(self._read_running()))
        return tuple(found)

    def _read_running(self) -> tuple[str, ...]:
        with self._hub.ledger.glance() as conn:
            return reconciliations.running(conn)

    def _give_back(self, run_id: str) -> Callable[[], object]:
        verb = partial(reconciliation_verbs.let_go, run_id=run_id, holder=self.name)
        return lambda: self._hub.ledger.change(verb, f"reconcile:{run_id}")

    def _try(self, run_id: str, work: Callable[[], object]) -> None:
        """Do a part of the work; what fails with one run keeps the others from nothing."""
        try:
            work()
        except HubError as error:
            log.error("reconciler.failed", run=run_id, error=error.code, where=error.where)
        except Exception:
            log.exception("reconciler.bug", run=run_id)
