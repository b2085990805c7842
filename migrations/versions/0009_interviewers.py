"""Interviewers' lists, counts of how it went, and how many of a class are on a list

Revision 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OUTCOMES = "'pending','callback','complete','partial','refused','no_contact','unable','not_found','not_eligible'"


def upgrade() -> None:
    op.create_table(
        "assignment",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_assignment_wave_id")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_assignment_account_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_assignment")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_assignment_wave_id"), "assignment", ["wave_id"])
    op.create_index(op.f("ix_assignment_account_id"), "assignment", ["account_id"])
    op.create_table(
        "field_tally",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("people >= 0 and attempts >= 0", name=op.f("ck_field_tally_counts")),
        sa.CheckConstraint(f"outcome in ({OUTCOMES})", name=op.f("ck_field_tally_outcome")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_field_tally_wave_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_field_tally_unit_code")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_field_tally_account_id")),
        sa.PrimaryKeyConstraint("wave_id", "unit_code", "account_id", "outcome", name=op.f("pk_field_tally")),
    )
    op.add_column("class_cell", sa.Column("assigned", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("class_cell") as table:  # the program states the number itself
        table.alter_column("assigned", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("class_cell") as table:
        table.drop_column("assigned")
    op.drop_table("field_tally")
    op.drop_table("assignment")
