"""Printed sheets, and how many of a class have one

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paper_sheet",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.LargeBinary(), nullable=True),
        sa.Column("second", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state in ('printed','once','differ','done','overtaken')", name=op.f("ck_paper_sheet_state")
        ),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_paper_sheet_wave_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_paper_sheet")),
        sa.UniqueConstraint("number_mark", name=op.f("uq_paper_sheet_number_mark")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_paper_sheet_wave_id"), "paper_sheet", ["wave_id"])
    op.add_column("class_cell", sa.Column("printed", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("class_cell") as table:  # the program states the number itself
        table.alter_column("printed", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("class_cell") as table:
        table.drop_column("printed")
    op.drop_table("paper_sheet")
