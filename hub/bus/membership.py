"""A member of the bus: a partner with a queue and a routing key of its own on the hub's broker, and a seal of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from hub.bus.address import BusOptions
from hub.bus.names import intake_key, member_key, queue_name
from hub.bus.sealing import HEADER, SealKeys
from hub.endpoint import AmqpPolicy, Endpoint, MemberPolicy
from hub.errors import Untrusted
from hub.rules import member_seal
from hub.rules.member_seal import MemberHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member: how it is reached, and by which keys it and the hub know each other."""

    #: Its ``amqp`` is the hub's own broker, with the member's queue and key.
    endpoint: Endpoint
    #: The hub's own key, and its name.
    keys: SealKeys
    #: The member's keys, by their ids; several while it moves from one to the next.
    accepted: Mapping[str, ec.EllipticCurvePublicKey]
    exchange: str

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def key(self) -> str:
        """The routing key of what is handed to it."""
        return member_key(self.name)

    def seal(
        self,
        payload: bytes,
        purpose: str,
        identity: str,
        *,
        content_type: str,
        about: str = "",
        service: str = "",
        status: str = "",
    ) -> dict[str, str]:
        """Seal what goes into the member's queue; give the header that says so."""
        head = MemberHead(
            issuer=self.keys.issuer,
            audience=self.name,
            key_id=self.keys.key_id,
            purpose=purpose,
            id=identity,
            about=about,
            service=service,
            status=status,
            content_type=content_type,
        )
        return {HEADER: member_seal.seal(payload, head, self.keys.private)}

    def open(self, payload: bytes, token: str) -> MemberHead:
        """Open the seal of what came with the member's key; raise Untrusted unless it is by this member, to this hub."""
        head = member_seal.open_seal(payload, token, self.accepted)
        if (head.issuer, head.audience) != (self.name, self.keys.issuer) or head.purpose not in member_seal.FROM_MEMBER:
            raise Untrusted(
                "the seal names another sender, another recipient or another direction",
                "niêm phong nêu bên gửi, bên nhận hoặc chiều gửi khác",
                where="seal",
            )
        return head


def with_broker(endpoint: Endpoint, policy: MemberPolicy, options: BusOptions) -> Endpoint:
    """Give a member's endpoint the hub's own broker: its queue to publish to, and the one that holds what it sends."""
    amqp = AmqpPolicy(
        url=options.url,
        password=SecretStr(options.password),
        ca=str(options.ca or ""),
        certificate=str(options.certificate or ""),
        key=str(options.key or ""),
        heartbeat_seconds=options.heartbeat_seconds,
        publish_exchange=options.prefix,
        publish_routing_key=member_key(endpoint.name),
        content_type=policy.content_type,
        consume_queue=queue_name(options.prefix, intake_key(endpoint.name)),
        prefetch=options.prefetch,
        # The queue sees to it that one process at a time consumes.
        exclusive=False,
    )
    return replace(endpoint, amqp=amqp)
