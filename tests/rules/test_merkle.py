"""Merkle trees: known values of RFC 9162's hashing, and paths that prove what they should and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules import merkle

#: Leaves and roots of the reference implementation's tests (google/certificate-transparency, merkletree).
LEAVES = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", bytes(range(0x60, 0x70))]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_certificate_transparency(count):
    assert merkle.root(map(merkle.leaf, LEAVES[:count])).hex() == ROOTS[count - 1]


def test_no_leaves_have_the_hash_of_nothing_as_root():
    assert merkle.root([]) == hashlib.sha256(b"").digest()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_each_path_leads_from_its_leaf_to_the_root(octets, data):
    leaves = [merkle.leaf(each) for each in octets]
    index = data.draw(st.integers(0, len(leaves) - 1))

    path = merkle.path(leaves, index)

    assert merkle.climb(leaves[index], path) == merkle.root(leaves)
    assert len(path) <= max(len(leaves) - 1, 0).bit_length()


@given(st.lists(st.binary(min_size=4, max_size=8), min_size=2, max_size=20, unique=True), st.data())
def test_a_path_proves_no_other_leaf(octets, data):
    leaves = [merkle.leaf(each) for each in octets]
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda each: each != index))

    assert merkle.climb(leaves[other], merkle.path(leaves, index)) != merkle.root(leaves)


def test_a_node_cannot_be_given_for_a_leaf():
    leaves = [merkle.leaf(each) for each in (b"a", b"b", b"c")]
    inner = merkle.climb(leaves[0], merkle.path(leaves[:2], 0))

    assert merkle.leaf(leaves[0] + leaves[1]) != inner


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_from_a_leaf_that_is_not_there(index):
    with pytest.raises(IndexError):
        merkle.path([bytes(32)] * 3, index)
