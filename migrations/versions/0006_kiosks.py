"""How fast forms follow each other at a kiosk, counted for the kiosk alone

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("quota_cell", sa.Column("last_at", sa.DateTime(), nullable=True))
    op.add_column("quota_cell", sa.Column("too_fast", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("quota_cell") as table:  # the program states the number itself
        table.alter_column("too_fast", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("quota_cell") as table:
        table.drop_column("too_fast")
        table.drop_column("last_at")
