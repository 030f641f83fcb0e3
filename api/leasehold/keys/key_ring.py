"""Our signing keys and their ages: next, current, and those retired but still to be trusted. A value, no I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leasehold.keys.signing import key_id_of

# A token lives five minutes; verifiers may hold a JWK set that long again, and clocks differ.
TRUSTED_AFTER_RETIREMENT = timedelta(minutes=15)


class InvalidKeyRing(ValueError):
    """The text is no key ring of ours. The message repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key pair. `retired_at` is when it stopped to sign, None while it signs or waits to."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    created_at: datetime
    retired_at: datetime | None = None

    @property
    def key_id(self) -> str:
        """The `kid` under which it is published."""
        return key_id_of(self.private.public_key())


@dataclass(frozen=True, slots=True)
class KeyRing:
    """`current` signs. `next` is published before it signs, so that no verifier meets it as a stranger."""

    current: RingKey
    next: RingKey
    rotated_at: datetime
    retired: tuple[RingKey, ...] = ()

    @classmethod
    def new(cls, now: datetime) -> KeyRing:
        """Two fresh keys."""
        return cls(_new_key(now), _new_key(now), now)

    def rotated(self, now: datetime) -> KeyRing:
        """`next` becomes current. The old key is published until no token of it can live."""
        kept = (replace(self.current, retired_at=now), *self.retired)
        trusted = tuple(k for k in kept if k.retired_at is None or now < k.retired_at + TRUSTED_AFTER_RETIREMENT)
        return KeyRing(self.next, _new_key(now), now, trusted)

    @property
    def keys(self) -> tuple[RingKey, ...]:
        """All keys to publish."""
        return (self.current, self.next, *self.retired)


def _new_key(now: datetime) -> RingKey:
    return RingKey(ec.generate_private_key(ec.SECP256R1()), now)


def dump_ring(ring: KeyRing) -> bytes:
    """The ring as JSON. Secret: it holds the private keys."""
    document = {"rotated_at": ring.rotated_at.isoformat(), "keys": [_dump(key) for key in ring.keys]}
    return json.dumps(document, indent=1).encode()


def load_ring(text: bytes) -> KeyRing:
    """The ring that `dump_ring` wrote. Raises `InvalidKeyRing`."""
    try:
        document = json.loads(text)
        current, following, *retired = (_load(key) for key in document["keys"])
        return KeyRing(current, following, _at(document["rotated_at"]), tuple(retired))
    except (ValueError, TypeError, KeyError):
        raise InvalidKeyRing("the file is no key ring") from None


def _dump(key: RingKey) -> dict[str, str | None]:
    pem = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    retired_at = key.retired_at.isoformat() if key.retired_at is not None else None
    return {"created_at": key.created_at.isoformat(), "retired_at": retired_at, "private": pem.decode()}


def _load(key: dict[str, str | None]) -> RingKey:
    private = serialization.load_pem_private_key((key["private"] or "").encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise InvalidKeyRing("a key is not on P-256")
    retired_at = key["retired_at"]
    return RingKey(private, _at(key["created_at"] or ""), _at(retired_at) if retired_at is not None else None)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
