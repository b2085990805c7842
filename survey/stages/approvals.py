"""Decisions that need two people of two agencies, one of them not rated itself (METHOD section 7).

A stage that needs one names its `subject` ("plan:W1", "release:<run>") and the SHA-256 of what is decided, so that what
changed afterwards is not approved. Approvals are only ever added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from survey.errors.staff import (
    ApprovalGiven,
    ApprovalsMissing,
    ApprovalWithoutDocument,
    ApprovedOtherwise,
    NotAnApprover,
)
from survey.model.approval import Approval
from survey.model.staff import Account, AccountRole
from survey.model.unit import Unit
from survey.stages import audit, staff
from survey.stages.staff import Role

APPROVERS = frozenset({Role.LEAD_AGENCY, Role.SURVEY_OFFICE, Role.OVERSIGHT})
WANTED = 2


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


def give(session: Session, subject: str, digest: str, *, by: str, document: str, now: datetime) -> Approval:
    """Agree to a subject as it stands; one voice a person and agency. `by` is the address of an account."""
    account = _approver(session, by)
    if not (written := " ".join(document.split())):
        raise ApprovalWithoutDocument(subject)
    agency = agency_of(session, account)
    mine = or_(Approval.agency == agency.key, Approval.account_id == account.id)
    if session.scalars(_about(subject, digest).where(mine)).first() is not None:
        raise ApprovalGiven(subject, account.agency)
    approval = Approval(
        subject=subject, digest=digest, account_id=account.id, agency=agency.key, rated=agency.rated,
        document=written, given_at=now,
    )  # fmt: skip
    session.add(approval)
    session.flush()
    detail = {"digest": digest, "agency": agency.key, "rated": agency.rated, "document": written}
    audit.record(session, actor=account.email, action="approval.give", subject=subject, detail=detail, now=now)
    return approval


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
    name = staff.plain_name(account.agency)
    named = [unit for unit in session.scalars(select(Unit).order_by(Unit.code)) if _bears(unit, name)]
    if named:
        return Agency(named[0].code, any(unit.rated for unit in named))
    return Agency(name, rated=False)


def _approver(session: Session, email: str) -> Account:
    holds = select(AccountRole.account_id).where(AccountRole.role.in_(APPROVERS))
    account = session.scalars(select(Account).where(Account.email == email, Account.id.in_(holds))).first()
    if account is None or not account.active:
        raise NotAnApprover(email)
    return account


def _bears(unit: Unit, name: str) -> bool:
    return name in {staff.plain_name(unit.name_vi), staff.plain_name(unit.name_en)}


def _about(subject: str, digest: str) -> Select[Approval]:
    return select(Approval).where(Approval.subject == subject, Approval.digest == digest)
