"""the first tables

Spelled out here, never taken from the rows: those move on, this step does not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    _objects()
    _history()
    _audit()
    _revocation()
    _leases()
    _tasks()
    _credentials()
    _revocation_stream()
    _people()
    _entities()
    _questions()
    _signals()
    _shared_secrets()
    _clients()
    _workloads()
    _drift()


def _objects() -> None:
    op.create_table(
        "objects",
        _name("kind", primary_key=True),
        _name("name", primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        _name("stack", nullable=True),
        _name("agent", nullable=True),
        _time("expires_at", nullable=True),
        _time("created_at"),
        _time("updated_at"),
        sa.Column("updated_by", sa.Text(), nullable=False),
    )
    op.create_index("ix_objects_agent", "objects", ["agent", "kind"])
    op.create_index("ix_objects_stack", "objects", ["stack", "kind"])
    op.create_index("ix_objects_expiry", "objects", ["kind", "expires_at"])
    op.create_table(
        "object_references",
        _name("kind", primary_key=True),
        _name("name", primary_key=True),
        _name("to_kind", primary_key=True),
        _name("to_name", primary_key=True),
    )
    op.create_index("ix_object_references_target", "object_references", ["to_kind", "to_name"])


def _history() -> None:
    op.create_table(
        "versions",
        _name("kind", primary_key=True),
        _name("name", primary_key=True),
        sa.Column("revision", sa.BigInteger(), primary_key=True, autoincrement=False),
        _name("operation"),
        sa.Column("by", sa.Text(), nullable=False),
        _time("at"),
        _name("stack", nullable=True),
        sa.Column("spec", sa.Text(), nullable=True),
    )
    op.create_table(
        "changes",
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        _name("kind"),
        _name("name"),
        _name("operation"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        _time("at"),
    )


def _audit() -> None:
    counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_events",
        sa.Column("sequence", counter, primary_key=True, autoincrement=True),
        _time("at"),
        sa.Column("principal", sa.Text(), nullable=False),
        _name("action"),
        _name("kind"),
        _name("name"),
        _name("outcome"),
        sa.Column("reason", sa.Text(), nullable=False),
        _name("stack", nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_events_object", "audit_events", ["kind", "name"])


def _revocation() -> None:
    op.create_table(
        "nodes",
        _name("node", primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "bootstrap_token",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        _time("expires_at"),
        _time("consumed_at", nullable=True),
    )


def _revocation_stream() -> None:
    op.create_table(
        "revocations",
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        _name("node"),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_revocations_at", "revocations", ["at"])


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(512), nullable=False),
        sa.Column("agent", sa.String(63), nullable=True),
        sa.Column("deployment", sa.String(63), nullable=True),
        sa.Column("binding", sa.String(63), nullable=False),
        sa.Column("audience", sa.String(2048), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("ancestors", sa.JSON(), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("parent", sa.String(64), nullable=True),
        sa.Column("task", sa.String(128), nullable=True),
        sa.Column("status_list", sa.String(16), nullable=True),
        sa.Column("status_index", sa.Integer(), nullable=True),
    )
    op.create_index("ix_leases_expires_at", "leases", ["expires_at"])
    op.create_index("ix_leases_status", "leases", ["status_list", "status_index"], unique=True)
    op.create_table(
        "replays",
        sa.Column("issuer", sa.String(2048), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_replays_expires_at", "replays", ["expires_at"])


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("agent", sa.String(63), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
    )


def _credentials() -> None:
    op.create_table(
        "external_credentials",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("lease", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(63), nullable=False),
        sa.Column("profile", sa.String(63), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("reference", sa.String(256), nullable=False),
        sa.Column("ending", sa.String(32), nullable=False),
        sa.Column("ancestors", sa.JSON(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("live_until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
    )
    op.create_index("ix_external_credentials_due", "external_credentials", ["state", "next_attempt_at"])
    op.create_index("ix_external_credentials_lease", "external_credentials", ["lease"])


def _people() -> None:
    op.create_table(
        "client_secrets",
        sa.Column("agent", sa.String(63), primary_key=True),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "consents",
        sa.Column("user", sa.String(512), primary_key=True),
        sa.Column("agent", sa.String(63), primary_key=True),
        sa.Column("resource", sa.String(2048), primary_key=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "authorizations",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(63), nullable=False),
        sa.Column("redirect_uri", sa.String(2048), nullable=False),
        sa.Column("challenge", sa.String(128), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("resource", sa.String(2048), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_authorizations_expires_at", "authorizations", ["expires_at"])


def _entities() -> None:
    op.create_table(
        "object_identities",
        _name("kind", primary_key=True),
        _name("type", primary_key=True),
        _name("id", primary_key=True),
        _name("name"),
    )
    op.create_index("ix_object_identities_bearer", "object_identities", ["kind", "name"])
    op.create_table(
        "relations",
        _name("name", primary_key=True),
        _name("subject"),
        _name("relation"),
        _name("object"),
    )
    op.create_index("ix_relations_subject", "relations", ["subject", "name"])
    op.create_index("ix_relations_object", "relations", ["object", "name"])


def _questions() -> None:
    op.create_table(
        "decision_questions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
    )
    op.create_index("ix_decision_questions_at", "decision_questions", ["at"])


def _signals() -> None:
    op.create_table(
        "signal_streams",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("receiver", sa.String(512), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("endpoint", sa.String(2048), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("verification", sa.Text(), nullable=True),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_signal_streams_receiver", "signal_streams", ["receiver"])


def _shared_secrets() -> None:
    op.create_table(
        "shared_secrets",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("secret", sa.Text(), nullable=False),
    )


def _clients() -> None:
    op.create_table(
        "client_names",
        sa.Column("client_id", sa.String(512), primary_key=True),
        sa.Column("agent", sa.String(63), nullable=False),
    )
    op.create_index("ix_client_names_agent", "client_names", ["agent"])
    op.create_table(
        "registered_clients",
        sa.Column("client_id", sa.String(512), primary_key=True),
        sa.Column("agent", sa.String(63), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_registered_clients_agent", "registered_clients", ["agent"])
    op.create_table(
        "registration_tokens",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("agent", sa.String(63), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_registration_tokens_agent", "registration_tokens", ["agent"])


def _workloads() -> None:
    op.create_table(
        "ended_workloads",
        sa.Column("node", sa.String(160), primary_key=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_ended_workloads_ended_at", "ended_workloads", ["ended_at"])
    op.create_table(
        "heartbeats",
        sa.Column("deployment", sa.String(63), primary_key=True),
        sa.Column("ttl", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("missed_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_heartbeats_due_at", "heartbeats", ["due_at"])
    op.create_table(
        "awake",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
    )


def _drift() -> None:
    op.create_index("ix_leases_agent", "leases", ["agent", "expires_at"])
    op.create_table(
        "lease_uses",
        sa.Column("agent", sa.String(63), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("day", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "baselines",
        sa.Column("profile", sa.String(63), primary_key=True),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
    )


def _name(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    by_code_point = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    return sa.Column(name, by_code_point, primary_key=primary_key, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
