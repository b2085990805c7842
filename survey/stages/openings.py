"""Openings: what stands behind a link or a poster's code, as long as it may be answered; nothing is changed by looking.

A code is found by its keyed mark in each open wave, in one query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from survey.errors.common import KeyMissing, LinkClosed
from survey.errors.waves import WavePaused
from survey.instrument import Instrument
from survey.keys import Keys, WaveKey, normalise_code
from survey.memory import keep
from survey.model.draft import Draft
from survey.model.invitation import Invitation
from survey.model.response import SpentMark
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import drafts, invitations, quotas, units, waves
from survey.statements import Prepared

LINK, PAPER, INTERVIEWER = "link", "paper", "interviewer"
INTERCEPT = "intercept"  # a visitor of a counter, chosen by number: neither invited nor by own choice
PERSONAL = frozenset({LINK, PAPER, INTERVIEWER})  # by invitation: once, without a hard cell
_LINK_PARTS = (
    *(Invitation.id, Invitation.code_mark, Invitation.wave_id, Invitation.rater_id),
    *(Invitation.class_code, Invitation.state, Invitation.unit_code),
)
_SPENT = Prepared(select(literal(1)).where(SpentMark.mark == bindparam("spent")))

_met: dict[bytes, bytes] = {}  # the invitation behind a code's mark, of links that this process met: it never changes


@dataclass(frozen=True)
class Opening:
    """A link that may be answered now: which wave, about which unit, in which joint class."""

    wave: Wave
    instrument: Instrument
    key: WaveKey
    mode: str
    subject: bytes
    unit: Unit | None
    class_code: str
    block: tuple[Unit, ...] = ()
    left: bytes | None = None  # the draft that the link itself finds

    @property
    def is_officials(self) -> bool:
        return self.wave.audience == "officials"

    @property
    def is_watched(self) -> bool:
        """Whether its class is counted by event: of officials nothing is, what came by a poster is in no class."""
        return not self.is_officials and self.mode in PERSONAL

    @property
    def counted_at(self) -> str:
        """The board's cell: the rated unit; for officials, who judge many, the rater group."""
        return self.unit.code if self.unit else self.class_code


def open_link(session: Session, keys: Keys, code: str, *, now: datetime, while_paused: bool = False) -> Opening:
    """Open a personal link; unknown, used, expired and closed are one refusal (LinkClosed). Changes nothing.

    An official's used link opens like an unused one until the close: who reads the mailbox could try it. A link of
    a paused wave is WavePaused, unless what was written shall be kept `while_paused`.
    """
    wave, found = _find(session, keys, normalise_code(code))
    key = keys.wave(wave.id)
    rests = waves.is_resting(wave, now)
    if not (rests or waves.is_answerable(wave, now)) or found.state != invitations.ISSUED:
        raise LinkClosed()
    if wave.audience != "officials":
        _refuse_used(session, key, found)
    _turn_back(wave, rests and not while_paused)
    unit = units.to_read(session, found.unit_code, found.unit_standing) if found.unit_code else None
    block = invitations.block_of(session, wave, key, found.rater_id) if wave.audience == "officials" else ()
    return Opening(wave, waves.instrument_of(wave), key, LINK, found.id, unit, found.class_code, block, found.left)


def _refuse_used(session: Session, key: WaveKey, found: Any) -> None:
    if found.spent:
        raise LinkClosed()
    if found.code_mark not in _met:
        if _SPENT.first(session, spent=key.mark("spent", found.id)):
            raise LinkClosed()
        keep(_met, found.code_mark, found.id)


def _find(session: Session, keys: Keys, code: str) -> tuple[Wave, Any]:
    """The invitation behind a code with its wave, in one query unless a wave changed since the last one."""
    for known in (waves.known, waves.look_again):
        open_waves = known(session)
        if not open_waves:
            continue
        marks = {name: mark for n, wave in enumerate(open_waves) for name, mark in _marks(keys, wave, code, n).items()}
        found = _by_code(len(open_waves)).first(session, **marks)
        if found is not None and open_waves[found.wave_id].standing == found.standing:
            return open_waves[found.wave_id].wave, found
    raise LinkClosed()


def _marks(keys: Keys, wave_id: bytes, code: str, n: int) -> dict[str, bytes]:
    """The marks of a code in a wave; one that was closed meanwhile has no key any more, and no code fits."""
    try:
        key = keys.wave(wave_id)
    except KeyMissing:
        return {f"{name}{n}": b"" for name in ("code", "left", "spent")}
    mark = key.mark("code", code)
    known = _met.get(mark)
    spent = key.mark("spent", known) if known else b""
    return {f"code{n}": mark, f"left{n}": drafts.mark_of(key, code), f"spent{n}": spent}


@cache
def _by_code(number: int) -> Prepared:
    """The query for a code that would have other marks in each of so many open waves."""

    def any_of(column: InstrumentedAttribute[bytes], name: str) -> ColumnElement[bool]:
        return or_(*(column == bindparam(f"{name}{n}") for n in range(number)))

    spent = select(literal(1)).where(any_of(SpentMark.mark, "spent")).scalar_subquery()
    left = select(Draft.body).where(any_of(Draft.mark, "left")).scalar_subquery()
    return Prepared(
        select(*_LINK_PARTS, waves.STANDING, units.STANDING, spent.label("spent"), left.label("left"))
        .join(Wave, Wave.id == Invitation.wave_id)
        .outerjoin(Unit, Unit.code == Invitation.unit_code)
        .where(any_of(Invitation.code_mark, "code"))
    )


def _turn_back(wave: Wave, rests: bool) -> None:
    if rests and wave.paused_until is not None:
        raise WavePaused(wave=wave.code, until=wave.paused_until)


def open_counter(session: Session, keys: Keys, code: str, *, now: datetime, while_paused: bool = False) -> Opening:
    """Open a counter's poster code; whether a place is left shows only when the form is started."""
    cell, wave = quotas.find_by_code(session, keys, code)
    rests = waves.is_resting(wave, now)
    if not (rests or waves.is_answerable(wave, now)):
        raise LinkClosed()
    _turn_back(wave, rests and not while_paused)
    unit = session.get(Unit, cell.unit_code)
    label = f"{cell.unit_code}|{cell.mode}"
    return Opening(wave, waves.instrument_of(wave), keys.wave(wave.id), cell.mode, cell.id, unit, label)
