"""Figures by unit: a unit's page reads its own rows, not those of the whole run; and a task may be of an index sheet

Revision 0030, after 0028.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None
SUBJECT = "ck_task_one_subject"


def upgrade() -> None:
    op.create_index("ix_figure_unit", "figure", ["run_id", "unit_code"])
    op.create_index("ix_index_figure_unit", "index_figure", ["run_id", "unit_code"])
    with op.batch_alter_table("task") as table:
        table.add_column(sa.Column("sheet_id", sa.LargeBinary(16), nullable=True))
        table.alter_column("wave_id", existing_type=sa.LargeBinary(16), nullable=True)
        table.create_foreign_key(op.f("fk_task_sheet_id"), "index_sheet", ["sheet_id"], ["id"])
        table.create_check_constraint(op.f(SUBJECT), "(wave_id is null) <> (sheet_id is null)")
    op.create_index(op.f("ix_task_sheet_id"), "task", ["sheet_id"])


def downgrade() -> None:
    op.execute("delete from task where wave_id is null")
    op.drop_index(op.f("ix_task_sheet_id"), "task")
    with op.batch_alter_table("task") as table:
        table.drop_constraint(op.f(SUBJECT), type_="check")
        table.drop_constraint(op.f("fk_task_sheet_id"), type_="foreignkey")
        table.alter_column("wave_id", existing_type=sa.LargeBinary(16), nullable=False)
        table.drop_column("sheet_id")
    op.drop_index("ix_index_figure_unit", "index_figure")
    op.drop_index("ix_figure_unit", "figure")
