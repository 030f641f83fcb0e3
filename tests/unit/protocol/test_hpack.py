"""HPACK against the examples of RFC 7541 Appendix C, and against input that no encoder makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold_provider.protocol.http2 import huffman
from leasehold_provider.protocol.http2.errors import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFault
from leasehold_provider.protocol.http2.hpack import HpackDecoder, read_integer

_FIRST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
_SECOND = [*_FIRST, (b"cache-control", b"no-cache")]
_THIRD = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/index.html"),
    (b":authority", b"www.example.com"),
    (b"custom-key", b"custom-value"),
]
_TAIL = [
    (b"cache-control", b"private"),
    (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
    (b"location", b"https://www.example.com"),
]


@pytest.mark.parametrize(
    ("encoded", "bits", "value"),
    [("0a", 5, 10), ("1f9a0a", 5, 1337), ("2a", 8, 42)],
    ids=["C.1.1", "C.1.2", "C.1.3"],
)
def test_integers_of_the_rfc(encoded: str, bits: int, value: int) -> None:
    raw = bytes.fromhex(encoded)
    assert read_integer(raw, 0, bits) == (value, len(raw))


@pytest.mark.parametrize(
    "blocks",
    [
        (
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ),
        (
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ),
    ],
    ids=["C.3", "C.4 huffman"],
)
def test_requests_of_the_rfc(blocks: tuple[str, str, str]) -> None:
    decoder = HpackDecoder()
    assert [decoder.decode(bytes.fromhex(block)) for block in blocks] == [_FIRST, _SECOND, _THIRD]


def test_responses_of_the_rfc_evict_old_entries() -> None:
    decoder = HpackDecoder()
    limit = "3fe101"  # the examples of C.6 assume a table of 256 octets
    first = (
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"
    )
    third = (
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960"
        "d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
    )
    assert decoder.decode(bytes.fromhex(limit + first)) == [(b":status", b"302"), *_TAIL]
    assert decoder.decode(bytes.fromhex("4883640effc1c0bf")) == [(b":status", b"307"), *_TAIL]
    assert decoder.decode(bytes.fromhex(third)) == [
        (b":status", b"200"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT"),
        (b"location", b"https://www.example.com"),
        (b"content-encoding", b"gzip"),
        (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ]


@pytest.mark.parametrize(
    "block",
    [
        "80",  # index zero
        "ff80ffffff7f",  # an index beyond every table
        "be",  # an empty dynamic table
        "40",  # nothing after the first octet
        "400a6375",  # truncated name
        "00018a",  # truncated value
        "82203f",  # table size update after a header
        "3fe1ff7f",  # more table than offered
        "1fffffffffffffffffff7f",  # an endless integer
        "00016181ff",  # huffman padding of eight bits
        "0001618100",  # huffman padding of zeros
        "00016184fffffffc",  # the end-of-string symbol
    ],
)
def test_a_malformed_block_ends_the_connection(block: str) -> None:
    with pytest.raises(ConnectionFault) as caught:
        HpackDecoder().decode(bytes.fromhex(block))
    assert caught.value.code == COMPRESSION_ERROR


def test_a_header_list_that_unfolds_beyond_the_limit_is_refused() -> None:
    decoder = HpackDecoder()
    one = b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000  # an entry of about 4 kB …
    with pytest.raises(ConnectionFault) as caught:
        decoder.decode(one + b"\xbe" * 20)  # … named twenty times in twenty octets
    assert caught.value.code == ENHANCE_YOUR_CALM


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_end_the_connection(block: bytes) -> None:
    try:
        headers = HpackDecoder().decode(block)
    except ConnectionFault:
        return
    assert all(isinstance(name, bytes) and isinstance(value, bytes) for name, value in headers)


@given(st.binary(max_size=60))
def test_huffman_decodes_what_its_own_code_encodes(text: bytes) -> None:
    code_of = {symbol: code for code, symbol in huffman._SYMBOLS.items()}
    bits = "".join(f"{code:0{length}b}" for length, code in (code_of[byte] for byte in text))
    bits += "1" * (-len(bits) % 8)
    encoded = int(bits or "0", 2).to_bytes(len(bits) // 8, "big")
    assert huffman.decode(encoded) == text


def test_the_huffman_code_is_complete() -> None:
    # Kraft's equality: no code missing, none too many; symbol 256 is thirty ones (RFC 7541 Appendix B).
    assert sum(2.0**-length for length, _ in huffman._SYMBOLS) == 1
    assert huffman._SYMBOLS[30, (1 << 30) - 1] == 256
