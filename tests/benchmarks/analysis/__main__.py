"""The analysis beside its peers on the same work, in one run: `python tests/benchmarks/analysis --bench DIR`.

DIR (or HAILONG_BENCH) holds the peers' scripts (gen.py, bare.py, peer_svy.py, peer_r.R) with the data in `data` beside
them, so it must be writable unless the data is there. Every measurement is a process of its own, ours and the peer in
turn; the table gives medians by the wall's clock and by the processor's (all threads and workers), the ratio ours to
peer by both, what it should be, and how far the check values are apart. On a machine that others use, judge `--by cpu`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runs import Peers, middle

ITEMS = 25
UNITS = 3300
ROWS_A_UNIT = 3030
WHOLE = (60.0, 2048.0)  # seconds and MiB that the score of 1e7 answers may take
Runs = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Goal:
    """A piece of work: the most that we may take, as a multiple of the bare work, how close the check must be, and how
    many times faster than svy we have to be."""

    task: str
    ratio: float
    check: float
    svy: float = math.nan


GOALS = (Goal("taylor", 2, 1e-12, 80), Goal("rake", 5, 1e-9), Goal("boot", 3, 1e-11), Goal("bootcal", 2, 1e-8))
AGAINST_R = 300.0


def main() -> int:
    """Measure, print the table; 1 when a check value differs or a goal is missed, 2 when something is not there."""
    options = _options()
    peers = Peers(options.bench, options.svy, options.r)
    lacking = peers.lacking()
    if lacking:
        sys.stderr.write("\n".join(lacking) + "\n")
        return 2
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}, medians of {options.runs} runs, goals by {options.by}")
    if load > 1 and options.by == "wall":
        print("other work shares this machine: the wall's clock says little, see --by cpu")
    print(f"{'work':<31}{'rows':>9}{'ours s':>9}{'cpu':>8}{'MiB':>6}{'peer s':>9}{'cpu':>8}{'ratio':>8}{'cpu':>8}"
          f"{'goal':>8}  check apart by", flush=True)  # fmt: skip
    met = [work(options, peers) for work in (_bare, _svy, _r, _wave, _growth, _dask)]
    if options.quick:
        print("the goals are those of 1e6 rows and 1e7 answers: not judged here")
        return 0
    print("every goal is met" if all(met) else "A GOAL IS MISSED")
    return 0 if all(met) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bench", type=Path, default=os.environ.get("HAILONG_BENCH"), metavar="DIR", help="peers' folder"
    )
    parser.add_argument("--rows", default="1e6", help="numbers of rows, as 1e5,1e6")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, at least 3")
    parser.add_argument("--by", choices=["wall", "cpu"], default="wall", help="the clock that the goals are judged by")
    parser.add_argument("--svy", metavar="PYTHON", help="a Python that has svy, polars and pyarrow")
    parser.add_argument("--r", metavar="RSCRIPT", help="Rscript with survey, data.table, jsonlite")
    parser.add_argument("--r-items", type=int, default=1, help="items that R works out; its time is told for 25")
    parser.add_argument("--peer-runs", type=int, default=3, help="runs of svy and R, which take minutes")
    parser.add_argument("--wave", default="", metavar="ROWS", help="also score a wave of 33 items and 3,300 units")
    parser.add_argument("--growth", action="store_true", help="also time a row and memory from 1e5 answers to --wave's")
    parser.add_argument("--dask", action="store_true", help="also two Dask workers against one on --wave's answers")
    parser.add_argument("--quick", action="store_true", help="1e5 rows, a wave of 1e6 answers, peers once")
    options = parser.parse_args()
    if options.bench is None:
        parser.error("--bench DIR (or HAILONG_BENCH): the folder of the peers' scripts")
    if options.runs < 3:
        parser.error("at least 3 runs: one run says little")
    if options.quick:
        options.rows, options.peer_runs, options.wave = "1e5", 1, "1e6" if options.wave else ""
    options.bench = options.bench.resolve()
    options.rows = [int(float(number)) for number in options.rows.split(",")]
    options.wave = int(float(options.wave)) if options.wave else 0
    return options


def _bare(options: argparse.Namespace, peers: Peers) -> bool:
    good = True
    for rows in options.rows:
        if not (options.bench / "data" / f"b{rows}.parquet").exists():
            subprocess.run([sys.executable, "gen.py", str(rows), "data"], cwd=options.bench, check=True)
        for goal in GOALS:
            told = (goal.task, rows)
            ours, bare = _in_turn(options.runs, partial(peers.ours, *told), partial(peers.bare, *told))
            apart = _apart(ours[0]["check"], bare[0]["check"])
            met = _line(options, f"{goal.task}, bare numpy", rows, (ours, bare), goal.ratio, f"{apart:.1g}")
            good &= met and apart <= goal.check
        _alone("taylor from Parquet", rows, [peers.ours("parquet", rows) for _ in range(options.runs)])
    return good


def _svy(options: argparse.Namespace, peers: Peers) -> bool:
    good, rows = True, options.rows[-1]
    for goal in GOALS[:3] if peers.svy else ():  # raking every replicate anew takes svy an hour
        told = (goal.task, rows)
        ours, svy = _in_turn(options.peer_runs, partial(peers.ours, *told), partial(peers.by_svy, *told))
        drawn = goal.task.startswith("boot")  # its random numbers are its own: the estimate is compared alone
        apart = _apart(ours[0]["check"][: 1 if drawn else None], svy[0]["check"][: 1 if drawn else None])
        good &= _line(options, f"{goal.task}, svy", rows, (ours, svy), 1 / goal.svy, f"{apart:.1g}")
    return good


def _r(options: argparse.Namespace, peers: Peers) -> bool:
    if not peers.r:
        return True
    rows, items = min(max(options.rows), 1_000_000), options.r_items
    own, other = partial(peers.ours, "taylor", rows), partial(peers.by_r, "taylor", rows, items)
    ours, found = _in_turn(options.peer_runs, own, other)
    times = ITEMS / items
    scaled = [{**one, "secs": one["secs"] * times, "cpu": one["cpu"] * times} for one in found]
    apart = f"{_apart(ours[0]['check'], found[0]['check']):.1g}" if items == ITEMS else f"R: {items} item x {times:g}"
    return _line(options, "taylor, R survey", rows, (ours, scaled), 1 / AGAINST_R, apart)


def _wave(options: argparse.Namespace, peers: Peers) -> bool:
    if not options.wave:
        return True
    _alone("a wave's answers counted", options.wave, _ours(options, peers, "fold"))
    good = _alone("the whole score of a wave", options.wave, _ours(options, peers, "whole"), most=WHOLE, by=options.by)
    return _alone("the same, results written", options.wave, _ours(options, peers, "command")) and good


def _growth(options: argparse.Namespace, peers: Peers) -> bool:
    """Time a row with as many answers a unit, memory with as many units."""
    if not (options.growth and options.wave):
        return True
    sizes = [rows for rows in (100_000, 1_000_000, 10_000_000) if rows <= options.wave]
    found = []
    for rows in sizes:
        units = max(rows // ROWS_A_UNIT, 1)
        runs = [peers.ours("whole", rows, units) for _ in range(options.runs)]
        _alone(f"a score of {units:,} units", rows, runs)
        found.append(middle(runs, "cpu") / rows)
    few, many = ([peers.ours("fold", rows, UNITS)] for rows in (max(options.wave // 10, 100_000), options.wave))
    _alone("counted, 3,300 units", options.wave // 10, few)
    _alone("counted, 3,300 units", options.wave, many)
    print(f"{'':<31}time a row, most to least {max(found) / min(found):.2f}; memory of ten times the rows "
          f"{many[0]['rss_mb'] / few[0]['rss_mb']:.2f}")  # fmt: skip
    return True


def _dask(options: argparse.Namespace, peers: Peers) -> bool:
    """Two workers against one; by the processor's clock what is not the workers' own stays and the rest is halved."""
    if not (options.dask and options.wave):
        return True
    own, other = partial(peers.ours, "dask1", options.wave), partial(peers.ours, "dask2", options.wave)
    one, two = _in_turn(options.runs, own, other)
    wall, client = middle(one, "secs") / middle(two, "secs"), middle(two, "own_cpu")
    could = (middle(one, "cpu") - middle(one, "own_cpu")) / max(middle(two, "cpu") / 2, client)
    same = len({json.dumps(run["check"]) for run in [*one, *two]}) == 1
    figures = [middle(runs, clock) for runs in (one, two) for clock in ("secs", "cpu")]
    told = "{:>9.2f}{:>8.2f}      {:>9.2f}{:>8.2f}".format(*figures)
    print(f"{'Dask, one worker, then two':<31}{options.wave:>9}{told}{wall:>8.3g}{could:>8.3g}{'>= 1.5':>8}  "
          f"{'same digits' if same else 'DIGITS DIFFER'}; client {client:.2f} s", flush=True)  # fmt: skip
    return same and (wall if options.by == "wall" else could) >= 1.5


def _ours(options: argparse.Namespace, peers: Peers, task: str) -> Runs:
    return [peers.ours(task, options.wave) for _ in range(options.runs)]


def _in_turn(runs: int, one: Callable[[], Any], other: Callable[[], Any]) -> tuple[Runs, Runs]:
    pairs = [(one(), other()) for _ in range(runs)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _line(options: argparse.Namespace, name: str, rows: int, found: tuple[Runs, Runs], goal: float, apart: str) -> bool:
    """One line beside a peer; True when the ratio of the chosen clock reaches the goal."""
    ours, peer = found
    ratio = {clock: middle(ours, clock) / middle(peer, clock) for clock in ("secs", "cpu")}
    told = "" if math.isnan(goal) else f"{goal:.3g}"
    print(f"{name:<31}{rows:>9}{middle(ours, 'secs'):>9.3f}{middle(ours, 'cpu'):>8.3f}{_memory(ours):>6.0f}"
          f"{middle(peer, 'secs'):>9.3f}{middle(peer, 'cpu'):>8.3f}{ratio['secs']:>8.3g}{ratio['cpu']:>8.3g}{told:>8}"
          f"  {apart}", flush=True)  # fmt: skip
    return math.isnan(goal) or ratio["secs" if options.by == "wall" else "cpu"] <= goal


def _alone(
    name: str, rows: int, ours: Runs, *, most: tuple[float, float] = (math.inf, math.inf), by: str = "wall"
) -> bool:
    """One line without a peer; False past the `most` seconds and MiB, or when two runs gave other digits."""
    same = len({json.dumps(one["check"]) for one in ours}) == 1
    goal = f"at most {most[0]:g} s, {most[1]:g} MiB" if math.isfinite(most[0]) else ""
    took = middle(ours, "secs" if by == "wall" else "cpu")
    print(f"{name:<31}{rows:>9}{middle(ours, 'secs'):>9.3f}{middle(ours, 'cpu'):>8.3f}{_memory(ours):>6.0f}   "
          f"{1e6 * middle(ours, 'cpu') / rows:.3f} microseconds a row  {goal}{'' if same else '  DIGITS DIFFER'}",
          flush=True)  # fmt: skip
    return took <= most[0] and _memory(ours) <= most[1] and same


def _memory(runs: Runs) -> float:
    return max(float(one["rss_mb"]) for one in runs)


def _apart(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return max(abs(a - b) / max(abs(b), 1e-300) for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    sys.exit(main())
