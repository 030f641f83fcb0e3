"""Nonces for proofs of possession (RFC 9449 §8, §9), of which nobody keeps a list.

A nonce is the keyed hash of the minute that it belongs to. Replicas that share the key know each other's nonces, the
minute's own and the one before are taken, and that of the next, for a replica whose clock runs ahead.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from leasehold.keys.compact import encode

NONCE_EVERY = timedelta(seconds=60)
_TAKEN = (0, -1, 1)
_BYTES = 16
_COUNTER_BYTES = 8


class Nonces:
    """Makes and knows nonces."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def current(self, now: datetime) -> str:
        """The nonce to give out now."""
        return self._of(_minute(now))

    def accepts(self, nonce: str, now: datetime) -> bool:
        """True iff it was given out for this minute, the one before or the next."""
        minute = _minute(now)
        sent = nonce.encode(errors="replace")
        return any(hmac.compare_digest(self._of(minute + by).encode(), sent) for by in _TAKEN)

    def _of(self, minute: int) -> str:
        counter = minute.to_bytes(_COUNTER_BYTES, signed=True)
        return encode(hmac.new(self._key, b"dpop-nonce" + counter, hashlib.sha256).digest()[:_BYTES]).decode()


def _minute(now: datetime) -> int:
    return int(now.timestamp() // NONCE_EVERY.total_seconds())
