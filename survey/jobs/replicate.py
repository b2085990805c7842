"""Advises the next invitations, with their gain, from counts and planning values; writes to those just released."""

from __future__ import annotations

import heapq
import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from analysis.planning.precision import Aim, Figure
from analysis.planning.releases import Goal, Standing, next_invitations
from analysis.planning.releases import Release as Advice
from survey.channels.configuration import read_channels
from survey.config import Settings
from survey.db import Database
from survey.errors.common import SurveyError
from survey.keys import Keys
from survey.model.message import MessageBudget
from survey.model.progress import Replicate
from survey.precision import Aim as Wanted
from survey.stages import board, messages, outbox, replicates, waves
from survey.stages.replicates import SETTLED, Place

LEVEL = 0.95
LEAST = 0.5  # answers that a class without any is taken to have, so that its first one has a finite worth
LANGUAGE = "vi"
LOG = logging.getLogger("survey")


def advise(
    database: Database,
    wave_code: str,
    *,
    count: int,
    goal: Goal,
    actor: str,
    now: datetime,
    settle: timedelta = SETTLED,
) -> Replicate:
    """Where so many more invitations shorten the wanted intervals most; kept for somebody to confirm."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        replicates.require_begun(session, wave)
        places = [place for place in replicates.standing(session, wave, now=now, settle=settle) if place.population]
        wanted, items = board.aim(wave), board.items(wave)
    found = next_invitations(
        Standing(*(np.array(column, dtype=np.float64) for column in _columns(places))),
        count,
        Aim(Figure.INDEX, wanted.share / 100, wanted.ratio(items)),
        goal=goal,
        wanted=wanted.half_width / 100,
        deff=wanted.deff,
        level=LEVEL,
    )
    told = _told(places, found, wanted) | {"goal": goal.value, "count": count}
    with database.begin() as session:
        return replicates.advise(session, waves.find(session, wave_code), told, actor=actor, now=now)


def _columns(places: Sequence[Place]) -> list[list[float]]:
    rows = [(one.population, min(one.answers, one.population), one.reserve, one.response) for one in places]
    return [list(column) for column in zip(*rows, strict=True)]


def _told(places: Sequence[Place], found: Advice, wanted: Wanted) -> dict[str, Any]:
    """The advice as it is kept: by class whom to invite, by unit what that brings, in points."""
    cells: dict[str, int] = {}
    units = []
    rows = zip(places, found.invitations.tolist(), found.before.tolist(), found.after.tolist(), strict=True)
    for place, number, before, after in rows:
        if number:
            cells |= within(place, number)
            told = {"before": round(100 * before, 2), "after": round(100 * after, 2)}
            units.append({"unit": place.code, "invitations": number, **told})
    above = [sum(half * 100 > wanted.half_width for half in halves) for halves in (found.before, found.after)]
    return {
        "cells": cells,
        "units": units,
        "wanted": wanted.half_width,
        "above": [int(number) for number in above],
        "province": [round(100 * found.province_before, 3), round(100 * found.province_after, 3)],
        "unspent": found.unspent,
    }


def within(place: Place, number: int) -> dict[str, int]:
    """Share a unit's invitations among its classes so that `sum W^2 / n` falls most: each to the class that stands
    farthest behind its share of the dossiers (Neyman's allocation at equal spread, after non-response)."""
    spent = {part.code: 0 for part in place.parts}

    def entry(index: int) -> tuple[float, int]:
        part = place.parts[index]
        answers = max(part.answers, LEAST) + spent[part.code] * part.response
        weight = (part.population / place.population) ** 2
        return weight / (answers + part.response) - weight / answers, index

    queue = [entry(index) for index, part in enumerate(place.parts) if part.reserve]
    heapq.heapify(queue)
    for _ in range(number):
        if not queue:
            break
        _, index = heapq.heappop(queue)
        part = place.parts[index]
        spent[part.code] += 1
        if spent[part.code] < part.reserve:
            heapq.heappush(queue, entry(index))
    return {code: count for code, count in spent.items() if count}


def invite(database: Database, keys: Keys, settings: Settings, wave_code: str, *, actor: str, now: datetime) -> int:
    """Write to everybody who has a link and no invitation, within the cap that somebody set when he planned the first;
    the number of messages that wait from now on. Before that the board asks for a plan."""
    if not settings.channels.is_file():
        return 0
    channels = read_channels(settings.channels, os.environ)
    try:
        with database.begin() as session:
            wave = waves.find(session, wave_code)
            budget = session.get(MessageBudget, wave.id)
            if budget is None or wave.state != waves.OPEN:
                return 0
            it = messages.writer(session, wave, keys, channels, settings.base_url)
            step = outbox.FIRST_STEP
            messages.plan(session, it, step, language=LANGUAGE, cap=budget.cap, actor=actor, now=now, dry_run=False)
            return messages.release(session, wave, step, most=None, actor=actor, now=now)
    except SurveyError as refused:
        LOG.error("invitations were not planned: %s", refused)
        return 0
