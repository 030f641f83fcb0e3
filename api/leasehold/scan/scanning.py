"""The scan of a stream: windows of fixed places, so that how a stream is cut into chunks changes nothing.

A window holds `step + hold` bytes. What begins in its last `hold` bytes waits for the next window, so that whatever is
at most `hold` bytes long is seen whole. Memory is one window and the chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from leasehold.model.errors import InvalidValue
from leasehold.scan.findings import Finding, FindingKind, Response, ScanPolicy
from leasehold.scan.windows import Form, Hit, Seen, is_clean, judge

MARK = "\ufffd".encode()  # what a reader sees where something hidden was: nothing closes up behind it
_FINDINGS = 1_000
_SHORTEST_KEY, _LONGEST_KEY, _DIGEST = 16, 64, 16
_SMALLEST = 64
_ONE_LOOK = 24_576  # less than a window: what holds anything is looked at twice


@dataclass(frozen=True, slots=True)
class Window:
    """Bytes that a scan goes on by, and bytes that it holds back."""

    step: int = 24_576
    hold: int = 8_192

    def __post_init__(self) -> None:
        if self.step < _SMALLEST or self.hold < _SMALLEST:
            raise InvalidValue(f"step and hold must be at least {_SMALLEST} bytes")


class Scanner:
    """Scans one stream: `feed` gives what may go on, `finish` the rest. Raises on no bytes whatever.

    After a finding that blocks nothing more comes out; what came out before it is gone.
    """

    def __init__(self, policy: ScanPolicy, key: bytes, form: Form = Form.TEXT, window: Window | None = None) -> None:
        """`key` is for the digests of secrets, 16 to 64 bytes."""
        if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
            raise InvalidValue(f"a digest key has {_SHORTEST_KEY} to {_LONGEST_KEY} bytes")
        self._policy, self._key, self._form, self._window = policy, key, form, window or Window()
        self._buffer, self._base, self._seen = b"", 0, Seen()
        self._findings: list[Finding] = []
        self.omitted, self.blocked = 0, False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The first thousand findings in the order of the stream; `omitted` counts the others."""
        return tuple(self._findings)

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk; return what is judged, redacted."""
        buffer, at, out = self._buffer + chunk, 0, list[bytes]()
        size = self._window.step + self._window.hold
        while not self.blocked and len(buffer) - at >= size:
            passed, length = self._pass(buffer[at : at + size], self._window.step)
            out.append(passed)
            at += length
        self._buffer = b"" if self.blocked else buffer[at:]
        return b"".join(out)

    def finish(self) -> bytes:
        """Return the rest: the stream is at its end."""
        rest, self._buffer = self._buffer, b""
        return b"" if self.blocked else self._pass(rest, len(rest))[0]

    def _pass(self, raw: bytes, limit: int) -> tuple[bytes, int]:
        judged = judge(raw, limit, self._seen, self._form)
        hits = [hit for hit in judged.hits if self._policy.response(hit.kind) is not Response.ALLOW]
        for hit in hits:
            self._record(hit)
        blocking = [hit.start for hit in hits if self._policy.response(hit.kind) is Response.BLOCK]
        self.blocked = bool(blocking)
        redacted = [hit for hit in hits if self._policy.response(hit.kind) is not Response.LOG]
        passed = _redacted(raw, redacted, blocking[0] if blocking else judged.upto)
        self._base, self._seen = self._base + judged.upto, judged.seen
        return passed, judged.upto

    def _record(self, hit: Hit) -> None:
        if len(self._findings) == _FINDINGS:
            self.omitted += 1
            return
        digest = hashlib.blake2b(hit.secret, key=self._key, digest_size=_DIGEST).hexdigest() if hit.secret else ""
        self._findings.append(
            Finding(
                kind=hit.kind,
                rule=hit.rule,
                start=self._base + hit.start,
                length=hit.end - hit.start,
                response=self._policy.response(hit.kind),
                digest=digest,
            )
        )


def _redacted(raw: bytes, hits: Iterable[Hit], upto: int) -> bytes:
    """The bytes before `upto` with each hit replaced, and hits inside or across another in one piece with it."""
    out, done = list[bytes](), 0
    for hit in hits:
        if hit.start >= upto:
            break
        if hit.start >= done:
            out += (raw[done : hit.start], _label(hit))
        done = max(done, hit.end)
    return b"".join((*out, raw[done:upto]))


def _label(hit: Hit) -> bytes:
    """What stands for a hit: no quote and no backslash, so that JSON stays JSON, and nothing that is found again."""
    return f"[redacted:{hit.rule}]".encode() if hit.kind is FindingKind.SECRET else MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What came of a whole text."""

    content: bytes
    findings: tuple[Finding, ...]
    omitted: int
    blocked: bool


def scan(content: bytes, policy: ScanPolicy, key: bytes, form: Form = Form.TEXT) -> Scan:
    """Scan a whole text."""
    if len(content) <= _ONE_LOOK and is_clean(content, form):
        return Scan(content=content, findings=(), omitted=0, blocked=False)
    scanner = Scanner(policy, key, form)
    passed = scanner.feed(content) + scanner.finish()
    return Scan(content=passed, findings=scanner.findings, omitted=scanner.omitted, blocked=scanner.blocked)
