"""The comparison of signatures measures what it says: both do the same work, and what each makes the other reads."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography import x509
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from benchmarks import dossiers, signatures

CASES = list(signatures.cases())
KINDS = ("verify XML-DSig", "verify XAdES-B-B", "verify XAdES-B-T", "sign XML-DSig", "sign XAdES-B-B")
NAMES = [f"{kind}, {size}" for size in dossiers.SIZES for kind in KINDS]


def test_every_profile_is_measured_both_ways_in_both_sizes() -> None:
    assert [case.name for case in CASES] == NAMES


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("sign")], ids=lambda case: case.name)
def test_what_both_make_is_the_same_document_in_the_same_profile(case: signatures.Case) -> None:
    """By the same key. signxml's XAdES also refers to KeyInfo, which our own reading does not take."""
    advanced = "XAdES" in case.name
    found = []
    for document, references in ((case.ours(), 2), (case.signxml(), 3)):
        text = etree.fromstring(document).findtext(".//{*}X509Certificate")
        certificate = x509.load_der_x509_certificate(base64.b64decode(text))
        expected = {"expect_references": references if advanced else 1, "location": "./"}
        configuration = XAdESSignatureConfiguration(**expected) if advanced else SignatureConfiguration(**expected)
        verifier = XAdESVerifier() if advanced else XMLVerifier()
        said = verifier.verify(document, x509_cert=certificate, validate_schema=False, expect_config=configuration)
        first = said[0] if isinstance(said, list) else said
        found.append((first.signed_data, certificate, etree.fromstring(document).find(".//{*}SignatureMethod").get("Algorithm")))

    assert found[0] == found[1]


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("verify")], ids=lambda case: case.name)
def test_what_both_verify_is_the_same_document(case: signatures.Case) -> None:
    ours, theirs = case.ours(), case.signxml()

    first = theirs[0] if isinstance(theirs, list) else theirs
    assert ours.signed_bytes == first.signed_data
    assert ours.verdict.indication == "TOTAL-PASSED"
    assert case.name.startswith(f"verify {ours.verdict.level},")


def test_the_report_says_machine_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "cases", lambda: iter(CASES[:1]))
    told = json.loads(json.dumps(signatures.report(signatures.run(2, 0.001))))

    assert told["machine"] and set(told["versions"]) == set(signatures.LIBRARIES)
    (result,) = told["results"]
    assert len(result["rounds"]) == 2
    assert result["ours"] > 0 < result["signxml"]
