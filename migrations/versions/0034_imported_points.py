"""Imported points: points that somebody gave are kept apart from figures that a rule turns into points

Until now every figure of a component with a rule was read as a raw one, so all that stand there are.
Revision 0034, after 0030.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("index_input") as table:
        table.add_column(sa.Column("is_points", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("index_input") as table:
        table.alter_column("is_points", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    op.execute("delete from index_input where is_points")  # they would be read as figures, and earn next to nothing
    with op.batch_alter_table("index_input") as table:
        table.drop_column("is_points")
