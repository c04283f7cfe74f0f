"""The least that a message costs: what no other code would spare, with no ledger, no bus, and next to no Python.

``python -m benchmarks.floor [--messages N] [--big-messages N] [--rounds N] [--seed N] [--json]``. On the hub's way
(benchmarks/README.md) a SOAP request, the document in it and the partner's receipt are parsed; the document's signature is
verified, the document held against its schema, and what goes out signed, which takes three canonical forms; the delivery on
the bus is sealed with P-256 and the seal opened; seven bodies are hashed, since the ledger keeps bytes by their digest. Each
of these is the library's own call here, over many documents at a time, so that code is warm; the processor's time is counted.
What is left out would only add to it: certificates, translation, the answer at the door, HTTP, AMQP, SQL.

A pipeline that does all this cannot be faster than two cores divided by the sum, whatever it is written in.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from benchmarks import compare, dossiers, sink, work
from benchmarks.dossiers import Dossier, Keys
from hub.edge.bench import rsa_rate
from hub.rules import xml
from hub.rules.signature_form import DS, EXCLUSIVE, canonical

_P256 = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Milliseconds of processor for one message, by what they go to: medians of the rounds."""

    size: str
    steps: dict[str, float]
    #: One core's verify and sign, before and after.
    rsa: float

    @property
    def total(self) -> float:
        return sum(self.steps.values())

    @property
    def rate(self) -> float:
        """Messages a second, where the cores did nothing else."""
        return compare.CORES * 1000 / self.total

    @property
    def share(self) -> float:
        return self.rate / (compare.CORES * self.rsa)


class Bare:
    """Keys and schema, loaded once."""

    def __init__(self, keys: Keys) -> None:
        ours = load_pem_private_key(keys.ours.key_pem, password=None)
        assert isinstance(ours, rsa.RSAPrivateKey)
        self._ours, self._seal = ours, ec.generate_private_key(ec.SECP256R1())
        theirs = keys.trader_signer.certificate.public_key()
        assert isinstance(theirs, rsa.RSAPublicKey)
        self._theirs = theirs
        self._schema = work.schema()
        self._parser = xml.hardened_parser()

    def round(self, messages: Sequence[Dossier]) -> dict[str, float]:
        """Do every step for all messages, one step after the other; give milliseconds for one message.

        Raises ValueError where a signature or a document is not what it should be: then something else was measured.
        """
        spent: dict[str, float] = {}
        came = [(each.request(), each.document, sink.receipt(work.wrap(each.document))[1]) for each in messages]
        with _counted(spent, "parsing three documents", len(came)):
            roots = [[etree.fromstring(body, self._parser) for body in bodies] for bodies in came]
        signed = [_Signed(document) for _, document, _ in roots]
        with _counted(spent, "three canonical forms", len(came)):
            for each in signed:
                each.canonicalise()
        with _counted(spent, "schema", len(came)):
            faults = [complaint for each in signed for complaint in self._schema.complaints(each.root)]
        with _counted(spent, "hashing seven bodies", len(came)):
            digests = [_digests(each, bodies) for each, bodies in zip(signed, came, strict=True)]
        _check(signed, digests, faults)
        with _counted(spent, "RSA-2048, verify and sign", len(came)):
            for each in signed:
                self._theirs.verify(each.value, each.info, padding.PKCS1v15(), hashes.SHA256())
                self._ours.sign(each.octets[:256], padding.PKCS1v15(), hashes.SHA256())
        with _counted(spent, "P-256, seal and open", len(came)):
            for first, *_ in digests:
                self._seal.public_key().verify(self._seal.sign(first, _P256), first, _P256)
        return spent


class _Signed:
    """A parsed document and its signature, which stands beside it now."""

    def __init__(self, root: etree._Element) -> None:
        signature = root.find(f"{DS}Signature")
        assert signature is not None
        root.remove(signature)
        self.root, self._signature = root, signature
        self.digest = base64.b64decode(signature.findtext(f".//{DS}DigestValue") or "")
        self.value = base64.b64decode(signature.findtext(f"{DS}SignatureValue") or "")
        self.octets = self.info = self.written = b""

    def canonicalise(self) -> None:
        """Write what was signed, what was signed of that, and what goes out."""
        parts = (self.root, self._signature[0], self.root)
        self.octets, self.info, self.written = (canonical(part, EXCLUSIVE) for part in parts)


def _digests(signed: _Signed, came: Sequence[bytes]) -> list[bytes]:
    """Hash what was signed, the canonical message, what goes out unsigned and signed, and what came and went on the wire."""
    bodies = (signed.octets, signed.octets, signed.written, came[1], *came)
    return [hashlib.sha256(body).digest() for body in bodies]


def _check(signed: Sequence[_Signed], digests: Sequence[Sequence[bytes]], faults: Sequence[object]) -> None:
    if faults or any(each.digest != first for each, (first, *_) in zip(signed, digests, strict=True)):
        raise ValueError("a document is not what was signed, or not valid")


@contextmanager
def _counted(spent: dict[str, float], step: str, messages: int) -> Iterator[None]:
    begun = time.process_time()
    yield
    spent[step] = (time.process_time() - begun) / messages * 1000


def measure(size: str, count: int, rounds: int, seed: int) -> Floor:
    """Measure with so many fresh documents in each round."""
    keys, before, told = dossiers.make_keys(), rsa_rate(), []
    bare = Bare(keys)
    for number in range(rounds):
        first = seed + number * count
        told.append(bare.round(dossiers.make(count, size=dossiers.SIZES[size], first_seed=first, signer=keys.trader_signer)))
    steps = {step: statistics.median(each[step] for each in told) for step in told[0]}
    return Floor(size=size, steps=steps, rsa=statistics.mean((before, rsa_rate())))


def main() -> None:
    """Read the words, measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=__doc__)
    parser.add_argument("--messages", type=int, default=500, help="documents of 4 KB in each round")
    parser.add_argument("--big-messages", type=int, default=50, help="documents of 200 KB in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    words = parser.parse_args()
    counts = {"4 KB": words.messages, "200 KB": words.big_messages}
    floors = [measure(size, count, words.rounds, words.seed) for size, count in counts.items()]
    if words.json:
        told = [{"size": each.size, "ms": each.steps, "total_ms": each.total, "share": each.share} for each in floors]
        print(json.dumps({"machine": compare.machine(), "seed": words.seed, "rounds": words.rounds, "floors": told}, indent=2))
        return
    print(f"{compare.machine()}; seed {words.seed}, medians of {words.rounds} rounds")
    for each in floors:
        parts = ", ".join(f"{step} {spent:.2f}" for step, spent in each.steps.items())
        print(f"{each.size}: {each.total:.2f} ms ({parts}); at most {each.rate:.0f}/s, a share of {each.share:.2f}")


if __name__ == "__main__":
    main()
