"""Seals of index sheets

Revision 0026, after 0025.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "index_seal",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("sheet_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.LargeBinary(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(), nullable=False),
        sa.Column("sealed_by", sa.String(254), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_seal")),
        sa.ForeignKeyConstraint(["sheet_id"], ["index_sheet.id"], name=op.f("fk_index_seal_sheet_id")),
        sa.ForeignKeyConstraint(["run_id"], ["index_run.id"], name=op.f("fk_index_seal_run_id")),
        sa.UniqueConstraint("sheet_id", "number", name=op.f("uq_index_seal_sheet_id_number")),
        sa.CheckConstraint("(number = 1) = (reason is null)", name=op.f("ck_index_seal_reason")),
    )
    op.create_table(
        "index_seal_part",
        sa.Column("seal_id", sa.LargeBinary(16), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seal_id", "position", name=op.f("pk_index_seal_part")),
        sa.ForeignKeyConstraint(["seal_id"], ["index_seal.id"], name=op.f("fk_index_seal_part_seal_id")),
    )


def downgrade() -> None:
    op.drop_table("index_seal_part")
    op.drop_table("index_seal")
