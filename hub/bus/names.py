"""Names on the broker: routing keys, and the queues that they lead to."""

from __future__ import annotations

#: Routing keys, and ends of the names of queues.
DELIVER, DEAD, QUARANTINE, WAKE = "deliver", "dead", "quarantine", "wake"
#: What lies in a member's own queue, and what it has sent.
MEMBER, INTAKE = "member", "intake"


def deliver_key(endpoint: str) -> str:
    """Give the routing key of what is to be delivered to an endpoint."""
    return f"{DELIVER}.{endpoint}"


def member_key(endpoint: str) -> str:
    """Give the routing key of what is handed to a member of the bus."""
    return f"{MEMBER}.{endpoint}"


def intake_key(endpoint: str) -> str:
    """Give the routing key with which a member sends."""
    return f"{INTAKE}.{endpoint}"


def queue_name(prefix: str, key: str) -> str:
    """Give the name of the queue to which a routing key leads."""
    return f"{prefix}.{key}"
