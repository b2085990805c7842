"""Top-ups at a counter: every k-th visitor is asked by an independent enumerator; counts alone, no visitor."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class TopUp(Base):
    """A systematic intercept (phỏng vấn chọn hệ thống tại quầy): from the visitor numbered `start` every `every`-th.

    `stated`: a coordinator entered how many visitors came.
    """

    __tablename__ = "top_up"
    __table_args__ = (
        CheckConstraint("every >= 1 and start >= 1 and start <= every", name="interval"),
        CheckConstraint("refused + not_eligible + completed <= chosen and chosen <= visitors", name="counts"),
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"))
    point_of_service: Mapped[str | None] = mapped_column(String(60))
    account_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("account.id"), index=True)
    every: Mapped[int]
    start: Mapped[int]
    visitors: Mapped[int]
    chosen: Mapped[int]
    refused: Mapped[int]
    not_eligible: Mapped[int]
    completed: Mapped[int]
    stated: Mapped[bool]
