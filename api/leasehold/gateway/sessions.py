"""Sessions of the handshake era: the tool server's own id, bound to who opened it, and kept by nobody.

What the client gets is that id and a keyed hash of it with the caller: on every replica that shares the key, it opens
the session to the same agent for the same person, and is an unknown session to everybody else.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

from leasehold.gateway.callers import Caller
from leasehold.mcp.refusals import INVALID_REQUEST, Refused

UNCONNECTED = "leasehold-unconnected"
"""The session of a client that came before its person connected. No tool server knows it."""
_LONGEST = 1024
_BYTES = 18


class Sessions:
    """Translates ids of sessions. `key` is a secret that replicas share."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def outward(self, upstream_id: str, caller: Caller) -> str:
        """The id for the client."""
        return f"{upstream_id}.{self._seal(upstream_id, caller)}"

    def inward(self, sent: str, caller: Caller) -> str:
        """The tool server's id behind one that a client sends. Raises `Refused` for what is not this caller's."""
        upstream_id, _, seal = sent.rpartition(".")
        right = self._seal(upstream_id, caller).encode()
        if len(sent) > _LONGEST or not upstream_id or not hmac.compare_digest(seal.encode(errors="replace"), right):
            raise Refused(404, INVALID_REQUEST, "Session not found", reason="foreign_session")
        return upstream_id

    @staticmethod
    def is_unconnected(sent: str) -> bool:
        """True for one that was begun here, before there was a connection."""
        return sent.startswith(f"{UNCONNECTED}.")

    def _seal(self, upstream_id: str, caller: Caller) -> str:
        about = f"mcp-session\x00{caller.server}\x00{caller.identity}\x00{upstream_id}"
        raw = hmac.new(self._key, about.encode(errors="replace"), hashlib.sha256).digest()[:_BYTES]
        return urlsafe_b64encode(raw).decode()
