"""The trust book: for each endpoint whom it trusts now; a new list or answer in the folder makes new snapshots."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path as File
from typing import TYPE_CHECKING, Protocol

from cryptography import x509

from hub.rules.trust import TrustSnapshot
from hub.trust.held import Held, HeldFiles
from hub.trust.store import Asked, TrustStore

if TYPE_CHECKING:
    from hub.trust.paths import Path

#: So many paths wait at most for lists and answers to be fetched for them; a path that was forgotten comes again.
MAX_SEEN = 1000


class Named(Protocol):
    """An endpoint."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is held of one authority's revocation list."""

    #: Name of the anchor or of the authority below it, as trust.toml has it.
    name: str
    #: Of an anchor; empty for an authority below one.
    purpose: str
    certificate: x509.Certificate
    #: Until when it is trusted.
    until: datetime
    #: An endpoint asks for anchors of this purpose, so that its list matters.
    needed: bool
    #: When the youngest list ends; None: there is none that the authority signed.
    ends: datetime | None
    entries: int = 0


class TrustBook:
    """Gives snapshots; see ``hub.app.Hub.trust``."""

    def __init__(
        self, store: TrustStore, folder: File, snapshots: Mapping[str, TrustSnapshot], asked: Mapping[str, Asked]
    ) -> None:
        """Take each endpoint's own snapshot, and what those ask that choose anchors by purpose."""
        self.store = store
        self.files = HeldFiles(folder, store.revocation.max_bytes)
        #: Set where a path was seen for the first time.
        self.news = threading.Event()
        self._asked = dict(asked)
        self._own = dict(snapshots)
        self._lock = threading.Lock()
        self._seen: dict[Path, None] = {}
        self._held: Held | None = None
        self._now = dict(snapshots)

    def __call__(self, endpoint: Named) -> TrustSnapshot:
        """Give whom an endpoint trusts as things stand."""
        if endpoint.name in self._asked and self._held is not (held := self.files.current()):
            self._renew(held)
        return self._now[endpoint.name]

    def _renew(self, held: Held) -> None:
        # pyhanko-certvalidator takes a moment to load, which a hub without such endpoints should not pay.
        from hub.trust.judging import PathJudge  # noqa: PLC0415

        judges = {name: PathJudge(self.store, held.revocation, asked, self._see) for name, asked in self._asked.items()}
        renewed = {name: replace(own, judge=judges.get(name)) for name, own in self._own.items()}
        with self._lock:
            self._now, self._held = renewed, held

    @property
    def asks(self) -> bool:
        """Say whether any endpoint chooses anchors by purpose."""
        return bool(self._asked)

    def _see(self, path: Path) -> None:
        with self._lock:
            if path in self._seen or len(self._seen) >= MAX_SEEN:
                return
            self._seen[path] = None
        self.news.set()

    def take_seen(self) -> tuple[Path, ...]:
        """Take the paths that were seen since the last time."""
        with self._lock:
            taken = tuple(self._seen)
            self._seen.clear()
        return taken

    def standings(self) -> tuple[Standing, ...]:
        """Say of each authority of the store what list of it is held."""
        wanted = frozenset(purpose for asked in self._asked.values() for purpose in asked.purposes)
        return tuple(_standings(self.store, wanted, self.files.current()))


def _standings(store: TrustStore, wanted: frozenset[str], held: Held) -> Iterable[Standing]:
    named = [(each.name, each.purpose, each.certificate, each.valid_until) for each in store.anchors]
    named += [(each.name, "", each.certificate, each.certificate.not_valid_after_utc) for each in store.between]
    for name, purpose, certificate, until in named:
        found = held.revocation.list_of(certificate)
        yield Standing(
            name=name,
            purpose=purpose,
            certificate=certificate,
            until=until,
            needed=bool(wanted) and (not purpose or purpose in wanted),
            ends=found.ends if found else None,
            entries=len(found.parsed) if found else 0,
        )
