"""Hashes of the codes by which people check that their answer is there

Revision 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waiting_receipt",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_waiting_receipt_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_receipt")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_waiting_receipt_wave_id"), "waiting_receipt", ["wave_id"])
    op.create_table(
        "receipt",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_receipt_wave_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_receipt")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_receipt_wave_id"), "receipt", ["wave_id"])


def downgrade() -> None:
    op.drop_table("receipt")
    op.drop_table("waiting_receipt")
