"""Whether a string that has the shape of a secret can be one: checksums that issuers build in, and entropy."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM, _CLASSIC, _LONGEST_HEADER = 6, 36, 4_096
_ENTROPY = 3.2  # bits per character
_DISTINCT = 8
_PLACEHOLDERS = re.compile(
    rb"(?i)example|placeholder|changeme|change_me|your[_-]|dummy|redacted|xxxx|\*{3}|\.{3}|1234567|abcdef|\$\{|\{\{|<|"
    rb"^(?:https?|file|arn|s3|data|vault|ssm|secretsmanager|projects|sha256|sha512):"
)
_DIGIT, _LETTER = re.compile(rb"[0-9]"), re.compile(rb"[A-Za-z]")
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_UUID = re.compile(rb"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CALLS = re.compile(rb"[A-Za-z_$][\w$]*(?:[.](?=[A-Za-z_])[\w$]+)+[(\[;]?.*")


def base62_crc(body: bytes) -> bytes:
    """The six characters that GitHub and npm put behind a token's random part: its CRC-32 in base 62."""
    number, digits = zlib.crc32(body), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(_CHECKSUM, "0").encode()


def crc_holds(token: bytes) -> bool:
    """True for a token whose checksum holds, and for a length that has none that we know."""
    body = token.partition(b"_")[2]
    return len(body) != _CLASSIC or base62_crc(body[:-_CHECKSUM]) == body[-_CHECKSUM:]


def bech32_holds(token: bytes) -> bool:
    """True for a bech32 string whose checksum holds (BIP 173); an age identity is one."""
    prefix, _, tail = token.decode("ascii").lower().rpartition("1")
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + [_BECH32.index(c) for c in tail]
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check == 1


def jwt_header(token: bytes) -> bool:
    """True if the first part is the header of a JWS or JWE: a JSON object with `alg` (RFC 7515 §4.1.1)."""
    first = token.partition(b".")[0]
    if len(first) > _LONGEST_HEADER:
        return True  # nobody writes such a header, and nobody has to look into it
    try:
        header = json.loads(base64.urlsafe_b64decode(first + b"=" * (-len(first) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        return False
    return isinstance(header, dict) and isinstance(header.get("alg"), str)


def entropy(text: bytes) -> float:
    """Shannon's entropy of the bytes, in bits per byte."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values()) if text else 0.0


def looks_random(value: bytes) -> bool:
    """True for what was likely drawn at random: mixed, of high entropy, and no placeholder, number, id or reference."""
    if _PLACEHOLDERS.search(value) or _NUMBER.fullmatch(value) or _UUID.fullmatch(value) or _CALLS.fullmatch(value):
        return False
    mixed = _DIGIT.search(value) and _LETTER.search(value)
    return bool(mixed) and len(set(value)) >= _DISTINCT and entropy(value) >= _ENTROPY


def no_placeholder(value: bytes) -> bool:
    """True unless the value says of itself that it is none."""
    words = {b"password", b"pass", b"passwd", b"secret", b"user", b"pw", b"token"}
    return _PLACEHOLDERS.search(value) is None and value.lower() not in words and len(set(value)) > 2  # noqa: PLR2004 — `***`, `xyx`
