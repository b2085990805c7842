"""Re-contacts: who is called for a check of the field work, until the close, and what the calls gave, as counts."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class Recontact(Base):
    """Somebody drawn for a call, tied to the invitation by the wave key alone; gone when the wave closes."""

    __tablename__ = "recontact"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class WaitingMatch(Base):
    """One piece for every answer and every call, all alike from outside: most hold nothing, those of people who agreed
    three answers. Sealed to a key for one comparison, until the close."""

    __tablename__ = "waiting_match"
    __table_args__ = {"sqlite_with_rowid": False}

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class RecontactTally(Base):
    """How many calls said `word` about something: an outcome, a fact, a question, whether both answers are the same."""

    __tablename__ = "recontact_tally"
    __table_args__ = (CheckConstraint("people >= 0", name="people"),)

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    about: Mapped[str] = mapped_column(String(330), primary_key=True)
    word: Mapped[str] = mapped_column(String(20), primary_key=True)
    people: Mapped[int]
