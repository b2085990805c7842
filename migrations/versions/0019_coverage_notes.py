"""Signed coverage notes of frames

Revision 0019, after 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frame_note",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("signer", sa.String(254), nullable=False),
        sa.Column("document", sa.String(300), nullable=True),
        sa.Column("signed_at", sa.DateTime(), nullable=False),
        sa.Column("signed_as", sa.String(254), nullable=False),
        sa.Column("frame_digest", sa.String(64), nullable=False),
        sa.Column("coverage", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_note")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_frame_note_wave_id")),
    )
    op.create_index(op.f("ix_frame_note_wave_id"), "frame_note", ["wave_id"])


def downgrade() -> None:
    op.drop_table("frame_note")
