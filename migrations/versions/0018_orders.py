"""What a random order of items did to answers

Revision 0018, after 0017.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_count",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.CheckConstraint("place > 0 and answers > 0", name=op.f("ck_order_count_counts")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_order_count_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "item", "place", "value", name=op.f("pk_order_count")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("order_count")
