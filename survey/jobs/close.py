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
    fewer than ten answered, so that nothing says which of the invited they are. At the end the wave's key is
    destroyed: it could derive links and the blocks of units that officials judged.
    """
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        key = keys.wave(wave.id)  # before anything is forgotten: without it the last answers could not be read
        session.refresh(wave, with_for_update=True)  # an answer that is being accepted comes in first or not at all
        if not (wave.state == waves.CLOSED and mixing.waiting(session, wave)):  # else: a close that was cut off
            waves.mark_closed(session, wave, actor=actor, now=now)
            responses.empty_register(session, wave)
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        moved = mixing.mix(session, wave, key, rng=rng or SystemRandom(), final=True)
    keys.destroy_wave(wave.id)
    return moved
