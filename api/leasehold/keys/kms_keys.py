"""Signing keys in AWS KMS (ECC_NIST_P256): the private half never leaves it, and we never see it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leasehold.keys.signing import key_id_of, raw_signature
from leasehold.model.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_KMS_MESSAGE_BYTES = 4096


class UnusableKmsKey(Exception):
    """The KMS key is none that signs ES256."""


class KmsKeys:
    """A `Signer` on KMS. The first key signs; all are published, so that a key can be announced, then swapped in."""

    def __init__(self, client: KMSClient, kms_key_ids: Sequence[str]) -> None:
        """Fetch the public halves. Raises `Unavailable`, `UnusableKmsKey`."""
        self._client = client
        publics = [(_public_key(client, kms_key_id), kms_key_id) for kms_key_id in kms_key_ids]
        self._public = {key_id_of(public): public for public, _ in publics}
        self._kms_key_ids = {key_id_of(public): kms_key_id for public, kms_key_id in publics}

    def __repr__(self) -> str:
        return f"KmsKeys({self.key_id})"

    @property
    def key_id(self) -> str:
        """The `kid` of the key that signs now."""
        return next(iter(self._public))

    async def sign(self, key_id: str, signing_input: bytes) -> bytes:
        """The raw ES256 signature. Raises `Unavailable`."""
        return raw_signature(await asyncio.to_thread(self._sign, self._kms_key_ids[key_id], signing_input))

    def published(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """Every key given."""
        return self._public

    def _sign(self, kms_key_id: str, signing_input: bytes) -> bytes:
        message, kind = _message(signing_input)
        try:
            answer = self._client.sign(
                KeyId=kms_key_id, Message=message, MessageType=kind, SigningAlgorithm="ECDSA_SHA_256"
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the key service does not answer; no token was issued") from error
        return answer["Signature"]


def open_kms(kms_key_ids: Sequence[str]) -> KmsKeys:
    """Keys of the AWS account that the environment names. Raises `Unavailable`, `UnusableKmsKey`."""
    return KmsKeys(boto3.client("kms"), kms_key_ids)


def _message(signing_input: bytes) -> tuple[bytes, Literal["RAW", "DIGEST"]]:
    """The text itself where KMS takes it, else the digest that it would make of it."""
    if len(signing_input) <= _KMS_MESSAGE_BYTES:
        return signing_input, "RAW"
    return hashlib.sha256(signing_input).digest(), "DIGEST"


def _public_key(client: KMSClient, kms_key_id: str) -> ec.EllipticCurvePublicKey:
    try:
        der = client.get_public_key(KeyId=kms_key_id)["PublicKey"]
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the key service does not answer") from error
    public = serialization.load_der_public_key(der)
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise UnusableKmsKey(f"KMS key `{kms_key_id}` must be of spec ECC_NIST_P256, for SIGN_VERIFY")
    return public
