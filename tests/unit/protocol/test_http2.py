"""The HTTP/2 state machines without a socket: what a peer may do, must not do, and how much of it."""

from contextlib import suppress
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold_provider.protocol.http2 import frames
from leasehold_provider.protocol.http2.errors import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
    ConnectionFault,
)
from leasehold_provider.protocol.http2.frames import frame
from leasehold_provider.protocol.http2.inbound import Inbound
from leasehold_provider.protocol.http2.limits import MAX_MESSAGE_BYTES, MAX_STREAMS, MAX_WINDOW, STREAM_WINDOW
from leasehold_provider.protocol.http2.outbound import Outbound

_SETTINGS = frames.settings({})
_HEADERS = b"\x83\x86\x84"  # POST, http, /
_END = frames.END_STREAM
_WHOLE = frames.END_HEADERS


class Listener:
    """Notes requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, bytes]] = []
        self.oversized: list[int] = []
        self.busy = 0

    def request(self, stream: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        del headers
        self.requests.append((stream, body))

    def too_large(self, stream: int) -> None:
        self.oversized.append(stream)

    def in_service(self) -> int:
        return self.busy


class Peer:
    """One connection whose other side is the test."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.listener = Listener()
        self.out = Outbound(self.sent.extend)
        self.inbound = Inbound(self.out, self.listener)
        self.inbound.feed(frames.PREFACE + _SETTINGS)

    def feed(self, *pieces: bytes) -> None:
        self.inbound.feed(b"".join(pieces))

    def said(self) -> list[tuple[int, int, int, bytes]]:
        """Return the frames we answered with, as (kind, flags, stream, payload)."""
        self.out.flush()
        found, at = [], 0
        while at < len(self.sent):
            size = int.from_bytes(self.sent[at : at + 3], "big")
            stream = int.from_bytes(self.sent[at + 5 : at + 9], "big")
            found.append((self.sent[at + 3], self.sent[at + 4], stream, bytes(self.sent[at + 9 : at + 9 + size])))
            at += 9 + size
        self.sent.clear()
        return found


def test_a_request_arrives_whole_however_it_is_cut() -> None:
    wire = (
        frame(frames.HEADERS, 0, 1, _HEADERS[:1])
        + frame(frames.CONTINUATION, 0, 1, _HEADERS[1:2])
        + frame(frames.CONTINUATION, _WHOLE, 1, _HEADERS[2:])
        + frame(frames.DATA, frames.PADDED, 1, b"\x03abcxyz")
        + frame(0x55, 0, 1, b"an extension")
        + frame(frames.DATA, _END, 1, b"def")
    )
    peer = Peer()
    for byte in wire:
        peer.feed(bytes((byte,)))
    assert peer.listener.requests == [(1, b"abcdef")]


def test_priority_and_trailers_are_tolerated() -> None:
    peer = Peer()
    peer.feed(
        frame(frames.PRIORITY, 0, 7, b"\0\0\0\0\x10"),
        frame(frames.HEADERS, _WHOLE | frames.PRIORITY_FLAG | frames.PADDED, 1, b"\x01\0\0\0\0\x10" + _HEADERS + b"x"),
        frame(frames.HEADERS, _WHOLE | _END, 1, b"\x00\x01a\x01b"),
    )
    assert peer.listener.requests == [(1, b"")]


def test_settings_and_pings_are_acknowledged() -> None:
    peer = Peer()
    peer.feed(frame(frames.PING, 0, 0, b"12345678"), frame(frames.PING, frames.ACK, 0, b"12345678"))
    assert peer.said() == [(frames.SETTINGS, frames.ACK, 0, b""), (frames.PING, frames.ACK, 0, b"12345678")]


_OPEN = frame(frames.HEADERS, _WHOLE, 1, _HEADERS)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x01\x00\x00\x00\x00\x00\x00\x00\x01", FRAME_SIZE_ERROR),
        (frame(frames.DATA, 0, 0, b"x"), PROTOCOL_ERROR),
        (frame(frames.DATA, 0, 1, b"x"), PROTOCOL_ERROR),
        (frame(frames.HEADERS, _WHOLE, 0, _HEADERS), PROTOCOL_ERROR),
        (frame(frames.HEADERS, _WHOLE, 2, _HEADERS), PROTOCOL_ERROR),
        (frame(frames.HEADERS, _WHOLE | frames.PADDED, 1, b"\x05abc"), PROTOCOL_ERROR),
        (frame(frames.HEADERS, _WHOLE | frames.PADDED, 1, b""), PROTOCOL_ERROR),
        (frame(frames.HEADERS, _WHOLE | frames.PRIORITY_FLAG, 1, b"abc"), FRAME_SIZE_ERROR),
        (frame(frames.HEADERS, 0, 1, _HEADERS) + frame(frames.PING, 0, 0, b"12345678"), PROTOCOL_ERROR),
        (frame(frames.HEADERS, 0, 1, _HEADERS) + frame(frames.CONTINUATION, _WHOLE, 3, b""), PROTOCOL_ERROR),
        (frame(frames.HEADERS, 0, 1, b"") + frame(frames.CONTINUATION, 0, 1, b""), ENHANCE_YOUR_CALM),
        (frame(frames.HEADERS, 0, 1, b"") + frame(frames.CONTINUATION, 0, 1, b"x" * 16_000) * 5, ENHANCE_YOUR_CALM),
        (frame(frames.CONTINUATION, _WHOLE, 1, _HEADERS), PROTOCOL_ERROR),
        (_OPEN + frame(frames.HEADERS, _WHOLE, 1, _HEADERS), PROTOCOL_ERROR),
        (frame(frames.HEADERS, _WHOLE | _END, 1, _HEADERS) * 2, STREAM_CLOSED),
        (_OPEN + frame(frames.RST_STREAM, 0, 1, b"abc"), FRAME_SIZE_ERROR),
        (frame(frames.RST_STREAM, 0, 1, b"abcd"), PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 1, b""), PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"abc"), FRAME_SIZE_ERROR),
        (frame(frames.SETTINGS, frames.ACK, 0, b"abcdef"), FRAME_SIZE_ERROR),
        (frames.settings({frames.INITIAL_WINDOW_SIZE: 1 << 31}), FLOW_CONTROL_ERROR),
        (frames.settings({frames.MAX_FRAME_SIZE: 100}), PROTOCOL_ERROR),
        (frames.settings({frames.ENABLE_PUSH: 2}), PROTOCOL_ERROR),
        (frame(frames.PING, 0, 0, b"1"), FRAME_SIZE_ERROR),
        (frame(frames.PING, 0, 1, b"12345678"), PROTOCOL_ERROR),
        (frame(frames.GOAWAY, 0, 1, b"12345678"), PROTOCOL_ERROR),
        (frame(frames.GOAWAY, 0, 0, b"1"), FRAME_SIZE_ERROR),
        (frame(frames.PRIORITY, 0, 0, b"12345"), PROTOCOL_ERROR),
        (frame(frames.PRIORITY, 0, 1, b"1"), FRAME_SIZE_ERROR),
        (frame(frames.PUSH_PROMISE, 0, 1, b""), PROTOCOL_ERROR),
        (frame(frames.WINDOW_UPDATE, 0, 0, b"1"), FRAME_SIZE_ERROR),
        (frames.window_update(0, 0), PROTOCOL_ERROR),
        (frames.window_update(1, 1), PROTOCOL_ERROR),
        (frames.window_update(0, MAX_WINDOW), FLOW_CONTROL_ERROR),
        (_OPEN + frames.window_update(1, MAX_WINDOW), FLOW_CONTROL_ERROR),
        (
            _OPEN + frames.window_update(1, 70_000) + frames.settings({frames.INITIAL_WINDOW_SIZE: MAX_WINDOW}),
            FLOW_CONTROL_ERROR,
        ),
    ],
)
def test_a_broken_rule_ends_the_connection_with_its_code(wire: bytes, code: int) -> None:
    with pytest.raises(ConnectionFault) as caught:
        Peer().feed(wire)
    assert caught.value.code == code


def test_something_else_than_http2_is_refused_at_its_first_wrong_byte() -> None:
    inbound = Inbound(Outbound(bytearray().extend), Listener())
    inbound.feed(b"PRI")
    with pytest.raises(ConnectionFault):
        inbound.feed(b"NT")
    with pytest.raises(ConnectionFault, match="SETTINGS"):
        Inbound(Outbound(bytearray().extend), Listener()).feed(frames.PREFACE + frame(frames.PING, 0, 0, b"12345678"))


def test_more_streams_than_offered_are_refused_and_the_header_table_stays_in_step() -> None:
    peer = Peer()
    for number in range(MAX_STREAMS):
        peer.feed(frame(frames.HEADERS, _WHOLE, 2 * number + 1, _HEADERS))
    refused = 2 * MAX_STREAMS + 1
    peer.feed(frame(frames.HEADERS, _WHOLE, refused, _HEADERS + b"\x40\x01a\x01b"))
    assert (frames.RST_STREAM, 0, refused, pack(">I", 7)) in peer.said()
    peer.feed(
        frame(frames.RST_STREAM, 0, 1, b"\0\0\0\x08"),
        frame(frames.HEADERS, _WHOLE | _END, refused + 2, _HEADERS + b"\xbe"),
    )
    assert peer.listener.requests == [(refused + 2, b"")]


def test_calls_the_peer_gave_up_still_count_while_they_run() -> None:
    peer = Peer()
    peer.listener.busy = MAX_STREAMS  # rapid reset (CVE-2023-44487): opening and resetting gains nothing
    peer.feed(frame(frames.HEADERS, _WHOLE | _END, 1, _HEADERS))
    assert peer.listener.requests == []
    assert peer.said()[-1][0] == frames.RST_STREAM


def test_credit_is_given_back_before_it_runs_out_and_overdrawing_is_a_fault() -> None:
    peer = Peer()
    peer.feed(_OPEN)
    piece = frame(frames.DATA, 0, 1, b"x" * 16_000)
    for _ in range(STREAM_WINDOW // 2 // 16_000 + 1):
        peer.feed(piece)
    grants = [item for item in peer.said() if item[0] == frames.WINDOW_UPDATE]
    assert [item[2] for item in grants] == [1]
    assert int.from_bytes(grants[0][3], "big") > STREAM_WINDOW // 2


def test_a_body_beyond_the_limit_is_dropped_and_not_kept() -> None:
    peer = Peer()
    peer.feed(_OPEN)
    piece = frame(frames.DATA, 0, 1, bytes(16_384))
    for _ in range(MAX_MESSAGE_BYTES // 16_384 + 2):
        peer.feed(piece)
    assert peer.listener.oversized == [1]
    assert peer.inbound._buffered == 0
    assert (frames.RST_STREAM, 0, 1, b"\0\0\0\0") in peer.said()


def test_an_answer_stays_within_the_windows_of_the_peer() -> None:
    peer = Peer()
    peer.feed(frames.settings({frames.INITIAL_WINDOW_SIZE: 10}), frame(frames.HEADERS, _WHOLE | _END, 1, _HEADERS))
    peer.said()
    peer.out.headers(1, b"h")
    peer.out.body(1, b"x" * 25)
    peer.out.finish(1, b"t")
    assert [item[3] for item in peer.said() if item[0] == frames.DATA] == [b"x" * 10]
    peer.feed(frames.settings({frames.INITIAL_WINDOW_SIZE: 14}))
    assert [item[3] for item in peer.said() if item[0] == frames.DATA] == [b"x" * 4]
    peer.feed(frames.window_update(1, 100))
    assert peer.said() == [(frames.DATA, 0, 1, b"x" * 11), (frames.HEADERS, _WHOLE | _END, 1, b"t")]
    assert not peer.out.is_open(1)


def test_the_connection_window_is_shared_and_frames_are_no_larger_than_the_peer_takes() -> None:
    peer = Peer()
    peer.feed(*(frame(frames.HEADERS, _WHOLE | _END, stream, _HEADERS) for stream in (1, 3)))
    peer.out.body(1, b"x" * 60_000)
    peer.out.body(3, b"y" * 60_000)
    sizes = [len(item[3]) for item in peer.said() if item[0] == frames.DATA]
    assert sum(sizes) == frames.INITIAL_WINDOW
    assert max(sizes) == 16_384
    peer.feed(frames.window_update(0, 100_000))
    assert sum(len(item[3]) for item in peer.said() if item[0] == frames.DATA) == 120_000 - frames.INITIAL_WINDOW


def test_an_answer_nobody_waits_for_is_dropped() -> None:
    peer = Peer()
    peer.feed(_OPEN, frame(frames.RST_STREAM, 0, 1, b"\0\0\0\x08"))
    peer.said()
    for say in (peer.out.headers, peer.out.body, peer.out.finish):
        say(1, b"x")
    assert peer.said() == []
    assert not peer.out.wait_for_room(1)
    peer.out.close()
    assert not peer.out.wait_for_room(3)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 255), st.integers(0, 9), st.binary(max_size=40)), max_size=30)
)
def test_any_frames_are_taken_or_end_the_connection(sequence: list[tuple[int, int, int, bytes]]) -> None:
    peer = Peer()
    with suppress(ConnectionFault):
        for kind, flags, stream, payload in sequence:
            peer.feed(frame(kind, flags, stream, payload))
    assert all(stream <= peer.inbound.last_stream for _, _, stream, _ in peer.said())
