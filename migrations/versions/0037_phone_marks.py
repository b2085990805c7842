"""A mark of an interviewer's telephone, to be compared with those of dossiers

Revision 0037, after 0036.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("phone_mark", sa.LargeBinary(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("account", "phone_mark")
