"""Every constraint of the tables and what a caller is told when the database refuses by it: the last line of defence.

Stages look first and refuse with all they know; these leaves speak where two callers looked at the same moment.
"""

from __future__ import annotations

from survey.errors.common import CellFull, LinkClosed, ReferenceMissing, StoredMeanwhile, SurveyError, ValueForbidden

TAKEN = frozenset({
    "uq_account_email", "uq_api_key_key_hash",
    "uq_audit_entry_hash", "uq_dossier_wave_id_code_mark", "uq_frame_file_wave_id_digest",
    "uq_invitation_code_mark", "uq_invitation_dossier_id", "uq_invitation_rater_id", "uq_quota_cell_code_mark",
    "uq_message_step_mark", "uq_message_step_mark_channel", "uq_paper_sheet_number_mark",
    "uq_rater_wave_id_code_mark", "uq_wave_code",
    "pk_api_key", "pk_hook_cursor",
    "pk_second_factor", "pk_spare_code", "pk_account_link", "pk_known_device", "pk_sso_identity",
    "uq_sso_identity_account_id",
    "pk_scheme_version", "uq_scheme_version_code_version", "uq_scheme_version_digest", "pk_scheme_trial",
    "pk_approval", "uq_approval_subject_digest_agency", "uq_approval_subject_digest_account_id",
    "pk_account", "pk_account_role", "pk_answer", "pk_audit_entry", "pk_class_cell", "pk_description", "pk_dossier",
    "pk_draft",
    "pk_draw", "pk_facts", "pk_feedback", "pk_figure", "pk_frame_file", "pk_input_figure", "pk_index_figure",
    "pk_assignment", "pk_field_tally", "pk_top_up", "pk_receipt", "pk_waiting_receipt",
    "pk_recontact", "pk_recontact_tally", "pk_waiting_match",
    "pk_frame_note",
    "pk_index_input", "pk_index_run", "pk_index_seal", "pk_index_seal_part", "uq_index_seal_sheet_id_number",
    "pk_outside_figure",
    "pk_index_sheet", "uq_index_sheet_code_year", "pk_invitation", "pk_judgement",
    "pk_message", "pk_message_budget", "pk_opt_out", "pk_order_count",
    "pk_paper_sheet", "pk_quarantined_row", "pk_quota_cell", "pk_rater", "pk_reservation", "pk_run",
    "pk_cell_count", "pk_day_count", "pk_door_count", "pk_replicate",
    "pk_sampled_dossier", "pk_spooled", "pk_staff_session", "pk_submission", "pk_tally", "pk_unit", "pk_wave",
    "pk_sample_plan", "pk_frame_upload", "pk_frame_upload_part",
    "pk_wave_scheme", "pk_wave_unit",
    "pk_complaint", "pk_flagged_answer", "pk_release", "pk_screening", "pk_screening_case", "pk_screening_finding",
    "pk_seal", "pk_seal_part", "pk_task", "uq_seal_wave_id_number",
})  # fmt: skip
FORBIDDEN = frozenset({
    "ck_account_link_purpose", "ck_account_role_role", "ck_approval_digest",
    "ck_feedback_state", "ck_invitation_one_subject", "ck_invitation_state",
    "ck_field_tally_counts", "ck_field_tally_outcome", "ck_top_up_counts", "ck_top_up_interval",
    "ck_recontact_tally_people",
    "ck_message_budget_never_over", "ck_message_channel", "ck_message_state", "ck_paper_sheet_state",
    "ck_cell_count_number", "ck_day_count_completed", "ck_door_count_number", "ck_door_count_counter",
    "ck_replicate_state",
    "ck_order_count_counts",
    "ck_quota_cell_mode", "ck_spooled_kind", "ck_tally_completed", "ck_unit_type", "ck_wave_audience", "ck_wave_kind",
    "ck_wave_opening", "ck_wave_pause", "ck_wave_period", "ck_wave_state", "ck_wave_unit_target",
    "ck_complaint_decision", "ck_complaint_verdict",
    "ck_release_step",
    "ck_release_window", "ck_screening_case_decided", "ck_screening_case_verdict", "ck_seal_reason",
    "ck_task_one_subject", "ck_task_progress", "ck_task_state",
    "ck_index_seal_reason", "ck_outside_figure_source", "ck_outside_figure_value",
})  # fmt: skip
LINK_USED, PLACES_TAKEN = "pk_spent_mark", "ck_quota_cell_never_over"
REFERENCE = "fk_"


def refusal(name: str) -> SurveyError | None:
    """The leaf of a constraint by its name; None for one that no model has.

    SQLite does not name the foreign key that it refused by: its name is then the prefix alone.
    """
    if name == LINK_USED:
        return LinkClosed()
    if name == PLACES_TAKEN:
        return CellFull()
    if name in TAKEN:
        return StoredMeanwhile(constraint=name)
    if name in FORBIDDEN:
        return ValueForbidden(constraint=name)
    return ReferenceMissing(constraint=name) if name.startswith(REFERENCE) else None


def unique_name(columns: str) -> str:
    """The name of the unique constraint or key over columns, as in `wave.code` or `draw.wave_id, draw.x`."""
    pairs = [pair.strip().split(".", 1) for pair in columns.split(",")]
    table = pairs[0][0]
    named = f"uq_{table}_{'_'.join(column for _table, column in pairs)}"
    return named if named in TAKEN else f"pk_{table}"
