"""Access tokens of agents as credentials of the control plane, where an agent ends what is its own and no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.ports import LeaseReader, OwnTokenVerifier
from leasehold.authn.registry_tokens import check_holder, lease_id_of, live_leases, own_profile
from leasehold.model.errors import Unauthenticated
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken

_REFUSED = "the bearer token was not accepted"


@dataclass(frozen=True, slots=True)
class ActingAgent:
    """An agent that presents a live token of its own; `lease` is the lease behind it."""

    agent: str
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCallers:
    """Authenticates agents by a token for any tool server: giving up access needs no more than having it."""

    issuer: str
    verifier: OwnTokenVerifier
    leases: LeaseReader

    def authenticate(self, token: str, now: datetime, key: str | None = None) -> ActingAgent:
        """Which agent presents this token, having proved to hold `key`.

        Raises `Unauthenticated`, whatever is wrong with it; `Unavailable`.
        """
        try:
            lease_id = self._verify(token, now, key)
        except TokenRefused as refused:
            raise Unauthenticated(_REFUSED) from refused
        with self.leases.read() as states:
            lease = live_leases(states, (lease_id,), now).get(lease_id)
        if lease is None or lease.agent is None:
            raise Unauthenticated(_REFUSED) from TokenRefused(Flaw.LEASE_ENDED)
        return ActingAgent(lease.agent, lease.id)

    def _verify(self, token: str, now: datetime, key: str | None) -> str:
        verified = self.verifier.verify(UnverifiedToken(token), own_profile(self.issuer, None), now)
        check_holder(verified, key)
        return lease_id_of(verified)
