"""Which network addresses a stranger's link may lead to: those of the public internet, and what the hub's operator names.

A partner that names ``http://10.0.0.5/admin`` as the address of a file would have the hub look into its own network.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
#: Prefix under which NAT64 hides an IPv4 address (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Read networks as the settings have them; raise ValueError where one is none."""
    return tuple(ip_network(each) for each in given)


def admits(address: str, allowed: Iterable[Network]) -> bool:
    """Say whether what a stranger names may lead to this address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    meant = _meant(found)
    if any(each in network for network in allowed for each in (found, meant)):
        return True
    return _is_public(meant)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    own = address.is_multicast or address.is_reserved or (isinstance(address, IPv6Address) and address.is_site_local)
    return address.is_global and not own


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Give the IPv4 address that an IPv6 one carries, where it carries one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address
