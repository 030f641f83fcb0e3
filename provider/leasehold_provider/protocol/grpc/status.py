"""gRPC status codes in use, and the header blocks of our answers (gRPC over HTTP/2, "Responses").

The blocks are constants or literals without indexing (RFC 7541 §6.2.2), so that sending needs no HPACK table.
"""

from __future__ import annotations

OK = 0
CANCELLED = 1
INVALID_ARGUMENT = 3
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13

_MAX_LITERAL = 126
"""Longest value whose length fits the seven-bit prefix of an HPACK string."""

# `:status 200` is entry 8 of the static table; `content-type` is entry 31, here with a literal value.
HEADERS = b"\x88\x0f\x10\x10application/grpc"


class CallError(Exception):
    """End a call with a gRPC status other than OK. Terraform shows it badly: diagnostics are the better way."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def trailers(code: int, text: str = "") -> bytes:
    """Write the header block that ends a call."""
    block = _literal(b"grpc-status", b"%d" % code)
    return block + _literal(b"grpc-message", _percent_encoded(text)) if text else block


OK_TRAILERS = b"\x00\x0bgrpc-status\x010"


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


def _percent_encoded(text: str) -> bytes:
    encoded = b""
    for byte in text.encode():
        # Printable ASCII but `%` stands for itself (gRPC over HTTP/2, "Percent-Encoded").
        piece = bytes((byte,)) if 0x20 <= byte < 0x7F and byte != 0x25 else b"%%%02X" % byte  # noqa: PLR2004
        if len(encoded) + len(piece) > _MAX_LITERAL:
            break
        encoded += piece
    return encoded
