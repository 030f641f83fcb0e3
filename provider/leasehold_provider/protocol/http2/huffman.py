"""The Huffman code of HPACK (RFC 7541 Appendix B).

The code is canonical: codes of one length count upwards in the order of the symbols, so the 257 lengths say it all.
"""

from __future__ import annotations

_LENGTHS = (
    "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABA"  # X: 28
    "BABBBACCBBBABCBAABCCCCCKGJIXPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRSVVPORSRU"
    "VVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ"
)
"""Length of each symbol's code in bits, `A` for 5 up to `Z` for 30; symbol 256 is the end of string."""

_END_OF_STRING = 256
_MAX_PADDING_BITS = 7
_LONGEST = 30


def _symbols_by_code() -> dict[tuple[int, int], int]:
    lengths = [ord(letter) - ord("A") + 5 for letter in _LENGTHS]
    code, previous, symbols = 0, 0, {}
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths)):
        code <<= length - previous
        symbols[length, code] = symbol
        previous, code = length, code + 1
    return symbols


_SYMBOLS = _symbols_by_code()


class HuffmanError(ValueError):
    """Not the output of a Huffman encoder."""


def decode(encoded: bytes) -> bytes:
    """Decode a string. Raises HuffmanError for the end-of-string symbol and for wrong padding (RFC 7541 §5.2)."""
    out = bytearray()
    code, length = 0, 0
    for byte in encoded:
        for shift in range(7, -1, -1):
            code, length = code << 1 | byte >> shift & 1, length + 1
            symbol = _SYMBOLS.get((length, code))
            if symbol is not None:
                if symbol == _END_OF_STRING:
                    raise HuffmanError("end-of-string symbol inside a string")
                out.append(symbol)
                code, length = 0, 0
        if length > _LONGEST:
            raise HuffmanError("no such code")
    if length > _MAX_PADDING_BITS or code != (1 << length) - 1:
        raise HuffmanError("wrong padding")
    return bytes(out)
