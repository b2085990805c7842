"""The outbox of messages, what they may cost, and who wants none

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOT_GIVEN_UP = sa.text("state <> 'failed'")
STATES = "state in ('planned','waiting','claimed','sent','delivered','unknown','bounced','failed','stopped','to_print')"


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("step_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=True),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=True),
        sa.CheckConstraint("channel in ('zalo','sms','email','print')", name=op.f("ck_message_channel")),
        sa.CheckConstraint(STATES, name=op.f("ck_message_state")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_message_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("step_mark", "channel", name=op.f("uq_message_step_mark_channel")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_message_wave_id_state", "message", ["wave_id", "state"])
    op.create_index(
        "uq_message_step_mark",
        "message",
        ["step_mark"],
        unique=True,
        sqlite_where=NOT_GIVEN_UP,
        postgresql_where=NOT_GIVEN_UP,
    )
    op.create_table(
        "message_budget",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False),
        sa.CheckConstraint("spent >= 0 and spent <= cap", name=op.f("ck_message_budget_never_over")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_message_budget_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", name=op.f("pk_message_budget")),
    )
    op.create_table(
        "opt_out",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_opt_out")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("opt_out")
    op.drop_table("message_budget")
    op.drop_table("message")
