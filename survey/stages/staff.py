"""Accounts of those who run the survey: sign-in with argon2, roles, sessions kept on the server."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from survey.errors.common import AccountExists, UnitUnknown
from survey.errors.staff import UnitNeeded
from survey.model.staff import Account, AccountRole, KnownDevice, SecondFactor, StaffSession
from survey.model.unit import Unit
from survey.stages import agencies, audit

SESSION_LIFE, HALF_LIFE, DEVICE_LIFE = timedelta(hours=12), timedelta(minutes=10), timedelta(days=180)
SEEN_EVERY = timedelta(minutes=5)
SHORTEST_PASSWORD = 12
FREE_FAILURES = 4
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
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


NEEDS_SECOND_FACTOR = frozenset({Role.ADMIN, Role.LEAD_AGENCY, Role.SURVEY_OFFICE, Role.OVERSIGHT})


@dataclass(frozen=True)
class SignedIn:
    """Who is at the other end of a staff session."""

    email: str
    name: str
    agency: str
    unit: str | None
    roles: frozenset[Role]
    account_id: bytes
    has_second_factor: bool
    seen_at: datetime | None


def create_account(
    session: Session,
    *,
    email: str,
    name: str,
    agency: str,
    roles: Iterable[str],
    password: str | None,
    now: datetime,
    unit: str | None = None,
    actor: str = "system",
) -> Account:
    """A new account; an address that is there already and a unit that is not are refused.

    Without a password nobody can sign in to it until an invitation sets one.
    """
    address = email.strip().lower()
    if session.scalars(select(Account).where(Account.email == address)).first() is not None:
        raise AccountExists(email=address)
    unit = unit_of(session, unit, agency, roles)
    account = Account(
        email=address,
        name=name,
        agency=agency,
        unit_code=unit,
        password_hash="" if password is None else hash_password(password),
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


def unit_of(session: Session, unit: str | None, agency: str, roles: Iterable[str]) -> str | None:
    """The unit that an account speaks for: the one named, else the one that bears the agency's name.

    An account of Home Affairs without it would be shown its own row early; where units are rated, a lead agency that
    none of them fits is refused.
    """
    if unit is not None and session.get(Unit, unit) is None:
        raise UnitUnknown(unit=unit)
    if unit is None:
        unit = unit_named(session, agency)
    if unit is None and Role.LEAD_AGENCY in roles and session.scalars(select(Unit.code).where(Unit.rated)).first():
        raise UnitNeeded(Role.LEAD_AGENCY)
    return unit


def unit_named(session: Session, agency: str) -> str | None:
    """The first unit whose name in either language is the agency's, however it is written."""
    provinces = agencies.province_names(session)
    name = agencies.folded(agency, provinces)
    rows = session.execute(select(Unit.code, Unit.name_vi, Unit.name_en).order_by(Unit.rated.desc(), Unit.code)).all()
    names = {row.code: {agencies.folded(text, provinces) for text in row[1:]} for row in rows}
    return next((code for code, known in names.items() if name in known), None)


def plain_name(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def hash_password(password: str) -> str:
    """Takes a good part of a second: call it outside a transaction."""
    return _HASHER.hash(password)


@dataclass(frozen=True)
class Candidate:
    """An account as it stands before a password is tried; an unknown address has no id."""

    id: bytes | None
    password_hash: str
    device: bytes | None = None


def candidate(session: Session, *, email: str, now: datetime, device: str | None = None) -> Candidate:
    """Who may be signing in; unknown and locked addresses get a hash that no password fits: time tells nothing.

    A browser that signed in before is locked by its own failures alone, so that strangers who try passwords at an
    address do not lock its owner out.
    """
    account = session.scalars(select(Account).where(Account.email == email.strip().lower())).first()
    if account is None or not account.active or not account.password_hash:
        return Candidate(None, _decoy())
    known = _known_device(session, account.id, device, now)
    counted = known or account
    if counted.locked_until and counted.locked_until > now:
        return Candidate(None, _decoy())
    return Candidate(account.id, account.password_hash, known.token_hash if known else None)


def matches(candidate: Candidate, password: str) -> bool:
    """Whether the password fits; takes a good part of a second, so no transaction is open meanwhile."""
    try:
        return _HASHER.verify(candidate.password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@dataclass(frozen=True)
class Opened:
    """A new session: its token goes to the browser; `half` waits for the second factor."""

    token: str
    half: bool


def settle(
    session: Session, candidate: Candidate, *, right: bool, now: datetime, browser: str | None = None
) -> Opened | None:
    """Count a failure or start a session, half a one where the account has a second factor."""
    account = session.get(Account, candidate.id) if candidate.id else None
    if account is None:
        return None
    if not right:
        count_failure(session, account, candidate.device, now)
        return None
    return open_session(session, account, now=now, browser=browser, half=has_second_factor(session, account.id))


def count_failure(session: Session, account: Account, device: bytes | None, now: datetime) -> None:
    """One more failure of a stranger or of a known browser; from the fifth on each pause is twice the one before."""
    counted = (session.get(KnownDevice, device) if device else None) or account
    counted.failures += 1
    over = counted.failures - FREE_FAILURES
    if over > 0:
        counted.locked_until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(over - 1, 20))
        detail = {"failures": counted.failures, "known_browser": device is not None}
        audit.record(session, actor="site", action="account.lock", subject=account.email, detail=detail, now=now)
    session.flush()


def miss(session: Session, account: Account, device: str | None, now: datetime) -> bool:
    """Count a wrong code of the second factor; whether a pause began."""
    known = _known_device(session, account.id, device, now)
    count_failure(session, account, known.token_hash if known else None, now)
    until = (known or account).locked_until
    return until is not None and until > now


def open_session(session: Session, account: Account, *, now: datetime, browser: str | None, half: bool) -> Opened:
    """A session with a token of its own; failures are forgotten once nothing is waited for any more."""
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(StaffSession(
        token_hash=token_hash(token), account_id=account.id, started_at=now, seen_at=now, half=half,
        expires_at=now + (HALF_LIFE if half else SESSION_LIFE), device=browser,
    ))  # fmt: skip
    if not half:
        account.failures, account.locked_until = 0, None
        audit.record(session, actor=account.email, action="account.sign_in", subject=account.email, detail={}, now=now)
    session.flush()
    return Opened(token, half)


def know_device(session: Session, account_id: bytes, device: str | None, now: datetime) -> str:
    """Remember a browser that signed in; the mark that it keeps for next time."""
    known = _known_device(session, account_id, device, now)
    if known is not None and device is not None:
        known.failures, known.locked_until = 0, None
        return device
    token = secrets.token_urlsafe(32)
    session.add(KnownDevice(
        token_hash=token_hash(token), account_id=account_id, failures=0, locked_until=None,
        expires_at=now + DEVICE_LIFE,
    ))  # fmt: skip
    session.flush()
    return token


def _known_device(session: Session, account_id: bytes, device: str | None, now: datetime) -> KnownDevice | None:
    found = session.get(KnownDevice, token_hash(device)) if device else None
    return found if found is not None and found.account_id == account_id and found.expires_at > now else None


def signed_in(session: Session, token: str | None, now: datetime) -> SignedIn | None:
    """Who holds a session token now; half a session is nobody's."""
    found = _session_of(session, token, now, half=False)
    if found is None:
        return None
    row, seen_at = found
    roles = session.scalars(select(AccountRole.role).where(AccountRole.account_id == row.id))
    return SignedIn(
        row.email, row.name, row.agency, row.unit_code, frozenset(Role(role) for role in roles), row.id,
        has_second_factor(session, row.id), seen_at,
    )  # fmt: skip


def half_signed_in(session: Session, token: str | None, now: datetime) -> Account | None:
    """Whose password was right, and whose second factor is waited for."""
    found = _session_of(session, token, now, half=True)
    return None if found is None else found[0]


def _session_of(
    session: Session, token: str | None, now: datetime, *, half: bool
) -> tuple[Account, datetime | None] | None:
    if not token:
        return None
    mine = (StaffSession.token_hash == token_hash(token), StaffSession.expires_at > now, StaffSession.half == half)
    row = session.execute(
        select(Account, StaffSession.seen_at)
        .join(StaffSession, StaffSession.account_id == Account.id)
        .where(*mine, Account.active)
    ).first()
    return None if row is None else (row[0], row[1])


def has_second_factor(session: Session, account_id: bytes) -> bool:
    factor = session.get(SecondFactor, account_id)
    return factor is not None and factor.secret is not None


def touch(session: Session, token: str, now: datetime) -> None:
    """The session is in use; said every few minutes, not at every request."""
    found = session.get(StaffSession, token_hash(token))
    if found is not None:
        found.seen_at = now


def sign_out(session: Session, token: str) -> None:
    session.execute(delete(StaffSession).where(StaffSession.token_hash == token_hash(token)))


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@cache
def _decoy() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))
