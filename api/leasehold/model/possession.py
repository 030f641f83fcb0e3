"""Proof that a caller holds a key (RFC 9449): what is known once it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.model.errors import LeaseholdError

PROOF_ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"})
"""What a proof may be signed with (RFC 9449 §4.3)."""
PROOF_ALGS = " ".join(sorted(PROOF_ALGORITHMS))
"""The same as a challenge names them (RFC 9449 §7.1)."""


class ProofRefused(LeaseholdError):
    """A proof does not prove it. The message names the rule, which the sender can know (RFC 9449 §5)."""

    code = "proof_refused"


class NonceWanted(ProofRefused):
    """A proof lacks the nonce of this time (RFC 9449 §8). `nonce` is the one to use."""

    code = "nonce_wanted"

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        super().__init__("use the nonce of the DPoP-Nonce header")


class Unproven(LeaseholdError):
    """A token came to us as a resource with a proof that does not prove it (RFC 9449 §7.1)."""

    code = "unproven"


class UnprovenNonce(Unproven):
    """The same, and only for want of a nonce (RFC 9449 §9). `nonce` is the one to use."""

    code = "unproven_nonce"

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        super().__init__("use the nonce of the DPoP-Nonce header")


@dataclass(frozen=True, slots=True)
class FirstUse:
    """What must not have been used before: a subject token, an assertion, a proof. `expires_at` is its own expiry."""

    issuer: str
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Possession:
    """A checked proof. `key` is the RFC 7638 thumbprint (SHA-256) of the key that made it.

    `next_nonce`: to be used from now on, where the one of the proof will not do much longer (RFC 9449 §8.2).
    """

    key: str
    first_use: FirstUse
    next_nonce: str | None = None
