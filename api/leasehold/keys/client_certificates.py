"""Certificates that our side of a TLS connection shows, looked at before they are kept."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from leasehold.model.connection_secrets import MtlsSecret
from leasehold.model.errors import InvalidValue


def check_certificate(secret: MtlsSecret) -> None:
    """Raise `InvalidValue` unless the key, unencrypted, is that of the first certificate; repeats nothing of them."""
    try:
        chain = x509.load_pem_x509_certificates(secret.certificate.encode())
        key = load_pem_private_key(secret.key.encode(), password=None)
    except (ValueError, TypeError):
        raise InvalidValue("certificate and key must be PEM, the key without a password") from None
    if chain[0].public_key() != key.public_key():
        raise InvalidValue("the key is not that of the certificate")
