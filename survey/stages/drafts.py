"""Drafts: answers on their way, kept at every page, readable only with the respondent's link or browser."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.keys import WaveKey, decrypt, encrypt
from survey.model.draft import Draft

LIFE = timedelta(days=15)


@dataclass(frozen=True)
class DraftBody:
    """The submission key and what was answered so far (item code -> choice code)."""

    key: str
    answers: Mapping[str, str] = field(default_factory=dict)


def mark_of(key: WaveKey, secret: str) -> bytes:
    """How a draft (and a held place) is found again from what the respondent holds."""
    return key.mark("draft", secret)


def load(session: Session, key: WaveKey, secret: str) -> DraftBody | None:
    row = session.get(Draft, mark_of(key, secret))
    if row is None:
        return None
    parts = json.loads(decrypt(key.subkey("draft body", secret), row.body))
    return DraftBody(parts["key"], parts["answers"])


def start(session: Session, wave_id: bytes, key: WaveKey, secret: str, *, now: datetime) -> DraftBody:
    """An empty draft with a new submission key; an open one is kept as it is."""
    existing = load(session, key, secret)
    if existing is not None:
        return existing
    body = DraftBody(secrets.token_urlsafe(16))
    session.add(
        Draft(mark=mark_of(key, secret), wave_id=wave_id, body=_hide(key, secret, body), expires_on=_until(now))
    )
    session.flush()
    return body


def save(session: Session, wave_id: bytes, key: WaveKey, secret: str, body: DraftBody, *, now: datetime) -> None:
    row = session.get(Draft, mark_of(key, secret))
    if row is None:
        row = Draft(mark=mark_of(key, secret), wave_id=wave_id, body=b"", expires_on=_until(now))
        session.add(row)
    row.body = _hide(key, secret, body)
    session.flush()


def drop(session: Session, key: WaveKey, secret: str) -> None:
    session.execute(delete(Draft).where(Draft.mark == mark_of(key, secret)))


def _hide(key: WaveKey, secret: str, body: DraftBody) -> bytes:
    text = json.dumps({"key": body.key, "answers": dict(body.answers)}, separators=(",", ":"))
    return encrypt(key.subkey("draft body", secret), text.encode())


def _until(now: datetime) -> date:
    return (now + LIFE).astimezone(PROVINCE_TIME).date()
