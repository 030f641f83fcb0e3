"""Client secrets, consents and authorizations under way in memory, on dicts that the unit of work owns."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import datetime

from leasehold.model.clients import ClientSecret
from leasehold.model.consents import Consent, Pending, Stage


class MemoryClientSecrets:
    """The hash of each agent's one client secret."""

    def __init__(self, secrets: MutableMapping[str, ClientSecret]) -> None:
        self._secrets = secrets

    def find(self, agent: str) -> ClientSecret | None:
        """The secret of an agent, expired or not."""
        return self._secrets.get(agent)

    def put(self, secret: ClientSecret) -> None:
        """Remember a secret instead of the one before."""
        self._secrets[secret.agent] = secret

    def delete(self, agent: str) -> bool:
        """Forget the secret of an agent; whether there was one."""
        return self._secrets.pop(agent, None) is not None


class MemoryConsents:
    """What people consented to."""

    def __init__(self, consents: MutableMapping[tuple[str, str, str], Consent]) -> None:
        self._consents = consents

    def find(self, user: str, agent: str, resource: str) -> Consent | None:
        """The one consent of these three, revoked or not."""
        return self._consents.get((user, agent, resource))

    def put(self, consent: Consent) -> None:
        """Remember a consent instead of the one before."""
        self._consents[consent.user, consent.agent, consent.resource] = consent

    def of_user(self, user: str) -> Sequence[Consent]:
        """All of one person, by agent and resource."""
        return [self._consents[key] for key in sorted(self._consents) if key[0] == user]


class MemoryAuthorizations:
    """Authorizations under way, one entry per stage."""

    def __init__(self, pending: MutableMapping[str, Pending]) -> None:
        self._pending = pending

    def add(self, pending: Pending) -> None:
        """Remember a stage."""
        if pending.digest in self._pending:
            raise ValueError("a stage is remembered once")
        self._pending[pending.digest] = pending

    def find(self, digest: str, stage: Stage) -> Pending | None:
        """The stage that a secret leads on from; still there afterwards."""
        found = self._pending.get(digest)
        return found if found is not None and found.stage is stage else None

    def take(self, digest: str, stage: Stage) -> Pending | None:
        """The stage that a secret leads on from; whoever takes it is the only one."""
        found = self.find(digest, stage)
        if found is not None:
            del self._pending[digest]
        return found

    def forget(self, before: datetime) -> int:
        """Drop what expired before `before`; how many."""
        gone = [digest for digest, pending in self._pending.items() if pending.expires_at < before]
        for digest in gone:
            del self._pending[digest]
        return len(gone)
