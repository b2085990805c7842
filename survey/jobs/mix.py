"""Moves waiting answers of all open waves out of the spool and gives back places that ran out."""

from __future__ import annotations

from datetime import datetime
from random import Random, SystemRandom

from sqlalchemy import select

from survey.db import Database
from survey.keys import Keys
from survey.model.wave import Wave
from survey.stages import mixing, quotas, waves


def run(database: Database, keys: Keys, *, now: datetime, rng: Random | None = None) -> int:
    """Mix every open wave, each in a transaction of its own; the number of answers moved."""
    with database.read() as session:
        ids = session.scalars(select(Wave.id).where(Wave.state.in_(waves.RUNNING))).all()
    moved = 0
    for wave_id in ids:
        with database.begin() as session:
            wave = session.get_one(Wave, wave_id, with_for_update=True)
            moved += mixing.mix(session, wave, keys.wave(wave_id), rng=rng or SystemRandom(), final=False)
    with database.begin() as session:
        quotas.expire(session, now)
    return moved
