"""`python -m analysis quality EXTRACT`: how good the questionnaire is, and which factor to improve first."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.commands.told import Told, tell
from analysis.design import LonelyPsu

if TYPE_CHECKING:
    from analysis.extract import Extract

HUNDRED = 100.0
SHARES = ("left_empty", "inapplicable", "floor", "ceiling", "satisfied", "very")


def add(commands: Any) -> None:
    """What may be typed."""
    one = commands.add_parser("quality", help="alpha, omega, item-rest, floor, ceiling, empty items, what to improve")
    one.add_argument("extract", type=Path, metavar="EXTRACT", help="folder of the extract")
    one.add_argument(
        "--lonely-psu", choices=list(LonelyPsu), default=LonelyPsu.FAIL,
        help="what a stratum of one adds to a standard error; without it such a stratum is an error that names its row",
    )  # fmt: skip
    one.add_argument("--json", action="store_true", help="print for machines")
    one.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Describe the instrument by the answers of the probability sample."""
    import numpy as np

    from analysis.components.tables import SELF_SELECTED
    from analysis.extract import read_extract
    from analysis.quality import instrument_quality

    extract = read_extract(options.extract)
    check_tables(extract)
    own = extract.answers["mode"].among(SELF_SELECTED)
    answers = extract.answers.take(np.flatnonzero(~own))
    found = instrument_quality(answers, extract.instrument, lonely_psu=LonelyPsu(options.lonely_psu))
    given = {"wave": extract.manifest.wave, "extract": extract.digest[:12], "answers": answers.rows,
             "self-selected left out": int(own.sum()), "lonely psu": str(options.lonely_psu)}  # fmt: skip
    tables = {
        "items": [_percent(asdict(one)) for one in found.items],
        "scales": [_scale(asdict(one)) for one in found.scales],
        "improve first": [{**asdict(one), "weight": HUNDRED * one.weight} for one in found.drivers],
    }
    remarks = [f"{what}: {why}" for what, why in found.undefined.items()]
    remarks += [
        "Shares, levels and losses are percent; values are 1 to k; `lost` adds up to 100 less the index of items."
    ]
    return tell(Told(given, tables, remarks), as_json=options.json)


def check_tables(extract: Extract) -> None:
    """Refuse the tables that the score refuses: what describes the answers must be what scores them."""
    from analysis.components.strata import make_strata
    from analysis.components.weighting import check_counts, make_frame

    if extract.manifest.audience == "citizens":
        frame = make_frame(extract.sample, extract.margins, extract.traits)
        groups = extract.groups.chosen(lambda group: not group.self_selected)
        check_counts(groups, frame)
        make_strata(groups, frame)


def _percent(told: dict[str, Any]) -> dict[str, Any]:
    return {name: HUNDRED * value if name in SHARES and value is not None else value for name, value in told.items()}


def _scale(told: dict[str, Any]) -> dict[str, Any]:
    """The item without which alpha is highest comes by name."""
    items, without = told.pop("items"), told.pop("alpha_without")
    best = max(range(len(without)), key=without.__getitem__, default=None)
    name, then = (None, None) if best is None else (items[best], without[best])
    return {**told, "items": len(items), "best without": name, "alpha then": then}
