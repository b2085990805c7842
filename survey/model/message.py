"""The outbox: what is to be written to whom by which channel, tied to the register by the wave key alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Mark, RandomId

NOT_GIVEN_UP = text("state <> 'failed'")


class Message(Base):
    """One attempt at one step of one person by one channel; `id` is the tracking id that the gateway is told.

    `step_mark` is a keyed hash of person and step: of all attempts with the same one only those given up may be many,
    so that nobody gets a step twice. `sealed` holds the invitation; `doubtful` is one that may have gone out already.
    `cell` is the joint class, for the board's counts. No text, link, contact or answer is here.
    """

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("channel in ('zalo','sms','email','print')", name="channel"),
        CheckConstraint(
            "state in ('planned','waiting','claimed','sent','delivered','unknown','bounced','failed','stopped',"
            "'to_print')",
            name="state",
        ),
        UniqueConstraint("step_mark", "channel"),
        Index(
            "uq_message_step_mark",
            "step_mark",
            unique=True,
            sqlite_where=NOT_GIVEN_UP,
            postgresql_where=NOT_GIVEN_UP,
        ),
        Index("ix_message_wave_id_state", "wave_id", "state"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"))
    step: Mapped[Code]
    step_mark: Mapped[Mark]
    cell: Mapped[str | None] = mapped_column(String(60))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    channel: Mapped[str] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int]
    due_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    why: Mapped[str | None] = mapped_column(String(20))
    doubtful: Mapped[bool]
    cost: Mapped[int]
    reference: Mapped[str | None] = mapped_column(String(120))


class MessageBudget(Base):
    """What the messages of a wave may cost and have cost, in đồng."""

    __tablename__ = "message_budget"
    __table_args__ = (CheckConstraint("spent >= 0 and spent <= cap", name="never_over"),)

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    cap: Mapped[int]
    spent: Mapped[int]


class OptOut(Base):
    """A phone or an e-mail that is written to no more, for ever: its hash by the installation key."""

    __tablename__ = "opt_out"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
