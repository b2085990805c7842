"""Lots: officials draw their link as a sealed card (thẻ kín), so that no list knows who holds which.

The links of a lot are interchangeable: its people share group, list of units and, where it is among those units, their
agency; whichever card somebody takes, the own agency is not on it. A lot has ten people at least.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.common import NobodyInvited, NoLot, WrongAudience, WrongState
from survey.keys import WaveKey
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import audit, waves
from survey.stages.raters import ALL, FEWEST, OFFICIALS

BY_LOT = "by_lot"  # in the wave's settings: the groups whose links are cards


@dataclass(frozen=True, order=True)
class Lot:
    """People among whom cards may be handed out; `agency` is empty where it makes no difference."""

    group: str
    agency: str
    rates: tuple[str, ...]


@dataclass(frozen=True)
class Cards:
    """The codes of a lot in random order; `agency` is a unit, or None where people of any agency draw."""

    group: str
    agency: Unit | None
    codes: tuple[str, ...]


def lots(session: Session, wave: Wave) -> dict[Lot, list[bytes]]:
    """The lots of a wave that are large enough, with the ids of their raters."""
    judged = {unit.code for unit, _target in waves.units_of(session, wave)}
    found: dict[Lot, list[bytes]] = defaultdict(list)
    columns = (Rater.id, Rater.group, Rater.agency, Rater.rates)
    for rater, group, agency, rates in session.execute(select(*columns).where(Rater.wave_id == wave.id)):
        may = judged if rates == [ALL] else judged & set(rates)
        found[Lot(group, agency if agency in may else "", tuple(sorted(may)))].append(rater)
    return {lot: raters for lot, raters in found.items() if len(raters) >= FEWEST}


def handed_out(session: Session, wave: Wave) -> set[bytes]:
    """The raters whose links are on cards: nothing is sent to them, or they could answer twice."""
    groups = wave.settings.get(BY_LOT, [])
    if not groups:
        return set()
    return {rater for lot, raters in lots(session, wave).items() if lot.group in groups for rater in raters}


def cards(
    session: Session, wave: Wave, key: WaveKey, *, group: str | None, rng: Random, actor: str, now: datetime
) -> list[Cards]:
    """The cards of one group or of all; from now on its links go out this way alone."""
    if wave.audience != OFFICIALS:
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed=OFFICIALS)
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)
    found = select(Invitation.rater_id, Invitation.id).where(Invitation.wave_id == wave.id)
    invited = {rater: identity for rater, identity in session.execute(found) if rater is not None}
    if not invited:
        raise NobodyInvited(wave=wave.code)
    chosen = {lot: raters for lot, raters in sorted(lots(session, wave).items()) if group in (None, lot.group)}
    if not chosen:
        raise NoLot(group=group or ALL)
    made = [
        _shuffled(session, lot, [key.code(invited[rater]) for rater in raters], rng) for lot, raters in chosen.items()
    ]
    by_lot = sorted({*wave.settings.get(BY_LOT, []), *(lot.group for lot in chosen)})
    wave.settings = {**wave.settings, BY_LOT: by_lot}
    detail = {"groups": by_lot, "lots": len(made), "cards": sum(len(one.codes) for one in made)}
    audit.record(session, actor=actor, action="invitations.cards", subject=wave.code, detail=detail, now=now)
    return made


def left_out(session: Session, wave: Wave, *, group: str | None) -> int:
    """How many people of these groups are in no lot: they get their links by message."""
    wanted = select(Rater.id).where(Rater.wave_id == wave.id)
    everybody = set(session.scalars(wanted.where(Rater.group == group) if group else wanted))
    return len(everybody - {rater for raters in lots(session, wave).values() for rater in raters})


def _shuffled(session: Session, lot: Lot, codes: list[str], rng: Random) -> Cards:
    rng.shuffle(codes)
    return Cards(lot.group, session.get(Unit, lot.agency) if lot.agency else None, tuple(codes))
