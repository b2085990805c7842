"""Scores of simulated waves by the product's own path: the extract checked and sorted, then every level scored.

`score_citizens` is what `analysis.extract.score` calls; here one extract holds many waves, so each scheme is asked for
one level (a province's communes) at a time. What is left out is the text of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.citizens import Rating, make_wave, score_citizens
from analysis.components.scheme import Scheme
from analysis.components.sheet import Sheet
from analysis.components.weighting import make_frame
from analysis.coverage.tally import Held
from analysis.design import FloatArray
from analysis.extract import Extract

FIELDS = ("index", "points", "se", "low", "high", "n_valid", "rank", "rank_low", "rank_high")
Key = tuple[str, str, str]  # scheme, rule, weighting


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures [U, L] of all levels below each other, and the place of each line by (level_of, code)."""

    places: Mapping[tuple[str, str], int]
    columns: Mapping[str, FloatArray]
    level: int

    def of(self, name: str, level_of: str, code: str) -> FloatArray:
        """One figure of all units, by level: float64[levels, units of a level]."""
        return self.columns[name][:, self.places[level_of, code]].reshape(-1, self.level)

    def held(self, level_of: str, code: str, truth: FloatArray) -> Held:
        """Limits of one line against the truth float64[U] (in points where the line has points)."""
        points = level_of in ("component", "criterion", "area", "total")
        value = self.of("points" if points else "index", level_of, code)
        low, high = self.of("low", level_of, code), self.of("high", level_of, code)
        return Held(value, low, high, truth.reshape(value.shape))


def score_levels(extract: Extract, level: int) -> dict[Key, Figures]:
    """Every scheme, rule and weighting of an extract whose units, in order, are levels of `level` units each."""
    frame = make_frame(extract.sample, extract.margins)
    units = extract.manifest.rated()
    wave = make_wave(extract.groups, frame, extract.instrument, units)
    ratings = [_rating(extract, scheme, units[start : start + level])
               for scheme in extract.schemes for start in range(0, len(units), level)]  # fmt: skip
    sheets = score_citizens(wave, ratings, extract.manifest.province).sheets
    return gathered(sheets, level)


def gathered(sheets: Sequence[Sheet], level: int) -> dict[Key, Figures]:
    """The sheets of units by scheme, rule and weighting, index and points lines side by side."""
    found: dict[Key, dict[bool, list[Sheet]]] = {}
    for sheet in sheets:
        if sheet.key.level != "province":
            key = (sheet.key.scheme.code, str(sheet.key.rule), str(sheet.key.weighting))
            found.setdefault(key, {}).setdefault(sheet.lines[0].is_points, []).append(sheet)
    return {key: _figures(list(kinds.values()), level) for key, kinds in found.items()}


def _rating(extract: Extract, scheme: Scheme, units: Sequence[str]) -> Rating:
    wanted = frozenset(units)
    return Rating(scheme, tuple(units), tuple(row for row in extract.inputs if row.unit in wanted), True)


def _figures(kinds: Sequence[Sequence[Sheet]], level: int) -> Figures:
    lines = [(one.level_of, one.code) for sheets in kinds for one in sheets[0].lines]
    columns = {
        name: np.concatenate([np.concatenate([getattr(s, name) for s in sheets]) for sheets in kinds], axis=1)
        for name in FIELDS
    }
    return Figures({line: place for place, line in enumerate(lines)}, columns, level)
