"""Secrets of connections, each under a data key of its own that a key-encryption key wraps (envelope encryption).

What a secret is bound to is the associated data of both layers: the secret under its data key (AES-256-GCM), and the
data key under the key-encryption key (AES-256-GCM with a key of a file, or AWS KMS with an encryption context). A row
that is copied to another connection, holder, tool server or address opens for nobody.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leasehold.model.connections import Binding, CannotOpen, Envelope

_KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D §8.2.1; each data key seals once
_VERSION = "leasehold-connection-1"


class KeyWrapping(Protocol):
    """Wraps data keys. `unwrap` raises `CannotOpen`; both raise `Unavailable`."""

    @property
    def key_id(self) -> str: ...
    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes: ...
    def unwrap(self, key_id: str, wrapped: bytes, context: Mapping[str, str]) -> bytes: ...


class Envelopes:
    """Seals and opens."""

    def __init__(self, wrapping: KeyWrapping) -> None:
        self._wrapping = wrapping

    def __repr__(self) -> str:
        return f"Envelopes({self.key_id})"

    @property
    def key_id(self) -> str:
        """The key-encryption key that wraps now."""
        return self._wrapping.key_id

    def seal(self, secret: str, binding: Binding) -> Envelope:
        """Shut a secret, for this binding alone. Raises `Unavailable`."""
        context = context_of(binding)
        data_key, nonce = os.urandom(_KEY_BYTES), os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(data_key).encrypt(nonce, secret.encode(), associated(context))
        key_id = self._wrapping.key_id
        wrapped = self._wrapping.wrap(data_key, context)
        return Envelope(key_id=key_id, wrapped_key=_text(wrapped), sealed=_text(sealed))

    def open(self, envelope: Envelope, binding: Binding) -> str:
        """The secret. Raises `CannotOpen` if it is bound to anything else; `Unavailable`."""
        context = context_of(binding)
        data_key = self._unwrapped(envelope, context)
        raw = _bytes(envelope.sealed)
        try:
            cipher = AESGCM(data_key)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], associated(context)).decode()
        except (InvalidTag, ValueError):
            raise CannotOpen from None

    def rewrap(self, envelope: Envelope, binding: Binding) -> Envelope:
        """The same secret, its data key wrapped by the key of now. Raises `CannotOpen`, `Unavailable`."""
        context = context_of(binding)
        data_key = self._unwrapped(envelope, context)
        key_id = self._wrapping.key_id
        wrapped = self._wrapping.wrap(data_key, context)
        return Envelope(key_id=key_id, wrapped_key=_text(wrapped), sealed=envelope.sealed)

    def _unwrapped(self, envelope: Envelope, context: Mapping[str, str]) -> bytes:
        return self._wrapping.unwrap(envelope.key_id, _bytes(envelope.wrapped_key), context)


def context_of(binding: Binding) -> Mapping[str, str]:
    """What a secret is bound to, as KMS takes it for its encryption context; none of it is secret."""
    return {
        "version": _VERSION,
        "connection": binding.connection,
        "principal": binding.holder.key,
        "tool_server": binding.tool_server,
        "address": binding.address,
    }


def associated(context: Mapping[str, str]) -> bytes:
    """The same as associated data: JSON, so that no value can lean over into the next."""
    return json.dumps(context, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise CannotOpen from None
