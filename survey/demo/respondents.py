"""Simulated people who open their links and answer, through the same stages as everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.db import Database
from survey.demo.places import Place
from survey.demo.world import World
from survey.instrument import Instrument
from survey.keys import Keys
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.wave import Wave
from survey.stages import openings, responses, waves

BATCH = 250
SKIPPED = 0.03


@dataclass(frozen=True)
class Answering:
    """Somebody who will answer: the link's code and what is said to the units asked about."""

    code: str
    say: Callable[[openings.Opening], Mapping[str, str]]


def answer_all(database: Database, keys: Keys, answering: list[Answering], *, now: datetime) -> int:
    """Open, save and send every form; several to a transaction, since nobody waits for a receipt here."""
    for start in range(0, len(answering), BATCH):
        with database.begin() as session:
            for one in answering[start : start + BATCH]:
                answer(session, keys, one, now=now)
    return len(answering)


def answer(session: Session, keys: Keys, one: Answering, *, now: datetime) -> None:
    opening = openings.open_link(session, keys, one.code, now=now)
    said = one.say(opening)
    responses.accept(
        session,
        opening,
        secret=one.code,
        submission_key=one.code,
        answers=said,
        body=repr(sorted(said.items())).encode(),
        now=now,
    )


def citizens(
    session: Session, wave: Wave, keys: Keys, world: World, *, rng: np.random.Generator, share: float = 1.0
) -> list[Answering]:
    """The invited who will answer: each with the response probability of its dossier (times `share`)."""
    rows = {keys.installation.mark("dossier", code): row for row, code in enumerate(dossier_codes(world))}
    key = keys.wave(wave.id)
    found = session.execute(
        select(Invitation.id, Dossier.code_mark).join(Dossier, Dossier.id == Invitation.dossier_id)
        .where(Invitation.wave_id == wave.id)
    ).all()  # fmt: skip
    instrument = waves.instrument_of(wave)
    answering = []
    for identity, mark in sorted(found, key=lambda pair: rows[pair.code_mark]):
        row = rows[mark]
        luck, skips = rng.random(), rng.random(len(world.items))
        facts = _facts(instrument, world, row, rng)
        if luck < world.dossiers.response[row] * share:
            said = {**_said(instrument, world, row, skips), **facts}
            answering.append(Answering(key.code(identity), lambda _opening, said=said: said))  # type: ignore[misc]
    return answering


def _said(instrument: Instrument, world: World, row: int, skips: NDArray[np.float64]) -> dict[str, str]:
    said = {}
    for column, code in enumerate(world.items):
        value = int(world.dossiers.answers[row, column])
        if skips[column] >= SKIPPED:
            said[code] = str(value) if value else responses.NOT_APPLICABLE
    for item in instrument.answer_items:
        if not item.scored and item.choices:
            said[item.code] = item.choices[-1 if not world.dossiers.late[row] else 0].code
    return said


def _facts(instrument: Instrument, world: World, row: int, rng: np.random.Generator) -> dict[str, str]:
    """What half of the people tell of themselves; sex as the frame has it, the rest at random."""
    told = rng.random(len(instrument.facts)) < 0.5
    pick = rng.random(len(instrument.facts))
    return {
        item.code: item.choices[int(pick[index] * len(item.choices))].code
        for index, item in enumerate(instrument.facts)
        if told[index] and item.choices
    }


def dossier_codes(world: World) -> Iterator[str]:
    """The codes as `frame_csv` writes them, row by row."""
    for row in range(len(world.dossiers)):
        yield f"H{world.units[world.dossiers.unit[row]].code}.{row:07d}"


@dataclass(frozen=True)
class RaterGroup:
    """A group of officials: how many, how many of them answer, where they work, whom they judge."""

    code: str
    size: int
    response: float
    works_at: str
    judges: str


GROUPS = (
    RaterGroup("HDND", 60, 0.7, "", ""),
    RaterGroup("LDXA", 285, 0.6, "commune", "department"),
    RaterGroup("PHONGXA", 380, 0.55, "commune", "department"),
    RaterGroup("LDSO", 180, 0.75, "department", "commune"),
    RaterGroup("PHONGSO", 260, 0.65, "department", "commune"),
)


@dataclass(frozen=True)
class Officials:
    """The officials and what each would say of each unit (0 = cannot judge): raters x units x items."""

    codes: list[str]
    groups: NDArray[np.str_]
    agencies: list[str]
    units: list[Place]
    items: tuple[str, ...]
    answers: NDArray[np.int8]


def make_officials(instrument: Instrument, units: list[Place], *, seed: int) -> Officials:
    """Simulate the officials: the unit's level, the rater's own mildness, and chance."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([group.code for group in GROUPS], [group.size for group in GROUPS])
    agencies = []
    for group in GROUPS:
        own = _codes(units, group.works_at)
        agencies += [own[number % len(own)] if group.works_at else "HDND" for number in range(group.size)]
    items = tuple(item.code for item in instrument.scored_items)
    level, ease = rng.normal(0.7, 0.4, len(units)), rng.normal(0, 0.3, len(items))
    mild = rng.normal(0, 0.5, len(groups))
    latent = level[None, :, None] + mild[:, None, None] + ease[None, None, :]
    latent = latent + rng.normal(0, 0.7, (len(groups), len(units), len(items)))
    said = 1 + np.searchsorted(np.array([-1.8, -0.9, 0.0, 1.1]), latent)
    cannot = rng.random(said.shape) < 0.12
    answers = np.where(cannot, 0, said).astype(np.int8)
    codes = [f"R{number:05d}" for number in range(len(groups))]
    return Officials(codes, groups, agencies, units, items, answers)


def officials_csv(officials: Officials) -> str:
    """The officials' list of CONTRACT."""
    rates = {group.code: " ".join(_codes(officials.units, group.judges)) if group.judges else "*" for group in GROUPS}
    lines = ["rater_code,group,agency,email,phone,rates"]
    for code, group, agency in zip(officials.codes, officials.groups, officials.agencies, strict=True):
        lines.append(f"{code},{group},{agency},{code.lower()}@example.vn,,{rates[str(group)]}")
    return "\n".join(lines) + "\n"


def _codes(units: list[Place], kind: str) -> list[str]:
    """The departments, or everything else."""
    return [unit.code for unit in units if (unit.type == "department") == (kind == "department")]


def raters(
    session: Session, wave: Wave, keys: Keys, officials: Officials, *, rng: np.random.Generator, share: float = 1.0
) -> list[Answering]:
    """The officials who will answer, at random within their group."""
    rows = {keys.installation.mark("rater", code): row for row, code in enumerate(officials.codes)}
    rate = {group.code: group.response * share for group in GROUPS}
    key = keys.wave(wave.id)
    found = session.execute(
        select(Invitation.id, Rater.code_mark).join(Rater, Rater.id == Invitation.rater_id)
        .where(Invitation.wave_id == wave.id)
    ).all()  # fmt: skip
    answering = []
    for identity, mark in sorted(found, key=lambda pair: rows[pair.code_mark]):
        row, luck, skips = rows[mark], rng.random(), rng.random((len(officials.units), len(officials.items)))
        if luck < rate[str(officials.groups[row])]:
            judge = _judge(officials, row, skips)
            answering.append(Answering(key.code(identity), judge))
    return answering


def _judge(
    officials: Officials, row: int, skips: NDArray[np.float64]
) -> Callable[[openings.Opening], Mapping[str, str]]:
    place = {unit.code: column for column, unit in enumerate(officials.units)}

    def say(opening: openings.Opening) -> Mapping[str, str]:
        said = {}
        for unit in opening.block:
            column = place[unit.code]
            for number, item in enumerate(officials.items):
                value = int(officials.answers[row, column, number])
                if skips[column, number] >= SKIPPED:
                    said[f"{unit.code}:{item}"] = str(value) if value else responses.NOT_APPLICABLE
        return said

    return say
