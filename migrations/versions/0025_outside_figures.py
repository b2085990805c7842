"""Figures of other sources

Revision 0025, after 0024.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outside_figure",
        sa.Column("unit_code", sa.String(60), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("name_vi", sa.String(300), nullable=False),
        sa.Column("name_en", sa.String(300), nullable=False),
        sa.Column("value", sa.Numeric(14, 4), nullable=False),
        sa.Column("max", sa.Numeric(14, 4), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit_code", "source", "year", "code", name=op.f("pk_outside_figure")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_outside_figure_unit_code")),
        sa.CheckConstraint("source in ('papi', 'decision_766', 'other')", name=op.f("ck_outside_figure_source")),
        sa.CheckConstraint("value >= 0 and (max is null or value <= max)", name=op.f("ck_outside_figure_value")),
    )


def downgrade() -> None:
    op.drop_table("outside_figure")
