"""Plans a sample with the formulas of `analysis.planning`: how many answers, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from analysis.design import FloatArray, IntArray
from analysis.errors import AnalysisError
from analysis.planning import allocation, clusters, comparison, precision, sizes
from analysis.planning.comparison import Pair
from analysis.planning.precision import Aim, Figure
from survey.db import Database
from survey.errors.common import FrameEmpty
from survey.errors.waves import NoRateKnown, NoValueKnown, PlanRefused, TotalOutOfReach
from survey.model.result import Run
from survey.model.wave import Wave
from survey.plan_options import USUAL, Options, Rule
from survey.stages import coverage, plans, releases, results, waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.releases import Step

BORROWED = 20.0  # invitations of all units that a unit's own response rate is smoothed with
BORROWED_ANSWERS = 30.0  # answers of all units that a unit's own index and variance are smoothed with
LEAST_SHARE, MOST_SHARE = 0.05, 0.99  # nothing is planned on a unit where everybody agrees for ever


@dataclass(frozen=True)
class Value:
    """What is expected of a unit: its index (0..1) and the effective answers of the index for each form."""

    share: float
    ratio: float

    @property
    def index(self) -> Aim:
        return Aim(Figure.INDEX, self.share, self.ratio)


@dataclass(frozen=True)
class Seen:
    """What an earlier wave let out of a unit: its index (0..1), answers, and effective answers of the index."""

    share: float
    answers: float
    ratio: float


def keep(
    database: Database,
    wave_code: str,
    options: Options,
    *,
    actor: str,
    now: datetime,
    say: Callable[[str], None] = lambda _step: None,
) -> int:
    """Compute a plan and keep it as the wave's next version, which it gives back."""
    say("computing")
    _before, rows = run(database, wave_code, options)
    say("storing")
    with database.begin() as session:
        wave = waves.hold(session, wave_code)
        return plans.save(session, wave, options=options.as_dict(), rows=rows, actor=actor, now=now).version


def run(database: Database, wave_code: str, options: Options) -> tuple[str | None, list[dict[str, Any]]]:
    """The wave that response rates are taken from, and a row for each unit; PlanRefused for what cannot be."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        people, (before, last) = plans.populations(session, wave), plans.last_responses(session, wave)
        targets = {unit.code: target for unit, target in waves.units_of(session, wave)}
        seen = _seen(session, wave)
    if not people:
        raise FrameEmpty(wave=wave_code)
    units, population = list(people), np.asarray(list(people.values()), dtype=np.float64)
    try:
        response = _responses(wave_code, units, options, last)
        values = _values(wave_code, units, options, seen)
        wanted = _wanted(
            wave_code, options, population, np.asarray([targets[unit] for unit in units]), response, values
        )
        return before, _rows(units, population, wanted, response, values, options, last, seen)
    except AnalysisError as error:
        raise PlanRefused(wave=wave_code, reason=str(error)) from error


def _responses(wave: str, units: list[str], options: Options, last: Mapping[str, tuple[int, int]]) -> FloatArray:
    """Expected response by unit: the one that was typed in, else last wave's, smoothed; a new unit has the mean."""
    if options.response is not None:
        return np.full(len(units), options.response)
    if not last:
        raise NoRateKnown(wave)
    invited, answered = np.asarray(list(last.values()), dtype=np.float64).T
    rates = dict(zip(last, sizes.smoothed_response(invited, answered, strength=BORROWED), strict=True))
    mean = float(answered.sum() / invited.sum())
    return np.asarray([min(1.0, rates.get(unit, mean)) for unit in units])


def _seen(session: Session, wave: Wave) -> dict[str, Seen]:
    """The index and its variance in the wave before, by unit, where its final figures are out."""
    before = coverage.wave_before(session, wave)
    out = releases.standing(session, before, Step.FINAL) if before else None
    if before is None or out is None:
        return {}
    population = plans.last_populations(session, before)
    found = {}
    for row in results.figures(session, session.get_one(Run, out.run_id), levels_of=["overall"], official_only=True):
        people = population.get(row["unit"], 0)
        if people and row["index"] and row["n_effective"]:
            answers = float(row["n_valid"])
            ratio = float(row["n_effective"]) / answers * (1 - min(answers / people, 0.99))
            found[row["unit"]] = Seen(float(row["index"]) / 100, answers, ratio)
    return found


def _values(wave: str, units: Sequence[str], options: Options, seen: Mapping[str, Seen]) -> list[Value]:
    """Expected index and variance by unit: those typed in, else last wave's, drawn towards the mean of all units."""
    ratio = clusters.index_ratio(options.items, options.correlation) / options.deff
    if options.share is not None:
        return [Value(options.share, ratio)] * len(units)
    if not seen:
        raise NoValueKnown(wave)
    weights = np.asarray([one.answers for one in seen.values()])
    share = float(np.average([one.share for one in seen.values()], weights=weights))
    inverse = float(np.average([1 / one.ratio for one in seen.values()], weights=weights))
    return [_value(seen.get(unit), share, inverse) for unit in units]


def _value(one: Seen | None, share: float, inverse: float) -> Value:
    """A unit's own values count with its answers, the mean of all units with BORROWED_ANSWERS."""
    if one is not None:
        own = one.answers / (one.answers + BORROWED_ANSWERS)
        share, inverse = own * one.share + (1 - own) * share, own / one.ratio + (1 - own) * inverse
    return Value(min(max(share, LEAST_SHARE), MOST_SHARE), 1 / inverse)


def _wanted(
    wave: str,
    options: Options,
    population: FloatArray,
    targets: IntArray,
    response: FloatArray,
    values: Sequence[Value],
) -> IntArray:
    """Answers wanted of each unit, never above its dossiers."""
    share = options.points / 100
    match options.rule:
        case Rule.MINISTRY:
            found = sizes.ministry_size(population, share, deff=options.deff)
        case Rule.WIDTH:
            found = np.asarray([
                precision.size_for_half_width(value.index, share, people, deff=1.0, level=options.level)
                for value, people in zip(values, population, strict=True)
            ])  # fmt: skip
        case Rule.APART:
            both = zip(values, population, strict=True)
            found = np.asarray([_apart(float(people), options, value, share) for value, people in both])
        case Rule.TOTAL:
            found = _shared_out(wave, options, population, response, values)
        case _:
            found = targets
    return np.asarray(np.minimum(found, population), dtype=np.int64)


def _shared_out(
    wave: str, options: Options, population: FloatArray, response: FloatArray, values: Sequence[Value]
) -> IntArray:
    """A total for the province, by the wanted rule; nobody gets more than can be expected to answer."""
    spread = np.asarray([np.sqrt(value.share * (1 - value.share) / value.ratio) for value in values])
    measure = allocation.measures(allocation.Rule(options.shares), population, spread=spread, exponent=0.5)
    most = np.maximum(1, np.floor(population * response))
    least = np.minimum(PRIVACY_FLOOR, most)
    if not least.sum() <= options.total <= most.sum():
        raise TotalOutOfReach(wave, least=int(least.sum()), most=int(most.sum()))
    return allocation.allocate(options.total, measure, least=PRIVACY_FLOOR, most=most).sizes


def _apart(people: float, options: Options, value: Value, difference: float) -> int:
    """Answers of a unit so that another of its size that is so much worse is told from it."""
    lower = Aim(Figure.INDEX, max(0.0, value.share - difference), value.ratio)
    pair = Pair(value.index, lower, (people, people), 1.0)
    return comparison.size_to_tell_apart(pair, level=options.level, power=options.power)[0]


def _rows(
    units: list[str],
    population: FloatArray,
    wanted: IntArray,
    response: FloatArray,
    values: Sequence[Value],
    options: Options,
    last: Mapping[str, tuple[int, int]],
    seen: Mapping[str, Seen],
) -> list[dict[str, Any]]:
    """What each unit's invitations will give, and beside it what the usual thirty would."""
    invited = sizes.invitations(wanted, response, population)
    rows = []
    for n, unit in enumerate(units):
        people, rate, value = float(population[n]), float(response[n]), values[n]
        given, asked = (_given(value, count, rate, people, options) for count in (float(invited.count[n]), USUAL))
        thirty = precision.half_width(value.index, min(USUAL, people), people, deff=1.0, level=options.level)
        rows.append({
            "unit": unit,
            "dossiers": int(people),
            "answers_wanted": int(wanted[n]),
            "response": round(rate, 4),
            "last_response": _rate(last.get(unit)),
            "last_index": round(100 * seen[unit].share, 2) if unit in seen else None,
            "share": round(value.share, 4),
            "ratio": round(value.ratio, 4),
            "invitations": int(invited.count[n]),
            "take_all": bool(invited.take_all[n]),
            **given,
            "thirty_half_width": abs(round(100 * float(thirty), 1)),  # a complete unit has none
            "thirty_invited": asked,
        })  # fmt: skip
    return rows


def _given(value: Value, invited: float, rate: float, people: float, options: Options) -> dict[str, Any]:
    """What so many invitations are expected to give."""
    found = precision.expectation(
        min(invited, people), rate, people, item=Aim(Figure.ITEM, value.share, 1 / options.deff), index=value.index,
        deff=1.0, level=options.level, least=PRIVACY_FLOOR,
    )  # fmt: skip
    item, index = ([round(100 * float(limit), 1) for limit in limits] for limits in (found.item, found.index))
    return {
        "answers_expected": round(float(found.answers), 1),
        "chance_of_score": round(float(found.chance_of_score), 4),
        "item": item,
        "index": index,
        "index_half_width": abs(round(50 * float(found.index[1] - found.index[0]), 1)),
        "item_half_width": abs(round(50 * float(found.item[1] - found.item[0]), 1)),
    }


def _rate(counts: tuple[int, int] | None) -> float | None:
    return None if counts is None else round(counts[1] / counts[0], 4)
