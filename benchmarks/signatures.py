"""Signatures beside signxml used bare: verified and made, from bytes to bytes, with keys and certificates loaded before.

``python -m benchmarks.signatures [--rounds N] [--seconds S] [--json]``. Both take turns in each round, so that other load on
the machine falls on both; rates are for a second of processor time, the ratio of a round is ours to signxml's, and the median
of the rounds is what counts.

What is the same: the document, the key, the profile, exclusive canonicalisation (but where signxml makes XAdES: what it makes so
does not hold, so it has its own default there, canonical XML 1.1), one core, one thread. What is not: ours checks
the signature's form, the certificate's trust and time, and gives a verdict; signxml is given the certificate and asked for
nothing but the mathematics. Ours signs with a key behind the interface that tokens have; signxml with the key itself, and its
XAdES has a third reference, to KeyInfo.

Where a document is stamped (XAdES-B-T), ours reads and checks the stamp too; signxml checks no stamp: its rate is for the same
document, the stamp passed over. Of a token ours remembers nothing from one call to the next, but it does of certificates: what
they are for, and that a path leads from the stamping authority's to a trusted root.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml import CanonicalizationMethod, SignatureConfiguration, SignatureMethod, XMLSigner, XMLVerifier
from signxml.xades import XAdESSignatureConfiguration, XAdESSigner, XAdESVerifier

from benchmarks import dossiers
from benchmarks.compare import machine
from hub.rules import signatures, signing, timestamps
from hub.rules.trust import TrustSnapshot
from tests.support import tsa

LIBRARIES = ("signxml", "lxml", "cryptography", "joserfc")
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
#: What the hub promises itself: not slower than this share of signxml's rate.
WANTED = 0.6

Work = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to do, in two ways."""

    name: str
    ours: Work
    signxml: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rates are calls for a second of processor time, medians of the rounds; the ratio is the median of the rounds' own."""

    name: str
    ours: float
    signxml: float
    ratio: float
    rounds: tuple[float, ...]


def cases() -> Iterator[Case]:
    """Make documents of both sizes, and everything that is done with them."""
    made = dossiers.make_keys()
    key = load_pem_private_key(made.trader.key_pem, password=None)
    for size, octets in dossiers.SIZES.items():
        (dossier,) = dossiers.make(1, size=octets, first_seed=1, signer=made.trader_signer)
        yield from _of_document(size, dossier.document, made, key)


def _of_document(size: str, signed: bytes, made: dossiers.Keys, key: Any) -> Iterator[Case]:
    signer, now = made.trader_signer, datetime.now(UTC)
    certificate = signer.certificate
    trust = TrustSnapshot(pinned=(certificate,), stampers=(tsa.authorities()[0].certificate,))
    plain = signatures.signed_part(signed, trust, now).signed_bytes
    advanced = signing.sign_xades(plain, signer, now)
    stamped = signing.sign_xades(plain, signer, now, stamp=_stamp)
    if signatures.signed_part(stamped, trust, now).verdict.level != "XAdES-B-T":
        raise SystemExit("the stamp was not checked: nothing would be compared")
    one = SignatureConfiguration(location="./", expect_references=1)
    two = XAdESSignatureConfiguration(location="./", expect_references=2)

    def verified(verifier: XMLVerifier, document: bytes, expected: SignatureConfiguration) -> Any:
        return verifier.verify(document, x509_cert=certificate, validate_schema=False, expect_config=expected)

    def written(maker: XMLSigner) -> bytes:
        return etree.tostring(maker.sign(etree.fromstring(plain), key=key, cert=[certificate], always_add_key_value=False))

    yield Case(
        name=f"verify XML-DSig, {size}",
        ours=lambda: signatures.signed_part(signed, trust, now),
        signxml=lambda: verified(XMLVerifier(), signed, one),
    )
    yield Case(
        name=f"verify XAdES-B-B, {size}",
        ours=lambda: signatures.signed_part(advanced, trust, now),
        signxml=lambda: verified(XAdESVerifier(), advanced, two),
    )
    yield Case(
        name=f"verify XAdES-B-T, {size}",
        ours=lambda: signatures.signed_part(stamped, trust, now),
        signxml=lambda: verified(XAdESVerifier(), stamped, two),
    )
    method = SignatureMethod.RSA_SHA256
    yield Case(
        name=f"sign XML-DSig, {size}",
        ours=lambda: signing.sign_xml(plain, signer),
        signxml=lambda: written(XMLSigner(c14n_algorithm=EXCLUSIVE, signature_algorithm=method)),
    )
    yield Case(
        name=f"sign XAdES-B-B, {size}",
        ours=lambda: signing.sign_xades(plain, signer, now),
        signxml=lambda: written(XAdESSigner(signature_algorithm=method)),
    )


def _stamp(digest: bytes) -> bytes:
    """Let an authority of ours, which is openssl, stamp a digest; the token has its certificate and the one above."""
    with tempfile.TemporaryDirectory() as folder:
        return timestamps.read_reply(tsa.Tsa(Path(folder)).stamp(timestamps.request(digest, 1)), digest, 1)


def run(rounds: int, seconds: float) -> list[Result]:
    """Measure every case."""
    return [_measured(case, rounds, seconds) for case in cases()]


def _measured(case: Case, rounds: int, seconds: float) -> Result:
    found: dict[str, list[float]] = {"ours": [], "signxml": []}
    turns: list[tuple[str, Work]] = [("ours", case.ours), ("signxml", case.signxml)]
    for _, work in turns:
        work()  # what is loaded or remembered once
    for _ in range(rounds):
        turns.reverse()
        for name, work in turns:
            found[name].append(_rate(work, seconds))
    ratios = [ours / theirs for ours, theirs in zip(found["ours"], found["signxml"], strict=True)]
    return Result(
        name=case.name,
        ours=round(statistics.median(found["ours"]), 1),
        signxml=round(statistics.median(found["signxml"]), 1),
        ratio=round(statistics.median(ratios), 2),
        rounds=tuple(round(each, 2) for each in ratios),
    )


def _rate(work: Work, seconds: float) -> float:
    done, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        work()
        done += 1
    return done / (time.process_time() - begun)


def report(results: list[Result]) -> dict[str, Any]:
    """Say what was measured, where, and with what."""
    return {
        "machine": machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "wanted_ratio": WANTED,
        "results": [asdict(each) for each in results],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each of both, in each round")
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    told = report(run(words.rounds, words.seconds))
    if words.json:
        print(json.dumps(told, indent=2))
        return
    print(told["machine"])
    print(", ".join(f"{name} {number}" for name, number in told["versions"].items()))
    print(f"{'':28}{'ours/s':>10}{'signxml/s':>12}{'ratio':>8}   rounds")
    for each in told["results"]:
        shown = ", ".join(f"{ratio:.2f}" for ratio in each["rounds"])
        print(f"{each['name']:28}{each['ours']:>10.1f}{each['signxml']:>12.1f}{each['ratio']:>8.2f}   {shown}")


if __name__ == "__main__":
    main()
