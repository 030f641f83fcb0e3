"""Who calls about what belongs to people: a person with an identity token of theirs, or a platform principal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.people import Person, authenticate_bearer
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.exchange.views import Views
from leasehold.model.errors import Unauthenticated
from leasehold.model.principal import Principal
from leasehold.model.tokens import TokenRefused, UnverifiedToken


@dataclass(frozen=True, slots=True)
class Persons:
    """Finds out."""

    callers: RegistryTokens
    verifier: SubjectTokenVerifier
    views: Views

    async def authenticate(self, bearer: str, now: datetime, key: str | None = None) -> Principal | Person:
        """Who presents this token; `key` is the one it was proved with. Raises `Unauthenticated`, `Unavailable`."""
        try:
            return await asyncio.to_thread(self.callers.authenticate, bearer, now, key)
        except Unauthenticated:
            if key is not None:  # a person's identity token is bound to no key
                raise
        await self.views.refresh(self.views.pieces)
        issuers = await self.views.issuers(self.views.pieces)
        try:
            return await authenticate_bearer(UnverifiedToken(bearer), issuers, self.verifier, now)
        except TokenRefused as refused:
            raise Unauthenticated("the bearer token was not accepted") from refused
