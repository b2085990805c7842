"""Drafts: answers on their way, kept at every page, readable only with the respondent's link or browser."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Executable, Table, bindparam, delete, select
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.db import insert_into
from survey.keys import WaveKey, decrypt, encrypt
from survey.model.draft import Draft
from survey.statements import Prepared

LIFE = timedelta(days=15)
_BODY = Prepared(select(Draft.body).where(Draft.mark == bindparam("held")))
_DROP = Prepared(delete(Draft).where(Draft.mark == bindparam("held")))


@dataclass(frozen=True)
class DraftBody:
    """The submission key and what was answered so far (item code -> choice code)."""

    key: str
    answers: Mapping[str, str] = field(default_factory=dict)


def mark_of(key: WaveKey, secret: str) -> bytes:
    """How a draft (and a held place) is found again from what the respondent holds."""
    return key.mark("draft", secret)


def load(session: Session, key: WaveKey, secret: str) -> DraftBody | None:
    row = _BODY.first(session, held=mark_of(key, secret))
    return reveal(key, secret, row.body if row else None)


def reveal(key: WaveKey, secret: str, body: bytes | None) -> DraftBody | None:
    """A draft's body as it was hidden, for who has its secret; None when there is none."""
    if body is None:
        return None
    parts = json.loads(decrypt(key.subkey("draft body", secret), body))
    return DraftBody(parts["key"], parts["answers"])


def start(session: Session, wave_id: bytes, key: WaveKey, secret: str, *, now: datetime) -> tuple[DraftBody, bool]:
    """An empty draft with a new submission key, and whether it is new; an open one is kept as it is."""
    empty = DraftBody(secrets.token_urlsafe(16))
    if save(session, wave_id, key, secret, empty, now=now, is_new=True):
        return empty, True
    open_one = load(session, key, secret)
    if open_one is None:
        raise RuntimeError("a draft that could not be started is there")
    return open_one, False


def save(
    session: Session, wave_id: bytes, key: WaveKey, secret: str, body: DraftBody, *, now: datetime, is_new: bool = False
) -> bool:
    """Keep a draft's body, there already or not, and say whether it was; one that `is_new` leaves another's alone."""
    hidden, put = _hide(key, secret, body), _put_new if is_new else _put
    return put.run(session, mark=mark_of(key, secret), wave_id=wave_id, body=hidden, expires_on=_until(now)) == 1


@Prepared
def _put_new(engine: str) -> Executable:
    return insert_into(cast(Table, Draft.__table__), engine).on_conflict_do_nothing()


@Prepared
def _put(engine: str) -> Executable:
    row = insert_into(cast(Table, Draft.__table__), engine)
    return row.on_conflict_do_update(index_elements=[Draft.mark], set_={"body": row.excluded.body})


def drop(session: Session, key: WaveKey, secret: str) -> bool:
    """Forget a draft; whether there was one."""
    return _DROP.run(session, held=mark_of(key, secret)) == 1


def _hide(key: WaveKey, secret: str, body: DraftBody) -> bytes:
    text = json.dumps({"key": body.key, "answers": dict(body.answers)}, separators=(",", ":"))
    return encrypt(key.subkey("draft body", secret), text.encode())


def _until(now: datetime) -> date:
    return (now + LIFE).astimezone(PROVINCE_TIME).date()
