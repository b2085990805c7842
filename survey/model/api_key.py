"""Keys of other offices' programs for the API, and how far each webhook has been told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Name, RandomId


class ApiKey(Base):
    """What one program may do; of its key only a hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[RandomId]
    name: Mapped[Name]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]]
    unit_code: Mapped[str | None] = mapped_column(String(60), ForeignKey("unit.code"))
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class HookCursor(Base):
    """The last entry of the audit log that a webhook was told of."""

    __tablename__ = "hook_cursor"

    name: Mapped[Code] = mapped_column(primary_key=True)
    number: Mapped[int]
