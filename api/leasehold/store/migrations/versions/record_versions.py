"""records of the trail say whom they are about: which form of a record was hashed

Events that were sealed before stay as they were hashed, in the form of then.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005_record_versions"
down_revision = "0004_audit_trail"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember the form of each record."""
    op.add_column("audit_seals", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
