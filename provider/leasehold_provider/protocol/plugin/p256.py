"""The NIST P-256 curve in pure Python: one key pair and one ECDSA signature per process (FIPS 186-5, SEC 1).

Not constant time, and need not be: the key lives for one run of Terraform, signs one certificate before anybody can
connect, and never again here (the TLS handshake signs inside OpenSSL).
"""

from __future__ import annotations

from hashlib import sha256
from os import urandom

TYPE_CHECKING = False
if TYPE_CHECKING:
    JacobianPoint = tuple[int, int, int]

FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
_INFINITY = (1, 1, 0)


def new_private_key() -> int:
    """Draw a private key; 64 surplus random bits make the bias of the modulus negligible (FIPS 186-5 A.2.1)."""
    return int.from_bytes(urandom(40), "big") % (ORDER - 1) + 1


def public_point(private_key: int) -> tuple[int, int]:
    """Return the affine public point of a key."""
    x, y, z = _times_base(private_key)
    inverse = pow(z, -1, FIELD)
    square = inverse * inverse % FIELD
    return x * square % FIELD, y * square * inverse % FIELD


def sign(private_key: int, message: bytes) -> tuple[int, int]:
    """Return an ECDSA signature (r, s) over SHA-256 of the message."""
    digest = int.from_bytes(sha256(message).digest(), "big")
    while True:
        nonce = new_private_key()
        r = public_point(nonce)[0] % ORDER
        s = pow(nonce, -1, ORDER) * (digest + r * private_key) % ORDER
        if r and s:
            return r, s


def _double(point: JacobianPoint) -> JacobianPoint:
    # "dbl-2001-b" for a = -3 (Explicit-Formulas Database).
    x, y, z = point
    delta = z * z % FIELD
    gamma = y * y % FIELD
    beta = x * gamma % FIELD
    alpha = 3 * (x - delta) * (x + delta) % FIELD
    x3 = (alpha * alpha - 8 * beta) % FIELD
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % FIELD, ((y + z) ** 2 - gamma - delta) % FIELD


def _add(left: JacobianPoint, right: JacobianPoint) -> JacobianPoint:
    # "add-2007-bl" (Explicit-Formulas Database).
    if not left[2]:
        return right
    if not right[2]:
        return left
    x1, y1, z1 = left
    x2, y2, z2 = right
    z1_square, z2_square = z1 * z1 % FIELD, z2 * z2 % FIELD
    u1, s1 = x1 * z2_square % FIELD, y1 * z2 * z2_square % FIELD
    h = (x2 * z1_square - u1) % FIELD
    r = 2 * (y2 * z1 * z1_square - s1) % FIELD
    if not h:
        return _double(left) if not r else _INFINITY
    i = 4 * h * h % FIELD
    j = h * i % FIELD
    v = u1 * i % FIELD
    x3 = (r * r - j - 2 * v) % FIELD
    z3 = ((z1 + z2) ** 2 - z1_square - z2_square) * h % FIELD
    return x3, (r * (v - x3) - 2 * s1 * j) % FIELD, z3


def _times_base(scalar: int) -> JacobianPoint:
    """Multiply the base point, four bits at a time."""
    multiples = [_INFINITY, _BASE]
    for _ in range(14):
        multiples.append(_add(multiples[-1], _BASE))
    result = _INFINITY
    for shift in range(252, -1, -4):
        result = _double(_double(_double(_double(result))))
        result = _add(result, multiples[scalar >> shift & 15])
    return result
