"""Tells other offices' programs what happened; one that does not answer is told again, under the same id."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime

from survey.channels.configuration import read_channels
from survey.channels.contract import MessageRefused, NotNow, Unclear
from survey.channels.hooks import Hook
from survey.config import Settings
from survey.db import Database
from survey.errors.common import SurveyError
from survey.stages import hooks

LOG = logging.getLogger("survey")


def due(database: Database, settings: Settings, *, clock: Callable[[], datetime]) -> int:
    """The worker's minute; a faulty file of channels is logged, the minute goes on."""
    if not settings.channels.is_file():
        return 0
    try:
        return run(database, read_channels(settings.channels, os.environ).hooks, clock=clock)
    except SurveyError as refused:
        LOG.error("nobody was told: %s", refused)
        return 0


def run(database: Database, known: tuple[Hook, ...], *, clock: Callable[[], datetime]) -> int:
    """Tell every webhook what is due; the number of tellings that were taken."""
    return sum(_tell(database, hook, clock) for hook in known)


def _tell(database: Database, hook: Hook, clock: Callable[[], datetime]) -> int:
    """One webhook, in order: behind one that failed nothing is told."""
    with database.begin() as session:
        waiting = hooks.due(session, hook.name, hook.events)
    for count, event in enumerate(waiting):
        try:
            hook.tell(event.number, event.body(), clock())
        except (NotNow, Unclear, MessageRefused):
            return count
        with database.begin() as session:
            hooks.done(session, hook.name, event.number)
    return len(waiting)
