"""The key that signs checkpoints of the audit trail: Ed25519, in a file that replicas share, or in AWS KMS."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from leasehold.keys.file_keys import UnsafeKeyFile
from leasehold.keys.kms_keys import UnusableKmsKey
from leasehold.model.errors import Unavailable
from leasehold.model.trail.checkpoints import TreeHead, signed, verifier_key

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


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
        return _note(self.name, self._public, size, root, self._private.sign)


class KmsTrailKey:
    """An Ed25519 key in AWS KMS (ECC_NIST_EDWARDS25519): the private half never leaves it, and we never see it."""

    def __init__(self, client: KMSClient, kms_key_id: str, name: str) -> None:
        """Fetch the public half. Raises `Unavailable`, `UnusableKmsKey`."""
        self._client, self._kms_key_id, self.name = client, kms_key_id, name
        try:
            public = serialization.load_der_public_key(client.get_public_key(KeyId=kms_key_id)["PublicKey"])
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the key service does not answer") from error
        if not isinstance(public, Ed25519PublicKey):
            raise UnusableKmsKey(f"KMS key `{kms_key_id}` must be of spec ECC_NIST_EDWARDS25519, for SIGN_VERIFY")
        self._public = public.public_bytes_raw()

    def __repr__(self) -> str:
        return f"KmsTrailKey({self.verifier_key})"

    @property
    def verifier_key(self) -> str:
        """The public half as one line (C2SP signed-note)."""
        return verifier_key(self.name, self._public)

    def checkpoint(self, size: int, root: bytes) -> str:
        """The signed note that says so. Raises `Unavailable`."""
        return _note(self.name, self._public, size, root, self._sign)

    def _sign(self, text: bytes) -> bytes:
        try:
            answer = self._client.sign(
                KeyId=self._kms_key_id, Message=text, MessageType="RAW", SigningAlgorithm="ED25519_SHA_512"
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the key service does not answer; no checkpoint was signed") from error
        return answer["Signature"]


def open_trail_key(where: str, name: str) -> TrailKey | KmsTrailKey:
    """The key that `file:<path>` or `kms:<key id>` names.

    Raises `UnsafeKeyFile`, `OSError`, `Unavailable`, `UnusableKmsKey`.
    """
    scheme, _, rest = where.partition(":")
    return KmsTrailKey(boto3.client("kms"), rest, name) if scheme == "kms" else TrailKey(Path(rest), name)


def _note(name: str, public: bytes, size: int, root: bytes, sign: Callable[[bytes], bytes]) -> str:
    head = TreeHead(name, size, root)
    return signed(head, name, public, sign(head.text().encode()))


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
