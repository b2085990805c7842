"""One measurement of our own work: `ours.py DIR TASK ROWS` prints one JSON line: seconds, memory, check values."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `python -m analysis` does
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
import pyarrow as pa
import pyarrow.compute as pa_compute
import pyarrow.parquet as pa_parquet

from analysis.design import LonelyPsu
from analysis.fold.bootstrap import Centre, Composite, Replicated, bootstrap, bootstrap_raked
from analysis.fold.coding import Measure, Scale
from analysis.fold.moments import ClassWeights, Wanted, fold_moments, weighted_totals
from analysis.fold.raking import raked_weights
from analysis.fold.ratios import domain_ratios
from analysis.fold.sources import Arrays, Parquet, Source
from analysis.fold.stage import FirstStage

ITEMS = tuple(f"q{number:02d}" for number in range(1, 26))
MARGINS = ("zone", "sex", "age", "eth", "chan", "edu")
SCALE = Scale(5, frozenset({4, 5}))
DESIGN = FirstStage("w", LonelyPsu.FAIL, "psu", "stratum")
REPLICATES = 200
Work = Callable[[Path, int], tuple[float, list[float]]]


def taylor(bench: Path, rows: int) -> tuple[float, list[float]]:
    """25 items x 100 domains with standard errors; columns in memory, missing answers as 0, like the bare work."""
    return _ratios(_held(bench, rows, (*ITEMS, "psu", "stratum", "dom", "w")))


def parquet(bench: Path, rows: int) -> tuple[float, list[float]]:
    """The same, reading the file included."""
    return _ratios(Parquet((_file(bench, rows),)))


def raking(bench: Path, rows: int) -> tuple[float, list[float]]:
    """Six margins, the final weight of every row included."""
    source, margins = _held(bench, rows, (*MARGINS, "w")), _margins(bench, rows)
    start = time.perf_counter()
    _, weights = raked_weights(source, "w", margins)
    return time.perf_counter() - start, [float(weights.min()), float(weights.max()), float((weights**2).sum())]


def boot(bench: Path, rows: int) -> tuple[float, list[float]]:
    """200 replicates of the composite of all items by domain."""
    source = _held(bench, rows, (*ITEMS, "psu", "stratum", "dom", "w"))
    return _replicates(lambda **options: bootstrap(source, DESIGN, **options))


def bootcal(bench: Path, rows: int) -> tuple[float, list[float]]:
    """The same, raked anew in every replicate."""
    source, margins = _held(bench, rows, (*ITEMS, *MARGINS, "psu", "stratum", "dom", "w")), _margins(bench, rows)
    return _replicates(lambda **options: bootstrap_raked(source, DESIGN, margins, **options))


def wave(bench: Path, rows: int, executor: Executor | None = None) -> tuple[float, list[float]]:
    """A wave of 33 items and 3,300 units from Parquet: sums by class, then totals and covariance of every unit."""
    path = bench / "data" / f"wave{rows}.parquet"
    if not path.exists():
        write_wave(path, rows)
    start = time.perf_counter()
    items = tuple(f"q{number:02d}" for number in range(1, 34))
    wanted = Wanted(items, (SCALE,) * 33, (Measure.VALID, Measure.SATISFIED, Measure.VALUE))
    keys = ("unit", "stratum", "class", "fpc", "weight_base", "mode", "flag")
    found = fold_moments(Parquet((path,)), wanted, keys=keys, psu="psu", executor=executor)
    folded = time.perf_counter() - start
    cells = found.alone
    weights = cells.column("weight_base").astype(np.float64)
    told = ClassWeights(cells.code("unit"), cells.code("stratum"), weights, weights, np.arange(len(weights)))
    sizes = np.full(len(cells.names("stratum")), 10.0 * rows)
    totals = weighted_totals(found, told, populations=sizes, groups=len(cells.names("unit")))
    taken = time.perf_counter() - start if executor is None else folded
    return taken, [float(totals.totals.sum()), float(totals.covariance.sum())]


def dask(workers: int) -> Work:
    """The pass of `wave` on a Dask cluster of so many processes, one thread each."""

    def work(bench: Path, rows: int) -> tuple[float, list[float]]:
        from distributed import Client

        with tempfile.TemporaryDirectory() as folder:
            options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
            with Client(processes=True, local_directory=folder, **options) as client:
                for future in client.map(_awake, range(4 * workers), pure=False):
                    future.result()
                return wave(bench, rows, client.get_executor())

    return work


def _awake(number: int) -> int:
    """Let a worker import what it will need."""
    return number + len(fold_moments.__name__)


def write_wave(path: Path, rows: int, units: int = 3300) -> None:
    """Answers of an extract's columns, sorted by unit, stratum and class, 100 units at a time."""
    rng = np.random.default_rng(2)
    kinds = [(name, pa.string()) for name in ("mode", "unit", "stratum", "psu", "class", "flag")]
    kinds += [("fpc", pa.float64()), ("weight_base", pa.float64())]
    kinds += [(f"q{number:02d}", pa.string()) for number in range(1, 34)]
    with pa_parquet.ParquetWriter(path, pa.schema(kinds), compression="lz4") as writer:
        for first in range(0, units, 100):
            unit = np.sort(rng.integers(first, min(first + 100, units), 100 * rows // units))
            field, level = rng.integers(0, 2, (2, len(unit)))
            order = np.lexsort((level, field, unit))
            columns = _wave_columns(unit[order], field[order], level[order], rng)
            writer.write_table(pa.table(columns, pa.schema(kinds)), row_group_size=500_000)


def _wave_columns(unit: Any, field: Any, level: Any, rng: np.random.Generator) -> dict[str, Any]:
    n = len(unit)
    name = np.char.add("75-", np.char.zfill(unit.astype(str), 4))
    stratum = np.char.add(np.char.add(name, "|F"), field.astype(str))
    same = {"mode": "link", "psu": "", "flag": ""}
    columns: dict[str, Any] = {key: pa.array([value]).take(pa.array(np.zeros(n, int))) for key, value in same.items()}
    columns.update(unit=name, stratum=stratum, fpc=np.full(n, 1e7), weight_base=4 + 0.5 * field + 0.25 * level)
    columns["class"] = np.char.add(np.char.add(stratum, "|"), level.astype(str))
    mood = rng.normal(0, 0.8, n)
    for number in range(33):
        latent = 1.1 + 0.3 * np.sin(number) + mood + rng.normal(0, 0.7, n)
        code = 1 + np.searchsorted([-1.3, -0.7, 0, 1.25], latent)
        silent = rng.random(n)
        code = np.where(silent < 0.03, 0, np.where(silent < 0.05, 6, code))
        columns[f"q{number + 1:02d}"] = pa.array([".", "1", "2", "3", "4", "5", ""]).take(pa.array(code))
    return columns


def _ratios(source: Source, **options: Any) -> tuple[float, list[float]]:
    start = time.perf_counter()
    found = domain_ratios(
        source, DESIGN, domain="dom", items=ITEMS, scale=SCALE, numerator=Measure.SATISFIED, **options
    )
    return time.perf_counter() - start, [float(found.values.sum()), float(found.se.sum())]


def _replicates(work: Callable[..., Replicated]) -> tuple[float, list[float]]:
    composite = Composite({"all": ITEMS}, SCALE, Measure.SATISFIED)
    start = time.perf_counter()
    found = work(domain="dom", composite=composite, replicates=REPLICATES, rng=np.random.default_rng(1))
    check = [float(found.values.sum()), float(found.se(Centre.ESTIMATE).sum())]
    return time.perf_counter() - start, check


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
    "taylor": taylor, "parquet": parquet, "rake": raking, "boot": boot, "bootcal": bootcal, "wave": wave,
    "dask1": dask(1), "dask2": dask(2),
}  # fmt: skip


def main() -> None:
    """Run one task."""
    bench, task, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    seconds, check = WORK[task](bench, rows)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"tool": "ours", "task": task, "n": rows, "secs": seconds, "rss_mb": memory, "check": check}))


if __name__ == "__main__":
    main()
