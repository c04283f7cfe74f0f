"""Judge a signer's certificate by the trust store: a path to an anchor of the right purpose, the register, revocation.

What came out is kept until the next moment at which anything could change (a certificate begins or ends, a list or an answer
ends); a new list makes a new judge, which remembers nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from hub.canonical.base import local
from hub.canonical.digests import sha256
from hub.errors import Untrusted
from hub.rules.certificates import octets, untrusted
from hub.rules.trust import Judged
from hub.trust.paths import Path, candidates, constraints, find_paths
from hub.trust.register import Registered
from hub.trust.revocation import GOOD, REVOKED, TICK, Revocation, Status
from hub.trust.store import Asked, TrustStore

#: So many answers are kept; the same few partners sign all day.
REMEMBERED = 2048
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Given = tuple[x509.Certificate, tuple[x509.Certificate, ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What came out, and between which moments it stays so."""

    since: datetime
    until: datetime
    judged: Judged | None
    #: English, Vietnamese, indication: where it is not trusted. An error is made anew each time it is raised.
    refused: tuple[str, str, str]


def _nobody(path: Path) -> None:
    """Tell nobody."""


class PathJudge:
    """Judges for one endpoint by one state of the store; see ``hub.rules.trust.Judge``.

    ``seen`` is told each path that holds, so that lists and answers can be fetched for it; it changes no answer.
    """

    def __init__(
        self,
        store: TrustStore,
        revocation: Revocation,
        asked: Asked,
        seen: Callable[[Path], None] = _nobody,
        *,
        remembered: int = REMEMBERED,
    ) -> None:
        self._store, self._revocation, self._asked, self._seen = store, revocation, asked, seen
        self._remembered = remembered
        self._lock = threading.Lock()
        self._kept: dict[Given, _Kept] = {}

    def __call__(self, certificate: x509.Certificate, others: tuple[x509.Certificate, ...], now: datetime) -> Judged:
        """Judge a certificate; raise Untrusted, in the words of ETSI EN 319 102-1, where it is not trusted now."""
        # Moments of different zones compare forty times as slowly.
        moment, given = (local(now) if now.tzinfo is None else now).astimezone(UTC), (certificate, others)
        kept = self._kept.get(given)
        if kept is None or not kept.since <= moment < kept.until:
            kept = self._worked_out(given, moment)
            self._keep(given, kept)
        if kept.judged is None:
            en, vi, where = kept.refused
            raise Untrusted(en, vi, where=where)
        return kept.judged

    def __len__(self) -> int:
        return len(self._kept)

    def _keep(self, given: Given, kept: _Kept) -> None:
        with self._lock:
            self._kept.pop(given, None)
            while len(self._kept) >= self._remembered:
                del self._kept[next(iter(self._kept))]
            self._kept[given] = kept

    def _worked_out(self, given: Given, now: datetime) -> _Kept:
        question = _Question(self._store, self._revocation, self._asked, given, now)
        judged, refused = None, ("", "", "")
        try:
            judged = question.answer(self._seen)
        except Untrusted as error:
            refused = (error.en, error.vi, error.where)
        since = max((edge for edge in question.edges if edge <= now), default=_BEGINNING)
        until = min((edge for edge in question.edges if edge > now), default=_END)
        return _Kept(since, until, judged, refused)


class _Question:
    """One certificate at one moment; collects the moments at which the answer may become another."""

    def __init__(self, store: TrustStore, revocation: Revocation, asked: Asked, given: Given, now: datetime) -> None:
        self._store, self._revocation, self._asked, self._now = store, revocation, asked, now
        self._certificate, others = given
        self._candidates = candidates(self._certificate, (*others, *store.intermediates), store.of(asked.purposes))
        self.edges: set[datetime] = set()
        for each in (self._certificate, *self._candidates.between):
            self.edges |= {each.not_valid_before_utc, each.not_valid_after_utc + TICK}
        for anchor in self._candidates.anchors:
            self.edges |= {anchor.valid_from, anchor.valid_until + TICK}

    def answer(self, seen: Callable[[Path], None]) -> Judged:
        """Find a path that may be trusted; raise Untrusted where there is none."""
        paths = find_paths(self._candidates, self._now, allow_weak=self._asked.allow_weak)
        line = self._registered(paths)
        if line is not None:
            paths = [path for path in paths if path.anchor.purpose == line.purpose]
        for path in paths:
            seen(path)
        path, statuses = self._best(paths)
        used = {item.digest: item.octets for status in statuses for item in status.used}
        issuers = {sha256(der): der for der in map(octets, path.certificates[1:])}
        return Judged(
            weak=path.is_weak() or any(status.weak for status in statuses),
            revocation="good" if all(status.word == GOOD for status in statuses) else "unknown",
            proofs=(*issuers.values(), *used.values()),
            path_digests=tuple(issuers),
            revocation_digests=tuple(used),
            purpose=path.anchor.purpose,
            owner=line.owner if line else "",
            may_sign=line.may_sign if line else (),
        )

    def _registered(self, paths: Iterable[Path]) -> Registered | None:
        """Find the line of the register for this certificate, here and now; raise Untrusted where there must be one."""
        lines = [each for each in self._store.lines_about(self._certificate) if each.is_about(self._asked.endpoint)]
        # A line that names the endpoint says more than one for all.
        lines.sort(key=lambda each: "*" in each.endpoints)
        for each in lines:
            self.edges |= {edge for edge in (each.valid_from, each.valid_to) if edge is not None}
        purposes = {path.anchor.purpose for path in paths}
        for each in lines:
            if any(each.holds(self._asked.endpoint, purpose, self._now) for purpose in purposes):
                return each
        # Who was let sign something until yesterday is not free to sign anything from today on.
        if not self._asked.registered and not lines:
            return None
        raise constraints(
            "chứng thư số không có trong sổ đăng ký (register.csv) cho điểm kết nối này",
            "the register (register.csv) does not name the certificate for this endpoint",
        )

    def _best(self, paths: Iterable[Path]) -> tuple[Path, Sequence[Status]]:
        """Choose a path none of whose certificates is revoked; raise Untrusted where there is none, or too little is known.

        Another path that surely holds makes good for a revoked authority; one of which that is not known does not.
        """
        unknown: list[tuple[Path, Sequence[Status]]] = []
        revoked = False
        for path in paths:
            statuses = [self._status(certificate, issuer, path.anchor.purpose) for certificate, issuer in path.links()]
            words = {status.word for status in statuses}
            if statuses[0].word == REVOKED:
                raise _revoked("chứng thư số của người ký đã bị thu hồi", "the signer's certificate is revoked")
            if words == {GOOD}:
                return path, statuses
            if REVOKED in words:
                revoked = True
            else:
                unknown.append((path, statuses))
        if revoked:
            raise _revoked("chứng thư của tổ chức cấp đã bị thu hồi", "the certificate of an authority in the path is revoked")
        if not self._asked.accept_unknown:
            raise untrusted(
                "INDETERMINATE/TRY_LATER",
                "chưa có danh sách thu hồi (CRL) hoặc trả lời OCSP còn hiệu lực cho chứng thư số này",
                "there is no revocation list or answer in force that speaks of the certificate",
            )
        return unknown[0]

    def _status(self, certificate: x509.Certificate, issuer: x509.Certificate, purpose: str) -> Status:
        # Anchors of the issuer's name may sign its list: one that rolled over its key signs all with the new one.
        # Of this purpose only: a partner may have named its own authority like another one.
        same = [anchor.certificate for anchor in self._store.of([purpose])]
        issuers = (issuer, *(each for each in same if each.subject == issuer.subject and each != issuer))
        status = self._revocation.of(certificate, issuers, self._now, allow_weak=self._asked.allow_weak)
        self.edges |= set(status.edges)
        return status


def _revoked(vi: str, en: str) -> Untrusted:
    return untrusted("INDETERMINATE/REVOKED_NO_POE", vi, en)
