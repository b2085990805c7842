"""Matches: three answers of somebody who agreed, beside what the same person says in a check call; compared once.

Every citizen's answer and every call of a wave leaves one piece of one length, most of them empty, sealed to a key that
is in no backup: copies of the database do not tell who was drawn, agreed, answered or was called. The close opens all
at once, counts where both are the same, and destroys the key. Sooner, a count that moves with a call would tell the
caller what was answered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, literal, select
from sqlalchemy.orm import Session

from survey.errors.common import SealBroken
from survey.keys import OnceKey, WaveKey, seal
from survey.model.base import new_id
from survey.model.recontact import Recontact, WaitingMatch
from survey.model.wave import Wave
from survey.stages import waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.statements import Prepared

SETTING = "recontact"  # in the wave's settings: seed, share, the questions that are asked again, the key to seal to
PUBLIC = "public"
SIZE = 256  # of every piece; a full one is shorter
OPEN = -1  # the place of an answer that was not given
EMPTY: Mapping[str, object] = {}
_DRAWN = Prepared(select(literal(1)).where(Recontact.mark == bindparam("held")))
_WAIT = Prepared(insert(WaitingMatch))


@dataclass(frozen=True)
class Pair:
    """What one person answered and later said, by the place of each choice; `group` is who asked first, if anybody."""

    group: str
    answered: Sequence[int]
    said: Sequence[int]


def mark_of(key: WaveKey, invitation: bytes) -> bytes:
    return key.mark("recontact", invitation)


def is_drawn(session: Session, wave: Wave, key: WaveKey, invitation: bytes) -> bool:
    """Whether somebody may be called in this wave."""
    if PUBLIC not in wave.settings.get(SETTING, {}):
        return False
    return _DRAWN.first(session, held=mark_of(key, invitation)) is not None


def wait(
    session: Session, wave: Wave, mark: bytes | None, answers: Mapping[str, str], *, is_call: bool, is_asked: bool
) -> None:
    """Leave the piece of one answer or call; without a `mark` it holds nothing. `is_asked`: by an interviewer."""
    setting = wave.settings.get(SETTING, {})
    if PUBLIC not in setting:
        return
    content = EMPTY
    if mark is not None:
        places = _places(wave, setting["items"], answers)
        content = {"mark": mark.hex(), "call": is_call, "asked": is_asked, "said": places}
    text = json.dumps(content, separators=(",", ":")).encode().ljust(SIZE)
    sealed = seal(bytes.fromhex(setting[PUBLIC]), text)
    _WAIT.run(session, id=new_id(), wave_id=wave.id, sealed=sealed)


def _places(wave: Wave, items: Sequence[str], answers: Mapping[str, str]) -> list[int]:
    """Where the answers stand among their items' choices: as long as another's, whatever was chosen."""
    instrument = waves.instrument_of(wave)
    choices = ((instrument.item(code).codes, answers.get(code)) for code in items)
    return [codes.index(value) if value in codes else OPEN for codes, value in choices]


def settle(session: Session, wave: Wave, key: OnceKey | None, groups: Mapping[bytes, str]) -> list[Pair]:
    """Those who agreed, answered and were called; nothing waits any more. `groups` has the interviewer by mark."""
    waiting = select(WaitingMatch.sealed).where(WaitingMatch.wave_id == wave.id)
    asked = len(wave.settings.get(SETTING, {}).get("items", []))
    pieces = [_opened(key, sealed, asked) for sealed in session.scalars(waiting)] if key else []
    session.execute(delete(WaitingMatch).where(WaitingMatch.wave_id == wave.id))
    by_role = {
        is_call: {bytes.fromhex(one["mark"]): one for one in pieces if one and one["call"] is is_call}
        for is_call in (False, True)
    }
    answered, called = by_role[False], by_role[True]
    return [
        Pair(groups.get(mark, "") if answered[mark]["asked"] else "", answered[mark]["said"], called[mark]["said"])
        for mark in sorted(answered.keys() & called.keys())
    ]


def _opened(key: OnceKey, sealed: bytes, asked: int) -> Mapping[str, Any]:
    """What a piece holds; one that was changed holds nothing, and the wave closes all the same."""
    try:
        piece = json.loads(key.open(sealed))
        bytes.fromhex(piece["mark"])
    except (SealBroken, ValueError, TypeError, KeyError):  # anybody who writes to the database can seal to the key
        return EMPTY
    is_whole = isinstance(piece["call"], bool) and isinstance(piece["asked"], bool)
    places = piece["said"]
    return piece if is_whole and isinstance(places, list) and len(places) == asked else EMPTY


def counted(pairs: Iterable[Pair], place: int) -> dict[str, Counter[bool]]:
    """How many gave the same answer to a question, by group; ten people at least in each, and none can be worked out.

    Groups of fewer are put together under "", with the smallest other group where they are fewer than ten all the same.
    """
    by_group: dict[str, Counter[bool]] = {"": Counter()}
    for one in pairs:
        first, second = one.answered[place], one.said[place]
        if OPEN not in (first, second):
            by_group.setdefault(one.group, Counter())[first == second] += 1
    others = by_group.pop("")
    for group, words in sorted(by_group.items(), key=lambda pair: (pair[1].total(), pair[0])):
        if words.total() < PRIVACY_FLOOR or 0 < others.total() < PRIVACY_FLOOR:
            others += by_group.pop(group)
    return {**by_group, **({"": others} if others.total() >= PRIVACY_FLOOR else {})}
