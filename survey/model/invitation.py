"""The register: who may answer. Nothing here says who did (see `response.SpentMark`)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Mark, RandomId


class Invitation(Base):
    """A personal link of a kept dossier or a rater; emptied when the wave closes."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("state in ('issued','wrong_person')", name="state"),
        CheckConstraint("(dossier_id is null) <> (rater_id is null)", name="one_subject"),
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    dossier_id: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("dossier.id"), unique=True)
    rater_id: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("rater.id"), unique=True)
    unit_code: Mapped[str | None] = mapped_column(String(60), ForeignKey("unit.code"))
    class_code: Mapped[Code]
    code_mark: Mapped[Mark] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(String(12))
