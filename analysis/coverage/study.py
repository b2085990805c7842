"""The whole study: its cases by name, run side by side in fresh processes, and the table as text or for machines."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from zlib import crc32

import numpy as np

from analysis.coverage.census import census
from analysis.coverage.change import change, overlap
from analysis.coverage.clustered import clustered, library
from analysis.coverage.exact import exact
from analysis.coverage.grades import grades
from analysis.coverage.officials import officials
from analysis.coverage.province import province
from analysis.coverage.tally import Line, Run
from analysis.coverage.transaction import composite, dependent, raked, ranks, small_levels, transaction
from analysis.errors import OptionInvalid

Case = Callable[[Run], Iterator[Line]]

CASES: dict[str, Case] = {
    "transaction": transaction,
    "exact": exact,
    "composite": composite,
    "small_levels": small_levels,
    "raked": raked,
    "clustered": clustered,
    "library": library,
    "census": census,
    "change": change,
    "overlap": overlap,
    "ranks": ranks,
    "grades": grades,
    "province": province,
    "officials": officials,
    "dependent": dependent,
}
HEAD = ("case", "what", "nominal", "reached", "+-", "width", "bias", "counted")
PAUSE = 5.0  # seconds between two words of progress


def run_coverage(options: argparse.Namespace) -> int:
    """`python -m analysis coverage [--waves N] [--seed N] [--only NAME] [--json]`: the table on standard output."""
    names = list(CASES) if options.only is None else [options.only]
    if options.only is not None and options.only not in CASES:
        raise OptionInvalid("--only", options.only, ", ".join(CASES))
    if options.waves < 1:
        raise OptionInvalid("--waves", options.waves, "at least 1")
    lines = study(names, waves=options.waves, seed=options.seed)
    told = {"waves": options.waves, "seed": options.seed, "lines": [asdict(one) for one in lines]}
    sys.stdout.write((json.dumps(told, ensure_ascii=False, indent=1) if options.json else table(lines)) + "\n")
    return 0


def study(names: Sequence[str], *, waves: int, seed: int) -> list[Line]:
    """The lines of the named cases in the order of `CASES`, one process a processor (one case: none); the digits depend
    on the seed and the case alone, not on what else is run."""
    if len(names) == 1:
        return run_case(names[0], waves, seed)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read by the new processes: their matrices are small
    found: dict[str, list[Line]] = {}
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(names)), mp_context=get_context("spawn")) as pool:
        tasks = {pool.submit(run_case, name, waves, seed): name for name in names}
        for task in as_completed(tasks):
            found[tasks[task]] = task.result()
    return [one for name in CASES if name in found for one in found[name]]


def run_case(name: str, waves: int, seed: int) -> list[Line]:
    """The lines of one case; progress on standard error."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    return list(CASES[name](Run(waves, rng, _teller())))


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table, notes numbered below it."""
    notes = list(dict.fromkeys(one.note for one in lines if one.note))
    rows = [HEAD, tuple("---" for _ in HEAD), *(_cells(one, notes) for one in lines)]
    text = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*text, "", *(f"[{place}] {note}" for place, note in enumerate(notes, start=1))])


def _cells(one: Line, notes: Sequence[str]) -> tuple[str, ...]:
    mark = f" [{notes.index(one.note) + 1}]" if one.note else ""
    numbers = (_number(one.nominal, 0), _number(one.reached, 2), _number(one.error, 2), _number(one.width, 2))
    return one.case, one.what + mark, *numbers, _number(one.bias, 2), f"{one.counted:,}"


def _number(value: float | None, places: int) -> str:
    if value is None:
        return ""
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _teller() -> Callable[[str, int, int], None]:
    last = [time.monotonic()]

    def tell(case: str, done: int, total: int) -> None:
        if time.monotonic() - last[0] >= PAUSE:
            last[0] = time.monotonic()
            sys.stderr.write(f"{case}: {min(done, total):,} of {total:,}\n")

    return tell
