"""What to do today, in order: read from the same counters as the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for

from survey.config import Settings
from survey.model.wave import Wave
from survey.queue import last_beat
from survey.stages import counts, waves
from survey.web.progress import BEHIND, EXHAUSTED, NONE, WAITING, Line, Totals
from survey.web.site import gettext as _
from survey.web.site import ngettext

RESTING = timedelta(minutes=5)  # the worker says every minute that it is there
ENDING = timedelta(days=3)
MANY_REFUSE, ENOUGH_TO_SAY = 0.15, 40
MOST_NAMED = 4


@dataclass(frozen=True)
class Task:
    """Something to do: how pressing, what, and the page where it is done."""

    is_urgent: bool
    told: str
    address: str | None = None
    label: str = ""


def tasks(
    wave: Wave, lines: Sequence[Line], sums: Totals, settings: Settings, now: datetime, *, uncounted: Sequence[str]
) -> list[Task]:
    """The most pressing first; empty when all runs by itself."""
    if wave.state in waves.OVER:
        return []
    found = [_worker(settings, now), _opening(wave, now)]
    if wave.audience == "citizens":
        found += [_unsent(wave, sums), _release(wave, lines), _exhausted(lines)]
        found += [_ending(wave, lines, now), _refusals(sums), _visitors(wave, lines, uncounted)]
    return [task for task in found if task is not None]


def _worker(settings: Settings, now: datetime) -> Task | None:
    beat = last_beat(settings)
    if beat is not None and now - beat < RESTING:
        return None
    told = _(
        "The worker is not running: no message goes out and no answer leaves the spool. Ask the administrator to start "
        "it (hailong work)."
    )
    return Task(True, told)


def _opening(wave: Wave, now: datetime) -> Task | None:
    if wave.state in waves.RUNNING or now < wave.opens - ENDING:
        return None
    return Task(True, _("The wave is not open yet: draw the sample, issue the links, then open it."))


def _unsent(wave: Wave, sums: Totals) -> Task | None:
    waiting = sums.invited - sums.sent
    if wave.state != waves.OPEN or waiting <= 0:
        return None
    return Task(
        sums.sent == 0,
        ngettext(
            "One link has no invitation sent yet: plan and send the messages, or read in what came back.",
            "%(number)s links have no invitation sent yet: plan and send the messages, or read in what came back.",
            waiting, number=waiting,
        ),
    )  # fmt: skip


def _release(wave: Wave, lines: Sequence[Line]) -> Task | None:
    slow = [one for one in lines if one.state in (BEHIND, NONE, WAITING) and one.cell.reserve]
    if not slow:
        return None
    told = ngettext(
        "One unit will not be precise enough at this pace, and people are left to invite: release the next "
        "invitations.",
        "%(number)s units will not be precise enough at this pace, and people are left to invite: release the next "
        "invitations.",
        len(slow), number=len(slow),
    )  # fmt: skip
    return Task(True, told, url_for("replicates.show", wave=wave.code), _("Release invitations"))


def _exhausted(lines: Sequence[Line]) -> Task | None:
    spent = [one for one in lines if one.state == EXHAUSTED]
    if not spent:
        return None
    named = ", ".join(one.name for one in spent[:MOST_NAMED]) + (" …" if len(spent) > MOST_NAMED else "")
    return Task(
        False,
        ngettext(
            "In one unit everybody drawn is invited and it will not be precise enough: send reminders, or extend the "
            "wave (%(units)s).",
            "In %(number)s units everybody drawn is invited and they will not be precise enough: send reminders, or "
            "extend the wave (%(units)s).",
            len(spent), number=len(spent), units=named,
        ),
    )  # fmt: skip


def _ending(wave: Wave, lines: Sequence[Line], now: datetime) -> Task | None:
    if not now < wave.closes <= now + ENDING or all(one.state == "reached" for one in lines):
        return None
    days = (counts.day_of(wave.closes) - counts.day_of(now)).days
    told = ngettext(
        "The wave closes in one day: the last reminder must go out now.",
        "The wave closes in %(number)s days: the last reminder must go out now.",
        days, number=days,
    )  # fmt: skip
    return Task(True, told if days else _("The wave closes today."))


def _refusals(sums: Totals) -> Task | None:
    if sums.invited < ENOUGH_TO_SAY or sums.refused < MANY_REFUSE * sums.invited:
        return None
    share = round(100 * sums.refused / sums.invited)
    told = _(
        "%(share)s %% refuse or say that the dossier is not theirs: look at the text of the invitation and at the "
        "list.",
        share=share,
    )
    return Task(False, told)


def _visitors(wave: Wave, lines: Sequence[Line], uncounted: Sequence[str]) -> Task | None:
    """Top-ups whose answers stand for nobody known: the count cannot be entered after the close."""
    if not uncounted:
        return None
    told = _(
        "Nobody counted the visitors of a top-up: without the count its answers will be in no score. Enter it before "
        "the wave closes (%(units)s).",
        units=", ".join(line.name for line in lines if line.cell.code in uncounted),
    )
    return Task(True, told, url_for("visitors.show", wave=wave.code), _("Top-ups at counters"))
