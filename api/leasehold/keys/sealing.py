"""Secrets shut away in the database, for this server alone: AES-256-GCM under a key that the database never sees."""

from __future__ import annotations

import base64
import binascii
import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leasehold.keys.file_keys import UnsafeKeyFile
from leasehold.model.external import Sealed, StillLive

_KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D §8.2.1


class FileSealer:
    """Seals with the key of one file, mode 0600, made on first use. Replicas on one database share the file."""

    def __init__(self, path: Path) -> None:
        """Open the key, or make it. Raises `UnsafeKeyFile`, `OSError`."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _create(path)
        if path.stat().st_mode & 0o077:
            raise UnsafeKeyFile(f"`{path.name}` is open to other users: take their permissions away")
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise UnsafeKeyFile(f"`{path.name}` does not hold {_KEY_BYTES} bytes")
        self._cipher = AESGCM(key)

    def seal(self, secret: str, about: str) -> Sealed:
        """Shut a secret."""
        nonce = os.urandom(_NONCE_BYTES)
        return Sealed(base64.b64encode(nonce + self._cipher.encrypt(nonce, secret.encode(), about.encode())).decode())

    def unseal(self, sealed: Sealed, about: str) -> str:
        """Open it. Raises `StillLive` if it was sealed elsewhere, or about something else."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise StillLive("what it takes to kill it was sealed with another key") from None


def _create(path: Path) -> None:
    # Written aside and linked: of two replicas starting at once one wins, and nobody reads half a key.
    aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(_KEY_BYTES))
        os.fsync(descriptor)
        os.link(aside, path)
    finally:
        os.close(descriptor)
        aside.unlink()
