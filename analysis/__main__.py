"""Commands of the analysis for someone who never saw the site: `python -m analysis check | score | coverage`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more threads give other last digits; before numpy is loaded

from analysis.cases.run import Outcome, Status, check_file
from analysis.errors import AnalysisError

REFUSED, USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 (well), 1 (a case failed or none passed; a refusal) or 2 (wrong usage)."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "check":
            return check(options.file, as_json=options.json)
        if options.command == "coverage":
            from analysis.coverage.study import run_coverage

            return run_coverage(options)
        from analysis.index_sheet import run_score

        return int(run_score(options) or 0)
    except AnalysisError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:  # a folder that cannot be written, a disk that is full
        print(f"{error.strerror or type(error).__name__}: {error.filename or ''}", file=sys.stderr)
        return REFUSED


def check(file: Path, *, as_json: bool) -> int:
    """Compare the package with a file of reference cases; prints counts and the worst relative error."""
    if not file.is_file():
        print(f"no such file: {file}", file=sys.stderr)
        return USAGE
    outcomes = check_file(file)
    counts = {status: sum(one.status is status for one in outcomes) for status in Status}
    passed = [one for one in outcomes if one.status is Status.PASSED]
    worst = max(passed, key=lambda one: one.worst, default=None)
    if as_json:
        print(json.dumps(_report(outcomes, counts, worst), indent=1))
    else:
        for one in outcomes:
            if one.status is not Status.PASSED:
                print(f"{one.case}: {one.status}: {'; '.join(one.faults[:3])}")
        print(", ".join(f"{status} {count}" for status, count in counts.items()))
        if worst is not None:
            print(f"worst relative error {worst.worst:.3g} ({worst.case})")
    return 0 if passed and not counts[Status.FAILED] else REFUSED  # nothing checked is not well


def _report(outcomes: list[Outcome], counts: dict[Status, int], worst: Outcome | None) -> dict[str, object]:
    cases = [
        {
            "id": one.case,
            "status": str(one.status),
            "worst_relative_error": one.worst,
            "numbers_compared": one.compared,
            "faults": list(one.faults),
        }
        for one in outcomes
    ]
    return {
        **{str(status).replace(" ", "_"): count for status, count in counts.items()},
        "worst_relative_error": None if worst is None else worst.worst,
        "worst_case": None if worst is None else worst.case,
        "cases": cases,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checked = commands.add_parser("check", help="compare with a file of reference cases")
    checked.add_argument("file", type=Path, metavar="FILE", help="JSON file of cases; data in data/ beside it")
    checked.add_argument("--json", action="store_true", help="print a report for machines")
    scored = commands.add_parser("score", help="score an extract of a wave, or an index sheet")
    scored.add_argument("extract", type=Path, metavar="EXTRACT", help="folder of the extract")
    scored.add_argument("--scheme", type=Path, help="scoring scheme (TOML); default: the extract's own")
    scored.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; default: only a summary")
    scored.add_argument("--json", action="store_true", help="print the summary for machines")
    covered = commands.add_parser("coverage", help="simulate waves: how often the limits hold the truth (minutes)")
    covered.add_argument("--waves", type=int, default=2000, metavar="N", help="simulated waves a case; default 2000")
    covered.add_argument("--seed", type=int, default=2025, metavar="N", help="default 2025")
    covered.add_argument("--only", metavar="NAME", help="one case alone; a name that does not exist lists them")
    covered.add_argument("--json", action="store_true", help="print the table for machines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
