"""The analysis beside its peers on the same work, in one run: `python tests/benchmarks/analysis --bench DIR`.

DIR holds the peers' scripts (gen.py, bare.py and, if asked for, peer_svy.py and peer_r.R) with the data in `data`
beside them, so it must be writable unless the data is there. Every measurement is a process of its own, ours and the
bare work in turn; the table gives medians, the ratio, what it should be, and how far the check values are apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPLICATES = 200
WHOLE = (60.0, 2048.0)  # seconds and MiB that the score of 1e7 answers may take


@dataclass(frozen=True)
class Goal:
    """A piece of work: the most that we may take, as a multiple of the bare work, and how close the check must be."""

    task: str
    ratio: float
    check: float


GOALS = (Goal("taylor", 2, 1e-12), Goal("rake", 5, 1e-9), Goal("boot", 3, 1e-11), Goal("bootcal", 2, 1e-8))


def main() -> int:
    """Measure, print the table; 1 when a check value differs or a ratio is missed."""
    options = _options()
    rows = [int(float(number)) for number in options.rows.split(",")]
    for number in rows:
        _data(options.bench, number)
    good = True
    print(f"{'work':<34}{'rows':>10}{'ours s':>9}{'MiB':>6}{'peer s':>9}{'ratio':>8}{'goal':>7}  check apart by")
    for number in rows:
        for goal in GOALS:
            good &= _beside_bare(options, goal, number)
    for number in rows:
        _alone("taylor from Parquet", _ours(options, "parquet", number), number)
    if options.svy:
        for goal in GOALS:
            _beside(options, goal, rows[-1], f"svy {goal.task}", [options.svy, "peer_svy.py"], 1)
    if options.r:
        _beside(options, GOALS[0], min(rows), "R survey taylor, one item", [options.r, "peer_r.R"], 1)
    for number in (int(float(one)) for one in options.wave.split(",") if one):
        _alone("a wave's answers counted", _ours(options, "fold", number), number)
        good &= _alone("the whole score of a wave", _ours(options, "whole", number), number, most=WHOLE)
        _alone("the same, results written", _ours(options, "command", number), number)
    if options.dask:
        good &= _dask(options, max(int(float(one)) for one in (options.wave or options.rows).split(",")))
    return 0 if good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", type=Path, required=True, metavar="DIR", help="the peers' folder")
    parser.add_argument("--rows", default="1e6", help="numbers of rows, as 1e5,1e6")
    parser.add_argument("--runs", type=int, default=5, help="runs of each, at least 3")
    parser.add_argument("--svy", metavar="PYTHON", help="a Python that has svy")
    parser.add_argument("--r", metavar="RSCRIPT", help="Rscript with survey, data.table, jsonlite")
    parser.add_argument(
        "--wave", default="", metavar="ROWS", help="also score a wave of 33 items, 3,300 units and so many answers"
    )
    parser.add_argument(
        "--dask", action="store_true", help="also two Dask workers against one on the wave (needs distributed)"
    )
    options = parser.parse_args()
    if options.runs < 3:
        parser.error("at least 3 runs: one run says little")
    options.bench = options.bench.resolve()
    return options


def _data(bench: Path, rows: int) -> None:
    if not (bench / "data" / f"b{rows}.parquet").exists():
        subprocess.run([sys.executable, "gen.py", str(rows), "data"], cwd=bench, check=True)


def _beside_bare(options: argparse.Namespace, goal: Goal, rows: int) -> bool:
    command = [sys.executable, "bare.py", "numpy"]
    return _beside(options, goal, rows, goal.task, command, options.runs)


def _beside(options: argparse.Namespace, goal: Goal, rows: int, name: str, command: Sequence[str], runs: int) -> bool:
    """One line of the table: ours and a peer in turn."""
    command = [command[0], *(str(options.bench / one) if one.endswith((".py", ".R")) else one for one in command[1:])]
    repeats = 1 if command[-1].endswith(".R") else REPLICATES
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(_run([sys.executable, str(HERE / "ours.py"), str(options.bench), goal.task, str(rows)]))
        theirs.append(_run([*command, goal.task, str(rows), str(repeats)]))
    mine, peer = (statistics.median(one["secs"] for one in many) for many in (ours, theirs))
    memory = max(one["rss_mb"] for one in ours)
    apart = _apart(ours[0]["check"], theirs[0]["check"]) if command[-1] == "numpy" else float("nan")
    target = f"{goal.ratio:g}" if command[-1] == "numpy" else ""
    print(f"{name:<34}{rows:>10}{mine:>9.3f}{memory:>6.0f}{peer:>9.3f}{mine / peer:>8.3g}{target:>7}  {apart:.1g}")
    return command[-1] != "numpy" or (mine / peer <= goal.ratio and apart <= goal.check)


def _ours(options: argparse.Namespace, task: str, rows: int) -> list[dict[str, Any]]:
    command = [sys.executable, str(HERE / "ours.py"), str(options.bench), task, str(rows)]
    return [_run(command) for _ in range(options.runs)]


def _alone(
    name: str, ours: Sequence[dict[str, Any]], rows: int, *, most: tuple[float, float] = (math.inf, math.inf)
) -> bool:
    """One line without a peer; False past the `most` seconds and MiB, or when two runs gave other digits."""
    mine, memory = statistics.median(one["secs"] for one in ours), max(one["rss_mb"] for one in ours)
    goal = f"   goal {most[0]:g} s, {most[1]:g} MiB" if math.isfinite(most[0]) else ""
    same = len({json.dumps(one["check"]) for one in ours}) == 1
    told = f"{1e6 * mine / rows:.3f} microseconds a row{goal}{'' if same else '   DIGITS DIFFER'}"
    print(f"{name:<34}{rows:>10}{mine:>9.3f}{memory:>6.0f}   {told}", flush=True)
    return mine <= most[0] and memory <= most[1] and same


def _dask(options: argparse.Namespace, rows: int) -> bool:
    one, two = (_ours(options, f"dask{workers}", rows) for workers in (1, 2))
    slow, fast = (statistics.median(run["secs"] for run in many) for many in (one, two))
    same = len({json.dumps(run["check"]) for run in one + two}) == 1
    print(f"{'Dask, two workers against one':<34}{rows:>10}{fast:>9.3f}{'':>6}{slow:>9.3f}{slow / fast:>8.3g}    1.5  "
          f"{'same digits' if same else 'DIGITS DIFFER'}")  # fmt: skip
    return same and slow / fast >= 1.5


def _apart(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return max(abs(a - b) / max(abs(b), 1e-300) for a, b in zip(ours, theirs, strict=True))


def _run(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ.copy())
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
