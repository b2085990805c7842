"""What all tables share: naming of constraints, random ids, aware times."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, LargeBinary, MetaData, String, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """An aware instant, stored as UTC without zone so that both engines order it alike."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UtcTime(), dict[str, Any]: JSON(), list[str]: JSON(), list[Any]: JSON()}


def new_id() -> bytes:
    """128 random bits: tells nothing of order or time."""
    return secrets.token_bytes(16)


def new_ids(count: int) -> list[bytes]:
    """As many new ids, drawn at once."""
    drawn = secrets.token_bytes(16 * count)
    return [drawn[start : start + 16] for start in range(0, len(drawn), 16)]


RandomId = Annotated[bytes, mapped_column(LargeBinary(16), primary_key=True, default=new_id)]
Mark = Annotated[bytes, mapped_column(LargeBinary(16))]
Hidden = Annotated[bytes | None, mapped_column(LargeBinary)]
Code = Annotated[str, mapped_column(String(60))]
Name = Annotated[str, mapped_column(String(300))]
