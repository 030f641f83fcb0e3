"""The key that signs checkpoints of the audit trail: Ed25519, in a file of its own that replicas share."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leasehold.keys.file_keys import UnsafeKeyFile
from leasehold.model.trail.checkpoints import TreeHead, signed, verifier_key


class TrailKey:
    """Signs tree heads under a name. The file has mode 0600 and is made on first use. Never shows key material."""

    def __init__(self, path: Path, name: str) -> None:
        """Open the key, or make it. Raises `UnsafeKeyFile`, `OSError`."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _create(path)
        if path.stat().st_mode & 0o077:
            raise UnsafeKeyFile(f"`{path.name}` is open to other users: take their permissions away")
        self._private = _load(path)
        self._public = self._private.public_key().public_bytes_raw()
        self.name = name

    def __repr__(self) -> str:
        return f"TrailKey({self.verifier_key})"

    @property
    def verifier_key(self) -> str:
        """The public half as one line, which is all that whoever verifies needs (C2SP signed-note)."""
        return verifier_key(self.name, self._public)

    def checkpoint(self, size: int, root: bytes) -> str:
        """The signed note that says so."""
        head = TreeHead(self.name, size, root)
        return signed(head, self.name, self._public, self._private.sign(head.text().encode()))


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        raise UnsafeKeyFile(f"`{path.name}` holds no private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnsafeKeyFile(f"`{path.name}` holds no Ed25519 key")
    return key


def _create(path: Path) -> None:
    # Written aside and linked: of two replicas starting at once one wins, and nobody reads half a key.
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, pem)
        os.fsync(descriptor)
        os.link(aside, path)
    finally:
        os.close(descriptor)
        aside.unlink()
