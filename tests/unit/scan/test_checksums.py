"""Checksums that issuers build in, and what looks drawn at random."""

import base64

import pytest

from leasehold.scan.checksums import base62_crc, bech32_holds, entropy, jwt_header, looks_random


def test_the_checksum_of_a_published_example_holds():
    assert base62_crc(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ") == b"0mLq17"


@pytest.mark.parametrize("text", [b"A12UEL5L", b"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"])
def test_the_valid_strings_of_bip_173_hold_and_a_change_does_not(text):
    assert bech32_holds(text)
    assert not bech32_holds(text[:-1] + b"q")


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b'{"alg":1}', b"\xff\xff", b"[" * 2_000, b'{"typ":"JWT"}', b"9" * 3_000]
)
def test_what_only_looks_like_a_jwt_is_none(header):
    assert not jwt_header(base64.urlsafe_b64encode(header).rstrip(b"=") + b".e30.sig")


def test_a_header_longer_than_any_is_taken_for_one():
    assert jwt_header(b"eyJ" + b"a" * 5_000 + b".e30.sig")


def test_entropy_is_of_the_bytes():
    assert (entropy(b""), entropy(b"aaaa"), entropy(b"abcd")) == (0.0, 0.0, 2.0)


@pytest.mark.parametrize(
    "value",
    [
        b"12345.67890e12",
        b"aaaaaaaaaaaa1",
        b"123e4567-e89b-12d3-a456-426614174000",
        b"${DB_PASSWORD_1}",
        b"os.environ[1]",
    ],
)
def test_numbers_ids_references_and_repetition_are_not_random(value):
    assert not looks_random(value)
