"""Top-ups at a counter: an interval, a random start, and counts

Revision 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
COUNTS = ("every", "start", "visitors", "chosen", "refused", "not_eligible", "completed")


def upgrade() -> None:
    op.create_table(
        "top_up",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("point_of_service", sa.String(length=60), nullable=True),
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.CheckConstraint("every >= 1 and start >= 1 and start <= every", name=op.f("ck_top_up_interval")),
        sa.CheckConstraint(
            "refused + not_eligible + completed <= chosen and chosen <= visitors", name=op.f("ck_top_up_counts")
        ),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_top_up_wave_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_top_up_unit_code")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_top_up_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_up")),
    )
    op.create_index(op.f("ix_top_up_wave_id"), "top_up", ["wave_id"])
    op.create_index(op.f("ix_top_up_account_id"), "top_up", ["account_id"])


def downgrade() -> None:
    op.drop_table("top_up")
