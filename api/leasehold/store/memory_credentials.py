"""Credentials handed out, in memory, on a dict that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import datetime

from leasehold.model.external import EVERY_CREDENTIAL, CredentialFilters, CredentialState, ExternalCredential


class MemoryCredentials:
    """Credentials by id."""

    def __init__(self, credentials: MutableMapping[str, ExternalCredential]) -> None:
        self._credentials = credentials

    def add(self, credential: ExternalCredential) -> None:
        """Remember a credential. Its id must be new."""
        if credential.id in self._credentials:
            raise ValueError("a credential is remembered once")
        self._credentials[credential.id] = credential

    def replace(self, credential: ExternalCredential) -> None:
        """Remember a credential as it is now."""
        if credential.id in self._credentials:
            self._credentials[credential.id] = credential

    def find(self, credential_id: str) -> ExternalCredential | None:
        """The credential with this id."""
        return self._credentials.get(credential_id)

    def due(self, states: frozenset[CredentialState], now: datetime, limit: int) -> Sequence[ExternalCredential]:
        """Credentials in these states whose next look is due, the longest due first."""
        found = [one for one in self._credentials.values() if one.state in states and one.next_attempt_at <= now]
        return sorted(found, key=lambda one: (one.next_attempt_at, one.id))[:limit]

    def list(
        self, *, after: str = "", limit: int, filters: CredentialFilters = EVERY_CREDENTIAL
    ) -> Sequence[ExternalCredential]:
        """Credentials in the order of their ids."""
        found = [one for one in self._credentials.values() if one.id > after and _fits(one, filters)]
        return sorted(found, key=lambda one: one.id)[:limit]

    def forget(self, before: datetime) -> int:
        """Drop credentials of which nothing is left and that were dead before `before`; how many."""
        dead = [i for i, one in self._credentials.items() if _is_gone(one, before)]
        for credential_id in dead:
            del self._credentials[credential_id]
        return len(dead)


def _is_gone(one: ExternalCredential, before: datetime) -> bool:
    return one.state is CredentialState.CLEARED and one.live_until < before


def _fits(one: ExternalCredential, filters: CredentialFilters) -> bool:
    asked = ((filters.agent, one.agent), (filters.profile, one.profile), (filters.lease, one.lease))
    named = all(wanted is None or wanted == found for wanted, found in asked)
    return named and (filters.states is None or one.state in filters.states)
