"""Takes the day's count of the officials' waves that are open: the board shows no other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from survey.db import Database
from survey.model.wave import Wave
from survey.stages import board, waves


def run(database: Database, *, now: datetime) -> None:
    """Count once on each day of the province; every later call of the day changes nothing."""
    with database.begin() as session:
        for wave in session.scalars(select(Wave).where(Wave.state == waves.OPEN, Wave.audience == "officials")):
            board.keep_day(session, wave, now)
