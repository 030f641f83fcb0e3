"""Frame types, flags and the writing of frames (RFC 9113 §4 and §6)."""

from __future__ import annotations

from struct import pack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9

ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(2, 7)
SMALLEST_MAX_FRAME_SIZE = 16_384
INITIAL_WINDOW = 65_535
"""Every window before a setting or update says otherwise (§6.9.2)."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write one frame."""
    return pack(">HBBBI", len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def settings(values: dict[int, int]) -> bytes:
    """Write a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(pack(">HI", key, value) for key, value in values.items()))


def window_update(stream: int, credit: int) -> bytes:
    """Write a WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, pack(">I", credit))


def reset(stream: int, code: int) -> bytes:
    """Write an RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, pack(">I", code))


def goaway(last_stream: int, code: int, reason: str) -> bytes:
    """Write a GOAWAY frame."""
    return frame(GOAWAY, 0, 0, pack(">II", last_stream, code) + reason.encode())
