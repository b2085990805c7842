"""Long names: a procedure's field and a point of service have names of usual length

Revision 0036, after 0034.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0034"
branch_labels = None
depends_on = None
NAMES = {"field": False, "procedure_code": True, "point_of_service": True}  # may be empty


def upgrade() -> None:
    _set_length(60, 200)


def downgrade() -> None:
    dossier = sa.table("dossier", *(sa.column(name, sa.String) for name in NAMES))
    for column in dossier.c:
        long = sa.func.length(column) > 60
        op.execute(sa.update(dossier).where(long).values({column: sa.func.substr(column, 1, 60)}))
    _set_length(200, 60)


def _set_length(old: int, new: int) -> None:
    with op.batch_alter_table("dossier") as table:
        for name, nullable in NAMES.items():
            table.alter_column(
                name, existing_type=sa.String(old), type_=sa.String(new), existing_nullable=nullable, nullable=nullable
            )
