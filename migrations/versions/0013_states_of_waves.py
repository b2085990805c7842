"""More states of a wave: planned, paused with its hour, sealed, purged

Revision 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATES = "state in ('draft','planned','open','paused','closed','sealed','purged')"
BEFORE = "state in ('draft','open','closed')"
PAUSE = "(state = 'paused') = (paused_until is not null)"


def upgrade() -> None:
    op.add_column("wave", sa.Column("paused_until", sa.DateTime(), nullable=True))
    with op.batch_alter_table("wave") as table:
        table.drop_constraint(op.f("ck_wave_state"), type_="check")
        table.create_check_constraint(op.f("ck_wave_state"), STATES)
        table.create_check_constraint(op.f("ck_wave_pause"), PAUSE)


def downgrade() -> None:
    """A state that the older version has no word for becomes the nearest one: nothing opens by it."""
    for before, states in (("draft", "'planned'"), ("open", "'paused'"), ("closed", "'sealed','purged'")):
        op.execute(f"update wave set state = '{before}', paused_until = null where state in ({states})")  # noqa: S608
    with op.batch_alter_table("wave") as table:
        table.drop_constraint(op.f("ck_wave_pause"), type_="check")
        table.drop_constraint(op.f("ck_wave_state"), type_="check")
        table.create_check_constraint(op.f("ck_wave_state"), BEFORE)
        table.drop_column("paused_until")
