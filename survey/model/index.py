"""Index sheets: a scheme's whole index of one year, its imported points and its append-only runs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Name, RandomId


class IndexSheet(Base):
    """The index of a scheme and year (bảng chỉ số); the scheme's text is frozen with the first import."""

    __tablename__ = "index_sheet"
    __table_args__ = (UniqueConstraint("code", "year"),)

    id: Mapped[RandomId]
    code: Mapped[Code]
    year: Mapped[int]
    scheme: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class IndexInput(Base):
    """Imported points of a unit and code, or (not `is_points`) what a rule turns into points, with their source."""

    __tablename__ = "index_input"

    sheet_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("index_sheet.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"), primary_key=True)
    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Decimal] = mapped_column(Numeric(20, 6))
    is_points: Mapped[bool]
    source: Mapped[Name] = mapped_column(Text)


class IndexRun(Base):
    """One computation of a sheet."""

    __tablename__ = "index_run"

    id: Mapped[RandomId]
    sheet_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("index_sheet.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(254))
    extract_digest: Mapped[str] = mapped_column(String(64))
    code_version: Mapped[str] = mapped_column(String(60))
    options: Mapped[dict[str, Any]]


class IndexSeal(Base):
    """One seal of a sheet; the newest counts."""

    __tablename__ = "index_seal"
    __table_args__ = (
        UniqueConstraint("sheet_id", "number"),
        CheckConstraint("(number = 1) = (reason is null)", name="reason"),
    )

    id: Mapped[RandomId]
    sheet_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("index_sheet.id"))
    number: Mapped[int]
    run_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("index_run.id"))
    reason: Mapped[str | None] = mapped_column(Text)
    statement: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]
    sealed_by: Mapped[str] = mapped_column(String(254))


class IndexSealPart(Base):
    """A piece of a seal's bundle, as it is handed out."""

    __tablename__ = "index_seal_part"

    seal_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("index_seal.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class IndexFigure(Base):
    """One row of a sheet's results (CONTRACT: results folder), every number as its decimal string."""

    __tablename__ = "index_figure"
    __table_args__ = (Index("ix_index_figure_unit", "run_id", "unit_code"),)

    run_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("index_run.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    unit_code: Mapped[Code]
    row: Mapped[dict[str, Any]]
