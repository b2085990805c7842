"""Index sheets of a scheme and year: imported points, runs and their rows

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "index_sheet",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_sheet")),
        sa.UniqueConstraint("code", "year", name=op.f("uq_index_sheet_code_year")),
    )
    op.create_table(
        "index_input",
        sa.Column("sheet_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sheet_id"], ["index_sheet.id"], name=op.f("fk_index_input_sheet_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_index_input_unit_code")),
        sa.PrimaryKeyConstraint("sheet_id", "unit_code", "code", name=op.f("pk_index_input")),
    )
    op.create_table(
        "index_run",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sheet_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=254), nullable=False),
        sa.Column("extract_digest", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=60), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sheet_id"], ["index_sheet.id"], name=op.f("fk_index_run_sheet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_run")),
    )
    op.create_index(op.f("ix_index_run_sheet_id"), "index_run", ["sheet_id"])
    op.create_table(
        "index_figure",
        sa.Column("run_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["index_run.id"], name=op.f("fk_index_figure_run_id")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_index_figure")),
    )


def downgrade() -> None:
    op.drop_table("index_figure")
    op.drop_table("index_run")
    op.drop_table("index_input")
    op.drop_table("index_sheet")
