"""Answers of tool servers, byte by byte: what comes out does not hang on where the network cut them, and is what an
independent parser (h11) reads, or nothing."""

import asyncio
import itertools
from dataclasses import dataclass, field

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.gateway.http_connections import HttpConnection
from leasehold.gateway.upstreams import UpstreamFailed

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
MINE = OK + b"content-length: 4\r\n\r\nmine"
FLOOD = 300_000


class Transport:
    """The socket below: closed or not, with nothing left to write."""

    def __init__(self):
        self.closed = self.paused = False

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return 0

    def write(self, _request):
        assert not self.closed

    def close(self):
        self.closed = True

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False


@dataclass
class Read:
    """What became of an answer: a status and a body, or why there is none; whether the next request may follow."""

    status: int | None = None
    body: bytes | None = None
    why: str = ""
    goes_on: bool = False
    headers: dict = field(default_factory=dict, compare=False)


def read(*pieces, ends=False):
    """What comes of an answer in these pieces, and of the connection's end if there is one."""

    async def reading():
        connection, transport = HttpConnection(), Transport()
        connection.connection_made(transport)
        head = connection.ask(b"POST", asyncio.get_running_loop().time() + 60)
        for piece in pieces:
            if not transport.closed:
                connection.data_received(piece)
        if ends:
            connection.connection_lost(None)
        connection.close() if not connection.is_reusable else None
        try:
            incoming = await asyncio.wait_for(head, 0.01)
        except UpstreamFailed as failed:
            return Read(why=failed.reason)
        except TimeoutError:
            return Read(why="waits")
        try:
            body = b"".join([piece async for piece in incoming.chunks()]) if incoming._ended else None
        except UpstreamFailed:
            return Read(incoming.status, why="broken")
        why = "" if body is not None else "waits"
        return Read(incoming.status, body, why, connection.is_reusable, dict(incoming.headers))

    return asyncio.run(reading())


@pytest.mark.parametrize("status", [b"100", b"103", b"104", b"150", b"199"])
@pytest.mark.parametrize("framing", [b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"])
def test_an_interim_answer_has_no_body_and_one_that_speaks_of_it_is_none(status, framing):
    """RFC 9112 §6.3: the empty line ends it. A parser that reads on swallows what others take for the answer."""
    assert read(b"HTTP/1.1 " + status + b" x\r\n" + framing + b"\r\n" + MINE).why == "no_http"
    assert read(b"HTTP/1.1 " + status + b" x\r\n\r\n" + MINE).body == b"mine"


@pytest.mark.parametrize("framing", [b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"])
def test_an_answer_that_has_no_body_but_speaks_of_one_is_the_last_on_its_connection(framing):
    assert read(b"HTTP/1.1 204 x\r\n" + framing + b"\r\n") == Read(204, b"", goes_on=False)
    assert read(b"HTTP/1.1 204 x\r\ncontent-length: 0\r\n\r\n") == Read(204, b"", goes_on=True)
    assert read(b"HTTP/1.1 204 x\r\n\r\n") == Read(204, b"", goes_on=True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",  # RFC 9112 §6.1
        b"HTTP/0.9 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 600 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 999 OK\r\ncontent-length: 0\r\n\r\n",
        *(OK + b"x: a" + bytes([bad]) + b"b\r\ncontent-length: 0\r\n\r\n" for bad in (0, 1, 8, 11, 12, 27, 127)),
        *(OK + b"x" + bytes([bad]) + b": a\r\ncontent-length: 0\r\n\r\n" for bad in b'\x00\t "(),/;<=>@[]{}\x7f\xe9'),
    ],
)
def test_an_answer_of_no_version_status_or_header_that_http_has_is_none(answer):
    assert read(answer).why == "no_http"


@pytest.mark.parametrize("cut", [7, 1000, FLOOD])
@pytest.mark.parametrize(
    "flood",
    [
        CHUNKED + b"4;" + b"x" * FLOOD,
        CHUNKED + b"0" * FLOOD + b"4\r\nmine\r\n",
        CHUNKED + b"4;x=y\r\nmine\r\n0\r\nx: " + b"y" * FLOOD,
        CHUNKED + b"4;x=y\r\nmine\r\n0\r\n" + b"x: y\r\n" * (FLOOD // 6),
        CHUNKED + b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n" * (FLOOD // 32),
    ],
)
def test_what_is_neither_head_nor_body_is_bounded(flood, cut):
    """Nobody sees extensions and trailers grow: no limit on bodies ends them."""
    last = read(*(flood[at : at + cut] for at in range(0, len(flood), cut)))
    assert (last.status, last.why) == (200, "broken")


def test_a_body_in_chunks_of_one_byte_is_a_body():
    assert read(CHUNKED, b"1\r\nx\r\n" * FLOOD, b"0\r\n\r\n").body == b"x" * FLOOD


def test_space_around_a_value_is_none_of_it():
    assert read(OK + b"content-type: \t application/json \t\r\ncontent-length: 4 \r\n\r\nmine").headers == {
        "content-type": "application/json",
        "content-length": "4",
    }
    assert read(OK + b"transfer-encoding: chunked \r\n\r\n4\r\nmine\r\n0\r\n\r\n").body in {b"mine", None}


def test_a_request_on_a_connection_that_just_ended_fails_at_once():
    async def asking():
        connection, transport = HttpConnection(), Transport()
        connection.connection_made(transport)
        transport.closed = True
        return await asyncio.wait_for(connection.ask(b"POST", asyncio.get_running_loop().time() + 60), 1)

    with pytest.raises(UpstreamFailed, match="broke_off"):
        asyncio.run(asking())


# What a server may send, and what only a broken or hostile one does.
_WORDS = st.sampled_from([b"", b"a", b"mine", b'{"jsonrpc":"2.0"}', b"x" * 300, b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n"])
_EXTENSIONS = st.sampled_from([b"", b";x", b";x=y", b';x="y z"'])
_LINES = [b"x: y\r\n", b"X-A:\t b \r\n", b"e:\r\n", b"connection: close\r\n", b"connection: keep-alive\r\n"]
_EXTRA = st.lists(st.sampled_from(_LINES), max_size=3).map(b"".join)
_INTERIM = [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" * 2]
_STRAY = [b"", b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b"4", b"-1", b"\xff", b";", b"chunked", b"1", b"\r\n "]
_STRAY += [b"content-length: 3\r\n", b"transfer-encoding: chunked\r\n"]


@st.composite
def _chunked(draw):
    pieces = [piece for piece in draw(st.lists(_WORDS, max_size=4)) if piece]
    written = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), draw(_EXTENSIONS), piece) for piece in pieces)
    return b"transfer-encoding: chunked\r\n", written + b"0\r\n" + draw(st.sampled_from([b"", b"t: u\r\n"])) + b"\r\n"


_FRAMED = st.one_of(_chunked(), _WORDS.map(lambda body: (b"content-length: %d\r\n" % len(body), body)))


@st.composite
def answers(draw):
    """A good answer, perhaps behind interim ones."""
    interim = draw(st.sampled_from(_INTERIM))
    framing, body = draw(_FRAMED)
    status = draw(st.sampled_from([b"200 OK", b"202 Accepted", b"400 Bad", b"500 x"]))
    before, behind = draw(_EXTRA), draw(_EXTRA)
    return interim + b"HTTP/1.1 " + status + b"\r\n" + before + framing + behind + b"\r\n" + body


@st.composite
def broken(draw):
    """A good answer of which a part is doubled, dropped, changed, or followed by another."""
    answer = bytearray(draw(answers()))
    for _ in range(draw(st.integers(1, 3))):
        at, size = draw(st.integers(0, len(answer))), draw(st.integers(0, 12))
        answer[at : at + size] = draw(st.sampled_from([*_STRAY, bytes(answer[at : at + 40])]))
    return bytes(answer) + draw(st.sampled_from([b"", b"", MINE]))


def cut_at(answer, places):
    edges = [0, *sorted({place % (len(answer) + 1) for place in places}), len(answer)]
    return [answer[one:other] for one, other in itertools.pairwise(edges) if one < other]


def by_h11(answer):
    """What h11 makes of it."""
    peer = h11.Connection(h11.CLIENT)
    peer.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    peer.send(h11.EndOfMessage())
    peer.receive_data(answer)
    status, body = None, b""
    try:
        while not isinstance(event := peer.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                return Read(status, why="waits")
            status = event.status_code if isinstance(event, h11.Response) else status
            body += bytes(event.data) if isinstance(event, h11.Data) else b""
    except h11.RemoteProtocolError:
        return Read(status, why="no_http")
    left = peer.trailing_data[0].strip(b"\r\n")  # llhttp skips empty lines before an answer: nothing is lost by them
    return Read(status, body, goes_on=peer.their_state is h11.DONE and not left)


@given(answers(), st.lists(st.integers(0, 5000), max_size=12))
def test_a_good_answer_is_read_as_others_read_it_wherever_it_was_cut(answer, places):
    assert read(*cut_at(answer, places)) == by_h11(answer)


@given(broken(), st.lists(st.integers(0, 5000), max_size=12))
def test_a_bad_answer_is_refused_or_read_as_others_read_it(answer, places):
    whole, other = read(answer), by_h11(answer)
    pieces = read(*cut_at(answer, places))
    assert (pieces.status, pieces.body, pieces.why) == (whole.status, whole.body, whole.why)
    if whole.body is not None and other.why != "no_http":
        assert (whole.status, whole.body) == (other.status, other.body)
    if whole.goes_on:
        assert other.goes_on or other.why == "no_http"
