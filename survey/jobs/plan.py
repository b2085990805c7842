"""Plans a sample with the formulas of `analysis.planning`: how many answers, and what they are worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from analysis.design import FloatArray, IntArray
from analysis.errors import AnalysisError
from analysis.planning import allocation, clusters, comparison, precision, sizes
from analysis.planning.allocation import Rule as Shares
from analysis.planning.comparison import Pair
from analysis.planning.precision import Aim, Figure
from survey.db import Database
from survey.errors import FrameEmpty
from survey.stages import plans, waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.wave_errors import PlanRefused

USUAL = 30  # the forms that are asked for today
BORROWED = 20.0  # invitations of all units that a unit's own response rate is smoothed with


class Rule(StrEnum):
    """What the number of answers follows from."""

    TARGETS = "targets"  # as the wave file wants
    MINISTRY = "ministry"  # n = N / (1 + N e²)
    WIDTH = "width"  # a wanted half-width of the index
    APART = "apart"  # two units that differ so much shall be told apart
    TOTAL = "total"  # a number for the province, shared out


@dataclass(frozen=True)
class Options:
    """What the planner assumes and wants; kept with the plan."""

    rule: Rule
    points: float  # half-width (ministry, width) or difference (apart), in points
    total: int
    shares: Shares
    response: float | None  # None: last wave's, unit by unit
    share: float  # expected share of satisfied answers
    correlation: float  # of two items' answers
    items: int
    deff: float
    level: float
    power: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(database: Database, wave_code: str, options: Options) -> tuple[str | None, list[dict[str, Any]]]:
    """The wave that response rates are taken from, and a row for each unit; PlanRefused for what cannot be."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        people, (before, last) = plans.populations(session, wave), plans.last_responses(session, wave)
        targets = {unit.code: target for unit, target in waves.units_of(session, wave)}
    if not people:
        raise FrameEmpty(wave=wave_code)
    units, population = list(people), np.asarray(list(people.values()), dtype=np.float64)
    try:
        response = _responses(units, options, last)
        wanted = _wanted(options, population, np.asarray([targets[unit] for unit in units]), response)
        return before, _rows(units, population, wanted, response, options, last)
    except AnalysisError as error:
        raise PlanRefused(wave=wave_code, reason=str(error)) from error


def _responses(units: list[str], options: Options, last: dict[str, tuple[int, int]]) -> FloatArray:
    """Expected response by unit: the one that was typed in, else last wave's, smoothed; a new unit has the mean."""
    if options.response is not None:
        return np.full(len(units), options.response)
    if not last:
        raise NoResponseRate
    invited, answered = np.asarray(list(last.values()), dtype=np.float64).T
    rates = dict(zip(last, sizes.smoothed_response(invited, answered, strength=BORROWED), strict=True))
    mean = float(answered.sum() / invited.sum())
    return np.asarray([min(1.0, rates.get(unit, mean)) for unit in units])


class NoResponseRate(AnalysisError):
    """No wave before this one says how many answer."""

    def __str__(self) -> str:
        return "no earlier wave tells the response rate: give --response-rate"


def _aims(options: Options) -> tuple[Aim, Aim]:
    ratio = clusters.index_ratio(options.items, options.correlation)
    return Aim(Figure.ITEM, options.share, 1.0), Aim(Figure.INDEX, options.share, ratio)


def _wanted(options: Options, population: FloatArray, targets: IntArray, response: FloatArray) -> IntArray:
    """Answers wanted of each unit, never above its dossiers."""
    share = options.points / 100
    _item, index = _aims(options)
    match options.rule:
        case Rule.MINISTRY:
            found = sizes.ministry_size(population, share, deff=options.deff)
        case Rule.WIDTH:
            found = precision.size_for_half_width(index, share, population, deff=options.deff, level=options.level)
        case Rule.APART:
            found = np.asarray([_apart(one, options, index, share) for one in population])
        case Rule.TOTAL:
            spread = float(np.sqrt(options.share * (1 - options.share) * options.deff / index.ratio))
            measure = allocation.measures(options.shares, population, spread=spread, exponent=0.5)
            most = np.maximum(1, np.floor(population * response))
            found = allocation.allocate(options.total, measure, least=PRIVACY_FLOOR, most=most).sizes
        case _:
            found = targets
    return np.asarray(np.minimum(found, population), dtype=np.int64)


def _apart(people: float, options: Options, index: Aim, difference: float) -> int:
    """Answers of a unit so that another of its size that is so much worse is told from it."""
    lower = Aim(Figure.INDEX, max(0.0, options.share - difference), index.ratio)
    pair = Pair(index, lower, (people, people), options.deff)
    return comparison.size_to_tell_apart(pair, level=options.level, power=options.power)[0]


def _rows(
    units: list[str],
    population: FloatArray,
    wanted: IntArray,
    response: FloatArray,
    options: Options,
    last: dict[str, tuple[int, int]],
) -> list[dict[str, Any]]:
    """What each unit's invitations will give, and beside it what the usual thirty would."""
    item, index = _aims(options)
    invited = sizes.invitations(wanted, response, population)
    given = precision.expectation(
        invited.count, response, population, item=item, index=index, deff=options.deff, level=options.level,
        least=PRIVACY_FLOOR,
    )  # fmt: skip
    usual = np.minimum(USUAL, population)
    thirty = precision.half_width(index, usual, population, deff=options.deff, level=options.level)
    return [
        {
            "unit": unit,
            "dossiers": int(population[n]),
            "answers_wanted": int(wanted[n]),
            "response": round(float(response[n]), 4),
            "last_response": _rate(last.get(unit)),
            "invitations": int(invited.count[n]),
            "take_all": bool(invited.take_all[n]),
            "answers_expected": round(float(given.answers[n]), 1),
            "chance_of_score": round(float(given.chance_of_score[n]), 4),
            "item": [round(100 * float(limit[n]), 1) for limit in given.item],
            "index": [round(100 * float(limit[n]), 1) for limit in given.index],
            "index_half_width": abs(round(50 * float(given.index[1][n] - given.index[0][n]), 1)),
            "thirty_half_width": abs(round(100 * float(thirty[n]), 1)),  # a complete unit has none
        }
        for n, unit in enumerate(units)
    ]


def _rate(counts: tuple[int, int] | None) -> float | None:
    return None if counts is None else round(counts[1] / counts[0], 4)
