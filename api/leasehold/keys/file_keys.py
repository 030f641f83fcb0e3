"""Signing keys in a file: created on first start, shared by replicas on one folder, rotated with overlap."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from leasehold.keys.key_ring import InvalidKeyRing, KeyRing, dump_ring, load_ring
from leasehold.keys.signing import raw_signature
from leasehold.model.errors import Unavailable

ROTATE_EVERY = timedelta(days=1)
_FILE = "signing-keys.json"
_SHA256 = ec.ECDSA(hashes.SHA256())


class UnsafeKeyFile(Exception):
    """Others on this machine could read the private keys."""


class FileKeys:
    """A `Signer` on one file, mode 0600 in a folder 0700. Never shows key material."""

    def __init__(self, folder: Path, now: datetime) -> None:
        """Open the folder's keys, or create them. Raises `UnsafeKeyFile`, `InvalidKeyRing`, `OSError`."""
        self._folder = folder
        self._file = str(self._path)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_others(folder)
        with self._locked():  # of two replicas starting at once, the second finds the keys of the first
            if not self._path.exists():
                self._write(KeyRing.new(now))
        self._load()

    def __repr__(self) -> str:
        return f"FileKeys({self.key_id})"

    @property
    def key_id(self) -> str:
        """The `kid` of the key that signs now. Raises `Unavailable`."""
        self._reload_if_changed()
        return self._current

    async def sign(self, key_id: str, signing_input: bytes) -> bytes:
        """The raw ES256 signature with one of the ring's keys."""
        return raw_signature(self._private[key_id].sign(signing_input, _SHA256))

    def published(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """Next, current and retired keys; what another replica rotated is seen here."""
        self._reload_if_changed()
        return self._public

    def rotate(self, now: datetime) -> None:
        """Sign with the next key from now on."""
        with self._locked():
            self._write(load_ring(self._path.read_bytes()).rotated(now))
        self._load()

    def rotate_when_due(self, now: datetime, every: timedelta = ROTATE_EVERY) -> bool:
        """Rotate if the signing key is older than `every`; whether it did."""
        with self._locked():
            ring = load_ring(self._path.read_bytes())
            due = now - ring.rotated_at >= every
            if due:
                self._write(ring.rotated(now))
        self._load()
        return due

    @property
    def _path(self) -> Path:
        return self._folder / _FILE

    def _reload_if_changed(self) -> None:
        try:
            if _stamp(self._file) != self._seen:
                self._load()
        except (OSError, InvalidKeyRing, UnsafeKeyFile) as error:
            # What was read before may be what somebody just took away: nothing is signed or believed on it.
            raise Unavailable("the signing keys cannot be read") from error

    def _load(self) -> None:
        _refuse_others(self._path)
        seen = _stamp(self._file)  # before the bytes: what is written in between is seen next time
        ring = load_ring(self._path.read_bytes())
        self._private = {key.key_id: key.private for key in ring.keys}
        self._public = {key_id: private.public_key() for key_id, private in self._private.items()}
        self._current = ring.current.key_id
        self._seen = seen  # last: a ring that could not be read is not taken for seen

    def _write(self, ring: KeyRing) -> None:
        # Whole or not at all: a reader sees the old ring or the new one, also after a power cut.
        descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=".keys-")  # created 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(dump_ring(ring))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _stamp(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116  asked for every signature, where a Path costs more than the question
    return status.st_ino, status.st_mtime_ns


def _refuse_others(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise UnsafeKeyFile(f"`{path.name}` is open to other users: take their permissions away")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
