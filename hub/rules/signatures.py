"""Signatures of parties on documents: enveloped XML-DSig and XAdES (signxml is imported only here) and detached JWS.

Only what was signed goes on: ``signed_part`` returns the very octets whose digest was compared, never the input. What a
signature may look like is settled in ``signature_form`` before signxml sees it; what XAdES says beside it is read in ``xades``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature as BadMath
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConfiguration,
    SignatureMethod,
    VerifyResult,
    XMLVerifier,
)
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException

from hub.canonical.base import local
from hub.errors import Untrusted
from hub.rules import certificates, jws, odd_signatures, signature_form, strict_signature, xades, xml
from hub.rules.certificates import untrusted
from hub.rules.signature_form import DS, Covered, Form, bad_form, decoded
from hub.rules.trust import Judged, TrustSnapshot, Verdict, Verified

__all__ = ["DS", "signed_part", "verify", "verify_jws"]

_MAY_BE_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<")
#: What signxml and the libraries below it may raise on a signature of the right form that does not hold.
_LIBRARY_ERRORS = (SignXMLException, BadMath, UnsupportedAlgorithm, etree.LxmlError, ValueError, TypeError, NotImplementedError)


# --- reading ------------------------------------------------------------------------------------------------------


def verify(
    document: bytes,
    token: str | None,
    trust: TrustSnapshot,
    now: datetime,
    *,
    long_texts: bool = False,
    odd: bool = False,
) -> Verified:
    """Verify the signature of a document, wherever it is: ``signed_part``, or ``verify_jws`` where a JWS may come beside it.

    ``token``: None where a signature stands in the document itself; else the detached JWS, empty where none came.
    """
    if token is not None:
        return verify_jws(document, token, trust, now)
    return signed_part(document, trust, now, long_texts=long_texts, odd=odd)


def signed_part(document: bytes, trust: TrustSnapshot, now: datetime, *, long_texts: bool = False, odd: bool = False) -> Verified:
    """Verify the document's XML signature; return the signed bytes, without the signature, and the verdict.

    ``long_texts``: see ``xml.parse``. ``odd``: signatures over a part, and bare ones, are read for what they are
    (hub.rules.odd_signatures); a part's signature leaves the document unsigned.

    Raises Untrusted where a signature does not hold or is required and missing, InvalidMessage where a document that
    may hold one cannot be read.
    """
    if trust.policy == "none":
        return Verified(signed_bytes=document, verdict=_left_alone(document, odd))
    root = xml.parse(document, long_texts=long_texts) if _may_be_signed(document) else None
    if odd and root is not None and (found := _odd(document, root, trust, now)) is not None:
        return found
    form = None if root is None else signature_form.read_form(root)
    if root is None or form is None:
        return _unsigned(document, trust)
    if form.weak and not trust.allow_weak:
        raise certificates.too_weak()
    listed = signature_form.read_certificates(form.key_info)
    certificate = certificates.signing_certificate(listed)
    unsigned = xades.read_unsigned(form)
    beside = _beside((*listed, *unsigned.certificates), certificate)
    judged = certificates.check(certificate, trust, now, beside)
    covered = strict_signature.signed_octets(root, form, certificate, len(document))
    if covered is None:
        covered = _verify(document, root, form, certificate, now)
    verdict = _accepted(form, covered, unsigned, certificate, judged, trust, now)
    return _verified(
        covered.document,
        verdict,
        certificate,
        judged,
        others=tuple(certificates.octets(each) for each in beside),
        revocations=unsigned.revocations,
        stamps=tuple(token for token, _ in unsigned.stamps),
    )


def _beside(came: Sequence[x509.Certificate], certificate: x509.Certificate) -> list[x509.Certificate]:
    """Give the certificates that came beside the signer's, each once."""
    return [] if len(came) == 1 else [each for each in dict.fromkeys(came) if each != certificate]


def _accepted(
    form: Form,
    covered: Covered,
    unsigned: xades.Unsigned,
    certificate: x509.Certificate,
    judged: Judged,
    trust: TrustSnapshot,
    now: datetime,
) -> Verdict:
    """Judge what XAdES says beside a signature that holds, and write the verdict down."""
    claims = xades.read_claims(covered.properties, certificate) if form.properties else None
    weak = form.weak or (claims is not None and claims.weak)
    if weak and not trust.allow_weak:
        raise certificates.too_weak()
    stamp = xades.stamped(unsigned, certificate, trust.stampers, now)
    verdict = certificates.verdict(
        certificate,
        form.algorithm,
        replace(judged, weak=True) if weak else judged,
        now,
        level=xades.level(form, unsigned, stamp),
        signed_at=claims.signed_at if claims else "",
        stamped_at=local(stamp.at).isoformat() if stamp else "",
    )
    passed_over = bool(unsigned.stamps) and stamp is None
    return replace(verdict, reason="; ".join(filter(None, (verdict.reason, xades.NOT_STAMPED)))) if passed_over else verdict


def _verified(
    signed: bytes, verdict: Verdict, certificate: x509.Certificate, judged: Judged, **beside: tuple[bytes, ...]
) -> Verified:
    octets = certificates.octets(certificate)
    return Verified(signed_bytes=signed, verdict=verdict, certificate=octets, proofs=judged.proofs, **beside)


def _may_be_signed(document: bytes) -> bool:
    """Tell cheaply that there can be no ds:Signature: its namespace is written nowhere, not even with references."""
    # From the end, where signatures stand: of a large document that is what takes no time.
    return bool(_MAY_BE_XML.match(document)) and (document.rfind(b"xmldsig#") >= 0 or b"&#" in document)


def _unsigned(document: bytes, trust: TrustSnapshot) -> Verified:
    if trust.policy != "optional":
        raise untrusted("NOT-SIGNED", "thông điệp không có chữ ký số mà điểm kết nối này yêu cầu", "a signature is required here")
    return Verified(signed_bytes=document, verdict=certificates.not_signed("unsigned, which this endpoint allows"))


# --- signxml ------------------------------------------------------------------------------------------------------


class _Verifier(XMLVerifier):  # type: ignore[misc]  # the library's class is not typed
    """signxml with canonical forms that are right also where lxml's are not, which text behind a part does not disturb.

    And which copies trees in UTF-8: lxml's own choice is ASCII, which has no way to write a name that is not (``HọTên``).
    """

    def _c14n(
        self, nodes: etree._Element, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Sequence[str] | None = None
    ) -> bytes:
        return signature_form.canonical(nodes, algorithm.value, inclusive_ns_prefixes or ())

    def _tostring(self, xml_node: etree._Element, **options: Any) -> bytes:
        octets: bytes = etree.tostring(xml_node, with_tail=False, **{"encoding": "UTF-8", **options})
        return octets


def _configuration(form: Form, now: datetime) -> SignatureConfiguration:
    """Fix everything that signxml may accept to what was found and allowed."""
    return SignatureConfiguration(
        location=".//",
        expect_references=2 if form.properties else 1,
        signature_methods=frozenset({SignatureMethod(form.method)}),
        digest_algorithms=frozenset(DigestAlgorithm(each) for each in form.digests),
        verification_time=local(now),
        # XML Signature 4.4.3.2: a reference without a canonicalisation transform means Canonical XML 1.0.
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )


def _left_alone(document: bytes, odd: bool) -> Verdict:
    """Say of a document at which no signature is looked whether one may stand in it, where the protocol has them."""
    if odd and _may_be_signed(document):
        return Verdict(indication="NOT-CHECKED", reason="a signature came, which this endpoint's settings leave alone")
    return certificates.not_signed("no signature in this protocol")


def _odd(document: bytes, root: etree._Element, trust: TrustSnapshot, now: datetime) -> Verified | None:
    """Verify a signature over a part, or a bare one; None where the document has neither."""
    bare = odd_signatures.bare(root)
    if bare is not None:
        certificate, judged = _odd_signer(bare, trust, now)
        octets = odd_signatures.bare_octets(root, bare, certificate)
        weak = replace(judged, weak=True) if bare.weak else judged
        verdict = certificates.verdict(certificate, bare.algorithm, weak, now, level="XML-DSig")
        return _verified(octets, verdict, certificate, judged)
    # Where a signature is required, one over a part is refused as every other that does not cover the whole.
    if trust.policy != "optional" or (found := odd_signatures.of_part(root)) is None:
        return None
    form, part = found
    certificate, judged = _odd_signer(form, trust, now)
    path = odd_signatures.path_of(part)
    odd_signatures.check_part(form, part, certificate)
    return Verified(signed_bytes=document, verdict=odd_signatures.told(form, path, certificate, judged, now))


def _odd_signer(form: Form, trust: TrustSnapshot, now: datetime) -> tuple[x509.Certificate, Judged]:
    if form.weak and not trust.allow_weak:
        raise certificates.too_weak()
    listed = signature_form.read_certificates(form.key_info)
    certificate = certificates.signing_certificate(listed)
    return certificate, certificates.check(certificate, trust, now, [each for each in listed if each != certificate])


def _verify(document: bytes, root: etree._Element, form: Form, certificate: x509.Certificate, now: datetime) -> Covered:
    """Let signxml do the mathematics; return the octets whose digests were compared.

    A new verifier, since it keeps the last call's arguments; our parser, so that it sees the tree that was checked.
    """
    try:
        result = _Verifier().verify(
            document,
            x509_cert=certificate,
            validate_schema=False,
            parser=xml.hardened_parser(long_texts=len(document) > xml.MAX_TEXT_BYTES),
            expect_config=_configuration(form, now),
        )
    except InvalidDigest:
        raise untrusted(
            "TOTAL-FAILED/HASH_FAILURE", "nội dung đã bị sửa sau khi ký", "the content was changed after signing"
        ) from None
    except InvalidSignature:
        raise _bad_value() from None
    except _LIBRARY_ERRORS:
        raise bad_form("chữ ký không kiểm tra được", "the signature cannot be checked") from None
    return _covered(result if isinstance(result, list) else [result], root, form)


def _covered(results: Sequence[VerifyResult], root: etree._Element, form: Form) -> Covered:
    """Tell signxml's results apart, which stand in the order of the references; nothing but what was asked for may be signed."""
    wanted = {form.reference: root.tag}
    if form.properties:
        wanted[form.properties.reference] = form.properties.signed.tag
    in_order = [each for each in form.info if each in wanted]
    found = dict(zip(in_order, results, strict=True))
    for reference, tag in wanted.items():
        signed = found[reference].signed_xml
        if signed is None or signed.tag != tag:
            raise bad_form("chữ ký không phủ toàn bộ văn bản", "the signature does not cover the whole document")
    return Covered(*(bytes(found[reference].signed_data) for reference in wanted))


def _bad_value() -> Untrusted:
    return untrusted(
        "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
        "giá trị chữ ký không khớp với khoá của người ký",
        "the signature value does not fit the signer's key",
    )


# --- detached signatures of JSON bodies ---------------------------------------------------------------------------


def verify_jws(body: bytes, token: str, trust: TrustSnapshot, now: datetime) -> Verified:
    """Verify a detached JWS over a body by the rules of ``signed_part``; an empty token is a missing signature."""
    if trust.policy == "none":
        return Verified(signed_bytes=body, verdict=_not_looked_at(token))
    if not token:
        return _unsigned(body, trust)
    signature = jws.read_detached(token)
    certificate, beside = _named_certificate(signature.head, trust)
    judged = certificates.check(certificate, trust, now, beside)
    signature.check(body, certificate.public_key())
    verdict = certificates.verdict(certificate, signature.head["alg"], judged, now, level="JWS")
    return _verified(body, verdict, certificate, judged, others=tuple(certificates.octets(each) for each in beside))


def _not_looked_at(token: str) -> Verdict:
    if token:
        return Verdict(indication="NOT-CHECKED", reason="a signature came, which this endpoint's settings leave alone")
    return certificates.not_signed("no signature in this protocol")


def _named_certificate(head: jws.Head, trust: TrustSnapshot) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """Find the signer's certificate: the first of ``x5c`` (RFC 7515 4.1.6), or the pinned one of ``x5t#S256``; and the others."""
    chain, thumbprint = head.get("x5c"), head.get("x5t#S256")
    found: x509.Certificate | None = None
    others: list[x509.Certificate] = []
    texts = [one for one in chain if isinstance(one, str)] if isinstance(chain, list) else []
    if isinstance(chain, list) and 1 <= len(texts) == len(chain) <= certificates.MAX_CERTIFICATES:
        found, *others = (certificates.read_certificate(decoded(one)) for one in texts)
    elif chain is None:
        found = next((one for one in trust.pinned if certificates.thumbprint(certificates.octets(one)) == thumbprint), None)
    if found is None or thumbprint not in (None, certificates.thumbprint(certificates.octets(found))):
        raise untrusted(
            "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
            "chữ ký không nêu chứng thư số của người ký (x5c hoặc x5t#S256)",
            "the signature does not name its signer's certificate (x5c or x5t#S256)",
        )
    return found, others
