"""Who is called for a check of the field work, and what the calls gave

Revision 0017, after 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recontact",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_recontact_wave_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_recontact")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_recontact_wave_id"), "recontact", ["wave_id"])
    op.create_table(
        "recontact_tally",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("about", sa.String(length=280), nullable=False),
        sa.Column("word", sa.String(length=20), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.CheckConstraint("people >= 0", name=op.f("ck_recontact_tally_people")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_recontact_tally_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "about", "word", name=op.f("pk_recontact_tally")),
    )


def downgrade() -> None:
    op.drop_table("recontact_tally")
    op.drop_table("recontact")
