"""Proof that a caller holds a key (RFC 9449): what is known once it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.model.errors import LeaseholdError


class ProofRefused(LeaseholdError):
    """A proof does not prove it. The message names the rule, which the sender can know (RFC 9449 §5)."""

    code = "proof_refused"


@dataclass(frozen=True, slots=True)
class FirstUse:
    """What must not have been used before: a subject token, an assertion, a proof. `expires_at` is its own expiry."""

    issuer: str
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Possession:
    """A checked proof. `key` is the RFC 7638 thumbprint (SHA-256) of the key that made it."""

    key: str
    first_use: FirstUse
