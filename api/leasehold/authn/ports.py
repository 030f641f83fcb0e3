"""What authentication needs of the world: signatures verified, and the state that a lease hangs on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.leases import Lease, Node
from leasehold.model.possession import Possession
from leasehold.model.tokens import TokenProfile, UnverifiedClaims, UnverifiedToken, VerifiedClaims
from leasehold.model.trust import TrustIssuer


class SubjectTokenVerifier(Protocol):
    """Verifies tokens of trust issuers with the issuer's own keys. Raises `TokenRefused`."""

    def read(self, unverified_token: UnverifiedToken) -> UnverifiedClaims: ...
    async def verify(
        self, unverified_claims: UnverifiedClaims, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims: ...


class OwnTokenVerifier(Protocol):
    """Verifies access tokens that this registry issued. Raises `TokenRefused`."""

    def verify(self, unverified_token: UnverifiedToken, profile: TokenProfile, now: datetime) -> VerifiedClaims: ...


class ProofVerifier(Protocol):
    """Checks proofs of possession for one request and, if given, one token. Raises `ProofRefused`."""

    def check(
        self, proof: UnverifiedToken, method: str, url: str, now: datetime, token: str | None = None
    ) -> Possession: ...


class Nodes(Protocol):
    """Generations of the revocation tree."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...


class Leases(Protocol):
    """Leases by id."""

    def find_all(self, lease_ids: Iterable[str]) -> Mapping[str, Lease]: ...


class LeaseStates(Protocol):
    """One consistent look at leases and nodes."""

    @property
    def nodes(self) -> Nodes: ...
    @property
    def leases(self) -> Leases: ...


class LeaseReader(Protocol):
    """Opens such a look. Raises `Unavailable`."""

    def read(self) -> AbstractContextManager[LeaseStates]: ...
