"""What was said, apart from who may say it: no shared key, order, time or address with the register.

Tables are keyed by random bytes and, on SQLite, stored in the order of that key (no row number tells the order).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, RandomId


class SpentMark(Base):
    """A used link: the keyed hash of its invitation, which only the key folder can tie to it."""

    __tablename__ = "spent_mark"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)


class Submission(Base):
    """A sending seen before: keyed hashes of the form's key and body, dropped at the close."""

    __tablename__ = "submission"
    __table_args__ = {"sqlite_with_rowid": False}

    key_mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    body_mark: Mapped[bytes] = mapped_column(LargeBinary(16))


class Spooled(Base):
    """An accepted answer that waits, sealed to the wave's key, until enough of its class wait."""

    __tablename__ = "spooled"
    __table_args__ = (
        CheckConstraint("kind in ('answer','facts')", name="kind"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    cell: Mapped[Code]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Answer(Base):
    """One citizen's answer: the wave's phase, the mode, the unit, one joint class code, and what was said."""

    __tablename__ = "answer"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    phase: Mapped[int]
    mode: Mapped[str] = mapped_column(String(12))
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"))
    class_code: Mapped[Code]
    items: Mapped[dict[str, Any]]


class Judgement(Base):
    """What one rater said of one unit; the rater is a fresh random number, known only by its group."""

    __tablename__ = "judgement"
    __table_args__ = {"sqlite_with_rowid": False}

    rater: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    phase: Mapped[int]
    mode: Mapped[str] = mapped_column(String(12))
    group: Mapped[Code]
    items: Mapped[dict[str, Any]]


class Facts(Base):
    """What respondents told of themselves, for the whole province and without the unit."""

    __tablename__ = "facts"
    __table_args__ = {"sqlite_with_rowid": False}

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    phase: Mapped[int]
    items: Mapped[dict[str, Any]]


class Tally(Base):
    """Completed forms by cell (rated unit, or rater group) and mode: the board's cost does not grow with answers."""

    __tablename__ = "tally"
    __table_args__ = (CheckConstraint("completed >= 0", name="completed"),)

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    cell: Mapped[str] = mapped_column(String(60), primary_key=True)
    mode: Mapped[str] = mapped_column(String(12), primary_key=True)
    completed: Mapped[int]


class OrderCount(Base):
    """How often an item that stood in a place got a value, over the whole wave: what a random order did to answers."""

    __tablename__ = "order_count"
    __table_args__ = (
        CheckConstraint("place > 0 and answers > 0", name="counts"),
        {"sqlite_with_rowid": False},
    )

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    item: Mapped[str] = mapped_column(String(60), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[str] = mapped_column(String(60), primary_key=True)
    answers: Mapped[int]
