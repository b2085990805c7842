"""The sample (mẫu): what was drawn, how surely, and the joint classes that answers may carry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code


class Draw(Base):
    """The one draw of a wave: the published seed and the allocation."""

    __tablename__ = "draw"

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    seed: Mapped[int]
    drawn_at: Mapped[datetime]
    allocation: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))


class SamplePlan(Base):
    """One version of a wave's sample plan: what was assumed, and what each unit is to give."""

    __tablename__ = "sample_plan"

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(254))
    options: Mapped[dict[str, Any]]
    rows: Mapped[list[Any]]
    digest: Mapped[str] = mapped_column(String(64))


class SampledDossier(Base):
    """A drawn dossier: its inclusion probability, its person's drawn dossiers, and whether it was kept."""

    __tablename__ = "sampled_dossier"

    dossier_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("dossier.id"), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    stratum: Mapped[Code]
    probability: Mapped[float]
    multiplicity: Mapped[int]
    kept: Mapped[bool]
    class_code: Mapped[str | None] = mapped_column(String(60))


class ClassCell(Base):
    """Counts of one joint class: the only thing that the register keeps after the close.

    `reachable`: who can be invited; `invited`: who was, once links are issued, and who will be before.
    """

    __tablename__ = "class_cell"

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    class_code: Mapped[str] = mapped_column(String(60), primary_key=True)
    unit_code: Mapped[str | None] = mapped_column(String(60), ForeignKey("unit.code"))
    stratum: Mapped[Code]
    stratum_population: Mapped[int]
    population: Mapped[int]
    drawn: Mapped[int]
    kept: Mapped[int]
    reachable: Mapped[int] = mapped_column(default=0)
    invited: Mapped[int]
    wrong_person: Mapped[int] = mapped_column(default=0)
    printed: Mapped[int] = mapped_column(default=0)
    assigned: Mapped[int] = mapped_column(default=0)
    weight_sum: Mapped[float]
