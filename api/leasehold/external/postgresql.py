"""A PostgreSQL login per lease: made with a password nobody chose, ended by NOLOGIN and the end of its sessions.

Every identifier is quoted by the driver. The administrator's connection string is a secret of this server.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict

from leasehold.model.credentials import PostgresqlLogin
from leasehold.model.errors import Unavailable
from leasehold.model.external import ExternalCredential, Minted, MintRefused, Order, StillLive

_CONNECT_SECONDS = 5
_STATEMENT_MS = 5000
_PASSWORD_BYTES = 32
_TERMINATE = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s"
_EXISTS = "SELECT 1 FROM pg_roles WHERE rolname = %s"
_POWERFUL = (
    "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
    " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
)


@dataclass(frozen=True, slots=True)
class PostgresqlSource:
    """`find_secret` gives the administrator's connection string; raises `MintRefused`."""

    find_secret: Callable[[str], str]

    async def mint(self, order: Order) -> Minted:
        """The login. Raises `MintRefused` if the database said no: the transaction left nothing behind."""
        return await asyncio.to_thread(self._mint, order)

    def kill(self, credential: ExternalCredential, ends_with: str | None) -> None:  # noqa: ARG002  the port's words
        """Let nobody in, then throw out who is in. Raises `StillLive`."""
        role = credential.reference
        with self._killing(credential) as connection:
            if not _exists(connection, role):
                return
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            connection.commit()  # before sessions end: none can be followed by another
            connection.execute(_TERMINATE, (role,))

    def clear(self, credential: ExternalCredential) -> None:
        """Drop the login; what it made goes to the administrator. Raises `StillLive`."""
        role = sql.Identifier(credential.reference)
        with self._killing(credential) as connection:
            if not _exists(connection, credential.reference):
                return
            connection.execute(_TERMINATE, (credential.reference,))
            for statement in ("REASSIGN OWNED BY {} TO CURRENT_USER", "DROP OWNED BY {}", "DROP ROLE {}"):
                connection.execute(sql.SQL(statement).format(role))

    def _mint(self, order: Order) -> Minted:
        target = _target(order.spec.postgresql)
        dsn = self.find_secret(target.dsn)
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        try:
            connection = _connect(dsn)
        except psycopg.Error as error:  # its message names hosts and users
            raise MintRefused(f"PostgreSQL let the administrator not in: {_state(error)}") from None
        try:
            with connection:
                _create(connection, order, target, password)
                secret = _login(connection, order.reference, password, target.schema)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:  # perhaps after it was committed
            raise Unavailable(f"PostgreSQL did not answer: {_state(error)}") from None
        except psycopg.Error as error:
            raise MintRefused(f"PostgreSQL refused the login: {_state(error)}") from None
        return Minted(secret=secret, live_until=order.lease_ends)

    @contextmanager
    def _killing(self, credential: ExternalCredential) -> Iterator[Connection]:
        try:
            with _connect(self.find_secret(_target(credential.spec.postgresql).dsn)) as connection:
                yield connection
        except psycopg.Error as error:
            raise StillLive(f"PostgreSQL did not do it: {_state(error)}") from None


def _connect(dsn: str) -> Connection:
    options = f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_STATEMENT_MS}"
    return psycopg.connect(dsn, connect_timeout=_CONNECT_SECONDS, options=options)


def _create(connection: Connection, order: Order, target: PostgresqlLogin, password: str) -> None:
    role = sql.Identifier(order.reference)
    if powerful := connection.execute(_POWERFUL, (sorted(target.roles),)).fetchall():
        raise MintRefused(f"PostgreSQL role `{powerful[0][0]}` may do more than any agent should")
    create = "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT PASSWORD {} VALID UNTIL {}"
    # Only a verifier travels (RFC 5802 §3): the database's own log may show every statement.
    verifier = connection.pgconn.encrypt_password(password.encode(), order.reference.encode(), b"scram-sha-256")
    until = sql.Literal(order.lease_ends.isoformat())
    connection.execute(sql.SQL(create).format(role, sql.Literal(verifier.decode()), until))
    # What only a member may do to a role, the administrator needs later: end its sessions, take its objects.
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    for inherited in sorted(target.roles):
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(inherited), role))
    if target.schema is not None:
        _grant_schema(connection, role, sql.Identifier(target.schema), target)


def _grant_schema(
    connection: Connection, role: sql.Identifier, schema: sql.Identifier, target: PostgresqlLogin
) -> None:
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
    connection.execute(sql.SQL("ALTER ROLE {} SET search_path = {}").format(role, schema))
    for privilege in sorted(target.privileges):  # words of an enumeration, not of a caller
        grant = sql.SQL("GRANT {} ON ALL TABLES IN SCHEMA {} TO {}")
        connection.execute(grant.format(sql.SQL(privilege.value.upper()), schema, role))


def _login(connection: Connection, role: str, password: str, schema: str | None) -> dict[str, str]:
    found = connection.info
    login = {"host": found.host, "port": str(found.port), "dbname": found.dbname, "user": role, "password": password}
    # The administrator's options of TLS hold for the agent as well; its user, password and files do not.
    shared = conninfo_to_dict(found.dsn)
    login |= {key: str(shared[key]) for key in ("sslmode", "channel_binding") if key in shared}
    return login if schema is None else {**login, "schema": schema}


def _exists(connection: Connection, role: str) -> bool:
    return connection.execute(_EXISTS, (role,)).fetchone() is not None


def _state(error: psycopg.Error) -> str:
    return f"{type(error).__name__} {error.sqlstate or ''}".strip()


def _target(target: PostgresqlLogin | None) -> PostgresqlLogin:
    if target is None:
        raise MintRefused("the profile is not of PostgreSQL")
    return target
