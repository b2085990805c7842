"""Approvals: who agreed to what, for which agency, on which document."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Name, RandomId


class Approval(Base):
    """One person's agreement (phê duyệt) to a subject as it stood: `digest` is the SHA-256 of what was approved.

    `agency` is what tells agencies apart: a unit's code, or the written name; `rated` is how it stood on that day.
    """

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="digest"),
        UniqueConstraint("subject", "digest", "agency"),
        UniqueConstraint("subject", "digest", "account_id"),
    )

    id: Mapped[RandomId]
    subject: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    agency: Mapped[Name]
    rated: Mapped[bool]
    document: Mapped[Name]
    given_at: Mapped[datetime]
