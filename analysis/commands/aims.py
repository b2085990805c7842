"""The planning values that every way of planning shares: typed in percent, understood as shares."""

from __future__ import annotations

import argparse
from typing import Any

from analysis.commands import typed
from analysis.planning.clusters import index_ratio
from analysis.planning.precision import Aim, Figure

HUNDRED = 100.0
NAMES = ("share", "items", "correlation", "deff", "response", "level")


def add_aim(one: argparse.ArgumentParser) -> None:
    """What is not typed is a simple random sample of one item in which everybody answers; the output says so."""
    one.add_argument("--share", type=typed.percent, default=85.0, help="satisfied, in percent; default 85")
    one.add_argument("--items", type=typed.whole, default=1, metavar="K", help="of an index; default 1: one item")
    one.add_argument("--correlation", type=typed.share, metavar="R", help="mean one of two items' satisfied marks")
    one.add_argument("--deff", type=typed.positive, default=1.0, help="design effect (see clusters); default 1")
    one.add_argument("--response", type=typed.some_percent, default=100.0, help="in percent; default 100")
    one.add_argument("--level", type=typed.inner_percent, default=95.0, help="confidence in percent; default 95")
    one.set_defaults(wrong=one.error)


def aim_of(options: argparse.Namespace, percent: float) -> Aim:
    """One item, or an index of `--items` items; a `--correlation` that is missing or not used is wrong usage."""
    if (options.items > 1) != (options.correlation is not None):
        options.wrong("--items above 1 and --correlation go together")
    if options.items == 1:
        return Aim(Figure.ITEM, percent / HUNDRED, 1.0)
    return Aim(Figure.INDEX, percent / HUNDRED, index_ratio(options.items, options.correlation))


def given_of(options: argparse.Namespace) -> dict[str, Any]:
    """The planning values as they were taken, for the head of the output."""
    return {name: getattr(options, name) for name in NAMES if getattr(options, name) is not None}
