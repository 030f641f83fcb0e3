"""Whether a token lives, by its status list (draft-ietf-oauth-status-list-20 §8.3): for whoever has no credential here.

The token is verified before its list is sought: what comes in is an `AccessToken`, never a text. A list may be as
old as its `ttl`: who needs milliseconds follows the feed.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from leasehold.model.status import STATUS_LIST_TYPE
from leasehold.model.tokens import LEEWAY
from leasehold.verify.access import AccessToken
from leasehold.verify.proofs import Proof
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.signatures import KeyFinder, read_signed

MAX_LIST_BYTES = 1 << 20  # decompressed: a short answer that unpacks to more is a bomb
MAX_ANSWER_BYTES = 2 * MAX_LIST_BYTES
LONGEST_TTL_SECONDS = 60.0
_WIDTHS = frozenset({1, 2, 4, 8})
_KEPT = 256
_VALID = 0


@dataclass(frozen=True, slots=True)
class StatusList:
    """The statuses of a list. `good_until` is in seconds of the monotonic clock."""

    bits: int
    packed: bytes = field(repr=False)
    good_until: float = 0.0

    def status(self, index: int) -> int:
        """The status at a place. Raises `Untrusted` for one that the list does not have (§8.3)."""
        byte, shift = divmod(index * self.bits, 8)
        if index < 0 or byte >= len(self.packed):
            raise Untrusted(Reason.BAD_CLAIM)
        return self.packed[byte] >> shift & ((1 << self.bits) - 1)


class StatusLists:
    """Fetches lists of one issuer and keeps each for its `ttl`, a minute at most. Safe to share between threads."""

    proof = Proof.STATUS_LIST

    def __init__(
        self,
        issuer: str,
        client: httpx.Client,
        keys: KeyFinder,
        *,
        endpoint: str | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{issuer}/status-lists/"
        self._where = f"{endpoint or issuer}/status-lists/"
        self._client = client
        self._keys = keys
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, StatusList] = {}

    def check(self, access: AccessToken) -> None:
        """Raises `Untrusted` unless the list of this verified token says that it is valid."""
        uri, index = _reference(access.claims.get("status"))
        if not uri.startswith(self._prefix):  # a token is no way to make us ask elsewhere
            raise Untrusted(Reason.BAD_CLAIM)
        if self._list(uri).status(index) != _VALID:
            raise Untrusted(Reason.REVOKED)

    def is_active(self, _token: str, access: AccessToken) -> bool:
        """True iff the token lives; false if its list says otherwise. Raises `Untrusted` if no list tells."""
        try:
            self.check(access)
        except Untrusted as untrusted:
            if untrusted.reason is Reason.REVOKED:
                return False
            raise
        return True

    def _list(self, uri: str) -> StatusList:
        with self._lock:  # of many who ask at once, one fetches
            kept = self._kept.get(uri)
            asked_at = self._monotonic()  # what takes long to come is old when it is there
            if kept is None or asked_at >= kept.good_until:
                kept = self._read(uri, self._fetched(uri), asked_at)
                if len(self._kept) >= _KEPT:
                    self._kept.clear()
                self._kept[uri] = kept
            return kept

    def _fetched(self, uri: str) -> str:
        url = self._where + uri.removeprefix(self._prefix)
        headers = {"accept": f"application/{STATUS_LIST_TYPE}"}
        body = bytearray()
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                response.raise_for_status()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise Untrusted(Reason.MALFORMED)
            return body.decode("ascii")
        except (httpx.HTTPError, OSError):
            raise Untrusted(Reason.NOT_KNOWN_ALIVE) from None
        except UnicodeDecodeError:
            raise Untrusted(Reason.MALFORMED) from None

    def _read(self, uri: str, text: str, asked_at: float) -> StatusList:
        claims = read_signed(text, STATUS_LIST_TYPE, self._keys)
        if claims.get("sub") != uri:  # §8.3: a list of another address says nothing of this token
            raise Untrusted(Reason.WRONG_AUDIENCE)
        now, issued_at, expires_at = self._wall(), _number(claims, "iat"), _number(claims, "exp")
        if now >= expires_at:
            raise Untrusted(Reason.EXPIRED)
        if issued_at > now + LEEWAY.total_seconds():
            raise Untrusted(Reason.NOT_YET_VALID)
        bits, packed = _unpacked(claims.get("status_list"))
        lifetime = min(_number(claims, "ttl"), expires_at - now, LONGEST_TTL_SECONDS)
        return StatusList(bits, packed, asked_at + lifetime)


def _reference(status: object) -> tuple[str, int]:
    entry = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(entry, dict):
        raise Untrusted(Reason.NOT_KNOWN_ALIVE)
    uri, index = entry.get("uri"), entry.get("idx")
    if not isinstance(uri, str) or isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise Untrusted(Reason.BAD_CLAIM)
    return uri, index


def _unpacked(status_list: object) -> tuple[int, bytes]:
    match status_list:
        case {"bits": int(bits), "lst": str(text)} if bits in _WIDTHS and not isinstance(bits, bool):
            try:
                inflating = zlib.decompressobj()
                packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
                raw = inflating.decompress(packed, MAX_LIST_BYTES)
            except (binascii.Error, zlib.error):
                raise Untrusted(Reason.MALFORMED) from None
            if not inflating.eof:  # truncated, or larger than anything we take
                raise Untrusted(Reason.MALFORMED)
            return bits, raw
        case _:
            raise Untrusted(Reason.MALFORMED)


def _number(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Untrusted(Reason.BAD_CLAIM)
    return float(value)
