"""What describes a wave beside its figures

Revision 0022, after 0021.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "description",
        sa.Column("run_id", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_code", sa.String(60), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", "position", name=op.f("pk_description")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_description_run_id")),
    )
    op.create_index("ix_description_unit", "description", ["run_id", "unit_code"])


def downgrade() -> None:
    op.drop_table("description")
