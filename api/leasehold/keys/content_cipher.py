"""Shuts contents of the audit trail away under keys of their subjects: destroy a key, and nobody reads them again.

A subject's key is itself sealed with the server's sealing key. Of it come one key to encrypt with and one for digests,
so that the digest of a short text tells nobody without the key what it was, and nobody at all once the key is gone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leasehold.keys.sealing import FileSealer
from leasehold.model.events import Content
from leasehold.model.external import Sealed, StillLive

_KEY_BYTES, _NONCE_BYTES = 32, 12
_ABOUT = "audit-content:"


class ContentCipher:
    """AES-256-GCM and HMAC-SHA-256 with keys of subjects."""

    def __init__(self, sealer: FileSealer) -> None:
        self._sealer = sealer

    def new_key(self, subject: str) -> str:
        """A fresh key of a subject, sealed."""
        return self._sealer.seal(base64.b64encode(os.urandom(_KEY_BYTES)).decode(), _ABOUT + subject)

    def shut(self, sealed_key: str, subject: str, plain: bytes) -> Content:
        """Shut away what went in or came out. Raises `StillLive` if the key was sealed elsewhere."""
        key, nonce = self._key(sealed_key, subject), os.urandom(_NONCE_BYTES)
        shut = nonce + AESGCM(_derived(key, b"encrypt")).encrypt(nonce, plain, subject.encode())
        digest = hmac.new(_derived(key, b"digest"), plain, hashlib.sha256).hexdigest()
        return Content(subject, digest, hashlib.sha256(shut).hexdigest(), base64.b64encode(shut).decode())

    def open(self, sealed_key: str, subject: str, sealed: str) -> bytes:
        """Read it. Raises `StillLive` if another key shut it away."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            cipher = AESGCM(_derived(self._key(sealed_key, subject), b"encrypt"))
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], subject.encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise StillLive("the content was shut away with another key") from None

    def _key(self, sealed_key: str, subject: str) -> bytes:
        return base64.b64decode(self._sealer.unseal(Sealed(sealed_key), _ABOUT + subject))


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, purpose, hashlib.sha256).digest()
