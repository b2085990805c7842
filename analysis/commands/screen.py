"""`python -m analysis screen EXTRACT`: which groups' answers differ as honest groups' do not, with the evidence."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis.commands import typed
from analysis.commands.told import Told, tell

FIRST_ROW = 2  # of a CSV file whose header is row 1
SHOWN_ROWS = 12


def add(commands: Any) -> None:
    """What may be typed."""
    one = commands.add_parser("screen", help="look for made-up answers; every flag with its evidence, nothing deleted")
    one.add_argument("extract", type=Path, metavar="EXTRACT", help="folder of the extract")
    one.add_argument(
        "--fdr", type=typed.inner_percent, default=5.0, help="expected honest groups among the flagged, %%; default 5"
    )
    one.add_argument("--least", type=typed.whole, default=10, metavar="N", help="answers of a tested group; default 10")
    one.add_argument("--seed", type=typed.whole, default=1, metavar="N", help="of the permutations; default 1")
    one.add_argument("--door", type=Path, metavar="FILE", help="counters by collector (CSV; analysis/commands/door.py)")
    one.add_argument("--all", action="store_true", help="every test, not the flags alone")
    one.add_argument("--json", action="store_true", help="print for machines, with every answer that a flag names")
    one.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Screen; 0 whether or not something is flagged: a flag is a question to two people, not a refusal."""
    import numpy as np

    from analysis.commands.door import read_doors
    from analysis.components.instrument import Audience
    from analysis.errors import OptionInvalid
    from analysis.extract import read_extract
    from analysis.screening.screen import Options, screen
    from analysis.screening.sheets import STANDARD, groupings, read_sheets

    extract = read_extract(options.extract)
    if extract.instrument.audience is not Audience.CITIZENS:  # rated units do not hand the officials' forms out
        raise OptionInvalid("audience", str(extract.instrument.audience), "citizens: groups that hand the forms out")
    answers = extract.answers
    sheets = read_sheets(answers, [item.code for item in extract.instrument.scored], context="mode")
    door = () if options.door is None else read_doors(options.door)
    asked = Options(fdr=options.fdr / 100, least=max(options.least, 2))
    rng = np.random.default_rng(options.seed)
    found = screen(sheets, groupings(answers, STANDARD), asked, rng=rng, door=door)
    chosen = found.findings if options.all else found.flags
    rows = [_row(one, whole=options.json) for one in chosen]
    given = {"wave": extract.manifest.wave, "extract": extract.digest[:12], "answers": answers.rows,
             "fdr": options.fdr, "least": options.least, "seed": options.seed}  # fmt: skip
    remarks = (
        f"{len(found.flags)} of {len(found.findings)} tests flagged; {len(found.too_small)} groups below "
        f"{options.least} answers were not tested; {int(found.suspected.sum())} answers are pointed at.",
        "Rows count the file sorted by content, its header as row 1. A flag is a question: two people decide.",
    )
    return tell(Told(given, {"findings": rows}, remarks), as_json=options.json)


def _row(one: Any, *, whole: bool) -> dict[str, Any]:
    rows = [row + FIRST_ROW for row in one.rows]
    told = {
        "kind": one.kind, "group": one.group, "signal": str(one.signal), "n": one.n, "statistic": one.statistic,
        "expected": one.expected, "99 % quantile": one.quantile, "p": one.p, "adjusted p": one.adjusted_p,
        "flagged": one.flagged,
    }  # fmt: skip
    if whole:
        return {**told, "rows": rows}
    more = f" and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
    return {**told, "rows": " ".join(map(str, rows[:SHOWN_ROWS])) + more}
