"""The whole scoring job at 1e5 and 1e6 stored answers: seconds and peak memory, beside reading the rows once.

    python tests/benchmarks/scores.py [--answers 100000 1000000] [--engine sqlite postgres] [--runs 1]

108 units of 6 classes each, 19 questions. Each step runs in a process of its own: `read` fetches every row once and
parses its answers (the bare work); `job` is what the worker does (extract out of the database, score, store the run)
and then writes the results folder. A line of JSON for each engine and number of answers: seconds, processor seconds and
MiB above what the process held once its modules were loaded, and the job as a multiple of the bare work.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "faults")]

import board  # noqa: E402
import ground  # noqa: E402

from survey import schema  # noqa: E402
from survey.config import PROVINCE_TIME  # noqa: E402
from survey.db import open_database  # noqa: E402
from survey.keys import Keys  # noqa: E402
from survey.model.sample import ClassCell  # noqa: E402
from survey.stages import waves  # noqa: E402
from survey.wavefile import read_wave_file  # noqa: E402

WAVE, UNITS, CELLS = "2026-faults", 108, 6
VARIANTS = 4999  # different answers; no common factor with units or classes
ITEMS = [f"S{number}" for number in range(15, 34)]
FILL = {
    "sqlite": """
        with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < :rows)
        insert into answer (id, wave_id, phase, mode, unit_code, class_code, items)
        select randomblob(16), :wave, 1, 'link', 'U' || (i % :units),
            'U' || (i % :units) || '|' || (i / :units % :cells), variant.items
        from n join variant on k = i % :variants""",
    "postgresql": """
        insert into answer (id, wave_id, phase, mode, unit_code, class_code, items)
        select decode(md5(random()::text || i), 'hex'), :wave, 1, 'link', 'U' || (i % :units),
            'U' || (i % :units) || '|' || (i / :units % :cells), cast(variant.items as json)
        from generate_series(0, :rows - 1) n(i) join variant on k = i % :variants""",
}
READ = "select phase, mode, unit_code, class_code, items from answer"


def prepare(url: str, keys: Keys, answers: int) -> None:
    """A closed wave with so many answers."""
    database, now = open_database(url), datetime.now(UTC)
    schema.upgrade(database)
    with database.begin() as session:
        board._units(session)
        opens, closes = ((now + timedelta(days=days)).astimezone(PROVINCE_TIME) for days in (-14, 14))
        told = ground.WAVE.format(opens=opens, closes=closes, instrument="service-2025")
        told = told.replace('["98-01"]', '"*"').replace('modes = ["link", "counter"]', 'modes = ["link"]')
        wave = waves.create(session, read_wave_file(told), keys=keys, actor="benchmark", now=now)
        people = 2 * (answers // (UNITS * CELLS) + 1)
        for number in range(UNITS * CELLS):
            unit = f"U{number % UNITS}"
            code = f"{unit}|{number // UNITS}"
            counted = dict.fromkeys(("stratum_population", "population"), 10 * people)
            drawn = dict.fromkeys(("drawn", "kept", "reachable", "invited"), people)
            session.add(ClassCell(
                wave_id=wave.id, class_code=code, unit_code=unit, stratum=code, weight_sum=10.0 * people, **counted,
                **drawn,
            ))  # fmt: skip
        wave.state = "closed"
        session.flush()
        _fill(session.connection(), wave.id, answers)
    database.close()


def _fill(connection: Any, wave: bytes, answers: int) -> None:
    rng, engine = random.Random(7), connection.dialect.name
    connection.execute(text("create temporary table variant (k integer primary key, items text)"))
    said = [{item: rng.choice("5544432") for item in ITEMS if rng.random() > 0.03} for _ in range(VARIANTS)]
    told = [{"k": number, "items": json.dumps(one)} for number, one in enumerate(said)]
    connection.execute(text("insert into variant (k, items) values (:k, :items)"), told)
    sizes = {"rows": answers, "wave": wave, "units": UNITS, "cells": CELLS, "variants": VARIANTS}
    connection.execute(text(FILL[engine]), sizes)
    connection.execute(text("drop table variant"))


def read(url: str, _folder: Path) -> None:
    """The bare work: every row once, its answers parsed, nothing kept."""
    database = open_database(url)
    with database.reader.connect() as connection:
        for row in connection.execution_options(yield_per=2000).execute(text(READ)):
            _said = json.loads(row[4]) if isinstance(row[4], str) else row[4]
    database.close()


def job(url: str, folder: Path) -> None:
    """What the worker does with a closed wave, and the files that Home Affairs gets."""
    from survey.jobs import score

    database = open_database(url)
    score.run(database, WAVE, actor="benchmark", now=datetime.now(UTC), say=told)
    score.write_results(database, WAVE, folder / "results")
    told("files")
    database.close()


STEPS: dict[str, Callable[[str, Path], None]] = {"read": read, "job": job}


def told(step: str) -> None:
    """Progress, with the peak so far."""
    sys.stderr.write(f"  {step}: {time.process_time():.1f} s of the processor, peak {peak():.0f} MiB\n")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_step(step: str, url: str, folder: Path) -> None:
    """In a process of its own: run a step and print its seconds, processor seconds and growth."""
    import survey.jobs.score  # noqa: F401 - loading is not the job

    before, wall, cpu = peak(), time.perf_counter(), time.process_time()
    STEPS[step](url, folder)
    figures = {"s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "growth_mib": peak() - before}
    print(json.dumps(figures))


def run(step: str, url: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--step", step, "--url", url, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def trial(engine: str, answers: int, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, ground.database_url(engine, Path(name)) as url:
        folder, start = Path(name), time.perf_counter()
        prepare(url, Keys(folder / "keys"), answers)
        sys.stderr.write(f"{engine}: {answers} answers made in {time.perf_counter() - start:.0f} s\n")
        found = {step: middle([run(step, url, folder) for _ in range(runs)]) for step in STEPS}
    ratio = {f"job_by_read_{name}": round(found["job"][name] / found["read"][name], 1) for name in ("s", "cpu_s")}
    return {"engine": engine, "answers": answers, "runs": runs, **found, **ratio}


def middle(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in runs), 2) for name in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", nargs="+", choices=["sqlite", "postgres"], default=["sqlite"])
    parser.add_argument("--answers", nargs="+", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=1, help="Of each step; the middle one is told.")
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    stated = parser.parse_args()
    if stated.step:
        one_step(stated.step, stated.url, stated.folder)
        return
    for engine in stated.engine:
        for answers in stated.answers:
            print(json.dumps(trial(engine, answers, stated.runs)), flush=True)


if __name__ == "__main__":
    main()
