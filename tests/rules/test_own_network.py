"""What a stranger names leads to the public internet, or to where the operator says; to nowhere else, however it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules.own_network import admits, networks

OWN = [
    "10.0.0.1", "172.16.5.4", "192.168.1.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1",
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:a00:1::", "2002:7f00:1::1", "::127.0.0.1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", OWN)
def test_our_own_network_is_not_called(address: str) -> None:
    assert not admits(address, ())


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_is(address: str) -> None:
    assert admits(address, ())


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0x7f000001", "2130706433", "8.8.8.8.", "8.8.8.8/32", "٨.8.8.8"])
def test_what_is_no_address_is_not(address: str) -> None:
    assert not admits(address, networks(["0.0.0.0/0", "::/0"]))


def test_what_the_operator_names_is_called_however_it_is_written() -> None:
    allowed = networks(["10.20.0.0/16", "fd00:1::/32"])

    assert [admits(each, allowed) for each in ("10.20.3.4", "::ffff:10.20.3.4", "64:ff9b::a14:304", "fd00:1::9")] == [True] * 4
    assert [admits(each, allowed) for each in ("10.21.0.1", "::ffff:10.21.0.1", "fd00:2::1", "127.0.0.1")] == [False] * 4


@pytest.mark.parametrize("given", ["10.0.0.1/8", "10.0.0.0/33", "x", ""])
def test_what_is_no_network_is_an_error_of_the_settings(given: str) -> None:
    with pytest.raises(ValueError):
        networks([given])


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_the_same_inside_of_ipv6(number: int) -> None:
    plain = IPv4Address(number)
    mapped, nat64 = IPv6Address((0xFFFF << 32) | number), IPv6Address((0x64FF9B << 96) | number)

    assert admits(str(plain), ()) == admits(str(mapped), ()) == admits(str(nat64), ())
