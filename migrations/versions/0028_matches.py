"""Answers of people who agreed to be compared with a check call wait sealed, beside as many empty pieces

Revision 0028, after 0027.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

LONGER, SHORTER = sa.String(length=330), sa.String(length=280)


def upgrade() -> None:
    op.create_table(
        "waiting_match",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_waiting_match_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_match")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_waiting_match_wave_id"), "waiting_match", ["wave_id"])
    if op.get_bind().dialect.name == "postgresql":
        for column in ("id", "sealed"):  # no values of them in the planner's statistics
            op.execute(f"ALTER TABLE waiting_match ALTER COLUMN {column} SET STATISTICS 0")
    with op.batch_alter_table("recontact_tally") as batch:
        batch.alter_column("about", existing_type=SHORTER, type_=LONGER, existing_nullable=False)


def downgrade() -> None:
    op.execute("DELETE FROM recontact_tally WHERE about LIKE 'same:%'")
    with op.batch_alter_table("recontact_tally") as batch:
        batch.alter_column("about", existing_type=LONGER, type_=SHORTER, existing_nullable=False)
    op.drop_table("waiting_match")
