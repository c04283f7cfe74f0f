"""Fetch revocation lists and answers into the folder from which they are used; never on the way of a message.

What comes is hostile until an authority's key fits: bounded in size and time, compared with what is held, and only then put in
its place, whole or not at all. Being held gives it no force: each use checks it again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path as File
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from hub.errors import HubError
from hub.rules.certificates import UNREADABLE, extension, fingerprint
from hub.rules.http_reply import HttpReply
from hub.trust.revocation import UNKNOWN, Answer, RevocationList, collect, read, signed_by
from hub.trust.store import TrustStore

if TYPE_CHECKING:
    from hub.trust.paths import Path

#: Addresses that are asked in one round; a certificate that names more is not asked about.
MAX_ADDRESSES = 500
#: Addresses of one certificate.
MAX_NAMED = 4
#: Calls at the same time.
CALLS = 4
#: Paths of signers that are kept between rounds and restarts.
MAX_PATHS = 1000
#: Below the folder, so that they are not taken for lists.
PATHS = "paths"
#: Our own answers are deleted so long after their end.
KEPT_AFTER = timedelta(days=7)


class Caller(Protocol):
    """``hub.wire.Wire.call``."""

    def __call__(
        self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, deadline_seconds: float
    ) -> HttpReply: ...


class Useless(Exception):
    """What came cannot be used; the word says why."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one address."""

    url: str
    #: ``new``, ``same``; else why nothing was kept: unreachable, status, too_large, unreadable, unsigned, older, ended.
    outcome: str
    ends: datetime | None = None

    @property
    def fine(self) -> bool:
        return self.outcome in ("new", "same")


@dataclass(frozen=True, slots=True)
class _Source:
    """One address, and how what it gives is asked for, checked and named."""

    url: str
    file: str
    #: The request (DER) of an OCSP responder; empty = a list is got.
    request: bytes
    #: Raises Useless.
    check: Callable[[tuple[RevocationList | Answer, ...], datetime], None]


class Refresher:
    """Fetches what the store lists and what paths of signers name."""

    def __init__(self, store: TrustStore, folder: File, call: Caller, clock: Callable[[], datetime]) -> None:
        self._store, self._folder, self._call, self._clock = store, folder, call, clock
        self._rules = store.revocation

    def refresh(self, seen: Iterable[Path] = (), *, everything: bool = True) -> tuple[Fetched, ...]:
        """Make one round, or fetch only what these paths name; say of each address what became of it.

        Raises OSError where the folder cannot be written.
        """
        if self._rules.fetch == "none":
            return ()
        (self._folder / PATHS).mkdir(mode=0o700, parents=True, exist_ok=True)
        new = [path.certificates for path in seen]
        for certificates in new:
            self._keep_path(certificates)
        paths = list(self._kept_paths()) if everything else new
        if everything:
            self._tidy()
        with ThreadPoolExecutor(CALLS, thread_name_prefix="trust") as pool:
            # Lists first: one may be needed to believe a responder.
            lists = tuple(pool.map(self._fetch, self._lists(paths, everything)))
            answers = tuple(pool.map(self._fetch, self._answers(paths)))
        return lists + answers

    # --- what to ask ----------------------------------------------------------------------------------------------

    def _lists(self, paths: Iterable[tuple[x509.Certificate, ...]], everything: bool) -> list[_Source]:
        """Give each address of a list once: those of the settings first."""
        known = list(dict.fromkeys(each for path in paths for each in path))
        authorities = [*(anchor.certificate for anchor in self._store.anchors), *self._store.intermediates, *known]
        addresses = list(self._rules.lists) if everything else []
        if self._rules.fetch == "certificates":
            named = [*self._store.intermediates, *known] if everything else known
            addresses += [url for each in named for url in list_addresses(each)]
        return [self._list_source(url, authorities) for url in dict.fromkeys(addresses)][:MAX_ADDRESSES]

    def _answers(self, paths: Iterable[tuple[x509.Certificate, ...]]) -> list[_Source]:
        """Give each question to a responder once."""
        if self._rules.fetch != "certificates":
            return []
        held = [item for each in self._files("list-*.crl") for item in each]
        links = dict.fromkeys(link for path in paths for link in pairwise(path))
        asked = [(url, *link) for link in links for url in answer_addresses(link[0])][:MAX_ADDRESSES]
        return [self._answer_source(url, certificate, issuer, held) for url, certificate, issuer in asked]

    def _list_source(self, url: str, authorities: Iterable[x509.Certificate]) -> _Source:
        def check(items: tuple[RevocationList | Answer, ...], now: datetime) -> None:
            if len(items) != 1 or not isinstance(items[0], RevocationList):
                raise Useless("unreadable")
            given = items[0]
            keys = [each for each in authorities if each.subject == given.parsed.issuer]
            if all(signed_by(each, given.parsed, given.parsed.tbs_certlist_bytes, True) is None for each in keys):
                raise Useless("unsigned")

        return _Source(url, f"list-{_short(url.encode())}.crl", b"", check)

    def _answer_source(
        self, url: str, certificate: x509.Certificate, issuer: x509.Certificate, held: Iterable[RevocationList | Answer]
    ) -> _Source:
        # RFC 5019, 2.1.1: the issuer is named with SHA-1, which signs nothing here; no nonce, since answers are made before.
        asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303

        def check(items: tuple[RevocationList | Answer, ...], now: datetime) -> None:
            if not items or not all(isinstance(each, Answer) for each in items):
                raise Useless("unreadable")
            answers = collect([*items, *held])
            if answers.answer_of(certificate, issuer, now) == UNKNOWN:
                raise Useless("unsigned")

        request = asked.public_bytes(Encoding.DER)
        return _Source(url, f"answer-{_short(url.encode() + request)}.ocsp", request, check)

    # --- asking ---------------------------------------------------------------------------------------------------

    def _fetch(self, source: _Source) -> Fetched:
        try:
            octets = self._got(source)
            items = _read(octets)
            now = self._clock()
            ends = min((item.ends for item in items), default=now)
            if ends <= now:
                raise Useless("ended")
            source.check(items, now)
            return Fetched(source.url, self._put(source, octets, items, now), ends)
        except Useless as useless:
            return Fetched(source.url, str(useless))

    def _got(self, source: _Source) -> bytes:
        kind = {"Content-Type": "application/ocsp-request"} if source.request else {}
        method = "POST" if source.request else "GET"
        try:
            reply = self._call(
                method, source.url, body=source.request, headers=kind, deadline_seconds=self._rules.deadline_seconds
            )
        except HubError:
            raise Useless("unreachable") from None
        if reply.status != 200:
            raise Useless("status")
        if len(reply.body) > self._rules.max_bytes:
            raise Useless("too_large")
        return reply.body

    # --- keeping --------------------------------------------------------------------------------------------------

    def _put(self, source: _Source, octets: bytes, items: tuple[RevocationList | Answer, ...], now: datetime) -> str:
        """Put a file in its place; an older one than is held changes nothing, so that nobody can play one back."""
        path = self._folder / source.file
        held = self._held(path)
        if {each.digest for each in held} == {each.digest for each in items}:
            return "same"
        try:
            source.check(held, now)
        except Useless:
            held = ()  # no reason to keep it
        if held and max(each.this_update for each in held) > max(each.this_update for each in items):
            raise Useless("older")
        _write(path, octets)
        return "new"

    def _held(self, path: File) -> tuple[RevocationList | Answer, ...]:
        try:
            return read(path.read_bytes()) if path.stat().st_size <= self._rules.max_bytes else ()
        except (OSError, *UNREADABLE):
            return ()

    def _files(self, pattern: str) -> Iterator[tuple[RevocationList | Answer, ...]]:
        for path in sorted(self._folder.glob(pattern))[:MAX_ADDRESSES]:
            yield self._held(path)

    def _keep_path(self, certificates: tuple[x509.Certificate, ...]) -> None:
        folder = self._folder / PATHS
        path = folder / f"{fingerprint(certificates[0])[:32]}.pem"
        if not path.exists() and len(list(folder.glob("*.pem"))) < MAX_PATHS:
            _write(path, b"".join(each.public_bytes(Encoding.PEM) for each in certificates))

    def _kept_paths(self) -> Iterator[tuple[x509.Certificate, ...]]:
        """Give the paths that earlier rounds kept; one whose signer's certificate ended is forgotten."""
        for path in sorted((self._folder / PATHS).glob("*.pem")):
            try:
                certificates = tuple(x509.load_pem_x509_certificates(path.read_bytes()))
                if certificates[0].not_valid_after_utc >= self._clock():
                    yield certificates
                    continue
            except (OSError, *UNREADABLE):
                pass
            path.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Delete answers that ended long ago; lists stay, for the alarm to name them."""
        for path in self._folder.glob("answer-*.ocsp"):
            held = self._held(path)
            if not held or max(each.ends for each in held) + KEPT_AFTER < self._clock():
                path.unlink(missing_ok=True)
        for path in self._folder.glob(".*"):  # what a killed process left
            if path.is_file() and path.stat().st_mtime < (self._clock() - timedelta(days=1)).timestamp():
                path.unlink(missing_ok=True)


def list_addresses(certificate: x509.Certificate) -> list[str]:
    """Give the addresses of the lists that a certificate names (http and https; RFC 5280, 4.2.1.13)."""
    try:
        points = extension(certificate, x509.CRLDistributionPoints) or ()
    except UNREADABLE:
        return []
    return _addresses(name for point in points for name in point.full_name or ())


def answer_addresses(certificate: x509.Certificate) -> list[str]:
    """Give the addresses of the OCSP responders that a certificate names."""
    try:
        access = extension(certificate, x509.AuthorityInformationAccess) or ()
    except UNREADABLE:
        return []
    return _addresses(each.access_location for each in access if each.access_method == AuthorityInformationAccessOID.OCSP)


def _addresses(names: Iterable[x509.GeneralName]) -> list[str]:
    found = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return [url for url in found if url.startswith(("http://", "https://"))][:MAX_NAMED]


def _read(octets: bytes) -> tuple[RevocationList | Answer, ...]:
    try:
        return read(octets)
    except UNREADABLE:
        raise Useless("unreadable") from None


def _short(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


def _write(path: File, octets: bytes) -> None:
    """Write a file whole or not at all; a reader finds the one before or this one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(octets)
    beside.chmod(0o600)
    beside.replace(path)
