"""A key of the caller's own, in a file that nobody else may read, and proofs that the caller holds it (RFC 9449).

The libraries come in where they are needed: most commands hold no key, and start sooner without.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import tempfile
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

DpopKey = Annotated[
    Path | None,
    typer.Option(
        "--dpop-key",
        help="File with a private key (EC P-256, PEM, mode 0600), made if there is none: the token is bound to it.",
    ),
]
HeldKey = Annotated[
    Path | None, typer.Option("--dpop-key", help="File with the private key that the token is bound to.")
]
_ALGORITHM = "ES256"
_CURVE = "secp256r1"
_LONGEST = 16_384
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class ProofKey:
    """One private key, never shown."""

    _private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517), with the members that make the thumbprint and no other."""
        from jwt.algorithms import ECAlgorithm  # noqa: PLC0415

        whole = ECAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {name: whole[name] for name in ("crv", "kty", "x", "y")}

    @property
    def thumbprint(self) -> str:
        """What a bound token names in `cnf.jkt` (RFC 7638)."""
        return _digest(json.dumps(self.jwk, separators=(",", ":"), sort_keys=True))

    def proof(self, method: str, url: str, *, token: str | None = None, nonce: str | None = None) -> str:
        """A proof for one request, with one token if that is presented (RFC 9449 §4.2). Good once, for a minute."""
        import jwt  # noqa: PLC0415

        claims = {"htm": method, "htu": url.partition("#")[0].partition("?")[0], "jti": secrets.token_urlsafe(16)}
        ath = {"ath": _digest(token)} if token is not None else {}
        wanted = {"nonce": nonce} if nonce is not None else {}
        head = {"typ": "dpop+jwt", "jwk": self.jwk}
        said = {**claims, "iat": int(time.time()), **ath, **wanted}
        return jwt.encode(said, self._private, _ALGORITHM, headers=head)


def held_key(path: Path) -> ProofKey:
    """The key in a file. Raises `Failure`: a new key would prove nothing of a token that is bound to another."""
    try:
        return _loaded(path)
    except FileNotFoundError:
        raise Failure("there is no key", where=visible(path)) from None
    except OSError as error:
        raise Failure(f"the key cannot be read ({error.strerror})", where=visible(path)) from None


def held_or_made_key(path: Path) -> ProofKey:
    """The key in a file, which is made if there is none. Raises `Failure`."""
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise Failure(f"no key can be made ({error.strerror})", where=visible(path)) from None
    return held_key(path)


def _loaded(path: Path) -> ProofKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode) or mode & _OTHERS:
            raise Failure(
                "others on this machine could read the key",
                where=visible(path),
                next_step=f"chmod 600 {visible(path)}, or a new key if they might have",
            )
        pem = file.read(_LONGEST)
    try:
        private = load_pem_private_key(pem, None)
    except (ValueError, TypeError):  # TypeError: it wants a password
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != _CURVE:
        raise Failure("is not an EC P-256 private key in PEM, without a password", where=visible(path))
    return ProofKey(private)


def _make(path: Path) -> None:
    """Write a new key. Whole, and for its owner alone from the first byte on; of two that try at once, one does."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".dpop-")  # created 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)
    except FileExistsError:
        pass  # the other one's key is as good
    finally:
        Path(temporary).unlink()


def _digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
