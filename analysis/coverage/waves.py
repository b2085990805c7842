"""A simulated wave as the tables of an extract: who was drawn, who answered, and what stands in the folder's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.components.scheme import Aggregation
from analysis.coverage.people import FACTORS, ITEMS, Codes, Population, factor_places
from analysis.design import BoolArray, FloatArray, IntArray
from analysis.extract import Extract, make_extract

SKIPPED = 0.03  # a respondent leaves an item empty, at random
NAMES = tuple(f"S{place + 1:02d}" for place in range(ITEMS))
SAMPLE = ("unit", "stratum", "class", "population", "drawn", "kept", "invited", "answered", "weight_sum")
TYPED_IN = (("1.1", 70.0), ("8.2", 5.0))  # points of every unit that no survey gives

INSTRUMENT = """
code = "coverage"
version = "1"
audience = "{audience}"
satisfied = ["4", "5"]
group = [{{ code = "SERVICE" }}]
options = [{{ code = "sat5", choices = [{choices}] }}]
factor = [{factors}]
item = [{items}]
"""
SCHEME = """
code = "{code}"
version = "1"
level = "commune"
index_rule = "top2box"
aggregation = "{aggregation}"
weighting = "calibrated"
grade_on = "published"
ties = "same_rank"
level_average = "plain"
min_valid_unit = 10
min_valid_item = 10
bonus_penalty = false
decimals = 2
rounding = "half_up"
officials_values = {{ "5" = 1.0, "4" = 0.75, "3" = 0.5, "2" = 0.25, "1" = 0.0 }}
grade = [{{ code = "A", min = 90 }}, {{ code = "B", min = 0 }}]
[[area]]
code = "1"
max = 83.5
[[area.criterion]]
code = "1.1"
max = {manual}
source = "appraisal"
rule = {{ kind = "manual" }}
{officials}
[[area]]
code = "8"
max = 16.5
[[area.criterion]]
code = "8.1"
max = 10
source = "survey"
[[area.criterion.component]]
code = "8.1.1"
max = 4
source = "survey"
rule = {{ kind = "satisfaction", level_of = "factor", code = "III" }}
[[area.criterion.component]]
code = "8.1.2"
max = 6
source = "survey"
rule = {{ kind = "satisfaction", level_of = "overall", code = "overall" }}
[[area.criterion]]
code = "8.2"
max = 6.5
source = "socio_economic"
rule = {{ kind = "manual" }}
"""


@dataclass(frozen=True, eq=False)
class Taken:
    """Who of a population was drawn and who answered, bool[U, N] each."""

    drawn: BoolArray
    answered: BoolArray


def take(population: Population, rng: np.random.Generator, *, dissatisfied: float = 0.0) -> Taken:
    """Simple random samples in every stratum, then response at random inside each class. `dissatisfied` makes the
    response depend on the opinion itself (log odds for each standard deviation): no weighting repairs that."""
    keys = rng.random(population.stratum.shape)
    order = np.lexsort((keys, population.stratum), axis=1)
    wanted = np.concatenate([np.arange(one.population) < one.drawn for one in population.strata])
    drawn = np.zeros(keys.shape, dtype=np.bool_)
    np.put_along_axis(drawn, order, np.broadcast_to(wanted, keys.shape), axis=1)
    rate = np.zeros(keys.shape)
    for h, one in enumerate(population.strata):
        for c, group in enumerate(one.classes):
            rate[(population.stratum == h) & (population.class_ == c)] = group.response
    if dissatisfied:
        odds = rate / (1 - rate) * np.exp(dissatisfied * population.opinion)
        rate = odds / (1 + odds)
    return Taken(drawn, drawn & (rng.random(keys.shape) < rate))


def wave_extract(
    population: Population,
    taken: Taken,
    rng: np.random.Generator,
    *,
    schemes: Sequence[str] = (),
    skipped: float = SKIPPED,
    year: int = 2025,
    previous: Mapping[str, bytes] | None = None,
) -> Extract:
    """The extract of a transaction wave; every unit is a commune that the default scheme serves."""
    units = [f"u{number:05d}" for number in range(population.units)]
    answers, sample, margins = _tables(population, taken, units, rng, skipped)
    typed = [(unit, code, points, "simulated") for unit in units for code, points in TYPED_IN]
    return make_extract(
        answers=answers, sample=sample, margins=margins,
        inputs=dict(zip(("unit", "code", "value", "source"), zip(*typed, strict=True), strict=True)),
        instrument=instrument(), schemes=list(schemes) or [scheme()], manifest=manifest(units, "citizens", year),
        previous=previous,
    )  # fmt: skip


def instrument(items: Sequence[str] = NAMES, audience: str = "citizens") -> str:
    """A short instrument of the service items in their five factors."""
    places = factor_places() if len(items) == ITEMS else [list(range(len(items)))]
    named = [(items[place], FACTORS[f][0]) for f, inside in enumerate(places) for place in inside]
    told = [f'{{ code = "{item}", factor = "{f}", type = "single", options = "sat5" }}' for item, f in named]
    factors = [f'{{ code = "{name}", group = "SERVICE" }}' for name, _ in FACTORS]
    choices = [f'{{ code = "{code}" }}' for code in "54321"]
    lists = (", ".join(one) for one in (choices, factors, told))
    return INSTRUMENT.format(audience=audience, **dict(zip(("choices", "factors", "items"), lists, strict=True)))


def scheme(code: str = "plain", aggregation: Aggregation = Aggregation.ITEM_MEAN, officials: str = "") -> str:
    """A scheme whose area 8 has two survey components of the same respondents and typed-in points."""
    return SCHEME.format(code=code, aggregation=aggregation, officials=officials, manual=61.5 if officials else 83.5)


def manifest(units: Sequence[str], audience: str, year: int = 2025) -> dict[str, Any]:
    """The manifest of a wave whose units are all rated communes."""
    told = [{"code": unit, "name_vi": unit, "name_en": unit, "type": "commune", "rated": True} for unit in units]
    return {
        "format": 1, "wave": f"w{year}", "kind": "real", "audience": audience, "year": year, "seed": 1,
        "period_from": f"{year}-01-01", "period_to": f"{year}-12-31", "code_version": "coverage", "units": told,
        "province": {"code": "00", "name_vi": "Tỉnh mô phỏng", "name_en": "Simulated province"},
    }  # fmt: skip


def _tables(
    population: Population, taken: Taken, units: Sequence[str], rng: np.random.Generator, skipped: float
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    strata = population.strata
    classes = max(len(one.classes) for one in strata)
    unit = np.broadcast_to(np.arange(len(units))[:, None], population.stratum.shape)
    cell = (unit * len(strata) + population.stratum) * classes + population.class_
    size = len(units) * len(strata) * classes
    counts = [np.bincount(cell[one], minlength=size) for one in (cell >= 0, taken.drawn, taken.answered)]
    names = [f"{u}|F{h}|{c}" for u in units for h in range(len(strata)) for c in range(classes)]
    heads = [name.rsplit("|", 1)[0] for name in names]
    base = np.array([one.population / one.drawn for one in strata])
    weight = np.tile(np.repeat(base, classes), len(units))
    sample, margins = _frame(names, heads, counts, weight)
    rows = np.flatnonzero(taken.answered)
    own = cell.ravel()[rows]
    fpc = np.array([float(one.population) for one in strata])
    answers = {
        **_constant(len(rows)), "unit": [units[place] for place in unit.ravel()[rows]],
        "stratum": [heads[place] for place in own], "class": [names[place] for place in own],
        "fpc": fpc[population.stratum.ravel()[rows]], "weight_base": weight[own],
    }  # fmt: skip
    answers.update(item_columns(population.codes.reshape(-1, ITEMS)[rows], rng, skipped))
    return answers, sample, margins


def item_columns(codes: Codes, rng: np.random.Generator, skipped: float) -> dict[str, list[str]]:
    """The cells of the items: option code, empty (does not apply) or a point (left empty)."""
    texts = np.array(["", "1", "2", "3", "4", "5", "."])
    shown = np.where((codes > 0) & (rng.random(codes.shape) < skipped), 6, codes)
    return {name: texts[shown[:, place]].tolist() for place, name in enumerate(NAMES)}


def _constant(rows: int) -> dict[str, list[str]]:
    return {"phase": ["main"] * rows, "mode": ["link"] * rows, "psu": [""] * rows, "flag": [""] * rows}


def _frame(
    names: Sequence[str], heads: Sequence[str], counts: Sequence[IntArray], weight: FloatArray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`sample.csv` and `margins.csv` of the classes that have dossiers."""
    kept = np.flatnonzero(counts[0]).tolist()
    unit = [names[place].split("|", 1)[0] for place in kept]
    code = [names[place] for place in kept]
    population, drawn, answered = (count[kept] for count in counts)
    cells = (unit, [heads[place] for place in kept], code, population, drawn, drawn, drawn, answered)
    sample = dict(zip(SAMPLE, (*cells, drawn * weight[kept]), strict=True))
    totals: dict[str, float] = {}
    for one, size in zip(unit, population.tolist(), strict=True):
        totals[one] = totals.get(one, 0.0) + size
    margins = {
        "margin": ["class"] * len(code) + ["unit"] * len(totals), "unit": unit + list(totals),
        "level": code + list(totals), "total": [*population.tolist(), *totals.values()],
    }  # fmt: skip
    return sample, margins
