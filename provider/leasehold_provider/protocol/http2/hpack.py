"""HPACK header decompression (RFC 7541). What we send needs no compressor: its header blocks are constants."""

# ruff: noqa: PLR2004 -- bit patterns of the format

from __future__ import annotations

from .errors import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFault
from .huffman import HuffmanError
from .huffman import decode as decode_huffman
from .limits import MAX_HEADER_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    Header = tuple[bytes, bytes]

_STATIC_NOTATION = (
    ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|"
    ":status=204|:status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|"
    "accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|"
    "allow|authorization|cache-control|content-disposition|content-encoding|content-language|content-length|"
    "content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|"
    "if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|"
    "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|"
    "strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
"""RFC 7541 Appendix A: `name` or `name=value`, in order."""


def _static_table() -> list[Header]:
    pairs = [entry.partition("=") for entry in _STATIC_NOTATION.split("|")]
    return [(name.encode(), value.encode()) for name, _, value in pairs]


_STATIC = _static_table()
TABLE_SIZE = 4096
"""Octets of dynamic table we offer: the protocol's default, so no setting has to say so."""
ENTRY_OVERHEAD = 32
"""RFC 7541 §4.1."""
_MAX_INTEGER = 1 << 28


class HpackDecoder:
    """The decoding half of one connection; its table changes with every header block, in order."""

    def __init__(self) -> None:
        self._entries: list[Header] = []
        self._size = 0
        self._limit = TABLE_SIZE

    def decode(self, block: bytes) -> list[Header]:
        """Decode one whole header block. Raises ConnectionFault: the table would be out of step afterwards."""
        try:
            return self._decode(block)
        except (IndexError, HuffmanError) as fault:
            raise ConnectionFault(COMPRESSION_ERROR, "malformed header block") from fault

    def _decode(self, block: bytes) -> list[Header]:
        headers: list[Header] = []
        at, size, end = 0, 0, len(block)
        while at < end:
            first = block[at]
            if first & 0xE0 == 0x20:
                if headers:
                    raise ConnectionFault(COMPRESSION_ERROR, "table size update after a header")
                at = self._resize(block, at)
                continue
            header, at = self._field(block, at, first)
            size += len(header[0]) + len(header[1]) + ENTRY_OVERHEAD
            if size > MAX_HEADER_BYTES:
                raise ConnectionFault(ENHANCE_YOUR_CALM, "header list too large")
            headers.append(header)
        return headers

    def _field(self, block: bytes, at: int, first: int) -> tuple[Header, int]:
        if first & 0x80:  # indexed (§6.1)
            index, at = read_integer(block, at, 7)
            return self._entry(index), at
        indexing = bool(first & 0x40)  # with incremental indexing (§6.2.1), else without or never (§6.2.2, §6.2.3)
        index, at = read_integer(block, at, 6 if indexing else 4)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _read_string(block, at)
        value, at = _read_string(block, at)
        if indexing:
            self._insert((name, value))
        return (name, value), at

    def _entry(self, index: int) -> Header:
        if index == 0:
            raise ConnectionFault(COMPRESSION_ERROR, "header index zero")
        return _STATIC[index - 1] if index <= len(_STATIC) else self._entries[index - len(_STATIC) - 1]

    def _insert(self, header: Header) -> None:
        self._entries.insert(0, header)
        self._size += len(header[0]) + len(header[1]) + ENTRY_OVERHEAD
        self._evict()

    def _resize(self, block: bytes, at: int) -> int:
        limit, at = read_integer(block, at, 5)
        if limit > TABLE_SIZE:
            raise ConnectionFault(COMPRESSION_ERROR, "table size beyond what we offered")
        self._limit = limit
        self._evict()
        return at

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._entries.pop()
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD


def read_integer(block: bytes, at: int, prefix_bits: int) -> tuple[int, int]:
    """Read an integer (§5.1). Raises ConnectionFault for one that no header needs, IndexError at the end."""
    mask = (1 << prefix_bits) - 1
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if value > _MAX_INTEGER or shift > 35:
            raise ConnectionFault(COMPRESSION_ERROR, "header integer too large")
        if byte < 0x80:
            return value, at


def _read_string(block: bytes, at: int) -> tuple[bytes, int]:
    is_huffman = block[at] & 0x80
    size, at = read_integer(block, at, 7)
    raw = bytes(block[at : at + size])
    if len(raw) != size:
        raise ConnectionFault(COMPRESSION_ERROR, "truncated header string")
    return (decode_huffman(raw) if is_huffman else raw), at + size
