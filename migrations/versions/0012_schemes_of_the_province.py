"""Scoring schemes that the province writes on the site, and their dry runs

Revision 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scheme_version",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("version", sa.String(60), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("made_by", sa.String(254), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme_version")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_scheme_version_code_version")),
        sa.UniqueConstraint("digest", name=op.f("uq_scheme_version_digest")),
    )
    op.create_table(
        "scheme_trial",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("made_by", sa.String(254), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_scheme_trial_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme_trial")),
    )
    op.create_index(op.f("ix_scheme_trial_digest"), "scheme_trial", ["digest"])


def downgrade() -> None:
    op.drop_table("scheme_trial")
    op.drop_table("scheme_version")
