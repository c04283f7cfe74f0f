"""A member of the bus as a partner's programmer would write it: pika and joserfc, nothing of the hub's."""

from __future__ import annotations

import hashlib
from typing import Any

import pika
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

#: The seal has fields of its own in its header; 2 KB are room for them.
REGISTRY = JWSRegistry(algorithms=["ES256"], strict_check_header=False)
REGISTRY.max_header_length = 2048


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def key_id(public_pem: bytes) -> str:
    """16 hex digits of the SHA-256 of the public key (DER, SubjectPublicKeyInfo)."""
    der = ECKey.import_key(public_pem).as_der(private=False)
    return hashlib.sha256(der).hexdigest()[:16]


def seal(body: bytes, key: ECKey, **said: str) -> str:
    """Seal what goes to the hub; ``said``: iss, aud, kid, purpose, id, and about, service, cty where there are any."""
    head = {"alg": "ES256", "typ": "lienthong-member", "b64": False, "crit": ["b64"], "digest": digest(body), **said}
    first, _, rest = jws.serialize_compact(head, body, key, registry=REGISTRY).partition(".")
    return f"{first}..{rest.rpartition('.')[2]}"


def opened(body: bytes, token: str, hub_key: ECKey, me: str, hub: str) -> dict[str, Any]:
    """Give what the hub's seal says; raises where it is not by the hub, not for us, or not over these bytes."""
    head: dict[str, Any] = jws.deserialize_compact(token, hub_key, registry=REGISTRY, payload=body).headers()
    if (head["typ"], head["iss"], head["aud"], head["digest"]) != ("lienthong-member", hub, me, digest(body)):
        raise ValueError("not the hub's seal for us")
    return head


class BusMember:
    """One partner's software on the hub's broker."""

    def __init__(self, parameters: Any, *, name: str, hub: str, prefix: str, key: ECKey, hub_key: ECKey) -> None:
        self.name, self.hub, self.prefix = name, hub, prefix
        self._parameters, self._key, self._hub_key = parameters, key, hub_key
        #: Deliveries by their identifiers, once each, and answers by what they are about.
        self.deliveries: dict[str, bytes] = {}
        self.answers: dict[str, list[tuple[str, bytes]]] = {}
        #: Identifiers in the order they came, repeats among them.
        self.came: list[str] = []
        self.refuses = False

    @property
    def kid(self) -> str:
        return key_id(self._key.as_pem(private=False))

    # --- sending

    def say(self, purpose: str, identity: str, body: bytes = b"", **more: str) -> None:
        """Publish one message of ours, sealed, with our own key."""
        token = self.sealed(purpose, identity, body, **more)
        self.publish(body, {"seal": token})

    def sealed(self, purpose: str, identity: str, body: bytes = b"", **more: str) -> str:
        said = {"iss": self.name, "aud": self.hub, "kid": self.kid, "purpose": purpose, "id": identity, **more}
        return seal(body, self._key, **said)

    def publish(self, body: bytes, headers: dict[str, Any], key: str = "") -> None:
        """Publish bytes as they are; raises where the broker does not take them."""
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            properties = pika.BasicProperties(delivery_mode=2, headers=headers)
            channel.basic_publish(self.prefix, key or f"intake.{self.name}", body, properties, mandatory=True)

    # --- receiving

    def take_all(self, *, acknowledge: bool = True) -> None:
        """Take what lies in our queue now, each thing once; acknowledge deliveries under our seal where we are to."""
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(f"{self.prefix}.member.{self.name}")
                if method is None:
                    return
                self._took(properties.headers["seal"], body, acknowledge)
                channel.basic_ack(method.delivery_tag)

    def _took(self, token: str, body: bytes, acknowledge: bool) -> None:
        head = opened(body, token, self._hub_key, self.name, self.hub)
        self.came.append(head["id"])
        if head["purpose"] == "answer":
            self.answers.setdefault(head["about"], []).append((head["status"], body))
        elif head["id"] not in self.deliveries:
            self.deliveries[head["id"]] = body
            if acknowledge:
                self.say("refused" if self.refuses else "acknowledged", f"re-{head['id']}", about=head["id"])
