"""Decisions that need two people of two agencies, one of them not rated itself (METHOD section 7).

A stage that needs one names its `subject` ("plan:W1", "release:<run>") and the SHA-256 of what is decided, so that what
changed afterwards is not approved. Approvals are only ever added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from survey.errors.staff import (
    AgencyUnclear,
    ApprovalGiven,
    ApprovalsMissing,
    ApprovalWithoutDocument,
    ApprovedOtherwise,
    NotAnApprover,
)
from survey.model.approval import Approval
from survey.model.staff import Account, AccountRole
from survey.model.unit import Unit
from survey.stages import agencies, audit, staff
from survey.stages.staff import Role

APPROVERS = frozenset({Role.LEAD_AGENCY, Role.SURVEY_OFFICE, Role.OVERSIGHT})
WANTED = 2
PARTS_OF_A_DECISION = 3  # number, date, signer


class Missing(StrEnum):
    """What is wanted before a decision stands."""

    BOTH = "both_approvals"
    SECOND = "second_agency"
    UNRATED = "unrated_agency"


@dataclass(frozen=True)
class Agency:
    """What an account decides for: `key` is a unit's code where the agency is a unit, else its name."""

    key: str
    rated: bool


@dataclass(frozen=True)
class Voice:
    """An approval as people read it: who agreed, for which agency, on which document."""

    name: str
    agency: str
    unit: Unit | None  # of the register, where the agency is one
    rated: bool
    document: str
    given_at: datetime


def names_decision(document: str) -> bool:
    """Whether a text names a decision: number, date, signer, with commas between."""
    return len([part for part in document.split(",") if part.strip()]) >= PARTS_OF_A_DECISION


def give(session: Session, subject: str, digest: str, *, by: str, document: str, now: datetime) -> Approval:
    """Agree to a subject as it stands, on a document of one's agency."""
    _approver(session, by)
    if not names_decision(document):
        raise ApprovalWithoutDocument(subject)
    return say(session, subject, digest, by=by, written=document, now=now)


def say(session: Session, subject: str, digest: str, *, by: str, written: str, now: datetime) -> Approval:
    """One voice a person and agency, with a reason. `by` is the address of an account."""
    account, written = _approver(session, by), " ".join(written.split())
    agency = agency_of(session, account)
    _require_another(session, subject, given(session, subject, digest), account, agency)
    approval = Approval(
        subject=subject, digest=digest, account_id=account.id, agency=agency.key, rated=agency.rated,
        document=written, given_at=now,
    )  # fmt: skip
    session.add(approval)
    session.flush()
    detail = {"digest": digest, "agency": agency.key, "rated": agency.rated, "document": written}
    audit.record(session, actor=account.email, action="approval.give", subject=subject, detail=detail, now=now)
    return approval


def _require_another(
    session: Session, subject: str, before: Sequence[Approval], account: Account, agency: Agency
) -> None:
    """ApprovalGiven for a person or agency that agreed; AgencyUnclear where a name may be that of another one.

    Two units of the register are two agencies, whatever their names.
    """
    if any(account.id == one.account_id or agency.key == one.agency for one in before):
        raise ApprovalGiven(subject, account.agency)
    units, provinces = {unit.code: unit for unit in session.scalars(select(Unit))}, agencies.province_names(session)

    def names(key: str) -> set[str]:
        unit = units.get(key)
        return {agencies.folded(text, provinces) for text in ((unit.name_vi, unit.name_en) if unit else (key,))}

    rated = [unit.code for unit in units.values() if unit.rated and agency.key not in units]
    for other in [one.agency for one in before if not {one.agency, agency.key} <= units.keys()] + rated:
        if names(other) & names(agency.key):
            raise ApprovalGiven(subject, account.agency)
        if any(agencies.are_near(mine, theirs) for mine in names(agency.key) for theirs in names(other)):
            raise AgencyUnclear(account.agency, units[other].name_vi if other in units else other)


def voices(session: Session, approvals: Sequence[Approval]) -> list[Voice]:
    """Approvals with the names of those who gave them; an agency as the account writes it, unless that changed."""
    people = {one.id: one for one in session.scalars(
        select(Account).where(Account.id.in_([approval.account_id for approval in approvals]))
    )}  # fmt: skip
    told = []
    for one in approvals:
        account = people[one.account_id]
        is_same = one.agency in (account.unit_code, agency_of(session, account).key)
        agency = account.agency if is_same else one.agency
        unit = session.get(Unit, one.agency)
        told.append(Voice(account.name, agency, unit, one.rated, one.document, one.given_at))
    return told


def given(session: Session, subject: str, digest: str) -> list[Approval]:
    """Who agreed to the subject as it stands, the first one first."""
    return list(session.scalars(_about(subject, digest).order_by(Approval.given_at, Approval.id)))


def missing(approvals: Sequence[Approval]) -> Missing | None:
    """What these lack: two people, two agencies, at least one of them not rated itself; None when nothing."""
    people = {approval.account_id for approval in approvals}
    agencies = {approval.agency for approval in approvals}
    if not approvals:
        return Missing.BOTH
    if min(len(people), len(agencies)) < WANTED:
        return Missing.SECOND if not all(approval.rated for approval in approvals) else Missing.UNRATED
    return Missing.UNRATED if all(approval.rated for approval in approvals) else None


def suffice(approvals: Sequence[Approval]) -> bool:
    return missing(approvals) is None


def require(session: Session, subject: str, digest: str) -> list[Approval]:
    """The approvals that a decision stands on; ApprovalsMissing says what it lacks."""
    found = given(session, subject, digest)
    if (lacking := missing(found)) is not None:
        raise ApprovalsMissing(subject, lacking)
    return found


def check_seen(subject: str, *, seen: str, stands: str) -> None:
    """ApprovedOtherwise when the digest on the page that a person agreed to is not that of now."""
    if seen != stands:
        raise ApprovedOtherwise(subject)


def agency_of(session: Session, account: Account) -> Agency:
    """For which agency an account speaks: its unit, the unit that bears its agency's name, or else that name."""
    if account.unit_code is not None:
        unit = session.get_one(Unit, account.unit_code)
        return Agency(unit.code, unit.rated)
    code = staff.unit_named(session, account.agency)
    if code is not None:
        return Agency(code, session.get_one(Unit, code).rated)
    return Agency(staff.plain_name(account.agency), rated=False)


def _approver(session: Session, email: str) -> Account:
    holds = select(AccountRole.account_id).where(AccountRole.role.in_(APPROVERS))
    account = session.scalars(select(Account).where(Account.email == email, Account.id.in_(holds))).first()
    if account is None or not account.active:
        raise NotAnApprover(email)
    return account


def _about(subject: str, digest: str) -> Select[Approval]:
    return select(Approval).where(Approval.subject == subject, Approval.digest == digest)
