"""Signatures of old systems that are not over the whole document, or have no ds:Signature around them, read and verified.

Only for protocols in which such ones are met (``Adapter.odd_signatures``). A signature over a part never stands for one over the
document: what it says is told beside the verdict, which stays "not signed". A bare one, whose SignedInfo stands right in a slot
such as ``SystemSignature``, is over the document as it was before the slot was filled. Everything else about them is as strict
as for others: one signature in the document, a fixed list of transforms and algorithms, the certificate judged as any.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from cryptography import x509
from lxml import etree

from hub.errors import Untrusted
from hub.rules import certificates, signature_form, strict_signature
from hub.rules.certificates import untrusted
from hub.rules.signature_form import ALL_DIGESTS, ALL_METHODS, DS, Form, bad_form, not_permitted
from hub.rules.trust import Judged, Verdict

#: Where systems put a signature, with or without ds:Signature in it; empty, or with any text, it holds none.
SLOTS = ("Signature", "SystemSignature")


# --- a signature over a part ---------------------------------------------------------------------------------------


def of_part(root: etree._Element) -> tuple[Form, etree._Element] | None:
    """Find the one ds:Signature that refers to a part by its id: its form, and the part. None where it is of another kind.

    Raises Untrusted where it refers to a part and has another form than is read.
    """
    found = list(root.iter(f"{DS}Signature"))
    if len(found) != 1 or found[0] is root:
        return None
    references = [each for each in found[0].iterfind(f"{DS}SignedInfo/{DS}Reference") if each.get("URI", "").startswith("#")]
    if len(references) != 1 or len(list(found[0].iter(f"{DS}Reference"))) != 1:
        return None
    part = signature_form.with_id(root, references[0].get("URI", "")[1:])
    if part is root:
        return None
    if part is None or found[0] is part or found[0] in list(part.iterancestors()):
        raise not_permitted(
            "chữ ký tham chiếu đến phần không có, bị trùng định danh, hoặc nằm trong chính chữ ký",
            "the signature refers to a part that is not there, whose id stands twice, or that is in the signature",
        )
    return _form(found[0], enveloped=part in list(found[0].iterancestors())), part


def check_part(form: Form, part: etree._Element, certificate: x509.Certificate) -> None:
    """Check the mathematics of a signature over a part. Raises Untrusted. The signature is taken out of the tree."""
    _check_value(form, certificate)
    _take_out(form.signature)
    if not _same(form, strict_signature.covered_octets(part, form.reference)):
        raise _changed()


def told(form: Form, path: str, certificate: x509.Certificate, judged: Judged, now: datetime) -> Verdict:
    """Write down that the document is not signed, and who signed which part of it."""
    held = certificates.verdict(certificate, form.algorithm, judged, now, level="XML-DSig")
    return Verdict(
        indication="NOT-SIGNED",
        signer=held.signer,
        issuer=held.issuer,
        serial=held.serial,
        fingerprint=held.fingerprint,
        algorithm=held.algorithm,
        weak=held.weak or form.weak,
        checked_at=held.checked_at,
        level=held.level,
        revocation=held.revocation,
        purpose=held.purpose,
        owner=held.owner,
        covers=path,
        reason=f"only {path} is signed; the rest of the document is not, which this endpoint allows",
    )


def path_of(element: etree._Element) -> str:
    """Give the path of an element in its document."""
    steps = [element, *element.iterancestors()]
    return "/" + "/".join(signature_form.local_name(each) for each in reversed(steps))


# --- a signature without its element -------------------------------------------------------------------------------


def bare(root: etree._Element) -> Form | None:
    """Find the signature that stands in a slot without ds:Signature around it; None where there is none.

    Raises Untrusted where something of a signature stands there that cannot be read.
    """
    found = [info for info in root.iter("{*}SignedInfo") if info is not root and _parent(info).tag != f"{DS}Signature"]
    if not found:
        return None
    if len(found) > 1 or next(root.iter(f"{DS}Signature"), None) is not None:
        raise bad_form("có nhiều hơn một chữ ký", "there is more than one signature")
    slot = _parent(found[0])
    if slot is root or signature_form.local_name(slot) not in SLOTS or found[0].tag != f"{DS}SignedInfo":
        raise bad_form("chữ ký không nằm trong ds:Signature", "the signature does not stand in a ds:Signature")
    if (slot.text or "").strip() or any((child.tail or "").strip() for child in slot):
        raise bad_form("có văn bản giữa các phần của chữ ký", "there is text between the parts of the signature")
    form = _form(slot, enveloped=True)
    if form.reference.get("URI") != "":
        raise not_permitted("chữ ký không phủ toàn bộ văn bản", "the signature does not cover the whole document")
    return form


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    assert parent is not None  # the caller looked
    return parent


def bare_octets(root: etree._Element, form: Form, certificate: x509.Certificate) -> bytes:
    """Check the mathematics of a bare signature; give the octets whose digest was compared. Raises Untrusted.

    Nothing says what "enveloped" takes away where there is no ds:Signature (assumed): what fills the slot, or the slot.
    """
    _check_value(form, certificate)
    slot = form.signature
    for child in list(slot):
        slot.remove(child)
    slot.text = None
    emptied = strict_signature.covered_octets(root, form.reference)
    if _same(form, emptied):
        return emptied
    _take_out(slot)
    without = strict_signature.covered_octets(root, form.reference)
    if not _same(form, without):
        raise _changed()
    return without


# --- pieces --------------------------------------------------------------------------------------------------------


def _form(signature: etree._Element, *, enveloped: bool) -> Form:
    """Read the form of one signature, with one reference."""
    info, value, key_info = signature_form.children(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    canonicalisation, method, reference = signature_form.children(info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    signature_form.check_canonicalisation(canonicalisation)
    signature_form.check_base64(value)
    *transforms, digest, digest_value = signature_form.children(
        reference, *["Transforms"] * (len(reference) > 2), "DigestMethod", "DigestValue"
    )
    _check_transforms([step for each in transforms for step in each], enveloped)
    signature_form.check_base64(digest_value)
    return Form(
        signature=signature,
        info=info,
        value=value,
        key_info=key_info,
        method=signature_form.algorithm(method, ALL_METHODS),
        digests=frozenset({signature_form.algorithm(digest, ALL_DIGESTS)}),
        reference=reference,
    )


def _check_transforms(steps: list[etree._Element], enveloped: bool) -> None:
    """Allow at most the enveloped transform, which must be there where the signature is inside, then one canonicalisation."""
    first = bool(steps) and steps[0].get("Algorithm") == signature_form.ENVELOPED and not len(steps[0])
    if any(step.tag != f"{DS}Transform" for step in steps) or (enveloped and not first) or len(steps) > 1 + first:
        raise not_permitted("chuỗi phép biến đổi không được phép", "the list of transforms is not allowed")
    for step in steps[first:]:
        signature_form.check_canonicalisation(step)


def _check_value(form: Form, certificate: x509.Certificate) -> None:
    if not strict_signature.holds(certificate, form, signature_form.canonical_by(form.info, form.info[0])):
        raise untrusted(
            "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
            "giá trị chữ ký không khớp với khoá của người ký",
            "the signature value does not fit the signer's key",
        )


def _same(form: Form, octets: bytes) -> bool:
    digest = hashlib.new(ALL_DIGESTS[form.reference[-2].get("Algorithm", "")], octets).digest()
    return hmac.compare_digest(digest, signature_form.decoded(form.reference[-1].text))


def _changed() -> Untrusted:
    return untrusted("TOTAL-FAILED/HASH_FAILURE", "nội dung đã bị sửa sau khi ký", "the content was changed after signing")


def _take_out(element: etree._Element) -> None:
    """Remove an element, not the text behind it."""
    parent, before = _parent(element), element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "") or None
    else:
        parent.text = (parent.text or "") + (element.tail or "") or None
    parent.remove(element)
