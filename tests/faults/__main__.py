"""All trials of faults, one after the other, as a table: `python tests/faults [--only F1 F5] [--engine sqlite]`.

Leaves with a failure when one does: an answer that was acknowledged is missing, one is stored twice, a counter took
more than its places, or somebody was not thanked. Each script alone prints one line of JSON with all its figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BOTH, NEITHER = ("sqlite", "postgres"), ("",)
TRIALS = {
    "F1": ("killed.py", BOTH),
    "F3": ("power_cut.py", NEITHER),
    "F4": ("sync_order.py", NEITHER),
    "F5": ("full_disk.py", BOTH),
    "F6": ("postgres_away.py", NEITHER),
    "F7": ("long_lock.py", BOTH),
    "F8": ("slow_phone.py", BOTH),
    "F9": ("bad_network.py", BOTH),
    "F10": ("../browser/test_offline.py", NEITHER),
    "F10 kiosk": ("../browser/test_kiosk.py", NEITHER),
    "F11": ("last_places.py", BOTH),
    "F12": ("clock_jumps.py", BOTH),
    "F18": ("worker_killed.py", BOTH),
    "F19": ("gateway_faults.py", BOTH),
    "F20": ("burst.py", BOTH),
    "F22": ("old_form.py", BOTH),
}
ALIASES = {"acknowledged": ("acknowledged", "thanked", "forms", "answers"), "missing": ("missing", "lost"),
           "doubled": ("duplicates",), "over": ("overshoot",)}  # fmt: skip
ROW = "{:<9} {:<9} {:>12} {:>8} {:>8} {:>5} {:>5} {:>7}  {}"
LONGEST = 1200


def run(fault: str, engine: str) -> tuple[bool, dict[str, Any], float]:
    """One trial: whether it held, its figures, and how long it took."""
    script = HERE / TRIALS[fault][0]
    by_pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if script.name.startswith("test_") else []
    command = [sys.executable, *by_pytest, str(script), *(["--engine", engine] if engine else [])]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, cwd=HERE.parents[1])
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()[-300:]]
    last = lines[-1]
    figures = json.loads(last) if last.startswith("{") else {"told": last}
    return done.returncode == 0, figures, time.monotonic() - began


def row(fault: str, engine: str, held: bool, figures: dict[str, Any], seconds: float) -> str:
    named = {alias for aliases in ALIASES.values() for alias in aliases} | {"fault", "engine"}
    cells = [next((figures[alias] for alias in aliases if alias in figures), "-") for aliases in ALIASES.values()]
    more = json.dumps({name: value for name, value in figures.items() if name not in named}, ensure_ascii=False)
    shown = figures.get("engine", engine) or "-"
    return ROW.format(fault, shown, *map(str, cells), "yes" if held else "NO", round(seconds), more)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(TRIALS), default=list(TRIALS))
    parser.add_argument("--engine", nargs="+", choices=BOTH, default=BOTH)
    stated = parser.parse_args()
    print(ROW.format("fault", "engine", *ALIASES, "held", "seconds", "more"), flush=True)
    all_held = True
    for fault in stated.only:
        for engine in TRIALS[fault][1]:
            if engine and engine not in stated.engine:
                continue
            held, figures, seconds = run(fault, engine)
            all_held &= held
            print(row(fault, engine, held, figures, seconds), flush=True)
    return 0 if all_held else 1


if __name__ == "__main__":
    sys.exit(main())
