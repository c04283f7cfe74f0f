"""Reads the signatures of one PDF with pyHanko, which is imported only here, as a program of its own: a crash costs nothing.

    python -m hub.trust.pdf_reading < asked > told

Asked: one line of JSON (certificates in Base64, limits), then the file. Told: one JSON object. What a hostile file makes of
pyHanko, endless work, gigabytes, an exception, ends this process and no other; who started it says so (hub/pdf_signatures.py).
"""

from __future__ import annotations

import base64
import io
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any

#: More signatures than these are not looked at, only counted.
MOST_SIGNATURES = 10
_MOST_TEXT = 300


def _limit(limits: dict[str, int]) -> None:
    """Bound what this process may take: seconds of a processor, memory, and no file of its own."""
    for kind, name in (
        (resource.RLIMIT_CPU, "seconds"),
        (resource.RLIMIT_AS, "memory_bytes"),
        (resource.RLIMIT_FSIZE, "file_bytes"),
        (resource.RLIMIT_CORE, "core_bytes"),
    ):
        resource.setrlimit(kind, (limits.get(name, 0), limits.get(name, 0)))


def read(file: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    """Say who signed a PDF, when, whether what they signed is unchanged, and whether it is the whole file."""
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415

    found = PdfFileReader(io.BytesIO(file), strict=False).embedded_regular_signatures
    return {"count": len(found), "signatures": [_signature(each, asked) for each in found[:MOST_SIGNATURES]]}


def _signature(embedded: Any, asked: dict[str, Any]) -> dict[str, Any]:
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415
    from pyhanko.sign.validation import validate_pdf_signature  # noqa: PLC0415
    from pyhanko.sign.validation.settings import KeyUsageConstraints  # noqa: PLC0415

    try:
        status = validate_pdf_signature(
            embedded,
            signer_validation_context=_context(asked, "anchors"),
            ts_validation_context=_context(asked, "stampers"),
            # As for other documents: either usage will do.
            key_usage_settings=KeyUsageConstraints({"digital_signature", "non_repudiation"}, match_all_key_usages=False),
            # What a later revision changed is not weighed here: it is said that there is one.
            skip_diff=True,
        )
    except Exception as error:  # whatever it is, this one cannot be judged
        return {"problem": type(error).__name__, "whole": False, "intact": False, "valid": False, "trusted": False}
    certificate = load_der_x509_certificate(status.signing_cert.dump())
    stamped = status.timestamp_validity
    good = stamped is not None and stamped.intact and stamped.valid and stamped.trusted
    return {
        "signer": _text(certificate.subject.rfc4514_string()),
        "issuer": _text(certificate.issuer.rfc4514_string()),
        "fingerprint": status.signing_cert.sha256.hex(),
        "algorithm": _text(status.md_algorithm),
        "signed_at": status.signer_reported_dt.isoformat() if status.signer_reported_dt else "",
        "stamped_at": stamped.timestamp.isoformat() if good else "",
        "intact": bool(status.intact),
        "valid": bool(status.valid),
        "trusted": bool(status.trusted),
        "problem": "" if status.trusted else _text(getattr(status.trust_problem_indic, "name", "") or ""),
        "whole": status.coverage.name == "ENTIRE_FILE",
    }


def _context(asked: dict[str, Any], roots: str) -> Any:
    """Trust these roots and nothing else; nothing is fetched, so revocation is not asked."""
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415

    return ValidationContext(
        trust_roots=list(_certificates(asked[roots])),
        other_certs=list(_certificates(asked["between"])),
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


def _certificates(given: list[str]) -> Iterator[Any]:
    from asn1crypto import x509  # noqa: PLC0415

    return (x509.Certificate.load(base64.b64decode(each)) for each in given)


def _text(value: object) -> str:
    return "".join(each if each.isprintable() else "?" for each in str(value or ""))[:_MOST_TEXT]


def main() -> int:
    """Read what is asked from standard input; write what is found to standard output."""
    head, _, file = sys.stdin.buffer.read().partition(b"\n")
    asked = json.loads(head)
    _limit(asked["limits"])
    try:
        told = read(file, asked)
    except MemoryError:
        return 1
    except Exception as error:  # a broken file is an answer
        told = {"problem": type(error).__name__}
    sys.stdout.write(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
