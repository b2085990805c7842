"""Accounts of those who run the survey: sign-in with argon2, roles, sessions kept on the server."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from survey.errors import AccountExists, UnitUnknown
from survey.model.staff import Account, AccountRole, StaffSession
from survey.model.unit import Unit
from survey.stages import audit

SESSION_LIFE = timedelta(hours=12)
SHORTEST_PASSWORD = 12
FAILURES_BEFORE_LOCK = 10
LOCK = timedelta(minutes=15)
_HASHER = PasswordHasher()


class Role(StrEnum):
    """What an account may be (METHOD section 7)."""

    ADMIN = "admin"
    DATA_OFFICE = "data_office"
    SURVEY_OFFICE = "survey_office"
    INTERVIEWER = "interviewer"
    LEAD_AGENCY = "lead_agency"
    OVERSIGHT = "oversight"
    RATED_UNIT = "rated_unit"


@dataclass(frozen=True)
class SignedIn:
    """Who is at the other end of a staff session."""

    email: str
    name: str
    agency: str
    unit: str | None
    roles: frozenset[Role]


def create_account(
    session: Session,
    *,
    email: str,
    name: str,
    agency: str,
    roles: Iterable[str],
    password: str,
    now: datetime,
    unit: str | None = None,
    actor: str = "system",
) -> Account:
    """A new account; an address that is there already and a unit that is not are refused."""
    address = email.strip().lower()
    if session.scalars(select(Account).where(Account.email == address)).first() is not None:
        raise AccountExists(email=address)
    if unit is not None and session.get(Unit, unit) is None:
        raise UnitUnknown(unit=unit)
    account = Account(
        email=address,
        name=name,
        agency=agency,
        unit_code=unit,
        password_hash=_HASHER.hash(password),
        active=True,
        failures=0,
        locked_until=None,
        created_at=now,
    )
    session.add(account)
    session.flush()
    held = sorted({Role(role) for role in roles})
    session.add_all(AccountRole(account_id=account.id, role=role.value) for role in held)
    detail = {"roles": [role.value for role in held], "agency": agency}
    audit.record(session, actor=actor, action="account.create", subject=address, detail=detail, now=now)
    return account


@dataclass(frozen=True)
class Candidate:
    """An account as it stands before a password is tried; an unknown address has no id."""

    id: bytes | None
    password_hash: str


def candidate(session: Session, *, email: str, now: datetime) -> Candidate:
    """Who may be signing in; unknown and locked addresses get a hash that no password fits: time tells nothing."""
    account = session.scalars(select(Account).where(Account.email == email.strip().lower())).first()
    if account is None or not account.active or (account.locked_until and account.locked_until > now):
        return Candidate(None, _decoy())
    return Candidate(account.id, account.password_hash)


def matches(candidate: Candidate, password: str) -> bool:
    """Whether the password fits; takes a good part of a second, so no transaction is open meanwhile."""
    try:
        return _HASHER.verify(candidate.password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def settle(session: Session, candidate: Candidate, *, right: bool, now: datetime) -> str | None:
    """Count a failure (ten in a row lock for a while) or start a session; its token goes to the browser."""
    account = session.get(Account, candidate.id) if candidate.id else None
    if account is None:
        return None
    if not right:
        account.failures += 1
        account.locked_until = now + LOCK if account.failures % FAILURES_BEFORE_LOCK == 0 else account.locked_until
        session.flush()
        return None
    account.failures, account.locked_until = 0, None
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            token_hash=_token_hash(token), account_id=account.id, started_at=now, expires_at=now + SESSION_LIFE
        )
    )
    session.flush()
    return token


def signed_in(session: Session, token: str | None, now: datetime) -> SignedIn | None:
    """Who holds a session token now."""
    if not token:
        return None
    row = session.execute(
        select(Account)
        .join(StaffSession, StaffSession.account_id == Account.id)
        .where(StaffSession.token_hash == _token_hash(token), StaffSession.expires_at > now, Account.active)
    ).scalar()
    if row is None:
        return None
    roles = session.scalars(select(AccountRole.role).where(AccountRole.account_id == row.id))
    return SignedIn(row.email, row.name, row.agency, row.unit_code, frozenset(Role(role) for role in roles))


def sign_out(session: Session, token: str) -> None:
    session.execute(delete(StaffSession).where(StaffSession.token_hash == _token_hash(token)))


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@cache
def _decoy() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))
