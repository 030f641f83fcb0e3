"""Client secrets, consents and authorizations under way in SQL, inside the transaction of their connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select
from sqlmodel import SQLModel

from leasehold.model.clients import ClientSecret
from leasehold.model.consents import Consent, Pending, Stage
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.people_rows import ClientSecretRow, ConsentRow, PendingRow
from leasehold.store.tables import upsert

_SECRETS = SQLModel.metadata.tables[str(ClientSecretRow.__tablename__)]
_CONSENTS = SQLModel.metadata.tables[str(ConsentRow.__tablename__)]
_PENDING = SQLModel.metadata.tables[str(PendingRow.__tablename__)]


class SqlClientSecrets:
    """The hash of each agent's one client secret."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, agent: str) -> ClientSecret | None:
        """The secret of an agent, expired or not."""
        row = self._connection.execute(select(_SECRETS).where(_SECRETS.c.agent == agent)).first()
        return _to_secret(row) if row is not None else None

    def put(self, secret: ClientSecret) -> None:
        """Remember a secret instead of the one before."""
        values = {
            "agent": secret.agent,
            "salt": secret.salt,
            "digest": secret.digest,
            "created_at": to_micros(secret.created_at),
            "expires_at": to_micros(secret.expires_at),
        }
        upsert(self._connection, _SECRETS, values)

    def delete(self, agent: str) -> bool:
        """Forget the secret of an agent; whether there was one."""
        return bool(self._connection.execute(delete(_SECRETS).where(_SECRETS.c.agent == agent)).rowcount)


class SqlConsents:
    """What people consented to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, user: str, agent: str, resource: str) -> Consent | None:
        """The one consent of these three, revoked or not."""
        wanted = (_CONSENTS.c.user == user) & (_CONSENTS.c.agent == agent) & (_CONSENTS.c.resource == resource)
        row = self._connection.execute(select(_CONSENTS).where(wanted)).first()
        return _to_consent(row) if row is not None else None

    def put(self, consent: Consent) -> None:
        """Remember a consent instead of the one before."""
        values = {
            "user": consent.user,
            "agent": consent.agent,
            "resource": consent.resource,
            "scopes": sorted(consent.scopes),
            "at": to_micros(consent.at),
            "revoked_at": to_micros(consent.revoked_at) if consent.revoked_at is not None else None,
        }
        upsert(self._connection, _CONSENTS, values)

    def of_user(self, user: str) -> Sequence[Consent]:
        """All of one person, by agent and resource."""
        found = select(_CONSENTS).where(_CONSENTS.c.user == user).order_by(_CONSENTS.c.agent, _CONSENTS.c.resource)
        return [_to_consent(row) for row in self._connection.execute(found)]


class SqlAuthorizations:
    """Authorizations under way, one row per stage."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, pending: Pending) -> None:
        """Remember a stage."""
        values = {
            "digest": pending.digest,
            "stage": pending.stage.value,
            "agent": pending.agent,
            "redirect_uri": pending.redirect_uri,
            "challenge": pending.challenge,
            "state": pending.state,
            "resource": pending.resource,
            "scopes": sorted(pending.scopes),
            "detail": [list(one) for one in pending.detail],
            "expires_at": to_micros(pending.expires_at),
        }
        self._connection.execute(_PENDING.insert().values(values))

    def find(self, digest: str, stage: Stage) -> Pending | None:
        """The stage that a secret leads on from; still there afterwards."""
        row = self._connection.execute(select(_PENDING).where(_named(digest, stage))).first()
        return _to_pending(row) if row is not None else None

    def take(self, digest: str, stage: Stage) -> Pending | None:
        """The stage that a secret leads on from; whoever takes it is the only one."""
        row = self._connection.execute(delete(_PENDING).where(_named(digest, stage)).returning(*_PENDING.c)).first()
        return _to_pending(row) if row is not None else None

    def forget(self, before: datetime) -> int:
        """Drop what expired before `before`; how many."""
        return self._connection.execute(delete(_PENDING).where(_PENDING.c.expires_at < to_micros(before))).rowcount


def _named(digest: str, stage: Stage) -> Any:  # Any: SQLAlchemy's own type of a condition
    return (_PENDING.c.digest == digest) & (_PENDING.c.stage == stage.value)


def _to_secret(row: Row[Any]) -> ClientSecret:  # Any: SQLAlchemy types the columns of a reflected table no further
    return ClientSecret(
        agent=row.agent,
        salt=row.salt,
        digest=row.digest,
        created_at=from_micros(row.created_at),
        expires_at=from_micros(row.expires_at),
    )


def _to_consent(row: Row[Any]) -> Consent:  # Any: same
    return Consent(
        user=row.user,
        agent=row.agent,
        resource=row.resource,
        scopes=frozenset(row.scopes),
        at=from_micros(row.at),
        revoked_at=from_micros(row.revoked_at) if row.revoked_at is not None else None,
    )


def _to_pending(row: Row[Any]) -> Pending:  # Any: same
    return Pending(
        digest=row.digest,
        stage=Stage(row.stage),
        agent=row.agent,
        redirect_uri=row.redirect_uri,
        challenge=row.challenge,
        state=row.state,
        resource=row.resource,
        scopes=frozenset(row.scopes),
        expires_at=from_micros(row.expires_at),
        detail=tuple((name, value) for name, value in row.detail),
    )
