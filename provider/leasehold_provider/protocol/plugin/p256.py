"""The NIST P-256 curve in pure Python: key pairs of one process, and their ECDSA signatures (FIPS 186-5, SEC 1).

Not constant time, and need not be. A key lives for one run of Terraform. That of the certificate signs once, before
anybody can connect (the TLS handshake signs inside OpenSSL). That of the registry token signs once per request; each
scalar is blinded by a fresh multiple of the order, so that how long one took tells of no nonce.
"""

from __future__ import annotations

from hashlib import sha256
from os import urandom

TYPE_CHECKING = False
if TYPE_CHECKING:
    JacobianPoint = tuple[int, int, int]
    AffinePoint = tuple[int, int]

FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
_INFINITY = (1, 1, 0)
_FEW = 4
"""So many multiplications are quicker without a table than with the making of one."""
_BLINDING_BYTES = 4
_ROWS = (32 + _BLINDING_BYTES) * 2


def new_private_key() -> int:
    """Draw a private key; 64 surplus random bits make the bias of the modulus negligible (FIPS 186-5 A.2.1)."""
    return int.from_bytes(urandom(40), "big") % (ORDER - 1) + 1


def public_point(private_key: int) -> tuple[int, int]:
    """Return the affine public point of a key."""
    x, y, z = _base.times(private_key)
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


class _Base:
    """The base point, and a table of its multiples once it is multiplied often: 16^row times 1 to 15."""

    __slots__ = ("rows", "uses")

    def __init__(self) -> None:
        self.uses = 0
        self.rows: list[list[AffinePoint]] | None = None

    def times(self, scalar: int) -> JacobianPoint:
        """Multiply it."""
        self.uses += 1
        if self.uses <= _FEW:
            return _times_base(scalar)
        if self.rows is None:
            self.rows = _table()
        blinded = scalar + ORDER * int.from_bytes(urandom(_BLINDING_BYTES), "big")
        result = _INFINITY
        for row in self.rows:
            if digit := blinded & 15:
                result = _add_affine(result, row[digit - 1])
            blinded >>= 4
        return result


_base = _Base()


def _table() -> list[list[AffinePoint]]:
    points: list[JacobianPoint] = []
    first = _BASE
    for _ in range(_ROWS):
        row = [first]
        for _ in range(14):
            row.append(_add(row[-1], first))
        points += row
        first = _double(row[7])
    affine = _to_affine(points)
    return [affine[at : at + 15] for at in range(0, len(affine), 15)]


def _to_affine(points: list[JacobianPoint]) -> list[AffinePoint]:
    """All of them for one inversion (Montgomery's trick)."""
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % FIELD)
    inverse = pow(products.pop(), -1, FIELD)
    affine = []
    for x, y, z in reversed(points):
        own = inverse * products.pop() % FIELD
        inverse = inverse * z % FIELD
        square = own * own % FIELD
        affine.append((x * square % FIELD, y * square * own % FIELD))
    return affine[::-1]


def _add_affine(left: JacobianPoint, right: AffinePoint) -> JacobianPoint:
    # "madd-2007-bl" (Explicit-Formulas Database).
    if not left[2]:
        return (*right, 1)
    x1, y1, z1 = left
    x2, y2 = right
    z1_square = z1 * z1 % FIELD
    h = (x2 * z1_square - x1) % FIELD
    if not h:
        return _add(left, (x2, y2, 1))
    h_square = h * h % FIELD
    i = 4 * h_square
    j = h * i % FIELD
    r = 2 * (y2 * z1 * z1_square - y1) % FIELD
    v = x1 * i % FIELD
    x3 = (r * r - j - 2 * v) % FIELD
    return x3, (r * (v - x3) - 2 * y1 * j) % FIELD, ((z1 + h) ** 2 - z1_square - h_square) % FIELD


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
