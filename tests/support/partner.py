"""A partner who keeps count: the sample system's protocol, over HTTP or in memory, and an account of what arrived.

It stores whatever arrives, also what it has already: who sends twice is seen. Only where a test says that it drops
repeats does it answer the second copy with "already".
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.simulation import Call, Said, SimulatorServer

TAKEN, ALREADY, REFUSED, BUSY, ABSENT = "00", "01", "13", "90", "20"


@dataclass(frozen=True)
class Arrival:
    """One business call that the partner took."""

    service: str
    #: The identifier that the hub gave it.
    identity: str
    dossier: str
    #: What the sender wrote into the message, so that it can be known again: ``#3`` or ``#3/0``.
    mark: str
    body: bytes = field(repr=False)


def read_arrival(service: str, body: bytes) -> Arrival:
    """Read which message of which dossier a call carries."""
    sent = json.loads(body)
    if service == "GuiHoSo":
        number, mark = sent["hoSo"]["soHoSo"], sent["hoSo"]["thuTuc"]["ten"]
    else:
        number, mark = sent["soHoSo"], sent["tienTrinh"][0]["noiDung"]
    return Arrival(service, sent["maThongDiep"], number, mark, body)


@dataclass
class Partner:
    """What one partner took, in order."""

    #: Services for which the partner declares that a repeat does no harm: it drops one by its identifier.
    drops_repeats: frozenset[str] = frozenset()
    arrivals: list[Arrival] = field(default_factory=list)
    #: Dossiers that it holds from elsewhere: a first message about them is answered with "already".
    holds: set[str] = field(default_factory=set)
    #: Repeats that it dropped.
    dropped: list[Arrival] = field(default_factory=list)
    #: Calls of any kind that came, by service.
    calls: Counter[str] = field(default_factory=Counter)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, service: str, body: bytes) -> str:
        """Take one business call; give the answer's code."""
        arrival = read_arrival(service, body)
        with self.changed:
            self.calls[service] += 1
            code = self._code(arrival, json.loads(body))
            if code == TAKEN:
                self.arrivals.append(arrival)
                self.holds.add(arrival.dossier)
            self.changed.notify_all()
        return code

    def _code(self, arrival: Arrival, sent: dict[str, Any]) -> str:
        if arrival.service in self.drops_repeats and self.has(arrival.identity):
            self.dropped.append(arrival)
            return ALREADY
        held_from_elsewhere = arrival.dossier in self.holds and not self.has_dossier(arrival.dossier)
        if sent.get("hanhDong") == "TAO" and held_from_elsewhere:
            return ALREADY
        return TAKEN

    def has(self, identity: str) -> bool:
        """Say whether it took a call with this identifier."""
        return any(each.identity == identity for each in self.arrivals)

    def has_dossier(self, number: str) -> bool:
        """Say whether it took a call about this dossier."""
        return any(each.dossier == number for each in self.arrivals)

    def look_up(self, identity: str) -> str:
        """Answer the question whether it has a message."""
        with self.changed:
            self.calls["TraCuu"] += 1
            self.changed.notify_all()
            return TAKEN if self.has(identity) else ABSENT

    def marks(self, dossier: str) -> list[str]:
        """List what it took of one dossier, in order."""
        return [each.mark for each in self.arrivals if each.dossier == dossier]

    def taken(self) -> Counter[str]:
        """Count how often each identifier was taken."""
        return Counter(each.identity for each in self.arrivals)

    def wait_until(self, true: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something is true of the account."""
        with self.changed:
            assert self.changed.wait_for(true, seconds), f"waited {seconds} s; calls: {dict(self.calls)}"


def said(code: str, *, status: int = 200) -> Said:
    """Write an answer of the sample system."""
    return Said(json.dumps({"ma": code, "thongBao": ""}).encode(), status=status)


def served(partner: Partner, answer: Callable[[Call, Callable[[], Said]], Said] | None = None) -> SimulatorServer:
    """Serve a partner on a loopback port; ``answer`` may do something else than what the partner would."""

    def usual(call: Call) -> Said:
        if call.path == "/TraCuu":
            return said(partner.look_up(call.query["maThongDiep"]))
        return said(partner.take(call.path.strip("/"), call.body))

    def handle(call: Call) -> Said:
        return answer(call, lambda: usual(call)) if answer else usual(call)

    server = SimulatorServer("partner", handle)
    # The usual half second between two looks at the stop sign is half a second a test.
    server._thread = threading.Thread(target=server._server.serve_forever, args=(0.01,), daemon=True)
    return server
