"""Reviews of suspicious answers, releases, complaints and seals; tasks with their progress

Revision 0015, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
VERDICTS = "verdict is null or verdict in ('confirmed','not_confirmed')"


def upgrade() -> None:
    op.create_table(
        "release",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("run_id", sa.LargeBinary(16), nullable=False),
        sa.Column("step", sa.String(12), nullable=False),
        sa.Column("document", sa.String(300), nullable=False),
        sa.Column("complaints_until", sa.DateTime(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("proposed_by", sa.String(254), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("step in ('provisional','final')", name=op.f("ck_release_step")),
        sa.CheckConstraint("(step = 'provisional') = (complaints_until is not null)", name=op.f("ck_release_window")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_release_run_id")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_release_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
    )
    op.create_index(op.f("ix_release_wave_id"), "release", ["wave_id"])
    op.create_table(
        "complaint",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("release_id", sa.LargeBinary(16), nullable=False),
        sa.Column("unit_code", sa.String(60), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("filed_at", sa.DateTime(), nullable=False),
        sa.Column("filed_by", sa.String(254), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("answered_by", sa.String(254), nullable=True),
        sa.Column("verdict", sa.String(12), nullable=True),
        sa.Column("document", sa.String(300), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.String(254), nullable=True),
        sa.CheckConstraint("(verdict is null) = (document is null)", name=op.f("ck_complaint_decision")),
        sa.CheckConstraint("verdict is null or verdict in ('upheld','rejected')", name=op.f("ck_complaint_verdict")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_complaint_release_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_complaint_unit_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
    )
    op.create_index(op.f("ix_complaint_release_id"), "complaint", ["release_id"])
    op.create_table(
        "seal",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.LargeBinary(16), nullable=False),
        sa.Column("release_id", sa.LargeBinary(16), nullable=False),
        sa.Column("document", sa.String(300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(), nullable=False),
        sa.Column("sealed_by", sa.String(254), nullable=False),
        sa.CheckConstraint("(number = 1) = (reason is null)", name=op.f("ck_seal_reason")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_seal_release_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_seal_run_id")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_seal_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal")),
        sa.UniqueConstraint("wave_id", "number", name=op.f("uq_seal_wave_id_number")),
    )
    op.create_table(
        "seal_part",
        sa.Column("seal_id", sa.LargeBinary(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_seal_part_seal_id")),
        sa.PrimaryKeyConstraint("seal_id", "position", name=op.f("pk_seal_part")),
    )
    op.create_table(
        "screening",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("extract_digest", sa.String(64), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("code_version", sa.String(60), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(254), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_screening_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening")),
    )
    op.create_index(op.f("ix_screening_wave_id"), "screening", ["wave_id"])
    op.create_table(
        "screening_case",
        sa.Column("screening_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("(verdict is null) = (decided_at is null)", name=op.f("ck_screening_case_decided")),
        sa.CheckConstraint(
            "verdict is null or verdict in ('confirmed','not_confirmed')", name=op.f("ck_screening_case_verdict")
        ),
        sa.ForeignKeyConstraint(["screening_id"], ["screening.id"], name=op.f("fk_screening_case_screening_id")),
        sa.PrimaryKeyConstraint("screening_id", "number", name=op.f("pk_screening_case")),
    )
    op.create_table(
        "screening_finding",
        sa.Column("screening_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("signal", sa.String(20), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["screening_id"], ["screening.id"], name=op.f("fk_screening_finding_screening_id")),
        sa.PrimaryKeyConstraint("screening_id", "number", "signal", name=op.f("pk_screening_finding")),
    )
    op.create_table(
        "flagged_answer",
        sa.Column("screening_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.LargeBinary(16), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name=op.f("fk_flagged_answer_answer_id")),
        sa.ForeignKeyConstraint(["screening_id"], ["screening.id"], name=op.f("fk_flagged_answer_screening_id")),
        sa.PrimaryKeyConstraint("screening_id", "number", "answer_id", name=op.f("pk_flagged_answer")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "task",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("asked_by", sa.String(254), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("done >= 0 and done <= steps", name=op.f("ck_task_progress")),
        sa.CheckConstraint("state in ('waiting','running','done','refused')", name=op.f("ck_task_state")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_task_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index(op.f("ix_task_wave_id"), "task", ["wave_id"])


def downgrade() -> None:
    op.drop_table("task")
    op.drop_table("flagged_answer")
    op.drop_table("screening_finding")
    op.drop_table("screening_case")
    op.drop_table("screening")
    op.drop_table("seal_part")
    op.drop_table("seal")
    op.drop_table("complaint")
    op.drop_table("release")
