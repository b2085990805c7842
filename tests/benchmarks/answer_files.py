"""The answers' files at 1e5 and 1e6 answers: how long each takes, and how far memory grows from one to the other.

Run: `python tests/benchmarks/answer_files.py [--sizes 100000 1000000] [--most 150]`; ends with 1 when it grows by more.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import insert

from survey import schema
from survey.db import open_database
from survey.instrument import builtin_instrument
from survey.jobs import answer_files
from survey.model.response import Answer
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import waves

FORM, UNITS, CHUNK, MEBI = "sipas-2022", 108, 20_000, 1024
KINDS = ("csv", "parquet", "sav", "dta")
NOW = datetime(2026, 8, 1, tzinfo=UTC)


def fill(url: str, size: int) -> None:
    """A closed wave with so many answers, each item chosen at random."""
    database = open_database(url)
    schema.upgrade(database)
    form, rng = builtin_instrument(FORM), np.random.default_rng(1)
    wave = bytes(16)
    with database.begin() as session:
        session.add(Unit(code="98", name_vi="Tỉnh", name_en="Province", type="province", rated=False))
        session.flush()
        names = [f"98-{number:03d}" for number in range(UNITS)]
        told = {"type": "commune", "parent": "98", "rated": True}
        session.add_all(Unit(code=one, name_vi=one, name_en=one, **told) for one in names)
        session.flush()
        session.add(
            Wave(id=wave, code="bench", kind="rehearsal", audience="citizens", state="closed", phase=1, province="98",
                 period_from=date(2026, 1, 1), period_to=date(2026, 6, 30), opens=NOW - timedelta(days=20),
                 closes=NOW - timedelta(days=6), instrument_code=form.code, instrument=form.source, settings={},
                 documents=[], public_key=bytes(32), created_at=NOW)
        )  # fmt: skip
        session.flush()
        cells = {"drawn": 99999, "kept": 99999, "invited": 99999, "reachable": 99999, "population": 999999}
        session.add_all(
            ClassCell(wave_id=wave, class_code=one, unit_code=one, stratum=one, stratum_population=999999,
                      weight_sum=999999.0, **cells) for one in names
        )  # fmt: skip
    items = [(one.code, one.codes) for one in form.answer_items if one.choices and one.type == "single"]
    for start in range(0, size, CHUNK):
        count = min(CHUNK, size - start)
        drawn = {code: rng.integers(0, len(codes), count) for code, codes in items}
        units = rng.integers(0, UNITS, count)
        rows = [
            {"id": (start + n).to_bytes(16, "big"), "wave_id": wave, "phase": 1, "mode": "link",
             "unit_code": names[unit], "class_code": names[unit],
             "items": {code: codes[drawn[code][n]] for code, codes in items}}
            for n, unit in enumerate(units.tolist())
        ]  # fmt: skip
        with database.begin() as session:
            session.execute(insert(Answer), rows)


def measure(url: str, folder: Path) -> dict[str, float]:
    """Seconds of reading and of each kind of file, and the most memory that this process ever held, in MiB."""
    began, told = time.perf_counter(), {}
    folder.mkdir()
    with open_database(url).read() as session:
        wave = waves.find(session, "bench")
        answers = answer_files.read(session, wave, waves.instrument_of(wave))
    told["read_seconds"] = round(time.perf_counter() - began, 1)
    told["read_peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBI, 1)
    for kind in KINDS:
        began = time.perf_counter()
        answer_files.WRITERS[kind](answers, folder / f"answers.{kind}")
        told[f"{kind}_seconds"] = round(time.perf_counter() - began, 1)
        told[f"{kind}_mib"] = round((folder / f"answers.{kind}").stat().st_size / MEBI**2, 1)
        told[f"{kind}_peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBI, 1)
    return told


def alone(size: int, url: str, folder: Path) -> dict[str, float]:
    """The same in a process of its own, since a peak never falls."""
    command = [sys.executable, __file__, "--measure", url, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"answers": size, **json.loads(done.stdout)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=(100_000, 1_000_000))
    parser.add_argument("--most", type=float, default=150.0, help="MiB that memory may grow by")
    parser.add_argument("--measure", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.measure:
        print(json.dumps(measure(told.measure, told.folder)))
        return 0
    found = []
    for size in told.sizes:
        with TemporaryDirectory(prefix="hailong-files-") as folder:
            url = f"sqlite:///{folder}/answers.db"
            fill(url, size)
            found.append(alone(size, url, Path(folder) / "out"))
        print(json.dumps(found[-1]), flush=True)
    growth = {kind: round(found[1][f"{kind}_peak_mib"] - found[0][f"{kind}_peak_mib"], 1) for kind in KINDS}
    print(json.dumps({"growth_mib": growth}))
    return int(max(growth.values()) > told.most)


if __name__ == "__main__":
    sys.exit(main())
