"""Field work of interviewers: who of the drawn sample is on whose list, and counts of how it went."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base


class Assignment(Base):
    """Somebody invited on an interviewer's list; gone when the wave closes.

    Only the wave key ties it to its invitation: `mark` is a keyed hash, `sealed` holds the invitation and what was
    tried, always of the same length. In the open, who refused would tell who of a small class can have answered.
    """

    __tablename__ = "assignment"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class FieldTally(Base):
    """People of a unit and interviewer by how it stands with them, and the attempts that ended so: counts alone."""

    __tablename__ = "field_tally"
    __table_args__ = (
        CheckConstraint("people >= 0 and attempts >= 0", name="counts"),
        CheckConstraint(
            "outcome in ('pending','callback','complete','partial','refused','no_contact','unable','not_found',"
            "'not_eligible')",
            name="outcome",
        ),
    )

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"), primary_key=True)
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12), primary_key=True)
    people: Mapped[int]
    attempts: Mapped[int]
