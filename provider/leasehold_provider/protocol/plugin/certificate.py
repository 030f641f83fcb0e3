"""The self-signed certificate of one plugin process (RFC 5280), which Terraform pins through the handshake line."""

from __future__ import annotations

from binascii import b2a_base64
from os import urandom
from time import gmtime, strftime, time

from . import p256

_INTEGER, _BIT_STRING, _OCTET_STRING, _UTF8, _UTC_TIME, _SEQUENCE, _SET = 0x02, 0x03, 0x04, 0x0C, 0x17, 0x30, 0x31
_VERSION, _EXTENSIONS, _PARAMETERS, _PUBLIC_KEY = 0xA0, 0xA3, 0xA0, 0xA1
_DNS_NAME = 0x82

_COMMON_NAME = "0603550403"
_ECDSA_WITH_SHA256 = "06082a8648ce3d040302"
_EC_PUBLIC_KEY = "06072a8648ce3d0201"
_PRIME256V1 = "06082a8648ce3d030107"
_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE, _SUBJECT_ALT_NAME = (
    "0603551d13",
    "0603551d0f",
    "0603551d25",
    "0603551d11",
)
_SERVER_AUTH, _CLIENT_AUTH = "06082b06010505070301", "06082b06010505070302"

_BACKDATED = 3600
"""Seconds: tolerates a clock set back between our start and Terraform's check."""
_LIFETIME = 30 * 86_400
"""Seconds: longer than any apply; the key dies with the process anyway."""


class Certificate:
    """`der` is the certificate alone; `pem` has the private key too and must not leave the process."""

    __slots__ = ("der", "pem")

    def __init__(self, der: bytes, pem: bytes) -> None:
        self.der = der
        self.pem = pem

    def __repr__(self) -> str:
        return "Certificate(…)"


def make_certificate() -> Certificate:
    """Draw a key and sign a certificate for `localhost` with it, in the shape Go's crypto/x509 asks for."""
    key = p256.new_private_key()
    x, y = p256.public_point(key)
    point = b"\x00\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    unsigned = _to_be_signed(point)
    r, s = p256.sign(key, unsigned)
    signature = b"\x00" + _tlv(_SEQUENCE, _integer(r), _integer(s))
    der = _tlv(_SEQUENCE, unsigned, _tlv(_SEQUENCE, _oid(_ECDSA_WITH_SHA256)), _tlv(_BIT_STRING, signature))
    return Certificate(der, _pem("CERTIFICATE", der) + _pem("EC PRIVATE KEY", _private_key(key, point)))


def private_key_pem(key: int) -> bytes:
    """A P-256 key as PEM (RFC 5915)."""
    x, y = p256.public_point(key)
    return _pem("EC PRIVATE KEY", _private_key(key, b"\x00\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")))


def _to_be_signed(point: bytes) -> bytes:
    name = _tlv(_SEQUENCE, _tlv(_SET, _tlv(_SEQUENCE, _oid(_COMMON_NAME), _tlv(_UTF8, b"localhost"))))
    now = time()
    return _tlv(
        _SEQUENCE,
        _tlv(_VERSION, _integer(2)),
        _integer(int.from_bytes(urandom(15), "big") | 1),
        _tlv(_SEQUENCE, _oid(_ECDSA_WITH_SHA256)),
        name,
        _tlv(_SEQUENCE, _utc_time(now - _BACKDATED), _utc_time(now + _LIFETIME)),
        name,
        _tlv(_SEQUENCE, _tlv(_SEQUENCE, _oid(_EC_PUBLIC_KEY), _oid(_PRIME256V1)), _tlv(_BIT_STRING, point)),
        _tlv(_EXTENSIONS, _extensions()),
    )


def _extensions() -> bytes:
    # Terraform's only trust root is this very certificate, so it is its own CA and may sign certificates.
    return _tlv(
        _SEQUENCE,
        _extension(_BASIC_CONSTRAINTS, _tlv(_SEQUENCE, b"\x01\x01\xff"), critical=True),
        _extension(_KEY_USAGE, _tlv(_BIT_STRING, b"\x02\x84"), critical=True),
        _extension(_EXTENDED_KEY_USAGE, _tlv(_SEQUENCE, _oid(_SERVER_AUTH), _oid(_CLIENT_AUTH)), critical=False),
        _extension(_SUBJECT_ALT_NAME, _tlv(_SEQUENCE, _tlv(_DNS_NAME, b"localhost")), critical=False),
    )


def _extension(oid: str, value: bytes, *, critical: bool) -> bytes:
    return _tlv(_SEQUENCE, _oid(oid), b"\x01\x01\xff" if critical else b"", _tlv(_OCTET_STRING, value))


def _private_key(key: int, point: bytes) -> bytes:
    # RFC 5915.
    return _tlv(
        _SEQUENCE,
        _integer(1),
        _tlv(_OCTET_STRING, key.to_bytes(32, "big")),
        _tlv(_PARAMETERS, _oid(_PRIME256V1)),
        _tlv(_PUBLIC_KEY, _tlv(_BIT_STRING, point)),
    )


def _tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    size = len(body)
    if size < 0x80:  # noqa: PLR2004 -- DER's short form
        return bytes((tag, size)) + body
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + body


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(encoded: str) -> bytes:
    return bytes.fromhex(encoded)


def _utc_time(at: float) -> bytes:
    return _tlv(_UTC_TIME, strftime("%y%m%d%H%M%SZ", gmtime(at)).encode())


def _pem(label: str, der: bytes) -> bytes:
    encoded = b2a_base64(der, newline=False)
    lines = b"".join(encoded[at : at + 64] + b"\n" for at in range(0, len(encoded), 64))
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), lines, label.encode())
