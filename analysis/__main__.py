"""The analysis for someone who never saw the site: plan, quality, screen and score a survey; check and coverage of it.

Every command has --help and --json; it ends with 0 (done), 1 (refused, with the reason) or 2 (wrong usage).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more threads give other last digits; before numpy is loaded
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")  # one pass touches its memory once: huge pages cost more than it

from analysis.commands import check, describe, plan, quality, regroup, screen, typed
from analysis.errors import AnalysisError

REFUSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 (done) or 1 (a refusal, its reason on standard error). Wrong usage exits with 2."""
    options = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except AnalysisError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return REFUSED
    except OSError as error:  # a folder that cannot be written, a disk that is full
        sys.stderr.write(f"{error.strerror or type(error).__name__}: {error.filename or ''}\n")
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    plan.add(commands)
    quality.add(commands)
    describe.add(commands)
    regroup.add(commands)
    screen.add(commands)
    _add_score(commands)
    check.add(commands)
    _add_coverage(commands)
    return parser


def _add_score(commands: Any) -> None:
    scored = commands.add_parser("score", help="score an extract of a wave, or an index sheet")
    scored.add_argument("extract", type=Path, metavar="EXTRACT", help="folder of the extract")
    scored.add_argument("--scheme", type=Path, help="scoring scheme (TOML); default: the extract's own")
    scored.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; default: only a summary")
    scored.add_argument("--json", action="store_true", help="print the summary for machines")
    scored.set_defaults(run=_score)


def _add_coverage(commands: Any) -> None:
    covered = commands.add_parser("coverage", help="simulate waves: how often the limits hold the truth (minutes)")
    covered.add_argument("--waves", type=int, default=2000, metavar="N", help="simulated waves a case; default 2000")
    covered.add_argument("--seed", type=typed.whole, default=2025, metavar="N", help="default 2025")
    covered.add_argument("--only", metavar="NAME", help="one case alone; a name that does not exist lists them")
    covered.add_argument("--json", action="store_true", help="print the table for machines")
    covered.set_defaults(run=_coverage)


def _score(options: argparse.Namespace) -> int:
    from analysis.index_sheet import run_score

    return int(run_score(options) or 0)


def _coverage(options: argparse.Namespace) -> int:
    from analysis.coverage.study import run_coverage

    return run_coverage(options)


if __name__ == "__main__":
    sys.exit(main())
