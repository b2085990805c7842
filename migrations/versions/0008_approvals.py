"""Approvals of two agencies

Revision 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("agency", sa.String(length=300), nullable=False),
        sa.Column("rated", sa.Boolean(), nullable=False),
        sa.Column("document", sa.String(length=300), nullable=False),
        sa.Column("given_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_approval_digest")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_approval_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint("subject", "digest", "account_id", name=op.f("uq_approval_subject_digest_account_id")),
        sa.UniqueConstraint("subject", "digest", "agency", name=op.f("uq_approval_subject_digest_agency")),
    )
    op.create_index(op.f("ix_approval_account_id"), "approval", ["account_id"])


def downgrade() -> None:
    op.drop_table("approval")
