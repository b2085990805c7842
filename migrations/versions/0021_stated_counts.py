"""Visitors of a top-up that a coordinator stated

Revision 0021, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("top_up") as table:
        table.add_column(sa.Column("stated", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("top_up") as table:
        table.alter_column("stated", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("top_up") as table:
        table.drop_column("stated")
