"""How good the screening is: honest waves and planted fabricators, the share of each that is flagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy import special

from analysis.design import IntArray
from analysis.screening.screen import Options, screen
from analysis.screening.sheets import Grouping, Sheets, Values, make_sheets

OPTIONS = Options(fdr=0.05, least=10)


class Fabrication(StrEnum):
    """How 12 of a unit's 30 answers are made up: one answer copied with up to two items changed; all fives; each item
    picked with the wave's own frequencies; every code equally likely; fives and fours by chance."""

    COPIES = "near_copies"
    FIVES = "all_fives"
    PICKED = "picked_by_item"
    CLICKED = "clicked_at_random"
    HIGH = "random_fives_and_fours"


@dataclass(frozen=True)
class Setting:
    """A wave of honest, skewed, one-factor answers on a scale 1..5: `frequencies` of the codes, loading of the opinion
    behind all items, and standard deviations of units, items, and of items inside units (latent scale); shares of
    cells missing, not applicable, and of sincere straight lines."""

    name: str
    frequencies: tuple[float, float, float, float, float]
    units: int = 108
    answers: int = 30
    items: int = 19
    loading: float = 0.7
    unit_sd: float = 0.3
    item_sd: float = 0.25
    unit_item_sd: float = 0.15
    missing: float = 0.02
    inapplicable: float = 0.03
    sincere: float = 0.03


SETTINGS = (
    Setting("ordinary, 80 % satisfied", (0.02, 0.05, 0.13, 0.45, 0.35)),
    Setting("stronger opinion, units differ more", (0.02, 0.05, 0.13, 0.45, 0.35), loading=0.84, unit_sd=0.5),
    Setting("near the ceiling, 95 % satisfied", (0.005, 0.01, 0.035, 0.30, 0.65)),
)
TARGET = SETTINGS[0]


@dataclass(frozen=True)
class Share:
    """One line of the study: units of a sort, and how many of them were flagged."""

    setting: str
    sort: str
    units: int
    flagged: int

    @property
    def rate(self) -> float:
        return self.flagged / self.units if self.units else 0.0


def screening_study(
    rng: np.random.Generator,
    waves: int,
    *,
    setting: Setting = TARGET,
    fabricated: int = 12,
    each: int = 2,
    kinds: tuple[Fabrication, ...] = tuple(Fabrication),
    skipping: bool = False,
) -> tuple[Share, ...]:
    """Screen `waves` honest waves and as many with `each` planted units of every kind, `fabricated` of a unit's answers
    made up (`skipping`: with items left empty as in the honest answers that they replace); the shares of units flagged:
    honest units of honest waves, honest units beside planted ones, planted units by kind. The figure to reach: honest
    at most 1 %, planted at least 90 %."""
    honest = beside = 0
    found = dict.fromkeys(kinds, 0)
    for _ in range(waves):
        honest += len(_flagged(honest_wave(setting, rng), setting, rng))
        planted = honest_wave(setting, rng)
        for unit, kind in enumerate(kinds * each):
            planted = plant(planted, unit * setting.answers + np.arange(fabricated), kind, rng, skipping=skipping)
        units = _flagged(planted, setting, rng)
        beside += len(units - set(range(len(kinds) * each)))
        for unit, kind in enumerate(kinds * each):
            found[kind] += unit in units
    return tuple(_lines(setting, waves, each, honest, beside, found))


def honest_wave(setting: Setting, rng: np.random.Generator) -> Sheets:
    """Answers of one factor: `loading * (opinion) + noise + item + item in unit`, cut so that the codes have their
    frequencies; sorted by unit."""
    s = setting
    shape = (s.units, s.answers, s.items)
    opinion = rng.normal(0, np.sqrt(1 - s.unit_sd**2), shape[:2]) + rng.normal(0, s.unit_sd, (s.units, 1))
    noise = rng.normal(0, np.sqrt(1 - s.loading**2), shape)
    shift = rng.normal(0, s.item_sd, s.items) + rng.normal(0, s.unit_item_sd, (s.units, 1, s.items))
    latent = s.loading * opinion[:, :, None] + noise + shift
    cuts = special.ndtri(np.cumsum(s.frequencies)[:-1])
    values = (latent[..., None] > cuts).sum(axis=-1) + 1
    straight = rng.random(shape[:2]) < s.sincere
    values = np.where(straight[:, :, None], np.median(values, axis=2, keepdims=True).astype(int), values)
    draw = rng.random(shape)
    empty, none = draw < s.missing, draw < s.missing + s.inapplicable
    flat = np.where(none, 0, values).astype(np.int8).reshape(-1, s.items)
    return make_sheets(flat, empty.reshape(-1, s.items), np.zeros(len(flat), dtype=np.int64))


def plant(
    sheets: Sheets, rows: IntArray, kind: Fabrication, rng: np.random.Generator, *, skipping: bool = False
) -> Sheets:
    """The sheets with the rows made up; they leave no item empty unless `skipping` those that were empty before."""
    values, empty = sheets.values.copy(), sheets.unanswered.copy()
    made = _made(sheets.values, len(rows), kind, rng)
    values[rows] = np.where(values[rows] > 0, made, 0) if skipping else made
    empty[rows] &= skipping
    return replace(sheets, values=values, unanswered=empty)


def _made(values: Values, size: int, kind: Fabrication, rng: np.random.Generator) -> Values:
    items = values.shape[1]
    match kind:
        case Fabrication.FIVES:
            made = np.full((size, items), 5)
        case Fabrication.CLICKED:
            made = rng.integers(1, 6, (size, items))
        case Fabrication.HIGH:
            made = np.where(rng.random((size, items)) < 0.6, 5, 4)
        case Fabrication.PICKED:
            made = np.column_stack([rng.choice(one[one > 0], size) for one in values.T])
        case Fabrication.COPIES:
            made = _copied(values, size, rng)
    return made.astype(np.int8)


def _copied(values: Values, size: int, rng: np.random.Generator) -> Values:
    """Copies of one answer of the wave (not a straight line), up to two items moved by one step in each."""
    filled = np.where(values > 0, values, 5)
    mixed = np.flatnonzero(filled.min(axis=1) < filled.max(axis=1))
    made = np.repeat(filled[[rng.choice(mixed)]], size, axis=0)
    for row in made:
        moved = rng.choice(len(row), rng.integers(0, 3), replace=False)
        row[moved] = np.clip(row[moved] + rng.choice([-1, 1], len(moved)), 1, 5)
    return made


def _flagged(sheets: Sheets, setting: Setting, rng: np.random.Generator) -> set[int]:
    codes = np.repeat(np.arange(setting.units), setting.answers)
    grouping = Grouping("unit", codes, tuple(str(unit) for unit in range(setting.units)))
    return {int(one.group) for one in screen(sheets, [grouping], OPTIONS, rng=rng).flags}


def _lines(
    setting: Setting, waves: int, each: int, honest: int, beside: int, found: dict[Fabrication, int]
) -> Iterator[Share]:
    yield Share(setting.name, "honest, in an honest wave", waves * setting.units, honest)
    yield Share(setting.name, "honest, beside planted units", waves * (setting.units - each * len(found)), beside)
    for kind, count in found.items():
        yield Share(setting.name, kind.value, waves * each, count)
