"""What trust costs: a verification with a pinned certificate beside one by the trust store, kept and worked out anew.

``python -m benchmarks.trust [DOCUMENTS]``. Pinned and store take turns, so that other load falls on both.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from hub.rules.signatures import signed_part
from hub.rules.signing import sign_xml
from hub.rules.trust import TrustSnapshot
from hub.trust import keys
from hub.trust.judging import PathJudge
from hub.trust.revocation import collect, read
from hub.trust.store import Anchor, Asked, TrustStore

#: About the size of an application of one page.
_FIELDS = [b"<Muc><Ten>Truong %d</Ten><GiaTri>%s</GiaTri></Muc>" % (number, b"x" * 40) for number in range(45)]
DOCUMENT = b"<HoSo>" + b"".join(_FIELDS) + b"</HoSo>"
#: Entries of the list: a large authority's.
ENTRIES = 50_000


@dataclass(frozen=True, kw_only=True)
class Report:
    """Microseconds for one verification, medians."""

    pinned: float
    kept: float
    #: Of the first look at a certificate after a new list.
    anew: float

    @property
    def share(self) -> float:
        """What the kept answer adds, in parts of one verification."""
        return self.kept / self.pinned - 1


def run(documents: int, entries: int = ENTRIES) -> Report:
    """Measure."""
    now = datetime.now(UTC)
    authority = keys.make_development_authority(now)
    made = keys.make_development_key(authority, "bench", now)
    signer = keys.load_signer("bench", made.key_pem, made.certificate_pem)
    signed = [sign_xml(DOCUMENT.replace(b"Truong 1<", b"Truong %d<" % number), signer) for number in range(documents)]
    judge = _judges(keys.load_certificates(authority.certificate_pem)[0], _list(authority, now, entries))
    pinned, store = TrustSnapshot(pinned=(signer.certificate,)), TrustSnapshot(judge=judge())
    times: dict[str, list[float]] = {"pinned": [], "kept": [], "anew": []}
    for trust in (pinned, store):
        signed_part(signed[0], trust, now)
    turns = [("pinned", pinned), ("kept", store)]
    for document in signed:
        # Whoever comes second finds the document in the processor's cache.
        turns.reverse()
        for name, trust in turns:
            times[name].append(_timed(document, trust, now))
    for document in signed[:20]:
        times["anew"].append(_timed(document, TrustSnapshot(judge=judge()), now))
    return Report(**{name: statistics.median(each) * 1e6 for name, each in times.items()})


def _timed(document: bytes, trust: TrustSnapshot, now: datetime) -> float:
    begin = time.perf_counter()
    signed_part(document, trust, now)
    return time.perf_counter() - begin


def _judges(root: x509.Certificate, octets: bytes) -> Callable[[], PathJudge]:
    """Give what makes judges that remember nothing yet."""
    first, last = root.not_valid_before_utc, root.not_valid_after_utc
    anchor = Anchor(name="bench", purpose="bench", certificate=root, valid_from=first, valid_until=last)
    store, revocation = TrustStore(anchors=(anchor,)), collect(read(octets))
    return lambda: PathJudge(store, revocation, Asked(endpoint="bench", purposes=("bench",), registered=False))


def _list(authority: keys.MadeKey, now: datetime, entries: int) -> bytes:
    issuer = keys.load_certificates(authority.certificate_pem)[0].subject
    revoked = [
        x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build() for number in range(1, entries + 1)
    ]
    builder = x509.CertificateRevocationListBuilder(issuer, now, now + timedelta(days=1), revoked_certificates=revoked)
    return builder.sign(load_pem_private_key(authority.key_pem, None), hashes.SHA256()).public_bytes(Encoding.DER)


def main() -> None:
    """Print a report."""
    report = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    sys.stdout.write(
        f"one verification, {len(DOCUMENT)} bytes: pinned {report.pinned:.0f} us, by the store {report.kept:.0f} us "
        f"({report.share:+.1%}), worked out anew with {ENTRIES} entries {report.anew / 1000:.1f} ms\n"
    )


if __name__ == "__main__":
    main()
