"""Closes a wave: no answer comes in, the register is emptied, then the last answers leave the spool."""

from __future__ import annotations

from datetime import datetime
from random import Random, SystemRandom

from survey.db import Database
from survey.keys import Keys
from survey.stages import mixing, responses, waves


def run(database: Database, keys: Keys, wave_code: str, *, actor: str, now: datetime, rng: Random | None = None) -> int:
    """Close a wave; the number of answers that were still waiting.

    The used marks and links go first, in a transaction of their own: only then do classes leave the spool in which
    fewer than ten answered, so that nothing says which of the invited they are.
    """
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        if not (wave.state == waves.CLOSED and mixing.waiting(session, wave)):  # else: a close that was cut off
            waves.mark_closed(session, wave, actor=actor, now=now)
            responses.empty_register(session, wave)
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        return mixing.mix(session, wave, keys.wave(wave.id), rng=rng or SystemRandom(), final=True)
