"""connections of people and of the organisation at tool servers

Spelled out here, never taken from the rows: those move on, this step does not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002_connections"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "connections",
        sa.Column("holder", sa.String(512), primary_key=True),
        sa.Column("tool_server", sa.String(63), primary_key=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(2048), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("ancestors", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("broken", sa.Boolean(), nullable=False),
        *_envelope(nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_connections_id", "connections", ["id"], unique=True)
    op.create_table(
        "connection_promotions",
        sa.Column("agent", sa.String(63), primary_key=True),
        sa.Column("tool_server", sa.String(63), primary_key=True),
        sa.Column("connection", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(512), nullable=False),
        sa.Column("agent_since", sa.BigInteger(), nullable=False),
        sa.Column("promoted_at", sa.BigInteger(), nullable=False),
        sa.Column("promoted_by", sa.Text(), nullable=False),
        sa.Column("justification", sa.Text(), nullable=False),
    )
    op.create_index("ix_connection_promotions_connection", "connection_promotions", ["connection"])
    op.create_table(
        "connection_endings",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("connection", sa.Text(), nullable=False),
        *_envelope(nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
    )
    op.create_index("ix_connection_endings_due", "connection_endings", ["next_attempt_at"])
    op.create_table(
        "upstream_clients",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        *_envelope(nullable=True),
    )


def _envelope(*, nullable: bool) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in ("key_id", "wrapped_key", "sealed")]
