"""Schemes of the province: versions that never change, agreed to by two agencies, named by waves from then on."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from survey import scheme_changes, scheme_text
from survey.db import Database
from survey.errors.common import UnknownScheme
from survey.errors.schemes import SchemeShipped, VersionTaken
from survey.errors.staff import ApprovalGiven
from survey.faults import FaultyFile, Reason
from survey.model.audit import AuditEntry
from survey.model.unit import Unit
from survey.scheme import builtin_scheme, load_scheme
from survey.scheme_changes import Kind
from survey.stages import schemes, staff

SAMPLE = builtin_scheme("local-department-sample")
OURS = {"code": "dong-nai-so", "version": "2026.1"}
FIRST = "area[1].criterion[1].component[1]"


def people(session: Session, now: datetime) -> None:
    session.add(Unit(code="75-SNV", name_vi="Sở Nội vụ", name_en="Home Affairs", type="department", rated=True))
    session.flush()
    for email, agency, role in (
        ("snv@example.vn", "Sở Nội vụ", "lead_agency"), ("mttq@example.vn", "Mặt trận Tổ quốc", "oversight"),
        ("snv2@example.vn", "Sở Nội vụ", "lead_agency"),
    ):  # fmt: skip
        staff.create_account(
            session, email=email, name=email, agency=agency, roles=[role], password="mot cau du dai de thu", now=now
        )


def test_a_form_changes_names_and_points_and_leaves_everything_else(database: Database) -> None:
    made = load_scheme(scheme_text.changed(SAMPLE.source, {**OURS, f"{FIRST}.name.vi": "Ban hành kế hoạch"}))
    assert (made.code, made.version, made.components[0].name("vi")) == (*OURS.values(), "Ban hành kế hoạch")
    told = scheme_changes.changes(SAMPLE, made)
    assert [(one.kind, one.code) for one in told] == [(Kind.NAME, made.components[0].code)]
    assert scheme_text.changed(SAMPLE.source, {}) == SAMPLE.source


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (f"{FIRST}.max", "1,5", Reason.WRONG_SUM),
        (f"{FIRST}.max", "nhiều", Reason.WRONG_TYPE),
        ("version", "", Reason.EMPTY),
    ],
)
def test_a_faulty_version_is_refused_by_place_and_nothing_is_kept(
    database: Database, now: datetime, key: str, value: str, reason: Reason
) -> None:
    text = scheme_text.changed(SAMPLE.source, {**OURS, key: value})
    with database.begin() as session:
        with pytest.raises(FaultyFile) as refused:
            schemes.keep(session, text, note="", by="snv@example.vn", now=now)
        assert reason in {fault.reason_code for fault in refused.value.faults}
        assert all(one.is_shipped for one in schemes.shelf(session))


def test_a_version_never_changes_and_counts_when_two_agencies_agreed(database: Database, now: datetime) -> None:
    text = scheme_text.changed(SAMPLE.source, OURS)
    with database.begin() as session:
        people(session, now)
        with pytest.raises(SchemeShipped):
            schemes.keep(session, SAMPLE.source, note="", by="snv@example.vn", now=now)
        kept = schemes.keep(session, text, note="lần đầu", by="snv@example.vn", now=now)
        assert schemes.keep(session, text, note="", by="snv@example.vn", now=now) == kept
        with pytest.raises(VersionTaken):
            schemes.keep(session, text + "# khác\n", note="", by="snv@example.vn", now=now)
        schemes.approve(session, kept.digest, by="snv@example.vn", document="QĐ 12, 01/03/2026, Giám đốc", now=now)
        with pytest.raises(ApprovalGiven):
            schemes.approve(session, kept.digest, by="snv2@example.vn", document="QĐ 12, 01/03/2026, Giám đốc", now=now)
        assert schemes.approved(session) == {}
        schemes.approve(session, kept.digest, by="mttq@example.vn", document="CV 7, 02/03/2026, Chủ tịch", now=now)
        assert schemes.approved(session) == {"dong-nai-so": kept.source}
        with pytest.raises(UnknownScheme):
            schemes.find(session, "0" * 64)
    with database.read() as session:
        actions = [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.number)]
    assert actions[-3:] == ["scheme.keep", "approval.give", "approval.give"]
