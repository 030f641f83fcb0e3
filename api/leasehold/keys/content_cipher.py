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
    """Makes keys of subjects, and opens them."""

    def __init__(self, sealer: FileSealer) -> None:
        self._sealer = sealer

    def new_key(self, subject: str) -> str:
        """A fresh key of a subject, sealed."""
        return self._sealer.seal(base64.b64encode(os.urandom(_KEY_BYTES)).decode(), _ABOUT + subject)

    def key(self, sealed_key: str, subject: str) -> SubjectKey:
        """The key of a subject. Raises `StillLive` if it was sealed elsewhere."""
        return SubjectKey(subject, base64.b64decode(self._sealer.unseal(Sealed(sealed_key), _ABOUT + subject)))


class SubjectKey:
    """AES-256-GCM and HMAC-SHA-256 with the key of a subject. Never shows key material."""

    def __init__(self, subject: str, key: bytes) -> None:
        self._subject = subject
        self._cipher = AESGCM(_derived(key, b"encrypt"))
        self._digests = hmac.new(_derived(key, b"digest"), digestmod=hashlib.sha256)

    def shut(self, plain: bytes) -> Content:
        """Shut away what went in or came out."""
        shut = self.seal(plain, "")
        commitment = hashlib.sha256(shut).hexdigest()
        return Content(self._subject, self.digest(plain), commitment, base64.b64encode(shut).decode())

    def digest(self, plain: bytes) -> str:
        """What it hashes to with this key."""
        digest = self._digests.copy()
        digest.update(plain)
        return digest.hexdigest()

    def seal(self, plain: bytes, about: str) -> bytes:
        """Shut away something that is bound to what it is about."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, self._bound_to(about))

    def open(self, sealed: str, about: str = "") -> bytes:
        """Read it. Raises `StillLive` if another key shut it away, or it is about something else."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], self._bound_to(about))
        except (InvalidTag, ValueError, binascii.Error):
            raise StillLive("the content was shut away with another key") from None

    def _bound_to(self, about: str) -> bytes:
        return (f"{self._subject}\n{about}" if about else self._subject).encode()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, purpose, hashlib.sha256).digest()
