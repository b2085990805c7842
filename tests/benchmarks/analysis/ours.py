"""One measurement of our own work: `ours.py DIR TASK ROWS [UNITS]` prints one JSON line: seconds by the wall and by the
processor (all threads and workers), memory, check values."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `python -m analysis` does
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")  # the same
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from wave import write_extract

import numpy as np
import pyarrow.compute as pa_compute
import pyarrow.parquet as pa_parquet

from analysis.components.grouping import count_answers
from analysis.components.index import index_codes
from analysis.components.instrument import parse_instrument
from analysis.design import LonelyPsu
from analysis.extract import Scores, read_extract, score
from analysis.fold.bootstrap import Centre, Composite, Replicated, bootstrap, bootstrap_raked
from analysis.fold.coding import Measure, Scale
from analysis.fold.raking import raked_weights
from analysis.fold.ratios import domain_ratios
from analysis.fold.sources import Arrays, Parquet, Source
from analysis.fold.stage import FirstStage

ROOT = Path(__file__).resolve().parents[3]
ITEMS = tuple(f"q{number:02d}" for number in range(1, 26))
MARGINS = ("zone", "sex", "age", "eth", "chan", "edu")
SCALE = Scale(5, frozenset({4, 5}))
DESIGN = FirstStage("w", LonelyPsu.FAIL, "psu", "stratum")
REPLICATES = 200
UNITS = 3300


@dataclass
class Took:
    """Seconds between `with` and its end: of the wall, of the processor, and of it in other processes."""

    wall: float = 0.0
    cpu: float = 0.0
    others: float = 0.0

    def __enter__(self) -> Took:
        self.wall, self.cpu, self.others = time.perf_counter(), time.process_time(), children()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self.wall
        self.cpu, self.others = time.process_time() - self.cpu, children() - self.others


def children() -> float:
    """Processor seconds of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


Measured = tuple[Took, list[float]]
Work = Callable[..., Measured]


def taylor(bench: Path, rows: int) -> Measured:
    """25 items x 100 domains with standard errors; columns in memory, missing answers as 0, like the bare work."""
    return _ratios(_held(bench, rows, (*ITEMS, "psu", "stratum", "dom", "w")))


def parquet(bench: Path, rows: int) -> Measured:
    """The same, reading the file included."""
    return _ratios(Parquet((_file(bench, rows),)))


def raking(bench: Path, rows: int) -> Measured:
    """Six margins, the final weight of every row included."""
    source, margins = _held(bench, rows, (*MARGINS, "w")), _margins(bench, rows)
    with Took() as took:
        _, weights = raked_weights(source, "w", margins)
    return took, [float(weights.min()), float(weights.max()), float((weights**2).sum())]


def boot(bench: Path, rows: int) -> Measured:
    """200 replicates of the composite of all items by domain."""
    source = _held(bench, rows, (*ITEMS, "psu", "stratum", "dom", "w"))
    return _replicates(lambda **options: bootstrap(source, DESIGN, **options))


def bootcal(bench: Path, rows: int) -> Measured:
    """The same, raked anew in every replicate."""
    source, margins = _held(bench, rows, (*ITEMS, *MARGINS, "psu", "stratum", "dom", "w")), _margins(bench, rows)
    return _replicates(lambda **options: bootstrap_raked(source, DESIGN, margins, **options))


def whole(bench: Path, rows: int, units: int) -> Measured:
    """The whole score of a wave from the folder of its extract: weights, estimates, limits, points, ranks, all rows."""
    folder = _wave(bench, rows, units)
    with Took() as took:
        scores = score(read_extract(folder))
    return took, [float(len(scores.rows)), *_checked(scores)]


def command(bench: Path, rows: int, units: int) -> Measured:
    """The same as a command that writes the results folder; memory is the command's own."""
    folder = _wave(bench, rows, units)
    with tempfile.TemporaryDirectory() as out, Took() as took:
        told = [sys.executable, "-m", "analysis", "score", str(folder), "--out", out]
        subprocess.run(told, cwd=ROOT, check=True, capture_output=True)
        size = (Path(out) / "scores.csv").stat().st_size
    return took, [float(size)]


def folded(bench: Path, rows: int, units: int, executor: Executor | None = None) -> Measured:
    """The pass over the rows alone: answers counted into groups."""
    path = _wave(bench, rows, units) / "answers.parquet"
    form = parse_instrument((path.parent / "instrument.toml").read_text())
    told = Parquet((path,)), form.scored, form.satisfied, index_codes(form).members
    with Took() as took:
        groups = count_answers(*told, executor=executor)
    sums = groups.sums.alone.whole
    return took, [float(len(groups.groups)), *(float(sums[name].sum()) for name in ("x", "xx", "touched", "apart"))]


def dask(workers: int) -> Work:
    """The same pass on a Dask cluster of so many processes, one thread each."""

    def work(bench: Path, rows: int, units: int) -> Measured:
        from distributed import Client

        with tempfile.TemporaryDirectory() as place:
            options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
            with Client(processes=True, local_directory=place, **options) as client:
                client.run(_awake)
                before = sum(client.run(time.process_time).values())
                took, check = folded(bench, rows, units, client.get_executor())
                took.others = sum(client.run(time.process_time).values()) - before
                return took, check

    return work


def _awake() -> str:
    """Let a worker import what it will need."""
    return count_answers.__module__


def _wave(bench: Path, rows: int, units: int) -> Path:
    folder = bench / "data" / (f"wave{rows}" if units == UNITS else f"wave{rows}x{units}")
    if not (folder / "manifest.json").exists():
        write_extract(folder, rows, units=units)
    return folder


def _checked(scores: Scores) -> list[float]:
    """Sums of what stands in the official rows of the whole."""
    rows = [row for row in scores.rows if row.level_of == "overall" and row.is_official == "yes"]
    cells = ([getattr(row, name) for row in rows] for name in ("index", "ci_low", "ci_high", "rank"))
    return [sum(float(cell) for cell in column if cell is not None) for column in cells]


def _ratios(source: Source, **options: Any) -> Measured:
    told = {"domain": "dom", "items": ITEMS, "scale": SCALE, "numerator": Measure.SATISFIED}
    with Took() as took:
        found = domain_ratios(source, DESIGN, **told, **options)
    return took, [float(found.values.sum()), float(found.se.sum())]


def _replicates(work: Callable[..., Replicated]) -> Measured:
    composite = Composite({"all": ITEMS}, SCALE, Measure.SATISFIED)
    with Took() as took:
        found = work(domain="dom", composite=composite, replicates=REPLICATES, rng=np.random.default_rng(1))
        check = [float(found.values.sum()), float(found.se(Centre.ESTIMATE).sum())]
    return took, check


def _file(bench: Path, rows: int) -> Path:
    return bench / "data" / f"b{rows}.parquet"


def _held(bench: Path, rows: int, columns: tuple[str, ...]) -> Arrays:
    table = pa_parquet.read_table(_file(bench, rows), columns=list(columns))
    whole = {name: table[name].combine_chunks() for name in columns}
    return Arrays({name: pa_compute.fill_null(one, 0).to_numpy() for name, one in whole.items()})


def _margins(bench: Path, rows: int) -> dict[str, dict[int, float]]:
    totals = json.loads((bench / "data" / f"b{rows}_margins.json").read_text())
    return {name: dict(enumerate(totals[name])) for name in MARGINS}


WORK: dict[str, Work] = {
    "taylor": taylor, "parquet": parquet, "rake": raking, "boot": boot, "bootcal": bootcal,
    "fold": folded, "whole": whole, "command": command, "dask1": dask(1), "dask2": dask(2),
}  # fmt: skip
OF_A_WAVE = {"fold", "whole", "command", "dask1", "dask2"}


def main() -> None:
    """Run one task."""
    bench, task, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    units = (int(sys.argv[4]) if len(sys.argv) > 4 else UNITS,) if task in OF_A_WAVE else ()
    took, check = WORK[task](bench, rows, *units)
    who = resource.RUSAGE_CHILDREN if task == "command" else resource.RUSAGE_SELF
    told = {
        "tool": "ours",
        "task": task,
        "n": rows,
        "secs": took.wall,
        "cpu": took.cpu + took.others,
        "own_cpu": took.cpu,
    }
    memory = resource.getrusage(who).ru_maxrss / 1024
    print(json.dumps({**told, "rss_mb": memory, "check": check}))


if __name__ == "__main__":
    main()
