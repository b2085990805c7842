"""The first tables

Revision 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_entry_hash")),
    )
    op.create_table(
        "unit",
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("name_vi", sa.String(length=300), nullable=False),
        sa.Column("name_en", sa.String(length=300), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("parent", sa.String(length=60), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("successor", sa.String(length=60), nullable=True),
        sa.Column("rated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "type in ('province','department','vertical','commune','ward','special_zone','district')",
            name=op.f("ck_unit_type"),
        ),
        sa.ForeignKeyConstraint(["parent"], ["unit.code"], name=op.f("fk_unit_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_unit")),
    )
    op.create_index(op.f("ix_unit_parent"), "unit", ["parent"], unique=False)

    op.create_table(
        "account",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("agency", sa.String(length=300), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_account_unit_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
    )
    op.create_table(
        "wave",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("province", sa.String(length=60), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("opens", sa.DateTime(), nullable=False),
        sa.Column("closes", sa.DateTime(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("instrument_code", sa.String(length=60), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("audience in ('citizens','officials')", name=op.f("ck_wave_audience")),
        sa.CheckConstraint("kind in ('real','rehearsal')", name=op.f("ck_wave_kind")),
        sa.CheckConstraint("state in ('draft','open','closed')", name=op.f("ck_wave_state")),
        sa.CheckConstraint("opens < closes", name=op.f("ck_wave_opening")),
        sa.CheckConstraint("period_from <= period_to", name=op.f("ck_wave_period")),
        sa.ForeignKeyConstraint(["province"], ["unit.code"], name=op.f("fk_wave_province")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wave")),
        sa.UniqueConstraint("code", name=op.f("uq_wave_code")),
    )
    op.create_table(
        "account_role",
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "role in ('admin','data_office','survey_office','interviewer','lead_agency','oversight','rated_unit')",
            name=op.f("ck_account_role_role"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_role_account_id")),
        sa.PrimaryKeyConstraint("account_id", "role", name=op.f("pk_account_role")),
    )
    op.create_table(
        "answer",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("class_code", sa.String(length=60), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_answer_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_answer_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_answer_wave_id"), "answer", ["wave_id"], unique=False)

    op.create_table(
        "class_cell",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("class_code", sa.String(length=60), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=True),
        sa.Column("stratum", sa.String(length=60), nullable=False),
        sa.Column("stratum_population", sa.Integer(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("invited", sa.Integer(), nullable=False),
        sa.Column("wrong_person", sa.Integer(), nullable=False),
        sa.Column("weight_sum", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_class_cell_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_class_cell_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "class_code", name=op.f("pk_class_cell")),
    )
    op.create_table(
        "dossier",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("linked_mark", sa.LargeBinary(length=16), nullable=True),
        sa.Column("person_mark", sa.LargeBinary(length=16), nullable=True),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("procedure_code", sa.String(length=60), nullable=True),
        sa.Column("point_of_service", sa.String(length=60), nullable=True),
        sa.Column("finished_on", sa.Date(), nullable=False),
        sa.Column("timing", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("applicant", sa.String(length=12), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("age_band", sa.String(length=8), nullable=False),
        sa.Column("commune", sa.String(length=60), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_dossier_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_dossier_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dossier")),
        sa.UniqueConstraint("wave_id", "code_mark", name=op.f("uq_dossier_wave_id_code_mark")),
    )
    op.create_table(
        "draft",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_draft_wave_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_draft")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_draft_wave_id"), "draft", ["wave_id"], unique=False)

    op.create_table(
        "draw",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(), nullable=False),
        sa.Column("allocation", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_draw_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", name=op.f("pk_draw")),
    )
    op.create_table(
        "facts",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_facts_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_facts_wave_id"), "facts", ["wave_id"], unique=False)

    op.create_table(
        "frame_file",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("imported_at", sa.DateTime(), nullable=False),
        sa.Column("imported_by", sa.String(length=254), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_frame_file_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_file")),
        sa.UniqueConstraint("wave_id", "digest", name=op.f("uq_frame_file_wave_id_digest")),
    )
    op.create_table(
        "input_figure",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_input_figure_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_input_figure_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "unit_code", "code", name=op.f("pk_input_figure")),
    )
    op.create_table(
        "judgement",
        sa.Column("rater", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("group", sa.String(length=60), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_judgement_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_judgement_wave_id")),
        sa.PrimaryKeyConstraint("rater", "unit_code", name=op.f("pk_judgement")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_judgement_wave_id"), "judgement", ["wave_id"], unique=False)

    op.create_table(
        "quota_cell",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("point_of_service", sa.String(length=60), nullable=True),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("code_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.CheckConstraint("mode in ('counter','kiosk','open')", name=op.f("ck_quota_cell_mode")),
        sa.CheckConstraint("taken >= 0 and taken <= target", name=op.f("ck_quota_cell_never_over")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_quota_cell_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_quota_cell_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_cell")),
        sa.UniqueConstraint("code_mark", name=op.f("uq_quota_cell_code_mark")),
    )
    op.create_index(op.f("ix_quota_cell_wave_id"), "quota_cell", ["wave_id"], unique=False)

    op.create_table(
        "rater",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("group", sa.String(length=60), nullable=False),
        sa.Column("agency", sa.String(length=60), nullable=False),
        sa.Column("rates", sa.JSON(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_rater_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rater")),
        sa.UniqueConstraint("wave_id", "code_mark", name=op.f("uq_rater_wave_id_code_mark")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=254), nullable=False),
        sa.Column("extract_digest", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=60), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_run_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index(op.f("ix_run_wave_id"), "run", ["wave_id"], unique=False)

    op.create_table(
        "spent_mark",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_spent_mark_wave_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_spent_mark")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_spent_mark_wave_id"), "spent_mark", ["wave_id"], unique=False)

    op.create_table(
        "spooled",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("cell", sa.String(length=60), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind in ('answer','facts')", name=op.f("ck_spooled_kind")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_spooled_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spooled")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_spooled_wave_id"), "spooled", ["wave_id"], unique=False)

    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_staff_session_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_session")),
    )
    op.create_index(op.f("ix_staff_session_account_id"), "staff_session", ["account_id"], unique=False)

    op.create_table(
        "submission",
        sa.Column("key_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("body_mark", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_submission_wave_id")),
        sa.PrimaryKeyConstraint("key_mark", name=op.f("pk_submission")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_submission_wave_id"), "submission", ["wave_id"], unique=False)

    op.create_table(
        "tally",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("cell", sa.String(length=60), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.CheckConstraint("completed >= 0", name=op.f("ck_tally_completed")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_tally_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "cell", "mode", name=op.f("pk_tally")),
    )
    op.create_table(
        "wave_scheme",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_wave_scheme_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "position", name=op.f("pk_wave_scheme")),
    )
    op.create_table(
        "wave_unit",
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.CheckConstraint("target >= 0", name=op.f("ck_wave_unit_target")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_wave_unit_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_wave_unit_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "unit_code", name=op.f("pk_wave_unit")),
    )
    op.create_table(
        "figure",
        sa.Column("run_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.String(length=60), nullable=False),
        sa.Column("level_of", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("is_official", sa.Boolean(), nullable=False),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_figure_run_id")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_figure")),
    )
    op.create_index("ix_figure_page", "figure", ["run_id", "level_of", "unit_code"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("dossier_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("rater_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("unit_code", sa.String(length=60), nullable=True),
        sa.Column("class_code", sa.String(length=60), nullable=False),
        sa.Column("code_mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.CheckConstraint("state in ('issued','wrong_person')", name=op.f("ck_invitation_state")),
        sa.CheckConstraint("(dossier_id is null) <> (rater_id is null)", name=op.f("ck_invitation_one_subject")),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name=op.f("fk_invitation_dossier_id")),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name=op.f("fk_invitation_rater_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_invitation_unit_code")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_invitation_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_mark", name=op.f("uq_invitation_code_mark")),
        sa.UniqueConstraint("dossier_id", name=op.f("uq_invitation_dossier_id")),
        sa.UniqueConstraint("rater_id", name=op.f("uq_invitation_rater_id")),
    )
    op.create_index(op.f("ix_invitation_wave_id"), "invitation", ["wave_id"], unique=False)

    op.create_table(
        "quarantined_row",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("file_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["frame_file.id"], name=op.f("fk_quarantined_row_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_row")),
    )
    op.create_index(op.f("ix_quarantined_row_file_id"), "quarantined_row", ["file_id"], unique=False)

    op.create_table(
        "reservation",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("cell_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["cell_id"], ["quota_cell.id"], name=op.f("fk_reservation_cell_id")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_reservation")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reservation_cell_id"), "reservation", ["cell_id"], unique=False)
    op.create_index(op.f("ix_reservation_expires_at"), "reservation", ["expires_at"], unique=False)

    op.create_table(
        "sampled_dossier",
        sa.Column("dossier_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("wave_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("stratum", sa.String(length=60), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("multiplicity", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("class_code", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name=op.f("fk_sampled_dossier_dossier_id")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_sampled_dossier_wave_id")),
        sa.PrimaryKeyConstraint("dossier_id", name=op.f("pk_sampled_dossier")),
    )
    op.create_index(op.f("ix_sampled_dossier_wave_id"), "sampled_dossier", ["wave_id"], unique=False)


def downgrade() -> None:

    op.drop_table("sampled_dossier")

    op.drop_table("reservation")

    op.drop_table("quarantined_row")

    op.drop_table("invitation")

    op.drop_table("figure")
    op.drop_table("wave_unit")
    op.drop_table("wave_scheme")
    op.drop_table("tally")

    op.drop_table("submission")

    op.drop_table("staff_session")

    op.drop_table("spooled")

    op.drop_table("spent_mark")

    op.drop_table("run")
    op.drop_table("rater")

    op.drop_table("quota_cell")

    op.drop_table("judgement")
    op.drop_table("input_figure")
    op.drop_table("frame_file")

    op.drop_table("facts")
    op.drop_table("draw")

    op.drop_table("draft")
    op.drop_table("dossier")
    op.drop_table("class_cell")

    op.drop_table("answer")
    op.drop_table("account_role")
    op.drop_table("wave")
    op.drop_table("account")

    op.drop_table("unit")
    op.drop_table("audit_entry")
