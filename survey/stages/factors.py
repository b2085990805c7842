"""The second factor: six digits of an authenticator app (TOTP, RFC 6238), or a spare code from paper."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import delete
from sqlalchemy.orm import Session

from survey.errors.staff import CodeWrong
from survey.keys import ALPHABET, InstallationKey, normalise_code
from survey.model.staff import Account, SecondFactor, SpareCode
from survey.stages import audit

ISSUER = "Hài Lòng"
STEP = 30
DRIFT = 1  # steps that a telephone's clock may be off
SPARE_CODES, SPARE_LENGTH = 10, 10  # 50 bits each


def begin(session: Session, key: InstallationKey, account: Account) -> str:
    """A new secret that waits until a code made from it was typed in; the one in use goes on meanwhile."""
    factor = session.get(SecondFactor, account.id)
    if factor is None:
        factor = SecondFactor(account_id=account.id, last_step=0)
        session.add(factor)
    secret = pyotp.random_base32()
    factor.next_secret = key.hide(secret)
    session.flush()
    return secret


def waiting(session: Session, key: InstallationKey, account_id: bytes) -> str | None:
    """The secret that waits to be confirmed."""
    factor = session.get(SecondFactor, account_id)
    return None if factor is None or factor.next_secret is None else key.reveal(factor.next_secret)


def address(account_email: str, secret: str) -> str:
    """What an authenticator app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=account_email, issuer_name=ISSUER)


def confirm(session: Session, key: InstallationKey, account: Account, code: str, *, now: datetime) -> list[str]:
    """Take the waiting secret into use; new spare codes, told once. CodeWrong when the code is not made from it."""
    factor = session.get(SecondFactor, account.id)
    if factor is None or factor.next_secret is None:
        raise CodeWrong()
    step = _fitting_step(key.reveal(factor.next_secret), code, now)
    if step is None:
        raise CodeWrong()
    factor.secret, factor.next_secret = factor.next_secret, None
    factor.last_step, factor.enrolled_at = step, now
    audit.record(session, actor=account.email, action="account.factor", subject=account.email, detail={}, now=now)
    return _new_spare_codes(session, key, account.id)


def fits(session: Session, key: InstallationKey, account: Account, code: str, *, now: datetime) -> bool:
    """Whether a code of the app, or a spare one, fits now; each is taken once."""
    factor = session.get(SecondFactor, account.id)
    if factor is None or factor.secret is None:
        return False
    step = _fitting_step(key.reveal(factor.secret), code, now)
    if step is not None and step > factor.last_step:
        factor.last_step = step
        session.flush()
        return True
    return step is None and _use_spare(session, key, account, code, now)


def forget(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """A lost telephone: the factor and its spare codes go, by an administrator."""
    session.execute(delete(SecondFactor).where(SecondFactor.account_id == account.id))
    session.execute(delete(SpareCode).where(SpareCode.account_id == account.id))
    audit.record(session, actor=actor, action="account.factor_forget", subject=account.email, detail={}, now=now)


def _fitting_step(secret: str, code: str, now: datetime) -> int | None:
    typed, here = "".join(code.split()), int(now.timestamp()) // STEP
    made = pyotp.TOTP(secret)
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(made.at(step * STEP).encode(), typed.encode()):
            return step
    return None


def _new_spare_codes(session: Session, key: InstallationKey, account_id: bytes) -> list[str]:
    session.execute(delete(SpareCode).where(SpareCode.account_id == account_id))
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(SPARE_LENGTH)) for _ in range(SPARE_CODES)]
    session.add_all(SpareCode(code_mark=_mark(key, account_id, code), account_id=account_id) for code in codes)
    session.flush()
    return codes


def _use_spare(session: Session, key: InstallationKey, account: Account, code: str, now: datetime) -> bool:
    typed = normalise_code("".join(code.split()).replace("-", ""))
    found = session.get(SpareCode, _mark(key, account.id, typed))
    if found is None or found.account_id != account.id:
        return False
    session.delete(found)
    session.flush()
    audit.record(session, actor=account.email, action="account.spare_code", subject=account.email, detail={}, now=now)
    return True


def _mark(key: InstallationKey, account_id: bytes, code: str) -> bytes:
    return key.mark("spare code", f"{account_id.hex()}:{code}")
