"""The seal between the hub and a member of the bus: each side's own signature on what it puts into the other's queue.

The same form as the seal inside the hub (detached JWS, RFC 7797, ES256), with a type of its own, so that neither passes for the
other. All that counts stands in the protected header: what lies beside it in the message is for tools and people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from hub.canonical.compact_json import compact_sorted
from hub.canonical.digests import digest_of
from hub.errors import Untrusted
from hub.rules.jws import sign_detached
from hub.rules.seal import ALGORITHM, broken, verified_head

#: ``typ`` of the header.
TYPE = "lienthong-member"
#: What the hub puts into a member's queue: a delivery, and what became of a message of the member's own.
DELIVERY, ANSWER = "delivery", "answer"
#: What a member sends: a message of its system, and its later word on a delivery.
MESSAGE, ACKNOWLEDGED, REFUSED = "message", "acknowledged", "refused"
FROM_HUB, FROM_MEMBER = (DELIVERY, ANSWER), (MESSAGE, ACKNOWLEDGED, REFUSED)
#: Purposes that are about something that came before.
_ABOUT = (ANSWER, ACKNOWLEDGED, REFUSED)
#: An identifier, and a name of a service: printable ASCII without spaces, as keys of repeated sending are at the doors.
_IDENTIFIER = re.compile(r"[!-~]{1,200}")
_CONTENT_TYPE = re.compile(r"[ -~]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberHead:
    """What such a seal says, verified."""

    #: Who sealed it, and for whom: the hub's name, the endpoint's name.
    issuer: str
    audience: str
    key_id: str
    purpose: str
    #: Identifier of this message; a repeat is known by it.
    id: str
    #: Identifier of what an answer, an acknowledgement or a refusal is about.
    about: str = ""
    #: The partner system's own name of the service.
    service: str = ""
    #: HTTP status that an answer would have at a door.
    status: str = ""
    content_type: str = ""
    #: ``sha256:`` and 64 hex digits of the payload.
    digest: str = ""

    def meaning(self) -> bytes:
        """Write what is said, without who signed it with which key: the same for every copy, though each seal differs."""
        told = {"purpose": self.purpose, "id": self.id, "about": self.about, "service": self.service, "digest": self.digest}
        return compact_sorted(told).encode()


#: Names in the header -> fields of ``MemberHead``; those that may be empty are left out where they are.
_REQUIRED = {"iss": "issuer", "aud": "audience", "kid": "key_id", "purpose": "purpose", "id": "id", "digest": "digest"}
_OPTIONAL = {"about": "about", "service": "service", "status": "status", "cty": "content_type"}


def seal(payload: bytes, head: MemberHead, key: EllipticCurvePrivateKey) -> str:
    """Seal a payload; the digest is put in here."""
    said: dict[str, Any] = {"alg": ALGORITHM, "typ": TYPE}
    said |= {name: getattr(head, field) for name, field in _REQUIRED.items()}
    said |= {name: text for name, field in _OPTIONAL.items() if (text := getattr(head, field))}
    return sign_detached(payload, said | {"digest": digest_of(payload)}, key)


def open_seal(payload: bytes, token: str, keys: Mapping[str, EllipticCurvePublicKey]) -> MemberHead:
    """Verify a seal over a payload; raise Untrusted where it is missing, tampered with, or by an unknown key."""
    said = verified_head(payload, token, keys)
    required = {field: said.get(name) for name, field in _REQUIRED.items()}
    optional = {field: said.get(name, "") for name, field in _OPTIONAL.items()}
    texts = {**required, **optional}
    if said.get("typ") != TYPE or not all(isinstance(text, str) for text in texts.values()) or not all(required.values()):
        raise _no_member_seal()
    head = MemberHead(**{name: str(text) for name, text in texts.items()})
    if head.digest != digest_of(payload):
        raise broken("mã băm trong niêm phong khác với nội dung", "the digest in the seal is not the message's")
    if not _is_well_formed(head):
        raise _no_member_seal()
    return head


def _is_well_formed(head: MemberHead) -> bool:
    identifiers = (head.id, *filter(None, (head.about, head.service, head.status)))
    return (
        head.purpose in (*FROM_HUB, *FROM_MEMBER)
        and bool(head.about) == (head.purpose in _ABOUT)
        and all(_IDENTIFIER.fullmatch(each) for each in identifiers)
        and bool(_CONTENT_TYPE.fullmatch(head.content_type))
    )


def _no_member_seal() -> Untrusted:
    return broken("chữ ký này không phải là niêm phong của thành viên bus", "this signature is not a seal of a member of the bus")
