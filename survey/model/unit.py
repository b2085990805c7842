"""Administrative units with their validity: units come and go, past waves keep them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Name


class Unit(Base):
    """A province, department, commune … by its official code."""

    __tablename__ = "unit"
    __table_args__ = (
        CheckConstraint(
            "type in ('province','department','vertical','commune','ward','special_zone','district')", name="type"
        ),
    )

    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    name_vi: Mapped[Name]
    name_en: Mapped[Name]
    type: Mapped[str] = mapped_column(String(20))
    parent: Mapped[str | None] = mapped_column(String(60), ForeignKey("unit.code"), index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    successor: Mapped[str | None] = mapped_column(String(60))
    rated: Mapped[bool]
