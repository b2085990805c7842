"""Decisions of two agencies on both engines: who counts, what is missing, and that a changed thing starts anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.db import Database
from survey.errors.common import StoredMeanwhile, ValueForbidden
from survey.errors.staff import (
    AgencyUnclear,
    ApprovalGiven,
    ApprovalsMissing,
    ApprovalWithoutDocument,
    ApprovedOtherwise,
    NotAnApprover,
)
from survey.model.approval import Approval
from survey.model.audit import AuditEntry
from survey.model.base import new_id
from survey.model.staff import Account, AccountRole
from survey.model.unit import Unit
from survey.stages import approvals, audit
from survey.stages.approvals import Missing

PLAN, AS_IT_STANDS, CHANGED = "plan:W1", "a" * 64, "b" * 64
DOCUMENT = "12/QĐ-UBND, 05/01/2026, Chủ tịch UBND tỉnh"
Approve = Callable[..., Approval]


@pytest.fixture
def people(database: Database, now: datetime) -> Database:
    """Home Affairs and Construction are rated; the institute, the Front and the statistics office are not."""
    with database.begin() as session:
        for code, name, rated in (("98", "Tỉnh", False), ("SNV", "Sở Nội vụ", True), ("SXD", "Sở Xây dựng", True)):
            session.add(Unit(code=code, name_vi=name, name_en=f"Unit {code}", type="department", rated=rated))
        session.flush()
        for person, agency, unit, role in (
            ("lan", "Sở Nội vụ", "SNV", "lead_agency"),
            ("minh", "Phòng Cải cách hành chính", "SNV", "lead_agency"),
            ("chi", "  sở   NỘI vụ ", None, "survey_office"),
            ("hoa", "Sở Xây dựng", "SXD", "oversight"),
            ("ba", "Ủy ban Mặt trận Tổ quốc", None, "oversight"),
            ("tam", "Viện Kinh tế - Xã hội", None, "survey_office"),
            ("it", "Trung tâm CNTT", None, "admin"),
        ):
            account = Account(
                email=person, name=person, agency=agency, unit_code=unit, password_hash="x", active=True, failures=0,
                created_at=now,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role=role))
    return database


def approve(session: Session, *people: str, now: datetime, digest: str = AS_IT_STANDS) -> None:
    for person in people:
        approvals.give(session, PLAN, digest, by=person, document=DOCUMENT, now=now)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((), Missing.BOTH),
        (("lan",), Missing.UNRATED),
        (("lan", "hoa"), Missing.UNRATED),
        (("ba",), Missing.SECOND),
        (("lan", "ba"), None),
        (("ba", "tam"), None),
        (("lan", "hoa", "tam"), None),
    ],
)
def test_two_agencies_suffice_when_one_is_not_rated(
    people: Database, now: datetime, given: tuple[str, ...], missing: Missing | None
) -> None:
    with people.begin() as session:
        approve(session, *given, now=now)
        found = approvals.given(session, PLAN, AS_IT_STANDS)
        assert (approvals.missing(found), approvals.suffice(found)) == (missing, missing is None)
        if missing is None:
            assert len(approvals.require(session, PLAN, AS_IT_STANDS)) == len(given)
        else:
            with pytest.raises(ApprovalsMissing) as refused:
                approvals.require(session, PLAN, AS_IT_STANDS)
            assert refused.value.missing == missing


@pytest.mark.parametrize("second", ["lan", "minh", "chi"])
def test_an_agency_has_one_voice_however_its_people_write_its_name(
    people: Database, now: datetime, second: str
) -> None:
    with people.begin() as session:
        approve(session, "lan", now=now)
        with pytest.raises(ApprovalGiven):
            approve(session, second, now=now)


@pytest.mark.parametrize(
    ("agency", "leaf"),
    [
        ("Vien Kinh te – Xa hoi tinh", ApprovalGiven),
        ("Viện Kinh tế và Xã hội", AgencyUnclear),
        ("Viện Kinh tế", AgencyUnclear),
        ("SỞ XÂY DỰNG TỈNH ĐỒNG NAI", None),
        ("Phòng Tổ chức, Sở Xây dựng", AgencyUnclear),
        ("Ủy ban Mặt trận Tổ quốc tỉnh Đồng Nai", None),
    ],
)
def test_two_spellings_are_one_agency_and_names_that_are_near_are_refused(
    people: Database, now: datetime, agency: str, leaf: type[Exception] | None
) -> None:
    with people.begin() as session:
        session.get_one(Unit, "98").type, session.get_one(Unit, "98").name_vi = "province", "Tỉnh Đồng Nai"
        session.scalars(select(Account).where(Account.email == "ba")).one().agency = agency
        session.flush()
        approve(session, "tam", now=now)
        if leaf is None:
            approve(session, "ba", now=now)
            told = {one.name: one for one in approvals.voices(session, approvals.given(session, PLAN, AS_IT_STANDS))}
            assert told.keys() == {"tam", "ba"}
            assert (told["ba"].agency, told["ba"].rated) == (agency, agency.startswith("SỞ"))
        else:
            with pytest.raises(leaf):
                approve(session, "ba", now=now)


def test_what_changed_needs_new_approvals(people: Database, now: datetime) -> None:
    with people.begin() as session:
        approve(session, "lan", "ba", now=now)
        with pytest.raises(ApprovalsMissing):
            approvals.require(session, PLAN, CHANGED)
        approve(session, "lan", "ba", now=now, digest=CHANGED)
        assert approvals.suffice(approvals.given(session, PLAN, CHANGED))
    approvals.check_seen(PLAN, seen=CHANGED, stands=CHANGED)
    with pytest.raises(ApprovedOtherwise):
        approvals.check_seen(PLAN, seen=AS_IT_STANDS, stands=CHANGED)


def test_only_who_may_approve_does_and_names_a_document(people: Database, now: datetime) -> None:
    with people.begin() as session:
        session.scalars(select(Account).where(Account.email == "hoa")).one().active = False
        for person in ("it", "hoa", "nobody"):
            with pytest.raises(NotAnApprover):
                approve(session, person, now=now)
        for nothing in (" \n", "x", "12/QĐ, 05/01/2026", ", , ,"):
            with pytest.raises(ApprovalWithoutDocument):
                approvals.give(session, PLAN, AS_IT_STANDS, by="lan", document=nothing, now=now)


def test_an_approval_is_in_the_log_with_its_document_and_digest(people: Database, now: datetime) -> None:
    with people.begin() as session:
        approve(session, "ba", now=now)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "approval.give")).one()
        assert (entry.actor, entry.subject) == ("ba", PLAN)
        assert DOCUMENT in entry.detail
        assert AS_IT_STANDS in entry.detail
        assert audit.verify(session).count == 1


@pytest.mark.parametrize(
    ("change", "leaf"),
    [
        ({}, StoredMeanwhile),
        ({"agency": "another"}, StoredMeanwhile),
        ({"digest": "c"}, ValueForbidden),
    ],
)
def test_the_database_itself_keeps_one_voice_a_person_and_agency(
    people: Database, now: datetime, change: dict[str, str], leaf: type[Exception]
) -> None:
    with people.begin() as session:
        approve(session, "ba", now=now)
        stored = session.scalars(select(Approval)).one()
        row = {column.key: getattr(stored, column.key) for column in Approval.__table__.columns} | {"id": new_id()}
    with pytest.raises(leaf), people.begin() as session:
        session.execute(insert(Approval), [row | change])
