"""A hub whose sender puts files into a folder, and whose recipient finds its own in another; on this machine, or behind SFTP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hub.app import Hub
from hub.edge.folders import FolderWatch
from hub.folder.places import Place
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.hub import PARTNER, SENDER, SQLITE, At
from tests.support.looking import all_deliveries, all_messages
from tests.support.sftp_server import SftpServer

#: So often folders are looked at.
EVERY_SECONDS = 10.0
FOLDERS = ("in", "taken", "refused", "answers", "out", "replies")


@dataclass
class Side:
    """A partner at work in its folders, as a program of another maker would."""

    root: Path

    def put(self, name: str, body: bytes) -> Path:
        """Put a file as those do that rename: it has its name when it is whole."""
        (self.root / "in" / f"{name}.tmp").write_bytes(body)
        os.replace(self.root / "in" / f"{name}.tmp", self.root / "in" / name)
        return self.root / "in" / name

    def mark(self, name: str, body: bytes, marker: str = ".done") -> None:
        """Put a file as those do that write a marker after it."""
        (self.root / "in" / name).write_bytes(body)
        (self.root / "in" / f"{name}{marker}").touch()

    def names(self, folder: str) -> list[str]:
        """List a folder."""
        return sorted(os.listdir(self.root / folder))

    def answers(self) -> dict[str, Any]:
        """Read the answers, by the names of their files."""
        return {name: json.loads((self.root / "answers" / name).read_bytes()) for name in self.names("answers")}

    def bodies(self) -> list[bytes]:
        """Read what lies there for it, in the order of the names."""
        return [(self.root / "out" / name).read_bytes() for name in self.names("out")]


@dataclass
class FolderWorld:
    """The hub, both partners, and a clock."""

    hub: Hub
    clock: Clock
    folder: Path
    sender: Side
    partner: Side

    def watch(self, name: str = SENDER, holder: str = "first", hub: Hub | None = None) -> FolderWatch:
        """Make what looks into a partner's folders."""
        given = hub or self.hub
        return FolderWatch(given, given.endpoint(name), holder)

    def look(self, name: str = SENDER) -> None:
        """Look into a partner's folders until there is nothing more, when it is time to."""
        self.clock.advance(EVERY_SECONDS + 1)
        watch = self.watch(name)
        while watch.round():
            pass

    def states(self) -> list[str]:
        """Give the states of all deliveries."""
        return [each.state for each in all_deliveries(self.hub.ledger)]

    def accepted(self) -> list[bool]:
        """Say of every message whether it was accepted, in order of arrival."""
        return [bool(each.accepted) for each in all_messages(self.hub.ledger)]


def folder_table(url: str, lines: str, server: SftpServer | None, config: Path) -> str:
    """Write an endpoint's ``[folder]`` table."""
    proof = ""
    if server is not None:
        for name, path in (("sftp_key", server.key), ("known_hosts", server.known_hosts)):
            (config / "keys" / name).write_bytes(path.read_bytes())
        proof = 'key = "file:keys/sftp_key"\nknown_hosts = "file:keys/known_hosts"\n'
    return f'[folder]\nurl = "{url}"\nevery_seconds = {EVERY_SECONDS}\n{proof}{lines}'


@contextmanager
def folder_world(
    tmp_path: Path,
    ledger: str = SQLITE,
    *,
    server: SftpServer | None = None,
    taking: str = "",
    putting: str = "",
    partner: At | None = None,
    door: str = "",
) -> Iterator[FolderWorld]:
    """Lend the world; ``taking``, ``putting``: more lines of the sender's and the recipient's table."""
    sides = {name: tmp_path / "files" / name for name in (SENDER, PARTNER)}
    for root in sides.values():
        for each in FOLDERS:
            (root / each).mkdir(parents=True)
    config = support.configure(tmp_path / "config", {PARTNER: partner or At()}, ledger=ledger, sender=door)
    for name, lines in ((SENDER, f'take = "in"\n{taking}'), (PARTNER, f'put = "out"\n{putting}')):
        url = server.url(sides[name]) if server else f"file://{sides[name]}"
        file = config / "endpoints" / f"{name}.toml"
        file.write_text(file.read_text("utf-8") + "\n" + folder_table(url, lines, server, config), encoding="utf-8")
    clock = Clock()
    hub = support.open_hub(config, clock)
    try:
        yield FolderWorld(hub=hub, clock=clock, folder=config, sender=Side(sides[SENDER]), partner=Side(sides[PARTNER]))
    finally:
        hub.close_transports()
        support.close(hub)


class Touched:
    """Folders of which every step is told, before and after it, or fails as it is told to."""

    def __init__(self, place: Place, touch: Any) -> None:
        self._place, self._touch = place, touch

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._place, name)
        if not callable(value):
            return value

        def call(*given: Any) -> Any:
            self._touch(name, given)
            result = value(*given)
            self._touch(f"{name} done", given)
            return result

        return call


def touched(hub: Hub, touch: Any) -> Hub:
    """Make a hub whose commits are told to ``touch``."""
    counted = (
        "change",
        "record_all_received",
        "record_refused",
        "claim_all",
        "record_all_sending",
        "record_all_delivered",
        "record_failed",
    )

    class Ledger:
        def __getattr__(self, name: str) -> Any:
            value = getattr(hub.ledger, name)
            if name not in counted:
                return value

            def call(*given: Any, **named: Any) -> Any:
                touch(name, given)
                result = value(*given, **named)
                touch(f"{name} done", given)
                return result

            return call

    return replace(hub, ledger=Ledger())  # type: ignore[arg-type]
