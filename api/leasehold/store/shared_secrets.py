"""What servers on one database share: made by the first who asks, the same for all."""

from __future__ import annotations

from collections.abc import MutableMapping

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from leasehold.store.secret_rows import SharedSecretRow
from leasehold.store.tables import insert

_TABLE = SQLModel.metadata.tables[str(SharedSecretRow.__tablename__)]


class SqlSharedSecrets:
    """Secrets by name, in SQL."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def agree(self, name: str, proposed: str) -> str:
        """The secret of this name; `proposed` if there was none."""
        proposal = insert(self._connection, _TABLE).values(name=name, secret=proposed).on_conflict_do_nothing()
        self._connection.execute(proposal)
        return str(self._connection.execute(select(_TABLE.c.secret).where(_TABLE.c.name == name)).scalar_one())


class MemorySharedSecrets:
    """Secrets by name, in memory."""

    def __init__(self, secrets: MutableMapping[str, str]) -> None:
        self._secrets = secrets

    def agree(self, name: str, proposed: str) -> str:
        """The secret of this name; `proposed` if there was none."""
        return self._secrets.setdefault(name, proposed)
