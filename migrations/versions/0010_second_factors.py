"""Invitations, second factors, known browsers and single sign-on of staff

Revision 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _sessions()
    _factors()
    _links()
    _known()


def _sessions() -> None:
    op.add_column("staff_session", sa.Column("seen_at", sa.DateTime(), nullable=True))
    op.add_column("staff_session", sa.Column("device", sa.String(length=60), nullable=True))
    op.add_column("staff_session", sa.Column("half", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("staff_session") as table:  # the program states it itself
        table.alter_column("half", server_default=None)


def _factors() -> None:
    op.create_table(
        "second_factor",
        _account(),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("next_secret", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(), nullable=True),
        _of_account("second_factor"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_second_factor")),
    )
    op.create_table(
        "spare_code",
        sa.Column("code_mark", sa.LargeBinary(length=16), nullable=False),
        _account(),
        _of_account("spare_code"),
        sa.PrimaryKeyConstraint("code_mark", name=op.f("pk_spare_code")),
    )
    op.create_index(op.f("ix_spare_code_account_id"), "spare_code", ["account_id"])


def _links() -> None:
    op.create_table(
        "account_link",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        _account(),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("purpose in ('invitation','recovery')", name=op.f("ck_account_link_purpose")),
        _of_account("account_link"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_account_link")),
    )
    op.create_index(op.f("ix_account_link_account_id"), "account_link", ["account_id"])


def _known() -> None:
    op.create_table(
        "known_device",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        _account(),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        _of_account("known_device"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_known_device")),
    )
    op.create_index(op.f("ix_known_device_account_id"), "known_device", ["account_id"])
    op.create_table(
        "sso_identity",
        sa.Column("subject_mark", sa.LargeBinary(length=16), nullable=False),
        _account(),
        sa.Column("bound_at", sa.DateTime(), nullable=False),
        _of_account("sso_identity"),
        sa.PrimaryKeyConstraint("subject_mark", name=op.f("pk_sso_identity")),
        sa.UniqueConstraint("account_id", name=op.f("uq_sso_identity_account_id")),
    )


def _account() -> sa.Column[bytes]:
    return sa.Column("account_id", sa.LargeBinary(length=16), nullable=False)


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f(f"fk_{table}_account_id"))


def downgrade() -> None:
    for table in ("sso_identity", "known_device", "account_link", "spare_code", "second_factor"):
        op.drop_table(table)
    with op.batch_alter_table("staff_session") as batch:
        for column in ("half", "device", "seen_at"):
            batch.drop_column(column)
