"""People who run the survey: accounts, their roles and their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Hidden, Name, RandomId


class Account(Base):
    """One person of one agency."""

    __tablename__ = "account"

    id: Mapped[RandomId]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[Name]
    agency: Mapped[Name]
    unit_code: Mapped[str | None] = mapped_column(String(60), ForeignKey("unit.code"))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool]
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    phone_mark: Mapped[bytes | None] = mapped_column(LargeBinary(16))  # the same mark as of a dossier under this phone


class AccountRole(Base):
    """A role that an account holds."""

    __tablename__ = "account_role"
    __table_args__ = (
        CheckConstraint(
            "role in ('admin','data_office','survey_office','interviewer','lead_agency','oversight','rated_unit')",
            name="role",
        ),
    )

    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)


class StaffSession(Base):
    """A signed-in browser; only a hash of its token is kept. `half`: the second factor is waited for."""

    __tablename__ = "staff_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    device: Mapped[str | None] = mapped_column(String(60))
    half: Mapped[bool] = mapped_column(default=False)


class SecondFactor(Base):
    """The secret of an account's one-time codes, hidden by the installation key; `last_step` was used already."""

    __tablename__ = "second_factor"

    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), primary_key=True)
    secret: Mapped[Hidden]
    next_secret: Mapped[Hidden]
    last_step: Mapped[int]
    enrolled_at: Mapped[datetime | None]


class SpareCode(Base):
    """A code on paper in place of a lost telephone, as a keyed hash; it goes when it is used."""

    __tablename__ = "spare_code"

    code_mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)


class AccountLink(Base):
    """A link that sets a password once; only a hash of its token is kept."""

    __tablename__ = "account_link"
    __table_args__ = (CheckConstraint("purpose in ('invitation','recovery')", name="purpose"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(12))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class KnownDevice(Base):
    """A browser that signed in to an account before: its wrong passwords are counted apart from strangers'."""

    __tablename__ = "known_device"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class SsoIdentity(Base):
    """Whom the province's sign-in means by a subject of its own: a keyed hash of issuer and subject."""

    __tablename__ = "sso_identity"
    __table_args__ = (UniqueConstraint("account_id"),)

    subject_mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"))
    bound_at: Mapped[datetime]
