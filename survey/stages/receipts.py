"""Receipts: a short code by which a citizen later checks that the answer was there when the wave closed.

The code follows from the sending's own key, so the same sending has the same code and none is stored. Every citizen's
answer leaves one, whether anybody took the code or not: at the close there are as many codes as answers, in a list
without unit, class, order or time. Officials get none: a code would prove to a superior that its holder answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from survey.keys import ALPHABET, WaveKey, digest, normalise_code, seal
from survey.model.base import new_id
from survey.model.receipt import Receipt, WaitingReceipt
from survey.model.response import Answer
from survey.model.wave import Wave
from survey.statements import Prepared

LETTERS, GROUP = 12, 4  # 60 bits
BETWEEN = re.compile(r"[\s.\-]")
CHUNK = 2000
_WAIT = Prepared(insert(WaitingReceipt))


@dataclass(frozen=True)
class Found:
    """The closed wave whose list holds a code, with how many codes and answers it keeps."""

    wave: Wave
    codes: int
    answers: int


def code_of(key: WaveKey, submission_key: str) -> str:
    """The code of a sending, always the same one, in groups of four."""
    number = int.from_bytes(key.subkey("receipt", submission_key)[:8], "big")
    letters = "".join(ALPHABET[number >> 5 * place & 31] for place in range(LETTERS))
    return "-".join(letters[at : at + GROUP] for at in range(0, LETTERS, GROUP))


def wait(session: Session, wave: Wave, key: WaveKey, submission_key: str) -> None:
    """Keep the mark of a sending's code, sealed until the close."""
    sealed = seal(wave.public_key, _mark(wave, code_of(key, submission_key)))
    _WAIT.run(session, id=new_id(), wave_id=wave.id, sealed=sealed)


def settle(session: Session, wave: Wave, key: WaveKey, *, rng: Random) -> int:
    """At the close: the list of marks in random order, written at once; what waited is gone."""
    waiting = session.scalars(select(WaitingReceipt.sealed).where(WaitingReceipt.wave_id == wave.id)).all()
    marks = [key.open(sealed) for sealed in waiting]
    rng.shuffle(marks)
    for start in range(0, len(marks), CHUNK):
        rows = [{"mark": mark, "wave_id": wave.id} for mark in marks[start : start + CHUNK]]
        session.execute(insert(Receipt), rows)
    session.execute(delete(WaitingReceipt).where(WaitingReceipt.wave_id == wave.id))
    return len(marks)


def check(session: Session, text: str) -> Found | None:
    """The closed wave whose list has this code; None for any other text."""
    code = normalise_code(BETWEEN.sub("", text))
    if len(code) != LETTERS or not set(code) <= set(ALPHABET):
        return None
    settled = select(Wave).where(Wave.id.in_(select(Receipt.wave_id)))
    marks = {_mark(wave, code): wave for wave in session.scalars(settled)}
    found = session.scalar(select(Receipt.mark).where(Receipt.mark.in_(marks)))
    if found is None:
        return None
    wave = marks[bytes(found)]
    counts = (
        session.scalar(select(func.count()).select_from(table).where(table.wave_id == wave.id)) or 0
        for table in (Receipt, Answer)
    )
    return Found(wave, *counts)


def told(session: Session, wave: Wave) -> dict[str, int | str]:
    """How many codes the list of a closed wave holds, and its fingerprint: nothing of it tells of anybody."""
    marks = session.scalars(select(Receipt.mark).where(Receipt.wave_id == wave.id).order_by(Receipt.mark))
    found, count = sha256(), 0
    for mark in marks:
        found.update(bytes(mark))
        count += 1
    return {"codes": count, "sha256": found.hexdigest()}


def _mark(wave: Wave, code: str) -> bytes:
    """By the wave's public key, which stays: its other keys are destroyed at the close."""
    return digest(wave.public_key, "receipt", BETWEEN.sub("", code))[:16]
