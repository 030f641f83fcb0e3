"""Key-encryption keys: files of 32 random bytes in one folder, or AWS KMS, which never gives them away."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leasehold.keys.envelopes import NONCE_BYTES, associated
from leasehold.keys.file_keys import UnsafeKeyFile
from leasehold.model.connections import CannotOpen
from leasehold.model.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_kms import KMSClient

_KEY_BYTES = 32
_NAME = re.compile(r"(\d{4})\.key")
_REFUSED = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "NotFoundException"})


class FileWrapping:
    """Keys `0001.key`, `0002.key`, … of one folder, each of mode 0600; the last one wraps, all of them unwrap.

    Replicas on one database share the folder. A key that another replica has made is found when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, and make a first key if it has none. Raises `UnsafeKeyFile`, `OSError`."""
        self._folder = folder
        self._keys: dict[str, AESGCM] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._look():
            with suppress(FileExistsError):
                self._create("0001")
            self._look()

    def __repr__(self) -> str:
        return f"FileWrapping({self.key_id})"

    @property
    def key_id(self) -> str:
        """The last key."""
        return max(self._keys)

    def rotate(self) -> str:
        """Make a further key, which wraps from now on; its id. The ones before stay: what they wrap is still there."""
        self._look()
        with suppress(FileExistsError):  # another replica was faster: its key does as well
            self._create(f"{int(self.key_id.removeprefix('file:')) + 1:04}")
        self._look()
        return self.key_id

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """The data key, shut."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._keys[self.key_id].encrypt(nonce, data_key, associated(context))

    def unwrap(self, key_id: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key. Raises `CannotOpen`."""
        if key_id not in self._keys:
            self._look()
        try:
            return self._keys[key_id].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], associated(context))
        except (InvalidTag, KeyError, ValueError):
            raise CannotOpen from None

    def _look(self) -> bool:
        for path in sorted(self._folder.iterdir()):
            named = _NAME.fullmatch(path.name)
            if named is not None and f"file:{named[1]}" not in self._keys:
                self._keys[f"file:{named[1]}"] = AESGCM(_read(path))
        return bool(self._keys)

    def _create(self, name: str) -> None:
        # Written aside and linked: of two replicas starting at once one wins, and nobody reads half a key.
        aside = self._folder / f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, os.urandom(_KEY_BYTES))
            os.fsync(descriptor)
            os.link(aside, self._folder / f"{name}.key")
        finally:
            os.close(descriptor)
            aside.unlink()


class KmsWrapping:
    """Symmetric keys in AWS KMS. The first wraps, all of them unwrap; a new one is put first in the settings."""

    def __init__(self, client: KMSClient, kms_key_ids: Sequence[str]) -> None:
        self._client = client
        self._kms_key_ids = {f"kms:{one}": one for one in kms_key_ids}

    def __repr__(self) -> str:
        return f"KmsWrapping({self.key_id})"

    @property
    def key_id(self) -> str:
        """The first key."""
        return next(iter(self._kms_key_ids))

    def rotate(self) -> str:
        """The key that wraps now: KMS keys are made in KMS, and named in the settings."""
        return self.key_id

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """The data key, shut. Raises `Unavailable`."""
        try:
            answer = self._client.encrypt(
                KeyId=self._kms_key_ids[self.key_id], Plaintext=data_key, EncryptionContext=context
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the key service does not answer; nothing was kept") from error
        return answer["CiphertextBlob"]

    def unwrap(self, key_id: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key. Raises `CannotOpen`, `Unavailable`."""
        if key_id not in self._kms_key_ids:
            raise CannotOpen
        try:
            answer = self._client.decrypt(
                KeyId=self._kms_key_ids[key_id], CiphertextBlob=wrapped, EncryptionContext=context
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _REFUSED:
                raise CannotOpen from None
            raise Unavailable("the key service does not open it now") from error
        except BotoCoreError as error:
            raise Unavailable("the key service does not answer") from error
        return answer["Plaintext"]


def open_wrapping(where: str) -> FileWrapping | KmsWrapping:
    """The keys that `file:<folder>` or `kms:<key id>,…` names. Raises `UnsafeKeyFile`, `OSError`."""
    scheme, _, rest = where.partition(":")
    return KmsWrapping(boto3.client("kms"), rest.split(",")) if scheme == "kms" else FileWrapping(Path(rest))


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise UnsafeKeyFile(f"`{path.name}` is open to other users: take their permissions away")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise UnsafeKeyFile(f"`{path.name}` does not hold {_KEY_BYTES} bytes")
    return key
