"""Officials' matrix: raters in groups, each with a random block of units, so that units share raters.

Paths: `make_extract`, then `score_officials` (what `score` calls) for the points and rank sets of each unit;
`components.ratings` directly for the differences between units, which no row prints. A wave is one whole matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.components.citizens import Rating
from analysis.components.limits import CONFIDENCE
from analysis.components.officials import score_officials
from analysis.components.ratings import Influence, Ratings, covariance, make_influence
from analysis.coverage.scored import Figures, gathered
from analysis.coverage.tally import Held, Line, Run, Tally
from analysis.coverage.transaction import rank_lines, true_ranks
from analysis.coverage.waves import SAMPLE, instrument, manifest, scheme
from analysis.design import BoolArray, FloatArray
from analysis.extract import Extract, make_extract
from analysis.intervals import wald

GROUPS = (("HDND", 60, 0.7), ("LDSO", 120, 0.6), ("XA", 150, 0.5))  # raters and the part that answers
UNITS, BLOCK = 20, 8
ITEMS = ("L1", "L2", "L3")
PARTS = (("1.2.1", 12.0, (0, 1)), ("1.2.2", 10.0, (2,)))  # component, maximum, places of its items
CUTS = (-1.8, -1.0, -0.2, 0.7)
SEVERITY, UNIT_SD = 0.5, 0.3  # raters and units differ on the latent scale
SILENT = 0.05  # "not enough information", by rater, unit and item

OFFICIALS = """
[[area.criterion]]
code = "1.2"
max = 22
[[area.criterion.component]]
code = "1.2.1"
max = 12
source = "survey"
rule = { kind = "officials", items = ["L1", "L2"] }
[[area.criterion.component]]
code = "1.2.2"
max = 10
source = "survey"
rule = { kind = "officials", items = ["L3"] }
"""


@dataclass(frozen=True, eq=False)
class Matrix:
    """All raters: group int64[R], codes int8[R, U, k] (0: not enough information), own unit bool[R, U] (never asked),
    asked and answered bool[R, U]."""

    group: NDArray[np.int64]
    codes: NDArray[np.int8]
    own: BoolArray
    asked: BoolArray


def officials(run: Run) -> Iterator[Line]:
    """Points of each unit, differences of all pairs of units, rank sets."""
    for level, label in ((0.9, "75 %"), (2.2, "95 %")):
        tally = Tally(f"officials, {UNITS} units, blocks of {BLOCK}, about {label}")
        inside, sizes = [], []
        for done in range(run.waves):
            matrix = make_matrix(level, run.rng)
            truth = points(matrix)
            found = _scored(matrix)
            for code, earned in truth.items():
                level_of = "component" if code.count(".") == 2 else "criterion"
                tally.add(f"points of {code}", found.held(level_of, code, earned))
            for what, held in _differences(matrix, truth["1.2"]):
                tally.add(what, held)
            place = true_ranks(truth["1.2"][None, :])
            low, high = (found.of(name, "criterion", "1.2") for name in ("rank_low", "rank_high"))
            inside.append((low <= place) & (place <= high))
            sizes.append(high - low + 1)
            if done % 100 == 99:
                run.tell(tally.case, done + 1, run.waves)
        yield from tally.lines({"differences as if units were independent": "for comparison, not used"})
        yield from rank_lines(tally.case, np.concatenate(inside), np.concatenate(sizes))


def make_matrix(level: float, rng: np.random.Generator) -> Matrix:
    """A matrix: raters differ in severity, answer at random in their group, and judge a random block of units."""
    sizes = [size for _, size, _ in GROUPS]
    group = np.repeat(np.arange(len(GROUPS)), sizes)
    raters = len(group)
    latent = level + rng.normal(0, UNIT_SD, UNITS) + rng.normal(0, SEVERITY, (raters, 1))
    noisy = latent[:, :, None] + rng.normal(0, 0.8, (raters, UNITS, 1)) + rng.normal(0, 0.5, (raters, UNITS, 3))
    codes = (1 + (noisy[..., None] > CUTS).sum(axis=-1)).astype(np.int8)
    codes[rng.random(codes.shape) < SILENT] = 0
    own = (np.arange(raters)[:, None] % UNITS == np.arange(UNITS)) & (group == 1)[:, None]
    order = np.argsort(rng.random((raters, UNITS)) + own, axis=1)
    asked = np.zeros((raters, UNITS), dtype=np.bool_)
    np.put_along_axis(asked, order[:, :BLOCK], values=True, axis=1)
    response = np.array([rate for _, _, rate in GROUPS])[group]
    return Matrix(group, codes, own, asked & (rng.random(raters) < response)[:, None])


def points(matrix: Matrix) -> dict[str, FloatArray]:
    """True points float64[U] of the components and of their sum: all raters of every group, own units left out."""
    judged = (matrix.codes > 0) & ~matrix.own[:, :, None]
    value = np.where(judged, (matrix.codes - 1) / 4, 0.0)
    earned: dict[str, FloatArray] = {}
    for code, maximum, places in PARTS:
        by_group = []
        for g in range(len(GROUPS)):
            rows = matrix.group == g
            sums, counts = value[rows][..., places].sum(axis=0), judged[rows][..., places].sum(axis=0)
            by_group.append((sums / counts).mean(axis=1))
        earned[code] = maximum * np.mean(by_group, axis=0)
    return {**earned, "1.2": np.sum(list(earned.values()), axis=0)}


def _scored(matrix: Matrix) -> Figures:
    extract = _extract(matrix)
    ratings = [Rating(extract.schemes[0], extract.manifest.rated(), (), True)]
    sheets = score_officials(extract.answers, extract.sample, extract.instrument, ratings).sheets
    return gathered(sheets, UNITS)["plain", "top2box", "design"]


def _extract(matrix: Matrix) -> Extract:
    units = [f"u{number:02d}" for number in range(UNITS)]
    rater, unit = np.nonzero(matrix.asked)
    names = [GROUPS[g][0] for g in matrix.group[rater]]
    fpc = [float(GROUPS[g][1]) for g in matrix.group[rater]]
    texts = np.array(["", "1", "2", "3", "4", "5"])
    raters = [str(one + 1) for one in rater]
    answers = {
        "flag": [""] * len(rater), "phase": ["main"] * len(rater), "mode": ["link"] * len(rater),
        "rater": raters, "psu": raters,
        "unit": [units[one] for one in unit], "stratum": names, "class": names, "fpc": fpc,
        "weight_base": [1.0] * len(rater),
        **{item: texts[matrix.codes[rater, unit, k]].tolist() for k, item in enumerate(ITEMS)},
    }  # fmt: skip
    return make_extract(
        answers=answers, sample=_sample(matrix), margins=_empty(("margin", "unit", "level", "total")),
        inputs=_empty(("unit", "code", "value", "source")), instrument=instrument(ITEMS, "officials"),
        schemes=[scheme(officials=OFFICIALS)], manifest=manifest(units, "officials"),
    )  # fmt: skip


def _empty(names: Sequence[str]) -> dict[str, list[str]]:
    return {name: [] for name in names}


def _sample(matrix: Matrix) -> dict[str, Any]:
    active = np.bincount(matrix.group[matrix.asked.any(axis=1)], minlength=len(GROUPS))
    rows = [("", name, name, *[size] * 4, int(active[g]), float(size)) for g, (name, size, _) in enumerate(GROUPS)]
    return dict(zip(SAMPLE, zip(*rows, strict=True), strict=True))


def _differences(matrix: Matrix, truth: FloatArray) -> Iterator[tuple[str, Held]]:
    """All differences of two units' points with the covariance of shared raters, and without it."""
    made = _influence(matrix)
    maxima = np.array([maximum for _, maximum, _ in PARTS])
    shares = np.tile(maxima / maxima.sum(), (UNITS, 1))
    joint = maxima.sum() ** 2 * covariance(made, shares)
    value = made.value @ maxima
    first, second = np.triu_indices(UNITS, 1)
    gap, true_gap = value[first] - value[second], truth[first] - truth[second]
    own = np.diag(joint)
    apart = own[first] + own[second]
    for what, spread in (
        ("differences of units", apart - 2 * joint[first, second]),
        ("differences as if units were independent", apart),
    ):
        low, high = wald(gap, np.sqrt(spread), CONFIDENCE)
        yield what, Held(*(one[None, :] for one in (gap, low, high, true_gap)))


def _influence(matrix: Matrix) -> Influence:
    rater, unit = np.nonzero(matrix.asked)
    codes = matrix.codes[rater, unit]
    values = np.where(codes > 0, (codes - 1) / 4, np.nan)
    table = Ratings(
        tuple(f"u{number:02d}" for number in range(UNITS)), tuple(name for name, _, _ in GROUPS), ITEMS,
        unit.astype(np.int64), matrix.group[rater].astype(np.int64), rater.astype(np.int64), values,
        np.ones(len(rater)), np.array([float(size) for _, size, _ in GROUPS]), np.ones(len(GROUPS)),
    )  # fmt: skip
    return make_influence(table, [[ITEMS[k] for k in places] for _, _, places in PARTS])
