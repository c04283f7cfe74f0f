"""Open an endpoint's gateway: the driver of its product, and the transport over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.endpoint import Endpoint, gateway_of, outbound_of
from hub.gateway.domibus import Domibus
from hub.gateway.ebms_core import EbmsCore
from hub.gateway.file_drop import FileDrop
from hub.gateway.hermes import Hermes
from hub.gateway.http_port import HttpPort
from hub.gateway.port import Gateway
from hub.gateway.transport import GatewayTransport
from hub.gateway_policy import GatewayPolicy
from hub.wire import Wire

_HTTP: Mapping[str, Callable[[GatewayPolicy, HttpPort], Gateway]] = {
    "domibus": Domibus,
    "ebms_core": EbmsCore,
    "hermes": Hermes,
}


def open_driver(endpoint: Endpoint, wire: Wire) -> Gateway:
    """Open the backend port of an endpoint's gateway."""
    policy = gateway_of(endpoint)
    if policy.driver == "holodeck":
        return FileDrop(endpoint)
    return _HTTP[policy.driver](policy, HttpPort(policy, outbound_of(endpoint).deadline_seconds, wire))


def open_gateway(endpoint: Endpoint, wire: Wire) -> GatewayTransport:
    """Open an endpoint's transport through its gateway."""
    return GatewayTransport(endpoint, open_driver(endpoint, wire))
