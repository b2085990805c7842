"""`python -m analysis plan`: how many answers, from counts and planning values alone; all values in percent."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from analysis.commands import typed
from analysis.commands.aims import HUNDRED, add_aim, aim_of, given_of
from analysis.commands.told import Told, tell
from analysis.commands.units import expect, share_out
from analysis.planning.allocation import Rule
from analysis.planning.clusters import best_cluster_size, cluster_deff
from analysis.planning.comparison import Pair, chance_to_tell_apart, size_to_tell_apart, visible_difference
from analysis.planning.precision import Aim, expected_limits, size_for_half_width
from analysis.planning.sizes import invitations, ministry_size

UNITS = "CSV in UTF-8, a header and one row a unit: unit, population and, where units differ, "


def add(commands: Any) -> None:
    """What may be typed."""
    planned = commands.add_parser("plan", help="sample sizes, allocation, expected intervals, cost of clusters")
    ways = planned.add_subparsers(dest="way", metavar="WAY", required=True)
    one = ways.add_parser("size", help="by the ministry's rule n = deff N / (deff + N e^2)")
    one.add_argument("--population", type=typed.positive, nargs="+", required=True, metavar="N", help="dossiers")
    one.add_argument("--margin", type=typed.half_width_points, required=True, metavar="POINTS", help="e, as 5")
    _shared(one, _size)
    one = ways.add_parser("width", help="by the half-width of the interval that will be printed (Wilson)")
    one.add_argument("--population", type=typed.positive, nargs="+", required=True, metavar="N", help="dossiers")
    one.add_argument("--half-width", type=typed.half_width_points, required=True, metavar="POINTS", help="as 3")
    _shared(one, _width)
    one = ways.add_parser("compare", help="by telling two units apart")
    one.add_argument("--population", type=typed.positive, nargs=2, required=True, metavar=("N", "M"), help="dossiers")
    one.add_argument("--shares", type=typed.percent, nargs=2, required=True, metavar=("A", "B"), help="as 90 80")
    one.add_argument("--power", type=typed.inner_percent, default=80.0, help="wanted chance to find it; default 80")
    one.add_argument("--least", type=typed.whole, default=10, metavar="N", help="answers a score needs; default 10")
    one.add_argument("--answers", type=typed.positive, nargs=2, metavar=("n", "m"), help="what these would show")
    _shared(one, _compare)
    one = ways.add_parser("clusters", help="what clustering and unequal weights cost")
    one.add_argument("--answers", type=typed.at_least_one, required=True, metavar="M", help="mean answers a cluster")
    one.add_argument("--icc", type=typed.share, required=True, help="intraclass correlation, as 0.05")
    one.add_argument("--weight-cv", type=typed.not_negative, default=0.0, help="variation of the weights; default 0")
    one.add_argument("--size-cv", type=typed.not_negative, default=0.0, help="of the clusters' sizes; default 0")
    one.add_argument("--costs", type=typed.positive, nargs=2, metavar=("C", "c"), help="one more cluster, one answer")
    _run_by(one, _clusters)
    _add_units(ways)


def _add_units(ways: Any) -> None:
    one = ways.add_parser("allocate", help="share a number of answers out over the units of a CSV")
    one.add_argument("units", type=Path, metavar="UNITS", help=f"{UNITS}share, deff, response, least, most")
    one.add_argument("--total", type=typed.whole, required=True, metavar="N", help="answers in all")
    one.add_argument("--rule", choices=list(Rule), required=True, help="power: N^q S between equal (0) and Neyman (1)")
    one.add_argument("--exponent", type=typed.share, default=0.5, help="q of the power rule; default 0.5")
    one.add_argument("--least", type=typed.whole, default=10, metavar="N", help="answers every unit gets; default 10")
    _shared(one, share_out)
    one = ways.add_parser("expect", help="the intervals that the invitations of a CSV will give")
    one.add_argument("units", type=Path, metavar="UNITS", help=f"{UNITS}share, deff, response; invited")
    one.add_argument("--least", type=typed.whole, default=10, metavar="N", help="answers a score needs; default 10")
    _shared(one, expect)


def _shared(one: argparse.ArgumentParser, run: Any) -> None:
    add_aim(one)
    _run_by(one, run)


def _run_by(one: argparse.ArgumentParser, run: Any) -> None:
    one.add_argument("--json", action="store_true", help="print for machines")
    one.set_defaults(run=run)


def _size(options: argparse.Namespace) -> int:
    size = ministry_size(options.population, options.margin / HUNDRED, deff=options.deff)
    return _sizes(options, size, {"margin": options.margin})


def _width(options: argparse.Namespace) -> int:
    told = {"deff": options.deff, "level": options.level / HUNDRED}
    size = size_for_half_width(aim_of(options, options.share), options.half_width / HUNDRED, options.population, **told)
    return _sizes(options, size, {"half-width": options.half_width})


def _sizes(options: argparse.Namespace, size: Any, given: dict[str, Any]) -> int:
    asked = invitations(size, options.response / HUNDRED, options.population)
    aim, coming = aim_of(options, options.share), np.minimum(size, asked.answers)
    limits = expected_limits(aim, coming, options.population, deff=options.deff, level=options.level / HUNDRED)
    low, high = (np.asarray(one) * HUNDRED for one in limits)
    rows = [
        {"population": options.population[place], "answers": int(size[place]), "invitations": int(asked.count[place]),
         "take all": bool(asked.take_all[place]), "expected answers": float(coming[place]),
         "expected low": float(low[place]), "expected high": float(high[place])} for place in range(len(size))
    ]  # fmt: skip
    return tell(Told({**given, **given_of(options)}, {"sizes": rows}), as_json=options.json)


def _compare(options: argparse.Namespace) -> int:
    ratio, figure = aim_of(options, options.share).ratio, aim_of(options, options.share).figure
    better, worse = (Aim(figure, share / HUNDRED, ratio) for share in options.shares)
    pair = Pair(better, worse, (options.population[0], options.population[1]), options.deff)
    level, power = options.level / HUNDRED, options.power / HUNDRED
    told = zip(size_to_tell_apart(pair, level=level, power=power), options.population, strict=True)
    first, second = (min(max(float(n), options.least), size) for n, size in told)
    rows = [_pair_row("needed", pair, (first, second), level, power)]
    if options.answers:
        rows.append(_pair_row("given", pair, (options.answers[0], options.answers[1]), level, power))
    given = {"shares": options.shares, "population": options.population, "power": options.power, "least": options.least,
             **given_of(options)}  # fmt: skip
    del given["share"]
    return tell(Told(given, {"answers": rows}), as_json=options.json)


def _pair_row(name: str, pair: Pair, sizes: tuple[float, float], level: float, power: float) -> dict[str, Any]:
    return {
        "answers": name, "first": sizes[0], "second": sizes[1],
        "chance to find": HUNDRED * chance_to_tell_apart(pair, sizes, level=level),
        "smallest fall seen": HUNDRED * visible_difference(pair, sizes, level=level, power=power),
    }  # fmt: skip


def _clusters(options: argparse.Namespace) -> int:
    deff = float(cluster_deff(options.answers, options.icc, weight_cv=options.weight_cv, size_cv=options.size_cv))
    row: dict[str, Any] = {"deff": deff, "100 answers are worth": HUNDRED / deff}
    if options.costs:
        row["best answers a cluster"] = best_cluster_size(options.costs[0], options.costs[1], options.icc)
    given = {name: getattr(options, name) for name in ("answers", "icc", "weight_cv", "size_cv", "costs")}
    return tell(Told(given, {"clusters": [row]}), as_json=options.json)
