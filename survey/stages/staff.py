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

from survey.errors import AccountExists, SignInRefused
from survey.model.staff import Account, AccountRole, StaffSession
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
    """A new account; an address that is there already is refused."""
    address = email.strip().lower()
    if session.scalars(select(Account).where(Account.email == address)).first() is not None:
        raise AccountExists(email=address)
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


def verify(session: Session, *, email: str, password: str, now: datetime) -> Account | None:
    """The account behind an address and password, or None; failures are counted and lock for a while.

    The caller commits in both cases, so that a failure counts. An unknown address costs the same time.
    """
    account = session.scalars(select(Account).where(Account.email == email.strip().lower())).first()
    right = _matches(account.password_hash if account else _decoy(), password)
    if account is None or not account.active or (account.locked_until and account.locked_until > now):
        return None
    account.failures = 0 if right else account.failures + 1
    account.locked_until = now + LOCK if account.failures and account.failures % FAILURES_BEFORE_LOCK == 0 else None
    session.flush()
    return account if right else None


def start_session(session: Session, account: Account, *, now: datetime) -> str:
    """A new session; the token goes to the browser, its hash stays here."""
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            token_hash=_token_hash(token), account_id=account.id, started_at=now, expires_at=now + SESSION_LIFE
        )
    )
    session.flush()
    return token


def sign_in(session: Session, *, email: str, password: str, now: datetime) -> str:
    """Verify and start a session in one step; SignInRefused otherwise."""
    account = verify(session, email=email, password=password, now=now)
    if account is None:
        raise SignInRefused()
    return start_session(session, account, now=now)


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


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))
