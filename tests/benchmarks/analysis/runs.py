"""One run of one piece of work as a process of its own: ours, the bare work, svy or R, with both clocks."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPLICATES = 200
SVY = ("-c", "import {}", ("svy", "polars", "pyarrow"), "python -m pip install svy polars pyarrow")
R = (
    "-e", "quit(status = !requireNamespace('{}', quietly = TRUE))", ("survey", "data.table", "jsonlite"),
    "on Debian r-cran-survey, r-cran-data.table, r-cran-jsonlite",
)  # fmt: skip
# linear algebra in one thread (the work itself may use more), small pages: huge ones take up to a second to be cleared
ALIKE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMPY_MADVISE_HUGEPAGE": "0"}
# the script looks for its own path among the arguments: it comes as the fourth, and nowhere else
CLOCKED = """
.read <- list()
proc.time <- function() { x <- base::proc.time(); .read[[length(.read) + 1]] <<- x; x }
source(substring(commandArgs(TRUE)[4], 8))
.took <- .read[[length(.read)]] - .read[[1]]
cat(sprintf('{"cpu": %f}\\n', .took[[1]] + .took[[2]]))
"""


@dataclass(frozen=True)
class Peers:
    """The peers' folder, and the interpreters that run them."""

    bench: Path
    svy: str | None
    r: str | None

    def ours(self, task: str, rows: int, *more: object) -> dict[str, Any]:
        return _run([sys.executable, str(HERE / "ours.py"), str(self.bench), task, str(rows), *map(str, more)])

    def bare(self, task: str, rows: int) -> dict[str, Any]:
        return self._python(sys.executable, "bare.py", "numpy", task, str(rows), str(REPLICATES))

    def by_svy(self, task: str, rows: int) -> dict[str, Any]:
        return self._python(str(self.svy), "peer_svy.py", task, str(rows), str(REPLICATES))

    def by_r(self, task: str, rows: int, repeats: int) -> dict[str, Any]:
        """R's script with its clock read twice; `repeats`: items of taylor, replicates of boot."""
        script = f"--file={self.bench / 'peer_r.R'}"
        return _run([str(self.r), "-e", CLOCKED, task, str(rows), str(repeats), script])

    def _python(self, python: str, script: str, *arguments: str) -> dict[str, Any]:
        return _run([python, str(HERE / "clock.py"), str(self.bench / script), *arguments])

    def lacking(self) -> list[str]:
        """What has to be there and is not, in sentences."""
        told = [f"{name} is not in {self.bench}" for name in ("gen.py", "bare.py") if not (self.bench / name).is_file()]
        for program, way in ((self.svy, SVY), (self.r, R)):
            told += [] if program is None else _lacking(program, *way)
        return told


def middle(runs: Sequence[dict[str, Any]], clock: str) -> float:
    """Median seconds by one clock."""
    return statistics.median(float(one[clock]) for one in runs)


def _lacking(program: str, flag: str, line: str, packages: Sequence[str], remedy: str) -> list[str]:
    if shutil.which(program) is None:
        return [f"there is no program {program}"]
    asked = {name: [program, flag, line.format(name)] for name in packages}
    missing = [
        name for name, told in asked.items() if subprocess.run(told, check=False, capture_output=True).returncode
    ]
    return [f"{program} has no {', '.join(missing)}: {remedy}"] if missing else []


def _run(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **ALIKE})
    if done.returncode:
        sys.exit(f"{' '.join(command[:5])} ... ended with {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = {}
    for line in done.stdout.strip().splitlines()[-2:]:
        found |= json.loads(line) if line.startswith("{") else {}
    return found
