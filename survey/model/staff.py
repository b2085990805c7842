"""People who run the survey: accounts, their roles and their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Name, RandomId


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
    """A signed-in browser; only a hash of its token is kept."""

    __tablename__ = "staff_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
