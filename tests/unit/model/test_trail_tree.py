"""The Merkle tree of RFC 6962: against the roots and proofs that Certificate Transparency has used for years."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.trail.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_hash,
    node_hash,
    peaks,
)

# The eight entries of the reference implementation of Certificate Transparency, and the root after each of them.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# Proofs of the same implementation: leaf and size, or the two sizes, then the hashes.
INCLUSIONS = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
}
CONSISTENCIES = {
    (1, 8): INCLUSIONS[0, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


def recursive_root(leaves):
    """The definition of RFC 6962 §2.1, to the letter."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


def subtrees_of(leaves):
    return lambda level, index: recursive_root(leaves[index << level : (index + 1) << level])


def numbered(count):
    return [leaf_hash(str(n).encode()) for n in range(count)]


def test_the_empty_tree_hashes_nothing():
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_the_roots_are_those_of_certificate_transparency():
    frontier = Frontier()
    for entry, root in zip(ENTRIES, ROOTS, strict=True):
        frontier.append(leaf_hash(entry))
        assert frontier.root().hex() == root


@pytest.mark.parametrize(("position", "size"), INCLUSIONS)
def test_inclusion_proofs_are_those_of_certificate_transparency(position, size):
    leaves = [leaf_hash(entry) for entry in ENTRIES]
    proof = inclusion_proof(position, size, subtrees_of(leaves))
    assert tuple(one.hex() for one in proof) == INCLUSIONS[position, size]
    assert includes(leaves[position], position, size, proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "size"), CONSISTENCIES)
def test_consistency_proofs_are_those_of_certificate_transparency(old, size):
    leaves = [leaf_hash(entry) for entry in ENTRIES]
    proof = consistency_proof(old, size, subtrees_of(leaves))
    assert tuple(one.hex() for one in proof) == CONSISTENCIES[old, size]
    assert extends(old, bytes.fromhex(ROOTS[old - 1]), size, bytes.fromhex(ROOTS[size - 1]), proof)


@given(st.integers(1, 600), st.data())
def test_a_tree_that_grows_is_the_tree_that_is_built_at_once(size, data):
    leaves = numbered(size)
    frontier, complete = Frontier(), []
    for leaf in leaves:
        complete += frontier.append(leaf)
    assert frontier.root() == recursive_root(leaves)
    assert frontier.peaks == peaks(size, subtrees_of(leaves))
    assert [(one.level, one.index) for one in complete] == [(8, n) for n in range(size // 256)]
    for one in complete:
        assert one.hash == subtrees_of(leaves)(one.level, one.index)
    at = data.draw(st.integers(0, size))
    resumed = Frontier(at, peaks(at, subtrees_of(leaves)))
    for leaf in leaves[at:]:
        resumed.append(leaf)
    assert resumed.root() == frontier.root()


@given(st.integers(1, 300), st.data())
def test_a_leaf_is_proved_and_no_other_is(size, data):
    leaves = numbered(size)
    position = data.draw(st.integers(0, size - 1))
    root = recursive_root(leaves)
    proof = inclusion_proof(position, size, subtrees_of(leaves))
    assert includes(leaves[position], position, size, proof, root)
    assert not includes(leaf_hash(b"another"), position, size, proof, root)
    assert not includes(leaves[position], position, size, [*proof, root], root)
    if size > 1:
        assert not includes(leaves[position], (position + 1) % size, size, proof, root)
        assert not includes(leaves[position], position, size, proof[:-1], root)


@given(st.integers(2, 300), st.data())
def test_a_beginning_is_proved_and_no_other_is(size, data):
    leaves = numbered(size)
    old = data.draw(st.integers(1, size))
    root, old_root = recursive_root(leaves), recursive_root(leaves[:old])
    proof = consistency_proof(old, size, subtrees_of(leaves))
    assert extends(old, old_root, size, root, proof)
    assert not extends(old, leaf_hash(b"another"), size, root, proof)
    assert not extends(old, old_root, size, leaf_hash(b"another"), proof)
    if old < size:
        assert not extends(old, old_root, size, root, [*proof, root])
        assert not extends(old, old_root, size, root, proof[:-1])
        assert not extends(size, root, old, old_root, proof)


@pytest.mark.parametrize(("position", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_what_is_not_in_the_tree_is_not_proved(position, size):
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_proof(position, size, subtrees_of(numbered(3)))
    assert not includes(leaf_hash(b""), position, size, [], EMPTY_ROOT)


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3)])
def test_no_tree_begins_with_a_longer_one(old, size):
    with pytest.raises(ValueError, match="no such tree"):
        consistency_proof(old, size, subtrees_of(numbered(4)))
    assert not extends(old, EMPTY_ROOT, size, EMPTY_ROOT, [EMPTY_ROOT])


def test_a_frontier_of_another_size_is_refused():
    with pytest.raises(ValueError, match="not the subtrees"):
        Frontier(3, [EMPTY_ROOT])
    with pytest.raises(ValueError, match="not the subtrees"):
        Frontier(1, [b"short"])
