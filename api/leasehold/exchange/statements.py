"""Software statements (RFC 7591 §2.3): a trust issuer vouches for a client, and its binding says of which agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.subjects import authenticate_statement
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.exchange.selection import choose_agent
from leasehold.exchange.views import Views
from leasehold.model.tokens import TokenRefused, UnverifiedToken
from leasehold.policy.registering import RegistrationPermit, decide_by_statement


@dataclass(frozen=True, slots=True)
class Vouched:
    """A client may register; `said` stands above what it says of itself."""

    permit: RegistrationPermit
    said: Mapping[str, object] = field(repr=False)


class Statements:
    """Reads software statements. `issuer` is their one audience."""

    def __init__(self, *, issuer: str, verifier: SubjectTokenVerifier, views: Views) -> None:
        self._issuer = issuer
        self._verifier = verifier
        self._views = views

    async def vouched(self, statement: UnverifiedToken, now: datetime) -> Vouched:
        """Whom it vouches for. Raises `ExchangeRefused`, whatever is wrong with it; `Unavailable`."""
        await self._views.refresh(self._views.pieces)  # a binding that was taken away just now is none
        pieces = self._views.pieces
        issuers = await self._views.issuers(pieces)
        try:
            subject = await authenticate_statement(
                statement, issuers, audience=self._issuer, verifier=self._verifier, now=now
            )
        except TokenRefused as refused:
            raise ExchangeRefused(refused.flaw) from refused
        view = await self._views.bindings(pieces, subject.trust_issuer)
        name, binding = choose_agent(view.bindings, subject, None)
        return Vouched(decide_by_statement(name, binding), subject.verified.claims)
