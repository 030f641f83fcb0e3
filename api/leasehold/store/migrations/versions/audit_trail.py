"""the audit trail: places, tree, checkpoints, and what is shut away

Events written before are sealed like all others, in their order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004_audit_trail"
down_revision = "0003_tool_observations"
branch_labels = None
depends_on = None

_FACETS = ("kind", "agent", "on_behalf", "owner", "tool", "lease", "deployment")


def upgrade() -> None:
    """Let events have an origin and content, and make the tables of the trail."""
    _events()
    _seals()
    op.create_table(
        "audit_subtrees",
        _number("level", primary_key=True),
        _number("place", primary_key=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "audit_head",
        _number("id", primary_key=True),
        _number("size"),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "audit_checkpoints",
        _number("size", primary_key=True),
        sa.Column("note", sa.Text(), nullable=False),
        _number("at"),
    )
    op.create_table(
        "audit_cursors",
        _name("name", primary_key=True),
        _number("position"),
        sa.Column("state", sa.Text(), nullable=False),
    )
    _contents()


def _events() -> None:
    op.add_column("audit_events", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("audit_events", sa.Column("trace", sa.Text(), nullable=True))
    op.add_column("audit_events", sa.Column("content", sa.Text(), nullable=True))
    op.add_column("audit_events", sa.Column("unsealed", sa.Boolean(), nullable=False, server_default=sa.true()))
    unsealed = sa.text("unsealed")
    op.create_index(
        "ix_audit_events_unsealed", "audit_events", ["sequence"], postgresql_where=unsealed, sqlite_where=unsealed
    )


def _seals() -> None:
    op.create_table(
        "audit_seals",
        _number("position", primary_key=True),
        _number("sequence"),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        _number("at"),
        *(_name(facet, nullable=True) for facet in _FACETS),
    )
    op.create_index("ix_audit_seals_sequence", "audit_seals", ["sequence"], unique=True)
    op.create_index("ix_audit_seals_at", "audit_seals", ["at", "sequence"])
    for facet in _FACETS:
        op.create_index(f"ix_audit_seals_{facet}", "audit_seals", [facet, "at", "sequence"])


def _contents() -> None:
    op.create_table(
        "audit_contents",
        _name("commitment", primary_key=True),
        _name("subject"),
        sa.Column("sealed", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_contents_subject", "audit_contents", ["subject"])
    op.create_table(
        "audit_content_keys", _name("subject", primary_key=True), sa.Column("sealed", sa.Text(), nullable=False)
    )
    op.create_table(
        "audit_holds",
        _name("name", primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        _name("agent", nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        _number("at"),
    )


def _name(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    by_code_point = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    return sa.Column(name, by_code_point, primary_key=primary_key, nullable=nullable)


def _number(name: str, *, primary_key: bool = False) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, primary_key=primary_key, autoincrement=False, nullable=False)
