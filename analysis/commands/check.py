"""`python -m analysis check FILE`: the package beside a file of reference cases of other programs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from analysis.cases.run import Outcome, Status, check_file

REFUSED, USAGE = 1, 2


def add(commands: Any) -> None:
    """What may be typed."""
    checked = commands.add_parser("check", help="compare with a file of reference cases")
    checked.add_argument("file", type=Path, metavar="FILE", help="JSON file of cases; data in data/ beside it")
    checked.add_argument("--json", action="store_true", help="print a report for machines")
    checked.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare; prints counts and the worst relative error. 0 when some case passed and none failed."""
    if not options.file.is_file():
        why = "a folder, not a file of cases" if options.file.is_dir() else "no such file"
        sys.stderr.write(f"{why}: {options.file}\n")
        return USAGE
    outcomes = check_file(options.file)
    counts = {status: sum(one.status is status for one in outcomes) for status in Status}
    passed = [one for one in outcomes if one.status is Status.PASSED]
    worst = max(passed, key=lambda one: one.worst, default=None)
    told = json.dumps(_report(outcomes, counts, worst), indent=1) if options.json else _text(outcomes, counts, worst)
    sys.stdout.write(told + "\n")
    return 0 if passed and not counts[Status.FAILED] else REFUSED  # nothing checked is not well


def _text(outcomes: list[Outcome], counts: dict[Status, int], worst: Outcome | None) -> str:
    other = [one for one in outcomes if one.status is not Status.PASSED]
    lines = [f"{one.case}: {one.status}: {'; '.join(one.faults[:3])}" for one in other]
    lines.append(", ".join(f"{status} {count}" for status, count in counts.items()))
    lines += [] if worst is None else [f"worst relative error {worst.worst:.3g} ({worst.case})"]
    return "\n".join(lines)


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
