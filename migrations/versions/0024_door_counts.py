"""Forms counted at the doors they come in by

Revision 0024, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reservation", sa.Column("begun_at", sa.DateTime(), nullable=True))
    op.create_table(
        "door_count",
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("collector", sa.String(80), nullable=False),
        sa.Column("counter", sa.String(8), nullable=False),
        sa.Column("bin", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("wave_id", "kind", "collector", "counter", "bin", name=op.f("pk_door_count")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_door_count_wave_id")),
        sa.CheckConstraint("number >= 0 and bin >= 0", name=op.f("ck_door_count_number")),
        sa.CheckConstraint("counter in ('hour','gap','speed')", name=op.f("ck_door_count_counter")),
    )


def downgrade() -> None:
    op.drop_table("door_count")
    with op.batch_alter_table("reservation") as table:
        table.drop_column("begun_at")
