"""Counts of cells and days for the board, and releases of the drawn sample

Revision 0016, after 0015.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COUNTED = """
insert into cell_count (wave_id, cell, event, number)
select found.wave_id, found.cell, 'completed', count(*)
from (
    select wave_id, class_code as cell from answer where mode in ('link', 'paper', 'interviewer')
    union all select wave_id, cell from spooled where kind = 'answer'
) found
join class_cell on class_cell.wave_id = found.wave_id and class_cell.class_code = found.cell
where class_cell.unit_code is not null
group by found.wave_id, found.cell
"""


def upgrade() -> None:
    op.create_table(
        "cell_count",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("cell", sa.String(length=60), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.CheckConstraint("number >= 0", name=op.f("ck_cell_count_number")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_cell_count_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "cell", "event", name=op.f("pk_cell_count")),
    )
    op.create_table(
        "day_count",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("cell", sa.String(length=60), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.CheckConstraint("completed >= 0", name=op.f("ck_day_count_completed")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_day_count_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "cell", "day", name=op.f("pk_day_count")),
    )
    op.create_table(
        "replicate",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("advice", sa.JSON(), nullable=False),
        sa.Column("advised_at", sa.DateTime(), nullable=False),
        sa.Column("advised_by", sa.String(length=254), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=True),
        sa.Column("released_by", sa.String(length=254), nullable=True),
        sa.CheckConstraint("state in ('advised','released','overtaken')", name=op.f("ck_replicate_state")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_replicate_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replicate")),
    )
    op.create_index(op.f("ix_replicate_wave_id"), "replicate", ["wave_id"])
    op.add_column("class_cell", sa.Column("reachable", sa.Integer(), nullable=False, server_default="0"))
    op.execute("update class_cell set reachable = invited")
    with op.batch_alter_table("class_cell") as table:  # the program states the number itself
        table.alter_column("reachable", server_default=None)
    op.add_column("message", sa.Column("cell", sa.String(length=60), nullable=True))
    op.execute(COUNTED)


def downgrade() -> None:
    op.drop_column("message", "cell")
    with op.batch_alter_table("class_cell") as table:
        table.drop_column("reachable")
    op.drop_table("replicate")
    op.drop_table("day_count")
    op.drop_table("cell_count")
