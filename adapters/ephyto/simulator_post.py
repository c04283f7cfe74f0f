"""The simulated Hub's post office: what waits for whom, how far each envelope is, and an account of it."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.ephyto.operations import (
    ACKNOWLEDGE,
    ACKNOWLEDGE_WARNED,
    DELIVERED,
    FAILED,
    FINAL,
    NOT_READABLE,
    PENDING,
    TYPES,
    WARNED,
)
from adapters.ephyto.simulator_answers import Refused
from adapters.ephyto.soap import Header

#: Who is connected, unless it is said otherwise.
COUNTRIES: Mapping[str, Any] = {"ID": {}, "TH": {}, "PH": {"receive": False}, "MY": {"documents": [["657", "70"]]}}
#: Types with statuses that a country takes, unless it is said otherwise.
DOCUMENTS = [[kind, status] for kind in TYPES for status in ("70", "40", "39", "41")]


def acknowledged_as(operation: str) -> str:
    """Say in which state an envelope is after an acknowledgement."""
    return {ACKNOWLEDGE: DELIVERED, ACKNOWLEDGE_WARNED: WARNED}.get(operation, NOT_READABLE)


class Post:
    """Envelopes by number; everything is stored under one lock."""

    def __init__(self, country: str, countries: Mapping[str, Any] | None) -> None:
        self.country = country
        self._nppos = {country: {}, **(COUNTRIES if countries is None else countries)}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._envelopes: dict[str, tuple[Header, bytes]] = {}
        self._words: list[dict[str, str]] = []

    def active(self) -> list[dict[str, Any]]:
        """List who is connected."""
        return [self.nppo(code) for code in self._nppos]

    def nppo(self, code: str) -> dict[str, Any]:
        """Describe one organisation."""
        known = self._nppos.get(code)
        if known is None:
            raise Refused(f"{code} is not connected")
        return {"country": code, "receive": True, "send": True, "documents": DOCUMENTS, **known}

    def take(self, header: Header, content: bytes, caller: str, *, answer: bool) -> Header:
        """Take an envelope from a country: its header is checked, its content never."""
        there = self._nppos.get(header.to)
        wrong = ""
        if header.sender != caller:
            wrong = f"From {header.sender} is not the caller {caller}"
        elif there is None or not self.nppo(header.to)["receive"]:
            wrong = f"{header.to} does not receive"
        elif not answer and [header.type, header.status] not in self.nppo(header.to)["documents"]:
            wrong = f"{header.to} does not accept {header.type}/{header.status}"
        elif not header.number or not content.strip():
            wrong = "NPPOCertificateNumber and Content are needed"
        return self.failed(header, wrong) if wrong else self._kept(header, content)

    def failed(self, header: Header, why: str) -> Header:
        """Answer that the header was refused; nothing is stored."""
        return replace(header, hub_number="", state=FAILED, error=why)

    def _kept(self, header: Header, content: bytes) -> Header:
        with self._lock:
            kept = replace(header, hub_number=f"TEST-HUB-{next(self._numbers):07d}", state=PENDING, error="")
            self._envelopes[kept.hub_number] = (kept, content)
        return kept

    def arrive(self, given: Mapping[str, Any]) -> str:
        """Put an envelope of another country into the box of the one that is simulated for."""
        names = {"sender": "from", "to": "to", "type": "type", "status": "status", "number": "number"}
        usual = {"from": "ID", "to": self.country, "type": TYPES[0], "status": "70", "number": ""}
        header = Header(**{name: str(given.get(wire, usual[wire])) for name, wire in names.items()})
        return self._kept(header, str(given.get("content", "")).encode()).hub_number

    def find(self, number: str) -> Header | None:
        """Give the header of an envelope as it stands now."""
        with self._lock:
            found = self._envelopes.get(number)
        return found[0] if found else None

    def waiting(self, caller: str) -> list[tuple[Header, bytes]]:
        """List what waits for a country."""
        with self._lock:
            kept = list(self._envelopes.values())
        return [each for each in kept if each[0].to == caller and each[0].state == PENDING]

    def under_way(self, caller: str) -> list[Header]:
        """List a country's own envelopes that have not arrived."""
        with self._lock:
            kept = list(self._envelopes.values())
        return [header for header, _ in kept if header.sender == caller and header.state == PENDING]

    def acknowledge(self, number: str, caller: str, state: str, said: str) -> None:
        """Take the receiver's word on an envelope; a second one is refused."""
        with self._lock:
            found = self._envelopes.get(number)
            if found is None or found[0].to != caller:
                raise Refused(f"no envelope {number} waits")
            if found[0].state != PENDING:
                raise Refused(f"{number} is {found[0].state} already")
            self._envelopes[number] = (replace(found[0], state=state, error=said), found[1])
            self._words.append({"number": number, "state": state, "message": said})

    def settle(self, given: Mapping[str, Any]) -> list[str]:
        """Let the receiver answer envelopes that wait for it: by ``number``, or by ``certificate``."""
        state = str(given.get("state", DELIVERED))
        with self._lock:
            chosen = [
                header
                for header, _ in self._envelopes.values()
                if given.get("number", header.hub_number) == header.hub_number
                and given.get("certificate", header.number) == header.number
                and header.state not in FINAL
            ]
            for header in chosen:
                settled = replace(header, state=state, error=str(given.get("message", "")))
                self._envelopes[header.hub_number] = (settled, self._envelopes[header.hub_number][1])
        return [header.hub_number for header in chosen]

    def account(self) -> dict[str, Any]:
        """Show every envelope with its state and what it holds, and the words that were said of them."""
        with self._lock:
            rows = [
                {
                    **{"number": header.hub_number, "from": header.sender, "to": header.to, "type": header.type},
                    **{"status": header.status, "certificate": header.number, "state": header.state},
                    **{"message": header.error, "digest": hashlib.sha256(content).hexdigest(), "size": len(content)},
                }
                for header, content in self._envelopes.values()
            ]
            return {"envelopes": rows, "words": list(self._words)}
