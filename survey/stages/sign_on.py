"""Whom the province's sign-on means: an account that an administrator made, bound to one subject at its first use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.staff import SignOnRefused
from survey.keys import InstallationKey
from survey.model.staff import Account, SsoIdentity
from survey.sso import Person
from survey.stages import audit


def account_of(session: Session, key: InstallationKey, person: Person, *, now: datetime) -> Account:
    """The account of a person whom the issuer vouches for; SignOnRefused where there is none: nobody gets in new."""
    mark = key.mark("sso", f"{person.issuer}\0{person.subject}")
    bound = session.get(SsoIdentity, mark)
    account = session.get(Account, bound.account_id) if bound else _bind(session, person, mark, now)
    if account is None or not account.active:
        raise SignOnRefused("account")
    return account


def _bind(session: Session, person: Person, mark: bytes, now: datetime) -> Account | None:
    """First use: the account with the verified address, unless another subject has it."""
    account = session.scalars(select(Account).where(Account.email == (person.email or ""), Account.active)).first()
    if account is None:
        return None
    if session.scalars(select(SsoIdentity).where(SsoIdentity.account_id == account.id)).first() is not None:
        raise SignOnRefused("bound")
    session.add(SsoIdentity(subject_mark=mark, account_id=account.id, bound_at=now))
    session.flush()
    audit.record(session, actor=account.email, action="account.sso", subject=account.email, detail={}, now=now)
    return account
