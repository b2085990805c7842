"""Dossier lists that were sent by a page, until they are read, and what was found in them

Revision 0023, after 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frame_upload",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.Column("uploaded_by", sa.String(254), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("is_trial", sa.Boolean(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_upload")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_frame_upload_wave_id")),
    )
    op.create_index(op.f("ix_frame_upload_wave_id"), "frame_upload", ["wave_id"])
    op.create_table(
        "frame_upload_part",
        sa.Column("upload_id", sa.LargeBinary(16), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "position", name=op.f("pk_frame_upload_part")),
        sa.ForeignKeyConstraint(["upload_id"], ["frame_upload.id"], name=op.f("fk_frame_upload_part_upload_id")),
    )


def downgrade() -> None:
    op.drop_table("frame_upload_part")
    op.drop_index(op.f("ix_frame_upload_wave_id"), table_name="frame_upload")
    op.drop_table("frame_upload")
