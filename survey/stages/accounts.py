"""What an administrator does to accounts, and what their owners do: invitations, passwords, roles, sessions.

Every change of rights ends the sessions of the account and is in the audit log. Nobody changes the own rights.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from survey import cells
from survey.cells import CellRefused
from survey.errors.staff import (
    AccountUnknown,
    AddressRefused,
    LinkOver,
    OwnAccount,
    PasswordRefused,
    PhoneRefused,
    RolesApart,
    UnitNeeded,
)
from survey.keys import InstallationKey
from survey.model.staff import Account, AccountLink, AccountRole, KnownDevice, StaffSession
from survey.stages import audit, staff
from survey.stages.staff import Role

ALONE = frozenset({Role.ADMIN, Role.DATA_OFFICE, Role.OVERSIGHT})
APART = frozenset({Role.INTERVIEWER, Role.RATED_UNIT})
OF_A_UNIT = frozenset({Role.RATED_UNIT, Role.LEAD_AGENCY})
ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")
FEWEST_DIFFERENT = 5
LONGEST_PASSWORD = 200


class Purpose(StrEnum):
    """What a link that sets a password is for."""

    INVITATION = "invitation"
    RECOVERY = "recovery"


class Weak(StrEnum):
    """Why a password is not taken."""

    SHORT = "password_short"
    LONG = "password_long"
    EVEN = "password_even"
    NAME = "password_name"


LIFE = {Purpose.INVITATION: timedelta(days=7), Purpose.RECOVERY: timedelta(hours=1)}
NOT_AGAIN = timedelta(minutes=5)  # a recovery asked for twice sends one message


@dataclass(frozen=True)
class Listed:
    """An account with what it may do."""

    account: Account
    roles: tuple[Role, ...]
    has_second_factor: bool


def invite(
    session: Session, *, email: str, name: str, agency: str, roles: Iterable[str], unit: str | None, actor: str,
    now: datetime,
) -> tuple[Account, str]:  # fmt: skip
    """A new account without a password, and the token of the link that sets one."""
    account = create(
        session, email=email, name=name, agency=agency, roles=roles, password=None, unit=unit, actor=actor, now=now
    )
    return account, issue_link(session, account, Purpose.INVITATION, actor=actor, now=now)


def create(
    session: Session, *, email: str, name: str, agency: str, roles: Iterable[str], password: str | None,
    unit: str | None, actor: str, now: datetime,
) -> Account:  # fmt: skip
    """A new account by the one rule of every door: an address that can be written to, roles that go together."""
    address = email.strip().lower()
    if not ADDRESS.fullmatch(address) or len(address) > 254:
        raise AddressRefused(address)
    held = check_roles(roles, unit or staff.unit_named(session, agency))
    return staff.create_account(
        session, email=address, name=plain(name), agency=plain(agency), roles=held, password=password, now=now,
        unit=unit, actor=actor,
    )  # fmt: skip


def check_roles(roles: Iterable[str], unit: str | None) -> list[Role]:
    """The roles, when one person may hold them together and a unit is there for those that speak for one."""
    held = sorted({Role(role) for role in roles})
    if not held or (len(held) > 1 and ALONE & set(held)) or set(held) >= APART:
        raise RolesApart(", ".join(held))
    needing = OF_A_UNIT & set(held)
    if needing and unit is None:
        raise UnitNeeded(min(needing))
    return held


def issue_link(session: Session, account: Account, purpose: Purpose, *, actor: str, now: datetime) -> str:
    """The token of a link that sets the account's password once; an earlier one is void."""
    session.execute(delete(AccountLink).where(AccountLink.account_id == account.id))
    token = secrets.token_urlsafe(32)
    session.add(AccountLink(
        token_hash=staff.token_hash(token), account_id=account.id, purpose=purpose, made_at=now,
        expires_at=now + LIFE[purpose],
    ))  # fmt: skip
    _log(session, account, f"account.{purpose}", actor, now)
    return token


def recovery_for(session: Session, email: str, *, now: datetime, again: bool) -> tuple[Account, str] | None:
    """The account of an address with a new link; None for whom there is none, or (unless `again`) got one just now."""
    account = session.scalars(select(Account).where(Account.email == email.strip().lower(), Account.active)).first()
    if account is None:
        return None
    mine = (AccountLink.account_id == account.id, AccountLink.made_at > now - NOT_AGAIN)
    if not again and session.scalars(select(AccountLink).where(*mine)).first() is not None:
        return None
    purpose = Purpose.RECOVERY if account.password_hash else Purpose.INVITATION
    return account, issue_link(session, account, purpose, actor="site", now=now)


def of_link(session: Session, token: str, now: datetime) -> Account:
    """Whose password a link sets; looking uses nothing up. LinkOver."""
    link = session.get(AccountLink, staff.token_hash(token))
    account = session.get(Account, link.account_id) if link is not None and link.expires_at > now else None
    if account is None or not account.active:
        raise LinkOver()
    return account


def redeem(session: Session, token: str, password_hash: str, *, now: datetime) -> Account:
    """Set the password by a link, once; every session and known browser of before ends. The second factor stays."""
    account = of_link(session, token, now)
    taken = session.execute(delete(AccountLink).where(AccountLink.token_hash == staff.token_hash(token)))
    if taken.rowcount != 1:  # type: ignore[attr-defined]  # two tabs at once
        raise LinkOver()
    session.execute(delete(KnownDevice).where(KnownDevice.account_id == account.id))
    set_password(session, account, password_hash, now=now)
    return account


def set_password(
    session: Session, account: Account, password_hash: str, *, now: datetime, keep: bytes | None = None
) -> None:
    """A new password ends all sessions but the one that `keep` names by its hash."""
    account.password_hash, account.failures, account.locked_until = password_hash, 0, None
    end_sessions(session, account.id, keep=keep)
    session.execute(delete(AccountLink).where(AccountLink.account_id == account.id))
    _log(session, account, "account.password", account.email, now)


def check_password(password: str, email: str) -> None:
    """PasswordRefused for one that is short, nearly one letter, or made of the address."""
    name = email.partition("@")[0].lower()
    for weak, is_so in (
        (Weak.SHORT, len(password) < staff.SHORTEST_PASSWORD),
        (Weak.LONG, len(password) > LONGEST_PASSWORD),
        (Weak.EVEN, len(set(password)) < FEWEST_DIFFERENT),
        (Weak.NAME, len(name) > 3 and name in password.lower()),
    ):
        if is_so:
            raise PasswordRefused(weak)


@dataclass(frozen=True)
class Change:
    """An account as an administrator wants it."""

    name: str
    agency: str
    unit: str | None
    roles: tuple[str, ...]
    active: bool


def change(session: Session, account: Account, wanted: Change, *, actor: str, now: datetime) -> None:
    """Change what an account is and may; its sessions end, and what was before stands in the log."""
    _not_own(account, actor)
    unit = staff.unit_of(session, wanted.unit, wanted.agency, wanted.roles)
    held = check_roles(wanted.roles, unit)
    before = _state(account, roles_of(session, account.id))
    account.name, account.agency, account.unit_code = plain(wanted.name), plain(wanted.agency), unit
    account.active = wanted.active
    session.execute(delete(AccountRole).where(AccountRole.account_id == account.id))
    session.add_all(AccountRole(account_id=account.id, role=role.value) for role in held)
    end_sessions(session, account.id)
    if not wanted.active:
        session.execute(delete(AccountLink).where(AccountLink.account_id == account.id))
    detail = {"before": before, "after": _state(account, held)}
    audit.record(session, actor=actor, action="account.change", subject=account.email, detail=detail, now=now)


def set_phone(
    session: Session, account: Account, phone: str | None, *, installation: InstallationKey, actor: str, now: datetime
) -> None:
    """Keep a keyed hash of an interviewer's telephone (None: no more); dossiers under it come on no list."""
    try:
        account.phone_mark = installation.mark("phone", cells.phone(phone)) if phone is not None else None
    except CellRefused as error:
        raise PhoneRefused() from error
    _log(session, account, "account.phone", actor, now)


def require_other(account: Account, actor: str) -> None:
    """OwnAccount where an administrator would lift the own second factor or make the own recovery."""
    _not_own(account, actor)


def sessions_of(session: Session, account_id: bytes, now: datetime) -> list[StaffSession]:
    """The browsers that are signed in, the newest first."""
    mine = (StaffSession.account_id == account_id, StaffSession.expires_at > now, StaffSession.half.is_(False))
    return list(session.scalars(select(StaffSession).where(*mine).order_by(StaffSession.started_at.desc())))


def end_session(session: Session, account_id: bytes, number: str) -> None:
    """Sign one browser out, named by the hash of its token; only one of this account."""
    for one in session.scalars(select(StaffSession).where(StaffSession.account_id == account_id)):
        if one.token_hash.hex() == number:
            session.delete(one)


def end_sessions(session: Session, account_id: bytes, *, keep: bytes | None = None) -> None:
    mine = [StaffSession.account_id == account_id]
    if keep is not None:
        mine.append(StaffSession.token_hash != keep)
    session.execute(delete(StaffSession).where(*mine))


def all_accounts(session: Session) -> list[Listed]:
    """Every account by name."""
    return [listed(session, account) for account in session.scalars(select(Account).order_by(Account.name))]


def listed(session: Session, account: Account) -> Listed:
    has_second = staff.has_second_factor(session, account.id)
    return Listed(account, tuple(roles_of(session, account.id)), has_second)


def find(session: Session, number: str) -> Account:
    """An account by the hex digits of its random id; AccountUnknown."""
    account = session.get(Account, bytes.fromhex(number)) if re.fullmatch("[0-9a-f]{32}", number) else None
    if account is None:
        raise AccountUnknown()
    return account


def of_address(session: Session, email: str) -> Account:
    """An account by its address; AccountUnknown."""
    account = session.scalars(select(Account).where(Account.email == email.strip().lower())).first()
    if account is None:
        raise AccountUnknown()
    return account


def roles_of(session: Session, account_id: bytes) -> list[Role]:
    held = session.scalars(select(AccountRole.role).where(AccountRole.account_id == account_id))
    return sorted(Role(role) for role in held)


def plain(text: str) -> str:
    """One line without control characters: a name goes into headers of messages."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _not_own(account: Account, actor: str) -> None:
    if account.email == actor:
        raise OwnAccount()


def _state(account: Account, roles: Sequence[Role]) -> dict[str, Any]:
    return {
        "roles": [role.value for role in roles], "agency": account.agency, "unit": account.unit_code,
        "active": account.active,
    }  # fmt: skip


def _log(session: Session, account: Account, action: str, actor: str, now: datetime) -> None:
    audit.record(session, actor=actor, action=action, subject=account.email, detail={}, now=now)
